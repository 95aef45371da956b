//! A fault that repeats does not fill the log: of the same line so many are written in a minute,
//! and the rest is counted.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Filter};

use crate::clock;
use crate::host::LOG_LINES_LEFT_OUT;

/// For so long lines are counted together.
const WINDOW: Duration = Duration::from_secs(60);
/// How many places of the program are told apart; those beyond share one count.
const PLACES_MAX: usize = 1_024;

/// The places whose lines were left out and not told yet.
static UNTOLD: Mutex<BTreeMap<Place, u64>> = Mutex::new(BTreeMap::new());

/// A place of the program: its module and line.
type Place = (&'static str, u32);

/// Leaves out warnings and errors that repeat, and other lines about a fault.
pub(crate) struct LeftOut {
    per_minute_max: u32,
    seen: Mutex<BTreeMap<Place, (Instant, u32)>>,
}

impl LeftOut {
    pub(crate) const fn new(per_minute_max: u32) -> Self {
        Self { per_minute_max, seen: Mutex::new(BTreeMap::new()) }
    }

    /// Whether a line of this place is written.
    fn admit(&self, place: Place, now: Instant) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = !seen.contains_key(&place);
        let place = if is_new && seen.len() >= PLACES_MAX { ("", 0) } else { place };
        let (since, count) = seen.entry(place).or_insert((now, 0));
        if now.saturating_duration_since(*since) >= WINDOW {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count <= self.per_minute_max
    }
}

fn place(metadata: &'static Metadata<'static>) -> Place {
    (metadata.module_path().unwrap_or_default(), metadata.line().unwrap_or_default())
}

fn may_repeat(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::WARN || metadata.fields().field("fault").is_some()
}

impl<S: Subscriber> Filter<S> for LeftOut {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        let metadata = event.metadata();
        if !may_repeat(metadata) || self.admit(place(metadata), clock::now()) {
            return true;
        }
        LOG_LINES_LEFT_OUT.fetch_add(1, Ordering::Relaxed);
        let mut untold = UNTOLD.lock().unwrap_or_else(PoisonError::into_inner);
        if untold.len() < PLACES_MAX {
            *untold.entry(place(metadata)).or_default() += 1;
        }
        false
    }
}

/// Says once a minute which lines were left out, and how many.
pub(crate) async fn tell_what_is_left_out() {
    loop {
        tokio::time::sleep(WINDOW).await;
        let untold = std::mem::take(&mut *UNTOLD.lock().unwrap_or_else(PoisonError::into_inner));
        for ((module, line), count) in untold {
            tracing::info!(module, line, count, "lines of the last minute were left out");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_same_line_so_many_are_written_in_a_minute() {
        let (log, start) = (LeftOut::new(3), clock::now());
        let written = |place, seconds| log.admit(place, start + Duration::from_secs(seconds));
        let written_in = |place, seconds| (0..10).filter(|_| written(place, seconds)).count();
        assert_eq!(written_in(("a", 1), 0), 3);
        assert_eq!(written_in(("a", 2), 0), 3, "another line has a count of its own");
        assert_eq!(written_in(("a", 1), 59), 0);
        assert_eq!(written_in(("a", 1), 60), 3);
    }

    #[test]
    fn places_without_end_are_not_remembered() {
        let (log, now) = (LeftOut::new(1), clock::now());
        for line in 0..2 * u32::try_from(PLACES_MAX).expect("it is small") {
            log.admit(("a", line), now);
        }
        let seen = log.seen.lock().expect("nobody panicked").len();
        assert!(seen <= PLACES_MAX + 1, "{seen}");
    }
}
