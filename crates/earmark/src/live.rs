//! The live socket, whatever carries it.

mod websocket;

use bytes::Bytes;
use earmark_core::{Account, Device, Encoding};
use futures_util::future::LocalBoxFuture;
use tokio::sync::mpsc;

pub use websocket::WebSocketDialer;

/// How many messages may wait to be sent on one socket; a socket that takes no more is given up.
pub const OUTGOING_MESSAGES_MAX: usize = 1_024;
/// How many messages of the server may wait to be read; each has at most
/// [`SERVER_MESSAGE_BYTES_MAX`](earmark_wire::SERVER_MESSAGE_BYTES_MAX) bytes.
pub const INCOMING_MESSAGES_MAX: usize = 32;
/// How long a connect may take, the upgrade included.
pub const CONNECT_SECONDS_MAX: u64 = 15;

/// Whose socket it is and what it carries.
#[derive(Clone, Debug)]
pub struct Hello {
    /// The device.
    pub device: Device,
    /// The account whose token is shown.
    pub account: Account,
    /// What the frames are.
    pub encoding: Encoding,
}

/// Something to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// A binary message: one frame, or the answer to a text `ping`.
    Binary(Bytes),
    /// A WebSocket ping that carries a number; its pong proves that all before it was read.
    Ping(u64),
    /// A close.
    Close,
}

/// Something that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A text message.
    Text(String),
    /// The answer to the ping with this number.
    Pong(u64),
    /// The socket is closed, with this code; 1006 when it broke.
    Closed(u16),
}

/// A socket that is up: two bounded queues. Dropping them closes it.
pub struct LiveSocket {
    /// What is to be sent.
    pub outgoing: mpsc::Sender<Outgoing>,
    /// What came.
    pub incoming: mpsc::Receiver<Incoming>,
}

/// Why a socket did not come up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialFault {
    /// The server refused the upgrade.
    #[error("the server refused the live socket with status {0}")]
    Refused(u16),
    /// The connection was not made.
    #[error("no connection to the live socket: {0}")]
    Unreachable(String),
}

/// What brings sockets up: a real WebSocket, or the simulated network.
pub trait Dial: Send + Sync + 'static {
    /// Brings a socket up.
    fn dial(&self, hello: Hello) -> LocalBoxFuture<'static, Result<LiveSocket, DialFault>>;

    /// Whether a socket can come up only once a capture has said what its frames are.
    fn needs_encoding(&self) -> bool {
        true
    }
}
