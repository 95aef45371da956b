//! Requests over the simulated network.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use earmark::{Clock as _, Content, FilePart, HttpFault, HttpReply, HttpRequest, HttpTransport};
use earmark_backend::server::{Admission, Ending, ReceivedFile, Reply, RequestHead, Ticket};
use earmark_core::sync::TransportFault;
use earmark_store::SimDisk;
use futures_util::future::LocalBoxFuture;

use super::network::Network;
use crate::witness::{Answered, Asked, Ears, Heard, Mishap};

/// A request ends after so long without a byte either way.
const IDLE_LIMIT: Duration = Duration::from_secs(30);

/// A connection that is not up after so long is given up.
const CONNECT_LIMIT: Duration = Duration::from_secs(15);

/// Carries requests of one process to the server's core.
#[derive(Clone)]
pub(super) struct SimHttp {
    pub(super) network: Arc<Network>,
    pub(super) ears: Ears,
    /// Tells whether the process is alive.
    pub(super) disk: SimDisk,
}

type Sent = Result<HttpReply, HttpFault>;

impl HttpTransport for SimHttp {
    fn send(&self, request: HttpRequest) -> LocalBoxFuture<'static, Sent> {
        let this = self.clone();
        Box::pin(async move {
            if !this.disk.is_alive() {
                return std::future::pending().await;
            }
            let number = this.network.next_request();
            let cut = this.network.cut.notified();
            let sent = tokio::select! {
                biased;
                () = cut => Err(HttpFault::Transport(TransportFault::Reset)),
                sent = exchange(&this, number, request) => sent,
            };
            this.ears.tell(&Heard::Answered(number, answered(&sent)));
            sent
        })
    }
}

fn answered(sent: &Sent) -> Answered<'_> {
    match sent {
        Ok(reply) => Answered::Reply(reply.status, reply.retry_after.as_deref(), &reply.body),
        Err(HttpFault::Transport(fault)) => Answered::Fault(*fault),
        Err(HttpFault::Damaged(_)) => Answered::Damaged,
    }
}

async fn exchange(http: &SimHttp, number: u64, request: HttpRequest) -> Sent {
    let SimHttp { network, ears, .. } = http;
    let head = head_of(&request);
    let file = match &request.content {
        Content::File(part) => Some((part.name.as_str(), part.bytes)),
        Content::Nothing => None,
    };
    let named = |query: &&(String, String)| query.0 == "conversation_id";
    ears.tell(&Heard::Asked(&Asked {
        number,
        path: &head.path,
        conversation: head.query.iter().find(named).map(|(_, value)| value.as_str()),
        authorization: head.header("authorization"),
        file,
    }));
    let admission = {
        let mut inner = network.inner();
        if !inner.is_online {
            return Err(HttpFault::Transport(TransportFault::Offline));
        }
        inner.server.head(&head)
    };
    match admission {
        Admission::Proceed(ticket) => {
            let Content::File(part) = request.content else {
                return fault(TransportFault::Reset);
            };
            let name = part.name.clone();
            let bytes = receive(part, 1)?;
            ears.tell(&Heard::Body(number, &bytes));
            if ticket.arrives_twice() {
                ears.tell(&Heard::Mishap(Mishap::Twice));
            }
            let file = ReceivedFile::inspect(&name, &bytes, false);
            answer(ears, body(network, ticket, file)).await
        }
        Admission::Answer(reply) | Admission::Early(reply) => answer(ears, reply).await,
        Admission::Refuse => fault(TransportFault::Refused),
        Admission::NoName => fault(TransportFault::Dns),
        Admission::NoTrust => fault(TransportFault::Tls),
        Admission::NoConnection => {
            tokio::time::sleep(CONNECT_LIMIT).await;
            fault(TransportFault::ConnectTimeout)
        }
        // The whole request was on its way, and what came back is no answer to it.
        Admission::Close | Admission::GoAway => fault(TransportFault::Lost),
        Admission::ResetBefore => fault(broken(&request.content)),
        Admission::ResetMid => {
            let fault = broken(&request.content);
            if let Content::File(part) = request.content {
                receive(part, 2)?;
            }
            Err(HttpFault::Transport(fault))
        }
        Admission::Hang => {
            tokio::time::sleep(IDLE_LIMIT).await;
            fault(TransportFault::Timeout)
        }
    }
}

fn fault(fault: TransportFault) -> Sent {
    Err(HttpFault::Transport(fault))
}

/// What a reset on the way is to the client: a question is sent at once.
const fn broken(content: &Content) -> TransportFault {
    match content {
        Content::Nothing => TransportFault::Lost,
        Content::File(_) => TransportFault::Reset,
    }
}

fn body(network: &Network, ticket: Ticket, file: ReceivedFile) -> Reply {
    let now = network.clock.stamp();
    network.inner().server.body(ticket, &[file], now)
}

/// Reads that part of the file, as the server would: all of it, or a half.
fn receive(mut part: FilePart, divisor: u64) -> Result<Vec<u8>, HttpFault> {
    let wanted = part.bytes / divisor;
    let mut bytes = Vec::with_capacity(usize::try_from(part.bytes).unwrap_or(0));
    while bytes.len() as u64 <= wanted
        && let Some(block) = part.blocks.next_block().map_err(HttpFault::Damaged)?
    {
        bytes.extend_from_slice(&block);
    }
    Ok(bytes)
}

async fn answer(ears: &Ears, reply: Reply) -> Sent {
    if reply.ending == Ending::Dripping {
        ears.tell(&Heard::Mishap(Mishap::Drip(reply.delay)));
    }
    if reply.delay >= IDLE_LIMIT && reply.ending != Ending::Dripping {
        tokio::time::sleep(IDLE_LIMIT).await;
        return fault(TransportFault::Timeout);
    }
    if !reply.delay.is_zero() {
        tokio::time::sleep(reply.delay).await;
    }
    match reply.ending {
        Ending::Truncated | Ending::Reset => fault(TransportFault::Lost),
        Ending::Endless | Ending::EndlessHead => fault(TransportFault::TooLarge),
        Ending::Whole | Ending::Dripping => Ok(HttpReply {
            status: reply.status,
            retry_after: header(&reply, "retry-after"),
            date: header(&reply, "date"),
            limit_reason: header(&reply, "x-omi-rate-limit-reason"),
            body: Bytes::from(reply.body),
        }),
    }
}

fn header(reply: &Reply, wanted: &str) -> Option<String> {
    let found = reply.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    found.map(|(_, value)| value.clone())
}

fn head_of(request: &HttpRequest) -> RequestHead {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let method = match request.content {
        Content::Nothing => "GET",
        Content::File(_) => "POST",
    };
    let authorization = request.token.as_ref().map(|token| format!("Bearer {}", token.reveal()));
    RequestHead {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.split('&').filter_map(pair).collect(),
        headers: authorization
            .map(|value| (String::from("authorization"), value))
            .into_iter()
            .collect(),
    }
}

fn pair(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    Some((decoded(name), decoded(value)))
}

/// Undoes percent encoding.
fn decoded(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        let hex = |digit: Option<u8>| digit.and_then(|digit| char::from(digit).to_digit(16));
        let pair = (byte == b'%').then(|| (hex(bytes.next()), hex(bytes.next())));
        decoded.push(match pair {
            Some((Some(high), Some(low))) => (high * 16 + low) as u8,
            Some(_) | None => byte,
        });
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
