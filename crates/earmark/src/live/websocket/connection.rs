//! A live socket that is up.

use std::pin::pin;
use std::sync::OnceLock;

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{Limits, Socket};
use crate::live::{Incoming, Outgoing};

/// The code of a socket that broke without a close.
const BROKEN: u16 = 1006;
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

/// Reads and writes until the socket is closed by either side, or broken. Neither waits for the
/// other.
pub(super) async fn run(
    socket: Socket,
    to_send: Receiver<Outgoing>,
    heard: Sender<Incoming>,
    limits: Limits,
) {
    let code = OnceLock::new();
    {
        let (sink, stream) = socket.split();
        let mut reader = pin!(read(stream, &heard, &code, limits));
        let mut writer = pin!(write(sink, to_send, &heard, limits));
        let written = tokio::select! {
            biased;
            () = &mut reader => None,
            written = &mut writer => Some(written),
        };
        // After our close the peer's is awaited, which tells that it read all before it.
        if let Some(Written::Closed) = written {
            let _ = timeout(limits.close, reader).await;
        }
    }
    let _ = heard.send(Incoming::Closed(code.get().copied().unwrap_or(BROKEN))).await;
}

async fn read(
    mut stream: SplitStream<Socket>,
    heard: &Sender<Incoming>,
    code: &OnceLock<u16>,
    limits: Limits,
) {
    while let Some(message) = stream.next().await {
        let incoming = match message {
            Ok(Message::Text(text)) => Incoming::Text(text.as_str().into()),
            Ok(Message::Pong(payload)) => match <[u8; 8]>::try_from(payload.as_ref()) {
                Ok(number) => Incoming::Pong(u64::from_be_bytes(number)),
                Err(_) => continue,
            },
            Ok(Message::Close(frame)) => {
                code.get_or_init(|| frame.map_or(NO_CODE, |frame| frame.code.into()));
                // Reading on sends the answer to the close.
                let answer = async { while let Some(Ok(_)) = stream.next().await {} };
                let _ = timeout(limits.close, answer).await;
                return;
            }
            // A ping is answered by the protocol's own layer, and servers send nothing binary.
            Ok(Message::Ping(_) | Message::Binary(_) | Message::Frame(_)) => continue,
            Err(Error::Capacity(_)) => {
                code.get_or_init(|| TOO_LONG);
                return;
            }
            Err(_) => return,
        };
        // A host that listens no more is waited for no more; the writer closes the socket.
        let _ = heard.send(incoming).await;
    }
}

async fn write(
    mut sink: SplitSink<Socket, Message>,
    mut to_send: Receiver<Outgoing>,
    heard: &Sender<Incoming>,
    limits: Limits,
) -> Written {
    loop {
        let outgoing = tokio::select! {
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
    match timeout(limits.write, sink.send(Message::Close(Some(close)))).await {
        Ok(Ok(())) => Written::Closed,
        Ok(Err(_)) | Err(_) => Written::Broken,
    }
}
