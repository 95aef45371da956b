//! How a request leaves, whatever carries it.

pub(crate) mod client;

use bytes::Bytes;
use earmark_core::sync::TransportFault;
use futures_util::future::LocalBoxFuture;

pub use client::{ClientError, HttpClient, ServerUrlFault, Trust, check_server_url};

use crate::credentials::Token;

/// A request to the server.
pub struct HttpRequest {
    /// The path and query, already encoded, from the server's root on.
    pub path: String,
    /// The bearer token, if the host has one.
    pub token: Option<Token>,
    /// What is sent with it.
    pub content: Content,
}

/// What is sent with a request.
pub enum Content {
    /// Nothing: a `GET`.
    Nothing,
    /// A recording's file as the one part `files` of a `POST` with `multipart/form-data`.
    File(FilePart),
}

/// A recording's file on its way out.
pub struct FilePart {
    /// The file name that the server sees.
    pub name: String,
    /// How many bytes it has.
    pub bytes: u64,
    /// Its bytes.
    pub blocks: Box<dyn Blocks>,
}

/// The blocks of a file, each checked against its hash before it is handed out.
pub trait Blocks: Send + 'static {
    /// The next block, at most 64 KiB; `None` at the end. It reads the disk and so may block.
    ///
    /// # Errors
    ///
    /// [`Damaged`] when the bytes are missing or are not the ones that were sealed.
    fn next_block(&mut self) -> Result<Option<Bytes>, Damaged>;

    /// Starts again, so that the next block is the first one; whether it can. A redirect sends the
    /// file once more. It reads the disk and so may block.
    fn rewind(&mut self) -> bool {
        false
    }
}

/// The bytes of a sealed file are missing, differ from their hash, or cannot be read now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Damaged {
    /// What is damaged, in words.
    pub reason: String,
    /// Whether the disk refused to say, so that another try may find the bytes sound.
    pub may_pass: bool,
}

/// The server's answer.
#[derive(Clone, Debug)]
pub struct HttpReply {
    /// The status code.
    pub status: u16,
    /// `Retry-After` as it came.
    pub retry_after: Option<String>,
    /// `Date` as it came.
    pub date: Option<String>,
    /// `X-Omi-Rate-Limit-Reason` as it came: for what a 429 is.
    pub limit_reason: Option<String>,
    /// The body, at most [`earmark_wire::REPLY_BYTES_MAX`] bytes of it.
    pub body: Bytes,
}

/// Why no whole answer came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpFault {
    /// Something between here and the server.
    Transport(TransportFault),
    /// The file itself; the request was broken off.
    Damaged(Damaged),
}

/// What carries requests: a real client, or the simulated network.
///
/// An implementation ends a request after 30 s without a byte either way, follows redirects within
/// the origin only (any other one is the reply) and never repeats a request by itself.
pub trait HttpTransport: Send + Sync + 'static {
    /// Sends a request and reads the answer.
    fn send(&self, request: HttpRequest) -> LocalBoxFuture<'static, Result<HttpReply, HttpFault>>;
}
