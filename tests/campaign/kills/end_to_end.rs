//! The whole program, killed while it plays a feed against a server.
//!
//! A trial plays a feed in real time, kills the program, looks at what its store holds, has
//! `earmark sync` upload the rest, and compares what the server then holds with what was durable at
//! the kill. The frames are pseudo-random, so what each recording must contain is known without the
//! store.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use serde_json::json;

use super::program::Program;
use super::trial::{Sabotage, Trial};
use crate::outcome::{CannotRun, Outcome};
use crate::request::Slice;

/// Trials at once: each waits most of its time.
const WORKERS: u64 = 10;
/// Trials in the slice that nobody asked more of.
const TRIALS_MIN: u64 = 20;
/// No trial of a long request begins after this part of the time, so that the last one ends in it.
const LAST_START: f64 = 0.97;

/// Runs trials: a long request's until its time is over.
pub(super) fn run(slice: &Slice, program: &Program, counts: &Counts) {
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| work(slice, program, counts));
        }
    });
}

/// What the workers have counted.
#[derive(Default)]
pub(super) struct Counts {
    begun: AtomicU64,
    killed: AtomicU64,
    violations: AtomicU64,
    durable_frames: AtomicU64,
    recordings: AtomicU64,
    linked: AtomicU64,
    sent_again: AtomicU64,
    stalled: AtomicU64,
}

impl Counts {
    pub(super) fn write(&self, outcome: &mut Outcome) {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        outcome.checked += get(&self.killed);
        outcome.violations += get(&self.violations);
        for (name, counter) in [
            ("end_to_end_kills", &self.killed),
            ("durable_frames", &self.durable_frames),
            ("recordings", &self.recordings),
            ("linked", &self.linked),
            ("sent_again", &self.sent_again),
            ("stalled_hosts", &self.stalled),
        ] {
            outcome.more.insert(name.to_owned(), json!(get(counter)));
        }
    }
}

fn work(slice: &Slice, program: &Program, counts: &Counts) {
    loop {
        let number = counts.begun.fetch_add(1, Ordering::Relaxed);
        if number >= TRIALS_MIN && (!slice.is_long || slice.is_over(LAST_START)) {
            return;
        }
        let trial = Trial::new(slice.seed, number, Sabotage::None);
        match trial.run(program) {
            Ok(seen) => {
                counts.killed.fetch_add(1, Ordering::Relaxed);
                counts.durable_frames.fetch_add(seen.frames, Ordering::Relaxed);
                counts.recordings.fetch_add(seen.recordings, Ordering::Relaxed);
                counts.linked.fetch_add(seen.linked, Ordering::Relaxed);
                counts.sent_again.fetch_add(seen.sent_again, Ordering::Relaxed);
                counts.stalled.fetch_add(seen.stalled, Ordering::Relaxed);
                eprintln!("kill {number} after {:?}: {seen:?}", trial.kill_after());
            }
            Err(why) => {
                counts.killed.fetch_add(1, Ordering::Relaxed);
                counts.violations.fetch_add(1, Ordering::Relaxed);
                trial.tell(&why);
            }
        }
    }
}

/// Spoils a trial in each way, and sees whether the comparison notices.
pub(super) fn control(
    slice: &Slice,
    program: &Program,
    outcome: &mut Outcome,
) -> Result<(), CannotRun> {
    let caught = thread::scope(|scope| {
        let run = |sabotage: &Sabotage| {
            let trial = Trial::new(slice.seed, 0, *sabotage);
            (*sabotage, scope.spawn(move || trial.run(program)))
        };
        let trials: Vec<_> = Sabotage::ALL.iter().map(run).collect();
        let ends = trials.into_iter().map(|(sabotage, trial)| (sabotage, trial.join()));
        ends.collect::<Vec<_>>()
    });
    for (sabotage, end) in caught {
        let end = end.map_err(|_| CannotRun(String::from("a trial panicked")))?;
        outcome.planted += 1;
        outcome.caught += u64::from(end.is_err());
        match end {
            Err(why) => eprintln!("planted `{sabotage:?}` noticed: {why}"),
            Ok(_) => eprintln!("planted `{sabotage:?}` was NOT noticed"),
        }
    }
    Ok(())
}
