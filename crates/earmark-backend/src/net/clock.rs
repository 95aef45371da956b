//! The clocks of the machine.

use std::time::{SystemTime, UNIX_EPOCH};

use earmark_core::{BootId, Moment, Stamp, WallTime};
use tokio::time::Instant;

/// Counts from when the server started.
#[derive(Debug)]
pub(super) struct Clock {
    started: Instant,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self { started: Instant::now() }
    }

    pub(super) fn now(&self) -> Stamp {
        Stamp {
            boot: BootId::default(),
            moment: Moment::ZERO + self.started.elapsed(),
            wall: wall_time(),
        }
    }
}

fn wall_time() -> WallTime {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    WallTime::from_unix_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
}
