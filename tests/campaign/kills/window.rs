//! How much audio that was taken and not acknowledged a kill or a power cut costs.
//!
//! A host with default settings streams and tells what was taken and what is acknowledged. What of
//! that its store does not hold afterwards is the loss. A busy machine may hold up any thread, and
//! so the bound is on the loss that one in a hundred exceeds.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use earmark_store::{FsDisk, inspect};
use serde_json::json;
use tempfile::TempDir;

use super::chain::empty_journal;
use super::life::lived;
use super::program::Program;
use crate::crash_states::dice::mix;
use crate::locked::locked;
use crate::outcome::Outcome;
use crate::request::Slice;

/// How much audio a frame of the host has.
const FRAME_MILLIS: u64 = 10;
/// What a kill may cost.
const BOUND_MILLIS: u64 = 20;
/// Hosts at once: each waits most of its time.
const WORKERS: usize = 8;
/// Kills in the slice, and when somebody asked for more.
const KILLS: u64 = 150;
const KILLS_LONG: u64 = 1_000;
/// The first and the last moment of a kill, from the start of the host on.
const KILL_MILLIS: (u64, u64) = (100, 1_600);
/// By then something is acknowledged.
const LATE: Duration = Duration::from_millis(1_600);

/// What the kills, or the power cuts, have cost.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    /// Audio that was taken and is not there, for each host that had taken something.
    millis: Vec<u64>,
    acknowledged_lost: u64,
    violations: u64,
}

impl Windows {
    /// Compares what a host has told with what its store holds.
    pub(crate) fn look(&mut self, told: &str, store: &Path) -> Result<(), String> {
        let whole = told.rfind('\n').map_or("", |end| &told[..end]);
        let last = |sign| {
            let mut told = whole.lines().rev().filter_map(|line| line.strip_prefix(sign));
            told.next().and_then(|number| number.parse::<u64>().ok())
        };
        let Some(taken) = last('+') else { return Ok(()) };
        let found = found(store)?;
        self.millis.push(taken.saturating_sub(found) * FRAME_MILLIS);
        self.acknowledged_lost += last('=').unwrap_or(0).saturating_sub(found);
        Ok(())
    }

    pub(crate) fn violation(&mut self, why: &str) {
        self.violations += 1;
        eprintln!("VIOLATION in a host that streams: {why}");
    }

    pub(crate) fn write(mut self, bound_millis: u64, outcome: &mut Outcome) {
        self.millis.sort_unstable();
        let of = |part: usize| {
            let place = (self.millis.len() * part).div_ceil(100).saturating_sub(1);
            self.millis.get(place).copied().unwrap_or(0)
        };
        let (p50, p99, max) = (of(50), of(99), of(100));
        if p99 > bound_millis {
            self.violations += 1;
            eprintln!("VIOLATION: {p99} ms of audio are lost; {bound_millis} ms may be");
        }
        outcome.violations += self.violations + self.acknowledged_lost;
        let hosts = self.millis.len();
        let window = json!({ "hosts": hosts, "p50": p50, "p99": p99, "max": max });
        outcome.more.insert(String::from("loss_window_ms"), window);
        outcome.more.insert(String::from("acknowledged_lost"), json!(self.acknowledged_lost));
    }
}

/// What the host is started with.
pub(crate) fn arguments(store: &Path) -> Vec<String> {
    vec![String::from("stream"), format!("--data-dir={}", store.display())]
}

/// Frames that the next process would find.
fn found(store: &Path) -> Result<u64, String> {
    let disk = FsDisk::read_only(store).map_err(|error| error.to_string())?;
    let found = inspect(&disk).map_err(|error| error.to_string())?;
    if let Some(damage) = found.damage.first() {
        return Err(format!("the store is damaged: {damage}"));
    }
    Ok(found.ledger.captures.values().map(|capture| capture.next_seq.0).sum())
}

pub(super) fn run(slice: &Slice, program: &Program, outcome: &mut Outcome) {
    control(program, outcome);
    let kills = if slice.is_long { KILLS_LONG } else { KILLS };
    let (begun, windows) = (AtomicU64::new(0), Mutex::new(Windows::default()));
    let work = || {
        loop {
            let number = begun.fetch_add(1, Ordering::Relaxed);
            if number >= kills {
                return;
            }
            let mut own = Windows::default();
            let end = kill(program, moment(KILL_MILLIS, slice.seed, number), false, &mut own);
            let mut all = locked(&windows);
            all.millis.append(&mut own.millis);
            all.acknowledged_lost += own.acknowledged_lost;
            end.unwrap_or_else(|why| all.violation(&why));
        }
    };
    thread::scope(|scope| (0..WORKERS).for_each(|_| drop(scope.spawn(work))));
    let windows = windows.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    eprintln!("{} hosts killed while they streamed", windows.millis.len());
    outcome.checked += kills;
    windows.write(BOUND_MILLIS, outcome);
}

/// A moment between two, in ms from the start of a host on, that follows from a number.
pub(crate) fn moment((first, last): (u64, u64), seed: u64, number: u64) -> Duration {
    Duration::from_millis(first + mix(mix(seed) ^ number) % (last - first))
}

fn kill(
    program: &Program,
    moment: Duration,
    spoils: bool,
    windows: &mut Windows,
) -> Result<(), String> {
    let folder = TempDir::with_prefix("earmark-stream-").map_err(|error| error.to_string())?;
    let store = folder.path().join("store");
    let (told, _) = lived(program, &arguments(&store), Some(moment))?;
    if spoils {
        empty_journal(&store).map_err(|error| error.to_string())?;
    }
    windows.look(&told, &store)
}

/// Empties the journal behind a kill, which must be noticed.
fn control(program: &Program, outcome: &mut Outcome) {
    let mut windows = Windows::default();
    let end = kill(program, LATE, true, &mut windows);
    let noticed = end.is_err() || windows.acknowledged_lost > 0;
    outcome.planted += 1;
    outcome.caught += u64::from(noticed);
    eprintln!("planted an emptied journal behind a stream, noticed: {noticed}");
}
