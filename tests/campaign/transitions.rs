//! Random event sequences for each machine, against a dumber model of it.
//!
//! A sequence is a list of numbers. Each machine's world reads them as choices (which event, with
//! which content), gives the event to the machine that ships and to the model, and compares. A list
//! that fails is made shorter for as long as it fails. A machine is also run in worlds with a bug
//! planted in them, to see whether the comparison would notice. The first histories of each machine
//! are also told as feeds and played, so that a feed can be trusted when one is needed.

mod connectivity;
mod ingest;
mod replays;
mod session;
mod speed;
mod story;
mod upload;
mod wal_store;

use std::cell::RefCell;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::any;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use serde_json::json;

use crate::outcome::{CannotRun, Outcome};
use crate::panics;
use crate::request::Slice;

/// Sequences for each machine in the slice that nobody asked more of.
const SEQUENCES_MIN: u64 = 2_000;
/// Sequences for each machine when somebody did.
const SEQUENCES_LONG: u64 = 100_000;
/// Choices in a sequence.
const CHOICES_MAX: usize = 120;
/// Sequences within which a planted bug must be noticed.
const CONTROL_SEQUENCES_MAX: u64 = 5_000;
/// How often a failing sequence is made shorter at most.
const SHRINKS_MAX: u32 = 20_000;
/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// A machine in its world.
struct Bench {
    name: &'static str,
    /// Reads the choices, with the bug of this name planted, if any. What is wrong, in words.
    run: fn(&[u32], Option<&str>) -> Result<(), String>,
    bugs: &'static [&'static str],
    /// Its part of the whole time.
    share: f64,
    /// Tells a list as a feed that `earmark play` can play. A feed cannot fix how the things within
    /// the runtime interleave, so that it tells the same story and leaves the inner order to the
    /// runtime.
    replay: fn(&[u32]) -> String,
}

const BENCHES: [Bench; 5] =
    [ingest::BENCH, wal_store::BENCH, session::BENCH, upload::BENCH, connectivity::BENCH];

pub(crate) fn run(slice: &Slice) -> Result<Outcome, CannotRun> {
    let mut outcome = Outcome { unit: "sequences", ..Outcome::default() };
    let hour = speed::seconds_of_an_hour(slice.seed);
    let mut machines = serde_json::Map::new();
    let (mut share, mut replays) = (0.0, 0);
    for bench in &BENCHES {
        control(bench, slice, &mut outcome);
        replays += replays::check(bench, slice, &mut outcome);
        share += bench.share;
        let checked = check(bench, slice, share, &mut outcome);
        machines.insert(bench.name.to_owned(), json!(checked));
        outcome.checked += checked;
    }
    outcome.more.insert(String::from("machines"), machines.into());
    outcome.more.insert(String::from("hour_seconds"), json!(hour));
    outcome.more.insert(String::from("replays_played"), json!(replays));
    Ok(outcome)
}

/// Runs a machine until its share of the time is over and enough sequences were run.
fn check(bench: &Bench, slice: &Slice, share: f64, outcome: &mut Outcome) -> u64 {
    let enough = if slice.is_long { SEQUENCES_LONG } else { SEQUENCES_MIN };
    let (mut checked, mut told) = (0, slice.elapsed());
    while checked < enough || !slice.is_over(share) {
        if let Err(failure) = sequence(bench, slice.seed, checked, None) {
            outcome.violations += 1;
            failure.tell(bench, slice.seed, checked);
            return checked + 1;
        }
        checked += 1;
        if slice.elapsed() - told >= TELL_EVERY {
            told = slice.elapsed();
            eprintln!("{}: {checked} sequences", bench.name);
        }
    }
    eprintln!("{}: {checked} sequences, done", bench.name);
    checked
}

/// Plants each bug, and counts those that were noticed.
fn control(bench: &Bench, slice: &Slice, outcome: &mut Outcome) {
    for bug in bench.bugs {
        outcome.planted += 1;
        let noticed = (0..CONTROL_SEQUENCES_MAX)
            .find_map(|number| sequence(bench, slice.seed, number, Some(bug)).err());
        match noticed {
            Some(failure) => {
                outcome.caught += 1;
                let (choices, why) = (failure.choices.len(), failure.why);
                eprintln!("{}: planted `{bug}` noticed after {choices} choices: {why}", bench.name);
            }
            None => eprintln!("{}: planted `{bug}` was NOT noticed", bench.name),
        }
    }
}

/// Runs sequences of the machine of this name, as they come, until one goes wrong: how many it
/// took, and what was wrong.
pub(crate) fn hunt(machine: &str, seed: u64, most: u64) -> Option<(u64, String)> {
    let bench = BENCHES.iter().find(|bench| bench.name == machine)?;
    (0..most).find_map(|number| {
        let run = || (bench.run)(&choices(bench, seed, number), None);
        panics::caught(run).err().map(|why| (number + 1, why))
    })
}

/// A sequence that went wrong, as short as it could be made.
struct Failure {
    why: String,
    choices: Vec<u32>,
}

impl Failure {
    fn tell(&self, bench: &Bench, seed: u64, number: u64) {
        eprintln!("{}: VIOLATION: {}", bench.name, self.why);
        eprintln!("  seed {seed}, sequence {number}, shrunk to {:?}", self.choices);
        eprintln!("  as a feed for `earmark play`:\n{}", (bench.replay)(&self.choices));
    }
}

/// One sequence.
fn sequence(bench: &Bench, seed: u64, number: u64, bug: Option<&str>) -> Result<(), Failure> {
    let run = |choices: Vec<u32>| (bench.run)(&choices, bug).map_err(TestCaseError::fail);
    match runner(bench, seed, number).run(&vec(any::<u32>(), 1..=CHOICES_MAX), run) {
        Ok(()) => Ok(()),
        Err(TestError::Fail(why, choices)) => {
            Err(Failure { why: why.message().to_owned(), choices })
        }
        Err(TestError::Abort(why)) => {
            Err(Failure { why: why.message().to_owned(), choices: Vec::new() })
        }
    }
}

/// The choices of a sequence.
fn choices(bench: &Bench, seed: u64, number: u64) -> Vec<u32> {
    let seen = RefCell::new(Vec::new());
    let note = |choices: Vec<u32>| {
        seen.replace(choices);
        Ok(())
    };
    let noted = runner(bench, seed, number).run(&vec(any::<u32>(), 1..=CHOICES_MAX), note);
    noted.expect("choices that are only noted cannot fail");
    seen.into_inner()
}

/// Draws the choices of a sequence, which follow from the seed and its number alone.
fn runner(bench: &Bench, seed: u64, number: u64) -> TestRunner {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&number.to_le_bytes());
    key[16] = bench.name.len() as u8;
    let config = Config {
        cases: 1,
        failure_persistence: None,
        max_shrink_iters: SHRINKS_MAX,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &key))
}

/// Reads a number as a choice of a kind, and the rest of it as the kind's content.
struct Choice {
    kind: u32,
    rest: u32,
}

impl Choice {
    const fn of(number: u32, kinds: u32) -> Self {
        Self { kind: number % kinds, rest: number / kinds }
    }

    /// One of several.
    const fn one_of<T: Copy>(&self, of: &[T]) -> T {
        of[self.rest as usize % of.len()]
    }
}

/// Fails with words unless something holds.
fn ensure(holds: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(why()) }
}
