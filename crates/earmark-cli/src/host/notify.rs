//! What the service manager is told: that the host is ready, alive, and about to stop.

use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::sleep;

use super::board::Board;
use crate::clock;

/// Tells the service manager something; where there is none, nobody is told.
pub(crate) fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
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
