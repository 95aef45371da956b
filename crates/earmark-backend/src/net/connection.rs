//! TCP connections that can be reset from within a request.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The most connections that are open at a time; further ones wait to be accepted.
pub const CONNECTIONS_MAX: usize = 1_024;

/// How long to wait before the next connection when one could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections, so many at a time.
pub(super) struct Listener {
    listener: TcpListener,
    room: Arc<Semaphore>,
    road: Arc<Road>,
}

impl Listener {
    pub(super) fn new(listener: TcpListener, road: Arc<Road>) -> Self {
        Self { listener, room: Arc::new(Semaphore::new(CONNECTIONS_MAX)), road }
    }
}

impl axum::serve::Listener for Listener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let room = Arc::clone(&self.room).acquire_owned().await;
        let room = room.expect("nobody closes the semaphore");
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    return (Connection::new(stream, room, self.road.enter()), peer);
                }
                // Out of descriptors, or the peer was gone again: it passes.
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that obeys its [`Cut`].
pub(super) struct Connection {
    stream: TcpStream,
    cut: Cut,
    _room: OwnedSemaphorePermit,
}

/// Resets the connection that a request came in on.
#[derive(Clone, Debug, Default)]
pub(super) struct Cut(Arc<Switch>);

#[derive(Debug, Default)]
struct Switch {
    is_reset: AtomicBool,
    /// What is written in the place of anything else, after which the connection is closed.
    last_words: OnceLock<&'static [u8]>,
    /// Whoever waits for the connection; a reset is noticed at once.
    waiting: AtomicWaker,
}

impl Cut {
    /// From now on every read and write fails, and the peer gets a reset when the connection is
    /// dropped: at the latest when the answer to the request would be written.
    pub(super) fn reset(&self) {
        self.0.is_reset.store(true, Ordering::Release);
        self.0.waiting.wake();
    }

    /// Whatever is written next, these bytes go in its place, and the connection is closed.
    pub(super) fn end(&self, last_words: &'static [u8]) {
        self.0.last_words.get_or_init(|| last_words);
    }
}

/// The way to the server, for all connections.
#[derive(Debug, Default)]
pub(super) struct Road(Mutex<Traffic>);

#[derive(Debug, Default)]
struct Traffic {
    is_closed: bool,
    /// What cuts each connection; those that have ended are left out at the next one.
    connections: Vec<Weak<Switch>>,
}

impl Road {
    /// Resets every connection, and every new one, until it is opened again.
    pub(super) fn close(&self) {
        let mut traffic = self.traffic();
        traffic.is_closed = true;
        for connection in traffic.connections.drain(..).filter_map(|one| one.upgrade()) {
            Cut(connection).reset();
        }
    }

    pub(super) fn open(&self) {
        self.traffic().is_closed = false;
    }

    fn enter(&self) -> Cut {
        let (mut traffic, cut) = (self.traffic(), Cut::default());
        if traffic.is_closed {
            cut.reset();
        }
        traffic.connections.retain(|one| one.strong_count() > 0);
        traffic.connections.push(Arc::downgrade(&cut.0));
        cut
    }

    fn traffic(&self) -> MutexGuard<'_, Traffic> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connected<IncomingStream<'_, Listener>> for Cut {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        stream.io().cut.clone()
    }
}

impl Connection {
    fn new(stream: TcpStream, room: OwnedSemaphorePermit, cut: Cut) -> Self {
        // It only makes small messages faster; a connection without it is as good.
        let _slower = stream.set_nodelay(true);
        Self { stream, cut, _room: room }
    }

    fn check(&self, context: &Context<'_>) -> io::Result<()> {
        self.cut.0.waiting.register(context.waker());
        if !self.cut.0.is_reset.load(Ordering::Acquire) {
            return Ok(());
        }
        // With no time to linger, dropping the stream discards what is unsent and sends a reset.
        self.stream.set_zero_linger()?;
        Err(io::ErrorKind::ConnectionReset.into())
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        let Some(last_words) = self.cut.0.last_words.get().copied() else {
            return Pin::new(&mut self.stream).poll_write(context, bytes);
        };
        if !last_words.is_empty() {
            // So few bytes fit wherever any do.
            let _written = ready!(Pin::new(&mut self.stream).poll_write(context, last_words));
        }
        Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
