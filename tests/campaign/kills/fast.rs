//! Many kills: a writer on the bare store, at named points and at random moments.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use serde_json::json;

use super::chain::{Chain, Lived, Spoilt};
use super::judge::Wrong;
use super::points::{BIRTH, LIFE};
use super::program::Program;
use crate::locked::locked;
use crate::outcome::Outcome;
use crate::request::Slice;

/// Kills in the slice that nobody asked more of.
const KILLS_MIN: u64 = 500;
/// Each planted bug is planted so often.
const CONTROLS: u64 = 4;
/// After so many violations the reason is known well enough.
const VIOLATIONS_MAX: u64 = 10;
/// How often progress is told, in chains.
const PROGRESS: u64 = 50;

/// What the chains have counted.
#[derive(Default)]
pub(super) struct Counts {
    begun: AtomicU64,
    kills: AtomicU64,
    all: Mutex<All>,
}

#[derive(Default)]
struct All {
    points: BTreeMap<&'static str, u64>,
    random: u64,
    compared: u64,
    frames: u64,
    violations: u64,
    lost: u64,
}

/// Runs chains: a long request's until its time is over.
pub(super) fn run(slice: &Slice, program: &Program, counts: &Counts) {
    let workers = thread::available_parallelism().map_or(2, std::num::NonZero::get);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| work(slice, program, counts));
        }
    });
}

fn work(slice: &Slice, program: &Program, counts: &Counts) {
    while !counts.is_enough(slice) {
        let number = counts.begun.fetch_add(1, Ordering::Relaxed);
        let chain = Chain { seed: slice.seed, number };
        counts.take(&chain, chain.run(program));
        if number.is_multiple_of(PROGRESS) {
            eprintln!("{} kills of the writer", counts.kills.load(Ordering::Relaxed));
        }
    }
}

impl Counts {
    fn all(&self) -> std::sync::MutexGuard<'_, All> {
        locked(&self.all)
    }

    fn is_enough(&self, slice: &Slice) -> bool {
        let kills = self.kills.load(Ordering::Relaxed);
        let enough = if slice.is_long { slice.is_over(1.0) } else { kills >= KILLS_MIN };
        enough || self.all().violations >= VIOLATIONS_MAX
    }

    fn take(&self, chain: &Chain, end: Result<Lived, Wrong>) {
        let mut all = self.all();
        match end {
            Ok(lived) => {
                let kills = lived.points.len() as u64 + lived.random;
                self.kills.fetch_add(kills, Ordering::Relaxed);
                lived.points.iter().for_each(|point| *all.points.entry(point).or_default() += 1);
                all.random += lived.random;
                all.compared += lived.compared;
                all.frames += lived.frames;
            }
            Err(wrong) => {
                all.violations += 1;
                all.lost += wrong.lost;
                let Chain { seed, number } = chain;
                eprintln!("VIOLATION in the chain of kills {number}: {}", wrong.why);
                eprintln!("  again: campaign kills --seed {seed}");
            }
        }
    }

    pub(super) fn write(&self, outcome: &mut Outcome) {
        let all = self.all();
        let named: u64 = all.points.values().sum();
        let unreached = BIRTH.iter().chain(LIFE).filter(|one| !all.points.contains_key(one.name));
        for point in unreached {
            eprintln!("no life died at {}", point.name);
        }
        outcome.checked += named + all.random;
        outcome.violations += all.violations;
        for (name, value) in [
            ("points", json!(all.points)),
            ("named_kills", json!(named)),
            ("random_kills", json!(all.random)),
            ("recoveries_compared", json!(all.compared)),
            ("lost", json!(all.lost)),
        ] {
            outcome.more.insert(name.to_owned(), value);
        }
    }
}

/// Plants each bug some times, and sees whether the comparison notices.
pub(super) fn control(slice: &Slice, program: &Program, outcome: &mut Outcome) {
    for spoilt in Spoilt::all() {
        let trials = (0..CONTROLS).map(|number| Chain { seed: slice.seed, number });
        let ends = trials.map(|chain| chain.spoil(program, spoilt.clone()));
        let caught: Vec<Wrong> = ends.filter_map(Result::err).collect();
        outcome.planted += CONTROLS;
        outcome.caught += caught.len() as u64;
        let said = caught.first().map_or("", |wrong| &wrong.why);
        let said: String = said.chars().take(160).collect();
        eprintln!("planted `{}` {CONTROLS} times, noticed {}: {said}", spoilt.name, caught.len());
    }
}
