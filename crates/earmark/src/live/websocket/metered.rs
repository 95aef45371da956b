//! A connection that counts what it reads between two messages.
//!
//! The protocol's own layer limits the bytes that a message holds, and not what it is cut into: a
//! peer may send frames without a byte of content for ever, and no message comes of them.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What may be read between two messages beside twice the longest message: what is read ahead, and
/// the handshakes.
const SLACK_BYTES: usize = 256 << 10;

/// Counts the bytes that were read since the last message.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    read: Arc<AtomicUsize>,
    limit: usize,
}

impl Meter {
    /// A meter for messages of so many bytes at most.
    pub(super) fn new(message_bytes: usize) -> Self {
        let limit = message_bytes.saturating_mul(2).saturating_add(SLACK_BYTES);
        Self { read: Arc::default(), limit }
    }

    /// Has a connection counted here.
    pub(super) fn watch<S>(&self, stream: S) -> Metered<S> {
        Metered { stream, meter: self.clone() }
    }

    /// A message came to its end.
    pub(super) fn message_ended(&self) {
        self.read.store(0, Ordering::Relaxed);
    }

    /// Whether more was read without a message than any message needs.
    pub(super) fn is_exceeded(&self) -> bool {
        self.read.load(Ordering::Relaxed) > self.limit
    }
}

/// A connection that ends when its meter is exceeded.
#[derive(Debug)]
pub(super) struct Metered<S> {
    stream: S,
    meter: Meter,
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.meter.is_exceeded() {
            return Poll::Ready(Err(io::Error::other("bytes without end and no message")));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let count = buffer.filled().len() - before;
        self.meter.read.fetch_add(count, Ordering::Relaxed);
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
