//! Every place where the store asks the disk for something fails once and for ever, in each way
//! that fits.
//!
//! A host drives the store on a simulated disk. Each operation that it comes to is made to fail in
//! a run of its own. Whatever fails: no panic; nothing is called durable that a power cut right
//! then would take; a store that does not open says why; and once the fault is over everything
//! that was taken becomes durable and capture goes on. A slice of it runs on real files.

mod case;
mod real;
mod sites;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use earmark_store::Lie;
use serde_json::json;

use crate::crash_states::sabotage::Sabotage;
use crate::locked::locked;
use crate::outcome::{CannotRun, Outcome};
use crate::panics;
use crate::request::Slice;
use case::{Case, End};

pub(crate) use real::Tmpfs;

/// Runs that somebody asked for.
const RUNS_LONG: usize = 5_000;
/// Runs in the slice that nobody asked more of.
const RUNS_MIN: usize = 1_500;
/// Runs within which a planted bug must be noticed.
const CONTROL_RUNS_MAX: usize = 2_000;
/// No round over all sites begins after this part of the time.
const LAST_START: f64 = 0.9;
/// So many violations are told in words.
const TOLD_MAX: usize = 10;

/// Bugs that this campaign can notice.
const PLANTED: [Sabotage; 7] = [
    Sabotage::Lie(Lie::FileSyncs),
    Sabotage::Lie(Lie::FileSyncErrors),
    Sabotage::Lie(Lie::NameSyncs),
    Sabotage::AckAtWrite,
    Sabotage::WrongFrame,
    Sabotage::WrongLink,
    Sabotage::LateAttempt,
];

pub(crate) fn run(slice: &Slice) -> Result<Outcome, CannotRun> {
    let mut outcome = Outcome { unit: "runs", ..Outcome::default() };
    let crew = Crew::default();
    let mut cases = sites::cases(slice.seed);
    control(&cases, &mut outcome);
    let mut round = 0;
    loop {
        if !slice.is_long {
            let every = (cases.len() / RUNS_MIN).max(1);
            cases = cases.into_iter().step_by(every).collect();
        }
        crew.work(&cases, slice);
        round += 1;
        let runs = crew.runs.load(Ordering::Relaxed) as usize;
        eprintln!("round {round}: {runs} runs");
        if !slice.is_long || (runs >= RUNS_LONG && slice.is_over(LAST_START)) {
            break;
        }
        cases = sites::cases(slice.seed.wrapping_add(round));
    }
    crew.write(&mut outcome);
    real::run(slice, &mut outcome);
    Ok(outcome)
}

/// Runs cases that lie evenly among all until something is wrong: how many it took, and what was.
pub(crate) fn hunt(seed: u64, most: u64) -> Option<(u64, String)> {
    let cases = sites::cases(seed);
    let every = (cases.len() as u64 / most.max(1)).max(1) as usize;
    let mut some = (1..).zip(cases.iter().step_by(every));
    some.find_map(|(number, case)| attempt(case, None).err().map(|why| (number, why)))
}

/// What the workers share.
#[derive(Default)]
struct Crew {
    runs: AtomicU64,
    hit: AtomicU64,
    refused: AtomicU64,
    reported: AtomicU64,
    violations: Mutex<usize>,
}

impl Crew {
    fn work(&self, cases: &[Case], slice: &Slice) {
        let next = AtomicU64::new(0);
        let workers = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let work = || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed) as usize;
                let Some(case) = cases.get(number) else { return };
                if slice.is_long && slice.is_over(1.0) && number > RUNS_LONG {
                    return;
                }
                self.note(case, attempt(case, None));
            }
        };
        thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(work);
            }
        });
    }

    fn note(&self, case: &Case, result: Result<End, String>) {
        self.runs.fetch_add(1, Ordering::Relaxed);
        match result {
            Ok(end) => {
                for (counter, is_so) in [
                    (&self.hit, end.was_hit),
                    (&self.refused, end.was_refused),
                    (&self.reported, end.reported_damage),
                ] {
                    counter.fetch_add(u64::from(is_so), Ordering::Relaxed);
                }
            }
            Err(why) => {
                // A panic is caught before it comes here, so that the count is whole.
                let mut violations = locked(&self.violations);
                *violations += 1;
                if *violations <= TOLD_MAX {
                    eprintln!("VIOLATION: {why}\n  {case}");
                }
            }
        }
    }

    fn write(&self, outcome: &mut Outcome) {
        let violations = locked(&self.violations);
        outcome.checked = self.runs.load(Ordering::Relaxed);
        outcome.violations = *violations as u64;
        for (name, counter) in [
            ("faults_met", &self.hit),
            ("openings_refused", &self.refused),
            ("damage_reported", &self.reported),
        ] {
            outcome.more.insert(name.to_owned(), json!(counter.load(Ordering::Relaxed)));
        }
    }
}

/// Runs a case; a panic is a violation.
fn attempt(case: &Case, sabotage: Option<Sabotage>) -> Result<End, String> {
    panics::caught(|| case.run(sabotage))
}

/// Plants each bug, and counts those that were noticed.
fn control(cases: &[Case], outcome: &mut Outcome) {
    for sabotage in PLANTED {
        outcome.planted += 1;
        let every = (cases.len() / CONTROL_RUNS_MAX).max(1);
        let mut some = cases.iter().step_by(every);
        match some.find_map(|case| attempt(case, Some(sabotage)).err()) {
            Some(why) => {
                outcome.caught += 1;
                let why = why.lines().next().unwrap_or_default();
                eprintln!("planted `{sabotage:?}` noticed: {why}");
            }
            None => eprintln!("planted `{sabotage:?}` was NOT noticed"),
        }
    }
}
