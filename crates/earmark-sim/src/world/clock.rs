//! Virtual time, as the runtime and the feed see it.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use earmark::{Clock, Moment, Stamp, WallTime};
use earmark_core::BootId;
use tokio::task::LocalSet;
use tokio::time::Instant;

use crate::feed::FeedTime;

/// The wall clock at feed time 0: 2026-04-04T00:00:00Z.
const WALL_AT_START: i64 = 1_775_260_800_000_000;
/// How long the machine has been up at feed time 0, so that times before it can be told.
const UP_AT_START: Duration = Duration::from_secs(86_400);

/// So many looks at the clock without any time between them are no work any more.
const LOOKS_MAX: u64 = 3_000_000;

/// What somebody panics with who looks at the clock for ever while no time can pass.
#[derive(Clone, Copy, Debug)]
pub struct TimeStandsStill;

/// Runs something on an executor of its own, whose time passes only when nothing is left to do.
///
/// # Errors
///
/// When the operating system gives no executor.
pub fn in_virtual_time<T>(what: impl Future<Output = T>) -> io::Result<T> {
    let mut executor = tokio::runtime::Builder::new_current_thread();
    let executor = executor.enable_time().start_paused(true).build()?;
    Ok(LocalSet::new().block_on(&executor, what))
}

/// The clocks of the simulated machine, driven by the paused clock of the tokio runtime that they
/// are made in.
#[derive(Debug)]
pub struct VirtualClock {
    start: Instant,
    boot: AtomicU64,
    jumped_micros: AtomicI64,
    slept_micros: AtomicU64,
    /// The feed time of the latest look, in microseconds, and how many there were at it.
    looked_at: AtomicU64,
    looks: AtomicU64,
    stood_still: AtomicBool,
}

impl VirtualClock {
    /// Clocks at feed time 0.
    pub fn new() -> Self {
        let (boot, jumped_micros) = (AtomicU64::new(1), AtomicI64::new(0));
        let slept_micros = AtomicU64::new(0);
        Self {
            start: Instant::now(),
            boot,
            jumped_micros,
            slept_micros,
            looked_at: AtomicU64::new(0),
            looks: AtomicU64::new(0),
            stood_still: AtomicBool::new(false),
        }
    }

    /// The feed time now.
    pub fn feed_time(&self) -> Duration {
        self.start.elapsed() + self.slept()
    }

    /// The instant at which a feed time is reached, if the machine does not sleep until then; one
    /// in the past when it has been reached in sleep.
    pub fn instant(&self, at: FeedTime) -> Instant {
        self.start + at.since_start().saturating_sub(self.slept())
    }

    /// The machine has slept: the executor's timers stood still, the clocks went on.
    pub fn sleep(&self, micros: u64) {
        self.slept_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Whether the runtime has ever gone round and round without letting time pass.
    pub fn has_stood_still(&self) -> bool {
        self.stood_still.load(Ordering::Relaxed)
    }

    /// Time passes when nothing is left to do. Whoever keeps asking for the time, as any actor does
    /// for each event, without ever being done would stop the world; a panic ends that.
    fn look(&self, elapsed: Duration) {
        let now = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        if self.looked_at.swap(now, Ordering::Relaxed) != now {
            self.looks.store(0, Ordering::Relaxed);
        }
        if self.looks.fetch_add(1, Ordering::Relaxed) == LOOKS_MAX {
            self.looks.store(0, Ordering::Relaxed);
            self.stood_still.store(true, Ordering::Relaxed);
            std::panic::panic_any(TimeStandsStill);
        }
    }

    fn slept(&self) -> Duration {
        Duration::from_micros(self.slept_micros.load(Ordering::Relaxed))
    }

    /// The feed time of a moment; zero for what lies before the feed.
    pub fn feed_time_of(&self, moment: Moment) -> Duration {
        moment.since(Moment::ZERO + UP_AT_START)
    }

    /// The machine starts anew.
    pub fn reboot(&self) {
        self.boot.fetch_add(1, Ordering::Relaxed);
    }

    /// The wall clock is set.
    pub fn jump(&self, micros: i64) {
        self.jumped_micros.fetch_add(micros, Ordering::Relaxed);
    }
}

impl Default for VirtualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for VirtualClock {
    fn stamp(&self) -> Stamp {
        let elapsed = self.feed_time();
        self.look(elapsed);
        let jumped = self.jumped_micros.load(Ordering::Relaxed);
        let wall = WallTime::from_unix_micros(WALL_AT_START.saturating_add(jumped));
        Stamp {
            boot: BootId::from_u128(u128::from(self.boot.load(Ordering::Relaxed))),
            moment: Moment::ZERO + UP_AT_START + elapsed,
            wall: wall + elapsed,
        }
    }
}
