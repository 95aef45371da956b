//! Every state that a power cut could leave, recovered and looked through.
//!
//! A host drives the store on a simulated disk that keeps a log. For each operation of the log the
//! disks are built that a cut there could leave: what was synced, and of the rest any part. Each is
//! recovered by the store that ships, and compared with what the host was promised before the cut.
//! The recovery is cut too, and the recovery from that.

pub(crate) mod dice;
pub(crate) mod facts;
pub(crate) mod host;
pub(crate) mod oracle;
pub(crate) mod sabotage;
mod walk;
pub(crate) mod workload;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use earmark_store::CutLimits;
use serde_json::json;

use crate::locked::locked;
use crate::outcome::{CannotRun, Outcome};
use crate::panics;
use crate::request::Slice;
use oracle::Kind;
use sabotage::Sabotage;
use walk::{Counts, Depth, Found};
use workload::Workload;

/// States of a run that somebody asked for, and workloads.
const STATES_LONG: u64 = 1_000_000;
const WORKLOADS_LONG: u64 = 200;
/// States in the slice that nobody asked more of.
const STATES_MIN: u64 = 25_000;
/// Workloads within which a planted bug must be noticed.
const CONTROL_WORKLOADS_MAX: u64 = 80;
/// No workload begins after this part of the time, so that the last one ends within it.
const LAST_START: f64 = 0.97;
/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_secs(20);
/// So many violations are told in words.
const TOLD_MAX: usize = 10;

const LONG: Depth = Depth { cuts: CutLimits { every: 128, sampled: 24 }, recovery_every: 2 };
const SHORT: Depth = Depth { cuts: CutLimits { every: 16, sampled: 5 }, recovery_every: 16 };
const CONTROL: Depth = Depth { cuts: CutLimits { every: 16, sampled: 8 }, recovery_every: 0 };
const HUNT: Depth = Depth { cuts: CutLimits { every: 16, sampled: 8 }, recovery_every: 16 };

pub(crate) fn run(slice: &Slice) -> Result<Outcome, CannotRun> {
    let mut outcome = Outcome { unit: "states", ..Outcome::default() };
    control(slice, &mut outcome);
    let workers = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let crew = Crew::default();
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| crew.work(slice));
        }
    });
    crew.write(&mut outcome);
    Ok(outcome)
}

/// Walks through workloads until something is violated: how many states it took, and what was.
pub(crate) fn hunt(seed: u64, most: u64) -> Option<(u64, String)> {
    let counts = Counts::default();
    let states = || counts.states.load(Ordering::Relaxed);
    for number in 0.. {
        let workload = Workload::new(seed, number);
        let walked = panics::caught(|| {
            walk::walk(&workload, None, HUNT, &counts).map_err(|found| found.violation.why)
        });
        match walked {
            Err(why) => return Some((states(), why)),
            Ok(()) if states() >= most => break,
            Ok(()) => {}
        }
    }
    None
}

/// What the workers share.
#[derive(Default)]
struct Crew {
    begun: AtomicU64,
    done: AtomicU64,
    told: Mutex<Duration>,
    counts: Counts,
    found: Mutex<Vec<Kind>>,
}

impl Crew {
    fn work(&self, slice: &Slice) {
        let depth = if slice.is_long { LONG } else { SHORT };
        while !self.is_enough(slice) {
            let number = self.begun.fetch_add(1, Ordering::Relaxed);
            let workload = Workload::new(slice.seed, number);
            if let Err(found) = walk::walk(&workload, None, depth, &self.counts) {
                self.note(&workload, &found);
            }
            self.done.fetch_add(1, Ordering::Relaxed);
            self.tell(slice);
        }
    }

    fn is_enough(&self, slice: &Slice) -> bool {
        let states = self.counts.states.load(Ordering::Relaxed);
        let workloads = self.begun.load(Ordering::Relaxed);
        if slice.is_long {
            let enough = states >= STATES_LONG && workloads >= WORKLOADS_LONG;
            enough && slice.is_over(LAST_START)
        } else {
            states >= STATES_MIN
        }
    }

    fn note(&self, workload: &Workload, found: &Found) {
        let mut all = locked(&self.found);
        all.push(found.violation.kind);
        if all.len() <= TOLD_MAX {
            let Workload { seed, number, name, steps, .. } = workload;
            eprintln!("VIOLATION: {}", found.violation.why);
            eprintln!("  at {} of workload {number} ({name}) of --seed {seed}", found.place);
            eprintln!("  steps {steps:?}");
        }
    }

    fn tell(&self, slice: &Slice) {
        let mut told = locked(&self.told);
        if slice.elapsed() - *told >= TELL_EVERY {
            *told = slice.elapsed();
            let states = self.counts.states.load(Ordering::Relaxed);
            let done = self.done.load(Ordering::Relaxed);
            eprintln!("{done} workloads, {states} states");
        }
    }

    fn write(&self, outcome: &mut Outcome) {
        let found = locked(&self.found);
        let of = |kind: Kind| found.iter().filter(|found| **found == kind).count();
        let get = |counter: &AtomicU64| json!(counter.load(Ordering::Relaxed));
        outcome.checked = self.counts.states.load(Ordering::Relaxed);
        outcome.violations = found.len() as u64;
        for (name, value) in [
            ("workloads", get(&self.done)),
            ("boundaries", get(&self.counts.boundaries)),
            ("exhaustive_boundaries", get(&self.counts.exhaustive)),
            ("in_recovery", get(&self.counts.in_recovery)),
            ("two_deep", get(&self.counts.two_deep)),
            ("frames_lost", json!(of(Kind::FrameLost))),
            ("frames_invented", json!(of(Kind::FrameInvented))),
            ("links_lost", json!(of(Kind::LinkLost))),
        ] {
            outcome.more.insert(name.to_owned(), value);
        }
    }
}

/// Plants each bug, and counts those that were noticed.
fn control(slice: &Slice, outcome: &mut Outcome) {
    for sabotage in Sabotage::ALL {
        outcome.planted += 1;
        let noticed = (0..CONTROL_WORKLOADS_MAX).find_map(|number| {
            let workload = Workload::new(slice.seed, number);
            let walked = walk::walk(&workload, Some(sabotage), CONTROL, &Counts::default());
            walked.err().map(|found| (workload.name, found))
        });
        match noticed {
            Some((name, found)) => {
                outcome.caught += 1;
                let why = found.violation.why.lines().next().unwrap_or_default().to_owned();
                eprintln!("planted `{sabotage:?}` noticed in a workload of {name}: {why}");
            }
            None => eprintln!("planted `{sabotage:?}` was NOT noticed"),
        }
    }
}
