//! What repeats does not fill the log: of the same line so many are written in a minute, and the
//! rest is counted.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Filter};

use crate::clock;
use crate::host::{LOG_LINES_DROPPED, LOG_LINES_LEFT_OUT};

/// For so long lines are counted together: a minute, and what a line may take to be written.
const WINDOW: Duration = Duration::from_secs(61);
/// How many lines are told apart at a time; those beyond share one count.
const LINES_MAX: usize = 1_024;
/// The fields whose digits tell one thing from another.
const IDS: [&str; 6] = ["recording", "session", "conversation", "device", "source", "account"];

/// The fields that a line about a fault or another try has.
const TRIES: [&str; 4] = ["fault", "reason", "recording", "words"];

/// How many lines each module has left out that were not told of yet.
static UNTOLD: Mutex<BTreeMap<&'static str, u64>> = Mutex::new(BTreeMap::new());

/// What makes a line the same as another: its place in the program, and its words.
type Key = (&'static str, u32, u64);

/// Leaves out lines that repeat.
pub(crate) struct LeftOut {
    per_minute_max: u32,
    seen: Mutex<BTreeMap<Key, (Instant, u32)>>,
}

impl LeftOut {
    pub(crate) const fn new(per_minute_max: u32) -> Self {
        Self { per_minute_max, seen: Mutex::new(BTreeMap::new()) }
    }

    /// Whether a line is written.
    fn admit(&self, key: Key, now: Instant) -> bool {
        let is_over = |since: Instant| now.saturating_duration_since(since) >= WINDOW;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= LINES_MAX && !seen.contains_key(&key) {
            seen.retain(|_, (since, _)| !is_over(*since));
        }
        let is_one_too_many = seen.len() >= LINES_MAX && !seen.contains_key(&key);
        let key = if is_one_too_many { ("", 0, 0) } else { key };
        let (since, count) = seen.entry(key).or_insert((now, 0));
        if is_over(*since) {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count <= self.per_minute_max
    }
}

fn key(event: &Event<'_>) -> Key {
    let metadata = event.metadata();
    let mut words = Words(DefaultHasher::new());
    event.record(&mut words);
    let module = metadata.module_path().unwrap_or_default();
    (module, metadata.line().unwrap_or_default(), words.0.finish())
}

/// The words of a line without its numbers: a count that went on makes no other line.
struct Words(DefaultHasher);

impl Words {
    fn add(&mut self, field: &Field, text: &str) {
        field.name().hash(&mut self.0);
        if IDS.contains(&field.name()) {
            return text.hash(&mut self.0);
        }
        for word in text.split_inclusive(|sign: char| !sign.is_ascii_alphanumeric()) {
            let is_within = |sign: &char| !sign.is_ascii_alphanumeric() || !is_number(word);
            let signs = word.chars().filter(|sign| is_within(sign) && !sign.is_ascii_digit());
            signs.for_each(|sign| sign.hash(&mut self.0));
        }
    }
}

/// Whether a word, and a sign that ends it, is a number, such as the hexadecimal one that names a
/// file of the journal.
fn is_number(word: &str) -> bool {
    let word = word.trim_end_matches(|sign: char| !sign.is_ascii_alphanumeric());
    word.contains(|sign: char| sign.is_ascii_digit())
        && word.chars().all(|sign| sign.is_ascii_hexdigit())
}

impl Visit for Words {
    fn record_f64(&mut self, _: &Field, _: f64) {}

    fn record_i64(&mut self, _: &Field, _: i64) {}

    fn record_u64(&mut self, _: &Field, _: u64) {}

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, &format!("{value:?}"));
    }
}

/// Whether a line may be one of many: a fault, or another try. What comes up, goes down, begins or
/// ends is told each time.
fn is_limited(metadata: &Metadata<'_>) -> bool {
    let is_of_a_try = TRIES.iter().any(|name| metadata.fields().field(name).is_some());
    *metadata.level() <= Level::WARN || (*metadata.level() == Level::INFO && is_of_a_try)
}

impl<S: Subscriber> Filter<S> for LeftOut {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        let metadata = event.metadata();
        if !is_limited(metadata) || self.admit(key(event), clock::now()) {
            return true;
        }
        LOG_LINES_LEFT_OUT.fetch_add(1, Ordering::Relaxed);
        let mut untold = UNTOLD.lock().unwrap_or_else(PoisonError::into_inner);
        *untold.entry(metadata.module_path().unwrap_or_default()).or_default() += 1;
        false
    }
}

