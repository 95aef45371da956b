//! Frames from another program: a Unix socket, or a TCP port on loopback.
//!
//! `docs/frame-socket.md` has the bytes. One connection delivers at a time; what it sends is a
//! capture, from its welcome to its end.

mod connection;
mod message;
mod outbox;

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::Mutex;

use crate::host::intake::Intake;

/// How many programs may be connected; one of them delivers.
const CONNECTIONS_MAX: usize = 4;
/// How long to wait before the next connection when one could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves a Unix socket, which its owner alone may use.
pub(super) async fn run_unix(intake: &mut Intake, path: &Path) -> Result<(), String> {
    let refused = |error: io::Error| format!("{} cannot be listened on: {error}", path.display());
    let listener = bind_unix(path).await.map_err(refused)?;
    let _removed_at_the_end = SocketFile(path.to_owned());
    serve(intake, async || listener.accept().await.map(|(stream, _)| stream)).await
}

/// Serves a port.
pub(super) async fn run_tcp(intake: &mut Intake, listen: SocketAddr) -> Result<(), String> {
    let refused = |error: io::Error| format!("{listen} cannot be listened on: {error}");
    let listener = TcpListener::bind(listen).await.map_err(refused)?;
    serve(intake, async || listener.accept().await.map(|(stream, _)| stream)).await
}

async fn serve<S: AsyncRead + AsyncWrite>(
    intake: &mut Intake,
    accept: impl AsyncFn() -> io::Result<S>,
) -> Result<(), String> {
    let intake = Mutex::new(intake);
    let mut connections = FuturesUnordered::new();
    loop {
        tokio::select! {
            accepted = accept() => match accepted {
                Ok(stream) if connections.len() < CONNECTIONS_MAX => {
                    connections.push(connection::serve(stream, &intake));
                }
                // The peer sees it closed; there is nobody whom that would surprise.
                Ok(stream) => {
                    drop(stream);
                    tracing::warn!(CONNECTIONS_MAX, "a connection was refused: there are enough");
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(()) = next(&mut connections) => {}
        }
    }
}

/// The next connection that ends; nothing while there is none.
async fn next<F: Future<Output = ()>>(connections: &mut FuturesUnordered<F>) -> Option<()> {
    poll_fn(|cx| connections.poll_next_unpin(cx)).await
}

/// Listens at a path. What an earlier life has left there is removed: a socket that nobody serves,
/// and nothing else.
pub(crate) async fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    let is_socket = |path: &Path| {
        std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
    };
    match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_socket(path) => {
            match UnixStream::connect(path).await {
                Err(gone) if gone.kind() == io::ErrorKind::ConnectionRefused => {
                    std::fs::remove_file(path)?;
                    UnixListener::bind(path)
                }
                Ok(_) | Err(_) => Err(error),
            }
        }
        bound => bound,
    }
}

/// The file of a socket, removed when nobody serves it any more.
pub(crate) struct SocketFile(pub(crate) PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // One that stays is removed by whoever listens there next.
        let _ = std::fs::remove_file(&self.0);
    }
}
