//! The one place that reads the machine's clocks.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use earmark_core::{BootId, Moment, Stamp, WallTime};
use rustix::time::{ClockId, clock_gettime};

/// Where the runtime gets the time from.
pub trait Clock: Send + Sync + 'static {
    /// All clocks at once.
    fn stamp(&self) -> Stamp;
}

/// The machine's own clocks: `CLOCK_BOOTTIME`, which goes on counting in suspend, and the wall
/// clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    boot: BootId,
}

impl SystemClock {
    /// The clocks of the boot that this process runs in.
    pub fn new() -> Self {
        let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
        Self { boot: BootId::from_u128(u128::from_str_radix(&digits, 16).unwrap_or(0)) }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn stamp(&self) -> Stamp {
        let since_boot = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(since_boot.tv_sec).unwrap_or(0);
        let micros = u64::try_from(since_boot.tv_nsec / 1_000).unwrap_or(0);
        Stamp {
            boot: self.boot,
            moment: Moment::from_micros(seconds.saturating_mul(1_000_000).saturating_add(micros)),
            wall: wall(),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clocks")]
fn wall() -> WallTime {
    let (past, ahead) = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => (Duration::ZERO, since),
        Err(before) => (before.duration(), Duration::ZERO),
    };
    let micros = |span: Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    WallTime::from_unix_micros(micros(ahead) - micros(past))
}

/// A clock that may be shared.
pub(crate) type SharedClock = Arc<dyn Clock>;