/// Says once a minute of which modules lines were left out, how many, and how many were dropped.
pub(crate) async fn tell_what_is_left_out() {
    let mut told = 0;
    loop {
        tokio::time::sleep(WINDOW).await;
        let untold = std::mem::take(&mut *UNTOLD.lock().unwrap_or_else(PoisonError::into_inner));
        for (module, count) in untold {
            tracing::info!(module, count, "lines of the last minute were left out");
        }
        let dropped = LOG_LINES_DROPPED.load(Ordering::Relaxed);
        if dropped > told {
            tracing::warn!(count = dropped - told, "lines were dropped: nobody read them");
            told = dropped;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};

    use super::*;

    #[test]
    fn of_the_same_line_so_many_are_written_in_a_minute() {
        let (log, start) = (LeftOut::new(3), clock::now());
        let written = |key, seconds| log.admit(key, start + Duration::from_secs(seconds));
        let written_in = |key, seconds| (0..10).filter(|_| written(key, seconds)).count();
        assert_eq!(written_in(("a", 1, 7), 0), 3);
        assert_eq!(written_in(("a", 1, 8), 0), 3, "another line has a count of its own");
        assert_eq!(written_in(("a", 1, 7), 60), 0);
        assert_eq!(written_in(("a", 1, 7), 61), 3);
    }

    #[test]
    fn lines_without_end_are_not_remembered_and_those_of_a_minute_ago_make_room() {
        let (log, start) = (LeftOut::new(1), clock::now());
        let lines = 2 * u32::try_from(LINES_MAX).expect("it is small");
        let written = |now| (0..lines).filter(|line| log.admit(("a", *line, 0), now)).count();
        assert_eq!(written(start), LINES_MAX + 1);
        let seen = log.seen.lock().expect("nobody panicked").len();
        assert_eq!(seen, LINES_MAX + 1);
        assert!(log.admit(("b", 0, 0), start + WINDOW));
    }

    /// Counts the lines that come through.
    struct Written(Arc<Mutex<u32>>);

    impl<S: Subscriber> tracing_subscriber::Layer<S> for Written {
        fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
            *self.0.lock().expect("nobody panicked") += 1;
        }
    }

    #[test]
    fn a_line_with_other_numbers_is_the_same_and_one_about_another_recording_is_not() {
        let count = Arc::new(Mutex::new(0));
        let log = Written(Arc::clone(&count)).with_filter(LeftOut::new(1));
        let written = || *count.lock().expect("nobody panicked");
        let say = |recording: &str, attempts: u32, reason: &str| {
            tracing::info!(recording, attempts, reason, "the upload is pending");
        };
        tracing::subscriber::with_default(tracing_subscriber::registry().with(log), || {
            say("r-1", 1, "in 5 s");
            assert_eq!(written(), 1);
            say("r-1", 2, "in 10 s");
            assert_eq!(written(), 1);
            say("r-2", 1, "in 5 s");
            assert_eq!(written(), 2);
            say("r-1", 1, "the server is busy");
            assert_eq!(written(), 3);
            for _ in 0..2 {
                tracing::info!(device = "pendant", "the live socket is up");
            }
            assert_eq!(written(), 5, "what comes up is told each time");
        });
    }

    #[test]
    fn a_line_about_another_source_is_another_one_and_one_about_another_file_is_not() {
        let count = Arc::new(Mutex::new(0));
        let log = Written(Arc::clone(&count)).with_filter(LeftOut::new(1));
        let written = || *count.lock().expect("nobody panicked");
        tracing::subscriber::with_default(tracing_subscriber::registry().with(log), || {
            for name in ["room1", "room2", "room1"] {
                tracing::warn!(source = name, device = %name, fault = "EIO", "the source failed");
            }
            assert_eq!(written(), 2);
            for account in ["work1", "work2"] {
                tracing::warn!(%account, fault = "EIO", "there is no token");
            }
            assert_eq!(written(), 4);
            for file in ["000000000000000a", "000000000000000b", "00000000000000c1"] {
                let reason = format!("journal/{file}.log: no space");
                tracing::warn!(reason, "the disk failed");
            }
            assert_eq!(written(), 5);
        });
    }
}
