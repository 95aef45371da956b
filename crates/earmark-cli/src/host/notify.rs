//! What the service manager is told: that the host is ready, alive, and about to stop.

use std::env;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::sleep;

use super::board::Board;
use crate::clock;

/// Tells the service manager something; where there is none, nobody is told.
pub(crate) fn tell(state: NotifyState<'_>) {
    if let Err(error) = send(state) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}

fn send(state: NotifyState<'_>) -> io::Result<()> {
    let socket = env::var_os("NOTIFY_SOCKET").unwrap_or_default();
    match socket.as_encoded_bytes() {
        [] => Ok(()),
        [b'@', name @ ..] => send_abstract(name, &format!("{state}\n")),
        _ => sd_notify::notify(&[state]),
    }
}

/// Sends to a socket that has a name and no file, as managers of containers use it. The library
/// knows files alone.
#[cfg(target_os = "linux")]
fn send_abstract(name: &[u8], words: &str) -> io::Result<()> {
    use std::os::linux::net::SocketAddrExt as _;
    let manager = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
    std::os::unix::net::UnixDatagram::unbound()?.send_to_addr(words.as_bytes(), &manager).map(drop)
}

#[cfg(not(target_os = "linux"))]
fn send_abstract(_: &[u8], _: &str) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Tells that the host is alive, as often as the service manager wants to hear it, and only while
/// the runtime answers: one that hangs is then started anew.
pub(crate) async fn watchdog(board: Arc<Board>) {
    let Some(every) = sd_notify::watchdog_enabled().map(|limit: Duration| limit / 2) else {
        return;
    };
    loop {
        if board.now().answers(clock::now()) {
            tell(NotifyState::Watchdog);
        }
        sleep(every).await;
    }
}
