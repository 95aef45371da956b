//! The live socket, whatever carries it.

mod client_conversation;
mod listen_query;
mod reaction;
mod terms;
mod websocket;

use bytes::Bytes;
use earmark_core::{Account, Device, Encoding};
use futures_util::future::LocalBoxFuture;
use tokio::sync::mpsc;

pub use client_conversation::ClientConversationId;
pub use listen_query::{
    CONVERSATION_TIMEOUT_MAX, CONVERSATION_TIMEOUT_MIN, ListenQuery, QUERY_VALUE_BYTES_MAX,
    QueryFault,
};
pub(crate) use reaction::Verdict;
pub use reaction::{CLOSE_BROKEN, Closed, Reaction, Refused};
pub use terms::{
    FRUITLESS_MAX, FRUITLESS_WINDOW, LiveTerms, PING_EVERY, PONG_WAIT, PROGRESS_WAIT,
    RECONNECT_WAIT_MAX, RECONNECT_WAIT_MIN, SIGN_IN_EVERY, SIGN_IN_WAIT,
};
pub use websocket::{
    ASIDES_MAX, ASIDES_WINDOW, CLOSE_WAIT, CONNECT_WAIT, FRAME_BYTES_MAX as LIVE_FRAME_BYTES_MAX,
    MESSAGE_BYTES_MAX as LIVE_MESSAGE_BYTES_MAX, SocketLimits, WRITE_WAIT, WebSocketDialer,
};

/// How many messages may wait to be sent on one socket; a socket that takes no more is given up.
pub const OUTGOING_MESSAGES_MAX: usize = 1_024;
/// How many messages of the server may wait to be read; each has at most
/// [`SERVER_MESSAGE_BYTES_MAX`](earmark_wire::SERVER_MESSAGE_BYTES_MAX) bytes.
pub const INCOMING_MESSAGES_MAX: usize = 32;
/// Whose socket it is and what it carries.
#[derive(Clone, Debug)]
pub struct Hello {
    /// The device.
    pub device: Device,
    /// The account whose token is shown.
    pub account: Account,
    /// What the frames are.
    pub encoding: Encoding,
    /// The client's own name for the conversation that goes on, if it has one.
    pub conversation: Option<ClientConversationId>,
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
    /// The socket is closed.
    Closed(Closed),
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
    #[error("the server refused the live socket with status {}", .0.status)]
    Refused(Refused),
    /// No live socket can carry what the device captures.
    #[error("no live socket carries this: {0}")]
    Unusable(&'static str),
    /// The connection was not made.
    #[error("no connection to the live socket: {0}")]
    Unreachable(String),
}

/// What brings sockets up: a real WebSocket, or the simulated network.
pub trait Dial: Send + Sync + 'static {
    /// Brings a socket up.
    fn dial(&self, hello: Hello) -> LocalBoxFuture<'static, Result<LiveSocket, DialFault>>;

    /// Whether a socket can come up only once a capture has said what its frames are, and carries
    /// no others.
    fn needs_encoding(&self) -> bool {
        true
    }

    /// Whether the server is told a name of the client's own for each conversation.
    fn names_conversations(&self) -> bool {
        false
    }

    /// Asks the host for a fresh token after a refusal; whether there is one.
    fn renew_sign_in(&self, account: Account) -> LocalBoxFuture<'static, bool> {
        drop(account);
        Box::pin(std::future::ready(false))
    }
}
