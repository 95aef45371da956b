//! Omi's servers, and those that speak like them.

mod answer;
mod credentials;
mod names;
mod pressure;
pub(crate) mod retry_after;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use earmark_core::sync::{Api, Asked, Reply, TransportFault, classify, classify_poll};
use earmark_core::{Account, ConversationId, WallTime};
use earmark_store::SealedRecording;
use earmark_wire::{ReplyBody, UploadName};
use futures_util::future::LocalBoxFuture;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use answer::Sent;
pub use credentials::{EnvCredentials, StaticCredentials};
use names::Names;

use crate::clock::{Clock, SystemClock};
use crate::credentials::{Credentials, Shown};
use crate::http::{
    ClientError, Content, FilePart, HttpClient, HttpFault, HttpReply, HttpRequest, HttpTransport,
};
use crate::target::{Outcome, PollEnd, SyncTarget, UploadEnd, UploadRequest};

/// What stands in a path or a query as it is; everything else is written as `%XX`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Uploads recordings to a server that speaks Omi's protocol.
#[derive(Clone)]
pub struct OmiHttp {
    transport: Arc<dyn HttpTransport>,
    credentials: Arc<dyn Credentials>,
    clock: Arc<dyn Clock>,
    names: Arc<Names>,
    refused: Shown,
}

impl fmt::Debug for OmiHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OmiHttp").finish_non_exhaustive()
    }
}

impl OmiHttp {
    /// The server at `base_url`, such as `https://api.example.com`, over real connections.
    ///
    /// # Errors
    ///
    /// Those of [`HttpClient::new`].
    pub fn new(base_url: &str, credentials: impl Credentials) -> Result<Self, ClientError> {
        let transport = Arc::new(HttpClient::new(base_url)?);
        Ok(Self::over(transport, Arc::new(credentials), Arc::new(SystemClock::new())))
    }

    /// The server at the other end of a transport.
    pub fn over(
        transport: Arc<dyn HttpTransport>,
        credentials: Arc<dyn Credentials>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { transport, credentials, clock, names: Arc::default(), refused: Shown::default() }
    }

    async fn ask(
        &self,
        account: &Account,
        path: String,
        content: Content,
    ) -> Result<HttpReply, HttpFault> {
        let token = self.credentials.token(account);
        let request = HttpRequest { path, token: token.clone(), content };
        let mut reply = self.transport.send(request).await?;
        // Nobody beyond this place knows which words are the token.
        if let Some(hidden) = token.as_ref().and_then(|token| token.hidden_in(&reply.body)) {
            reply.body = hidden.into();
        }
        self.names.heard(&reply, self.now());
        if matches!(reply.status, 401 | 403) {
            self.refused.note(account, token);
        }
        Ok(reply)
    }

    fn now(&self) -> WallTime {
        self.clock.stamp().wall
    }

    fn sent(&self, recording: &SealedRecording) -> Sent {
        let started_at = self.names.start(recording, self.now());
        let name = file_name(recording, started_at);
        Sent { name, started_at, sha256: recording.sha256().to_string() }
    }

    /// The answer in the words of the core.
    fn reply<'a, B>(&self, reply: &HttpReply, read: &'a ReplyBody, body: B) -> Reply<B>
    where
        B: 'a,
    {
        if *read == ReplyBody::TooLong {
            return Reply::Transport(TransportFault::TooLarge);
        }
        Reply::Status { status: reply.status, retry_after: self.told(reply, read), body }
    }

    /// How long the server wants to be left alone.
    fn told(&self, reply: &HttpReply, read: &ReplyBody) -> Option<Duration> {
        retry_after::wait(reply, self.now()).or_else(|| answer::wait_of_job(read))
    }

    fn uploaded(&self, reply: &HttpReply, asked: Asked, sent: &Sent) -> UploadEnd {
        let read = ReplyBody::parse(&reply.body);
        let detail = answer::detail(&read);
        let body = answer::upload(&read, &detail, sent);
        let verdict = classify(&self.reply(reply, &read, body), asked);
        let verdict = self.names.judge(reply, sent.started_at, verdict);
        let outcome = Outcome::Status(reply.status);
        let told = self.told(reply, &read);
        let pressure = pressure::of(reply, &read).map(|pressure| (pressure, told));
        UploadEnd { verdict: Ok(verdict), outcome, carried: Some(true), pressure }
    }

    fn polled(&self, reply: &HttpReply, sent: &Sent) -> PollEnd {
        let read = ReplyBody::parse(&reply.body);
        let verdict = classify_poll(&self.reply(reply, &read, answer::job(&read, sent)));
        PollEnd { verdict, carried: Some(true) }
    }
}

