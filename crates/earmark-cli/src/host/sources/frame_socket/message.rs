//! The bytes of the frame socket: `docs/frame-socket.md`.

use std::io;
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use earmark::{Encoding, WallTime};
use earmark_core::FRAME_BYTES_MAX;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::timeout;

/// What a program says first.
pub(super) const PREAMBLE: [u8; 8] = *b"EARMARK\x01";
/// How long it may take to say it.
const PREAMBLE_SECONDS_MAX: u64 = 5;
/// How long a connection may be silent between two messages.
const IDLE_SECONDS_MAX: u64 = 300;
/// How long one message may take to arrive once it has begun.
const MESSAGE_SECONDS_MAX: u64 = 10;
/// The bytes of a capture time.
const TIME_BYTES: usize = 8;
/// What stands before each message: its type and its length.
const HEAD_BYTES: usize = 3;

/// What a program says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// A frame, and when it was captured if the program knows better than we.
    Frame { captured: Option<WallTime>, frame: Bytes },
    /// The conversation ends here.
    Finish,
    /// It is still there.
    KeepAlive,
}

/// What a program is told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// What is expected of it.
    Welcome(String),
    /// A frame, by its number on this connection, was not taken.
    Refused { number: u64, may_pass: bool, why: String },
    /// All frames before this number need not be kept any more.
    Settled(u64),
    /// Nothing more is taken on this connection.
    Closed(String),
}

impl Answer {
    /// The answer's bytes; a text that does not fit is cut.
    pub(super) fn bytes(&self) -> Bytes {
        let mut payload = BytesMut::new();
        let kind = match self {
            Self::Welcome(text) => {
                payload.put_slice(text.as_bytes());
                0x81
            }
            Self::Refused { number, may_pass, why } => {
                payload.put_u64_le(*number);
                payload.put_u8(u8::from(*may_pass));
                payload.put_slice(why.as_bytes());
                0x82
            }
            Self::Settled(number) => {
                payload.put_u64_le(*number);
                0x83
            }
            Self::Closed(why) => {
                payload.put_slice(why.as_bytes());
                0x84
            }
        };
        let length = u16::try_from(payload.len()).unwrap_or(u16::MAX);
        payload.truncate(usize::from(length));
        let mut bytes = BytesMut::with_capacity(HEAD_BYTES + payload.len());
        bytes.put_u8(kind);
        bytes.put_u16_le(length);
        bytes.put(payload);
        bytes.freeze()
    }
}

/// Reads what a program says first; the error is what it is told.
pub(super) async fn read_preamble(input: &mut (impl AsyncRead + Unpin)) -> Result<(), String> {
    let mut given = [0; PREAMBLE.len()];
    let limit = Duration::from_secs(PREAMBLE_SECONDS_MAX);
    match timeout(limit, input.read_exact(&mut given)).await {
        Ok(Ok(_)) if given == PREAMBLE => Ok(()),
        Ok(Ok(_)) => Err(String::from("the connection begins with other bytes than EARMARK 0x01")),
        Ok(Err(error)) => Err(format!("the connection ended before it began: {error}")),
        Err(_) => Err(format!("the first bytes did not come within {PREAMBLE_SECONDS_MAX} s")),
    }
}

/// Reads the next message; nothing when the program is done. The error is what it is told.
pub(super) async fn read_message(
    input: &mut (impl AsyncRead + Unpin),
    encoding: Encoding,
) -> Result<Option<Message>, String> {
    let limit = Duration::from_secs(IDLE_SECONDS_MAX);
    let kind = match timeout(limit, input.read_u8()).await {
        Ok(Ok(kind)) => kind,
        Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Ok(Err(error)) => return Err(format!("the connection broke: {error}")),
        Err(_) => return Err(format!("nothing was said for {IDLE_SECONDS_MAX} s")),
    };
    let limit = Duration::from_secs(MESSAGE_SECONDS_MAX);
    match timeout(limit, read_rest(input, kind, encoding)).await {
        Ok(message) => message.map(Some),
        Err(_) => Err(format!("a message was not whole after {MESSAGE_SECONDS_MAX} s")),
    }
}

async fn read_rest(
    input: &mut (impl AsyncRead + Unpin),
    kind: u8,
    encoding: Encoding,
) -> Result<Message, String> {
    let broken = |error: io::Error| format!("the connection ended within a message: {error}");
    let length = usize::from(input.read_u16_le().await.map_err(broken)?);
    let max = TIME_BYTES + encoding.frame_bytes().unwrap_or(FRAME_BYTES_MAX);
    if length > max {
        return Err(format!("a message of {length} bytes was announced; at most {max} are taken"));
    }
    let mut payload = vec![0; length];
    input.read_exact(&mut payload).await.map_err(broken)?;
    let mut payload = Bytes::from(payload);
    match kind {
        0x01 => Ok(Message::Frame { captured: None, frame: payload }),
        0x02 if length < TIME_BYTES => {
            Err(String::from("a frame with a time has at least the 8 bytes of the time"))
        }
        0x02 => {
            let time = payload.split_to(TIME_BYTES);
            let micros = time.as_ref().try_into().map(i64::from_le_bytes).unwrap_or_default();
            let captured = Some(WallTime::from_unix_micros(micros));
            Ok(Message::Frame { captured, frame: payload })
        }
        0x03 if length == 0 => Ok(Message::Finish),
        0x04 if length == 0 => Ok(Message::KeepAlive),
        0x03 | 0x04 => Err(format!("a message of the type {kind:#04x} has no content")),
        _ => Err(format!("there is no message of the type {kind:#04x}")),
    }
}
