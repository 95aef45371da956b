//! A live socket that is up.

use std::pin::pin;
use std::sync::OnceLock;

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::metered::Meter;
use super::{Socket, SocketLimits};
use crate::credentials::Token;
use crate::live::{Closed, Incoming, Outgoing};

/// The code of a close that names none.
const NO_CODE: u16 = 1005;
/// The code of a socket that was closed over a message that was too long.
const TOO_LONG: u16 = 1009;

/// How writing came to its end.
enum Written {
    /// With a close.
    Closed,
    /// The connection took no more.
    Broken,
}

/// Reads and writes until the socket is closed by either side, or broken, or for as long as a close
/// may take after the host has let go of it. Neither reading nor writing waits for the other.
pub(super) async fn run(
    socket: Socket,
    meter: Meter,
    to_send: Receiver<Outgoing>,
    heard: Sender<Incoming>,
    limits: SocketLimits,
    token: Option<Token>,
) {
    let closed = OnceLock::new();
    {
        let (sink, stream) = socket.split();
        let mut reader = Reader { stream, heard: &heard, closed: &closed, meter, limits, token };
        let mut reading = pin!(reader.read());
        let mut writing = pin!(write(sink, to_send, &heard, limits));
        let mut gone = pin!(async {
            heard.closed().await;
            sleep(limits.close).await;
        });
        let written = tokio::select! {
            biased;
            () = &mut reading => None,
            written = &mut writing => Some(written),
            () = &mut gone => None,
        };
        // After our close the peer's is awaited, which tells that it read all before it.
        if let Some(Written::Closed) = written {
            let _ = timeout(limits.close, reading).await;
        }
    }
    let closed = closed.into_inner().unwrap_or_else(|| Closed::broken(""));
    let _ = heard.send(Incoming::Closed(closed)).await;
}

struct Reader<'a> {
    stream: SplitStream<Socket>,
    heard: &'a Sender<Incoming>,
    closed: &'a OnceLock<Closed>,
    meter: Meter,
    limits: SocketLimits,
    /// What the socket was opened with: a server may repeat it.
    token: Option<Token>,
}

impl Reader<'_> {
    async fn read(&mut self) {
        let mut asides = Asides::new(self.limits);
        while let Some(message) = self.stream.next().await {
            let message = match message {
                Ok(message) => message,
                Err(error) => return self.fail(&error),
            };
            self.meter.message_ended();
            let incoming = match message {
                Message::Text(text) => Some(Incoming::Text(self.without_token(text.as_str()))),
                Message::Pong(payload) => {
                    let number = <[u8; 8]>::try_from(payload.as_ref()).ok();
                    number.map(|number| Incoming::Pong(u64::from_be_bytes(number)))
                }
                Message::Close(frame) => return self.answer(frame).await,
                // A ping is answered by the protocol's own layer, and servers send nothing binary.
                Message::Ping(_) | Message::Binary(_) | Message::Frame(_) => None,
            };
            match incoming {
                // A host that listens no more is waited for no more; the writer closes the socket.
                Some(incoming) => drop(self.heard.send(incoming).await),
                None if asides.are_too_many() => {
                    return self.give_up(Closed::broken("a flood of messages that say nothing"));
                }
                None => {}
            }
        }
    }

    fn without_token(&self, words: impl Into<String>) -> String {
        Token::hide(self.token.as_ref(), words.into())
    }

    fn give_up(&self, closed: Closed) {
        self.closed.get_or_init(|| closed);
    }

    fn fail(&self, error: &Error) {
        let why = self.without_token(error.to_string());
        self.give_up(if matches!(error, Error::Capacity(_)) {
            Closed { code: TOO_LONG, reason: why }
        } else if self.meter.is_exceeded() {
            Closed::broken("bytes without end and no message")
        } else {
            Closed::broken(why)
        });
    }

    /// The peer closes the socket. Reading on sends the answer to the close.
    async fn answer(&mut self, frame: Option<CloseFrame>) {
        self.give_up(frame.map_or_else(
            || Closed::with(NO_CODE),
            |frame| Closed {
                code: frame.code.into(),
                reason: self.without_token(frame.reason.as_str()),
            },
        ));
        let answer = async { while let Some(Ok(_)) = self.stream.next().await {} };
        let _ = timeout(self.limits.close, answer).await;
    }
}

/// Counts messages that mean nothing here, in windows of a limited time.
struct Asides {
    limits: SocketLimits,
    since: Instant,
    count: u32,
}

impl Asides {
    fn new(limits: SocketLimits) -> Self {
        Self { limits, since: Instant::now(), count: 0 }
    }

    /// One more came; whether it is one too many.
    fn are_too_many(&mut self) -> bool {
        if self.since.elapsed() >= self.limits.asides_window {
            (self.since, self.count) = (Instant::now(), 0);
        }
        self.count += 1;
        self.count > self.limits.asides
    }
}

async fn write(
    mut sink: SplitSink<Socket, Message>,
    mut to_send: Receiver<Outgoing>,
    heard: &Sender<Incoming>,
    limits: SocketLimits,
) -> Written {
    loop {
        let outgoing = tokio::select! {
            biased;
            outgoing = to_send.recv() => outgoing,
            () = heard.closed() => None,
        };
        let message = match outgoing {
            Some(Outgoing::Binary(bytes)) => Message::Binary(bytes),
            Some(Outgoing::Ping(number)) => {
                Message::Ping(Bytes::copy_from_slice(&number.to_be_bytes()))
            }
            Some(Outgoing::Close) | None => break,
        };
        let Ok(Ok(())) = timeout(limits.write, sink.send(message)).await else {
            return Written::Broken;
        };
    }
    let close = CloseFrame { code: CloseCode::Normal, reason: "".into() };
    match timeout(limits.close, sink.send(Message::Close(Some(close)))).await {
        Ok(Ok(())) => Written::Closed,
        Ok(Err(_)) | Err(_) => Written::Broken,
    }
}