impl SyncTarget for OmiHttp {
    fn upload(&self, request: UploadRequest) -> LocalBoxFuture<'static, UploadEnd> {
        let target = self.clone();
        Box::pin(async move {
            let UploadRequest { recording, conversation, api, blocks } = request;
            let asked = Asked { api, named: conversation.is_some() };
            let sent = target.sent(&recording);
            let name = sent.name.clone();
            let file = FilePart { name, bytes: recording.bytes(), blocks };
            let path = upload_path(api, conversation.as_ref());
            match target.ask(recording.account(), path, Content::File(file)).await {
                Ok(reply) => target.uploaded(&reply, asked, &sent),
                Err(fault) => not_uploaded(fault, asked),
            }
        })
    }

    fn poll(&self, recording: SealedRecording, job: String) -> LocalBoxFuture<'static, PollEnd> {
        let target = self.clone();
        Box::pin(async move {
            match target.ask(recording.account(), poll_path(&job), Content::Nothing).await {
                Ok(reply) => target.polled(&reply, &target.sent(&recording)),
                Err(HttpFault::Transport(fault)) => not_polled(fault),
                // A question has no file; whoever says that it is damaged lost the answer.
                Err(HttpFault::Damaged(_)) => not_polled(TransportFault::Lost),
            }
        })
    }

    fn renew_sign_in(&self, account: Account) -> LocalBoxFuture<'static, bool> {
        self.refused.renew(&*self.credentials, &account)
    }
}

fn not_uploaded(fault: HttpFault, asked: Asked) -> UploadEnd {
    match fault {
        HttpFault::Transport(fault) => UploadEnd {
            verdict: Ok(classify(&Reply::Transport(fault), asked)),
            outcome: Outcome::Fault(fault.outcome()),
            carried: carried(fault),
            pressure: None,
        },
        HttpFault::Damaged(damaged) => UploadEnd {
            verdict: Err(damaged),
            outcome: Outcome::Fault(TransportFault::Reset.outcome()),
            carried: None,
            pressure: None,
        },
    }
}

fn not_polled(fault: TransportFault) -> PollEnd {
    PollEnd { verdict: classify_poll(&Reply::Transport(fault)), carried: carried(fault) }
}

fn carried(fault: TransportFault) -> Option<bool> {
    fault.blames_network().then_some(false)
}

fn file_name(recording: &SealedRecording, started_at: WallTime) -> String {
    let device = recording.device().as_str();
    let encoding = recording.encoding();
    UploadName::new(device, encoding, started_at, recording.twin()).to_string()
}

fn upload_path(api: Api, conversation: Option<&ConversationId>) -> String {
    let path = match api {
        Api::V2 => "/v2/sync-local-files",
        Api::V1 => "/v1/sync-local-files",
    };
    conversation.map_or_else(
        || path.into(),
        |conversation| format!("{path}?conversation_id={}", encoded(conversation.as_str())),
    )
}

fn poll_path(job: &str) -> String {
    format!("/v2/sync-local-files/{}", encoded(job))
}

fn encoded(text: &str) -> impl fmt::Display {
    utf8_percent_encode(text, ENCODED)
}

#[cfg(test)]
mod tests;
