//! Power cuts of a real ext4 on a loop device.
//!
//! The writer of `kills` is stopped at a random moment, its file system is shut down without a
//! flush of its log, and then mounted anew. What the next writer finds must be what a prefix of the
//! submitted records comes to that includes all that was called durable.

mod cycle;
mod medium;
mod victim;
mod window;

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use serde_json::{Map, json};

use crate::kills::{Program, Wrong};
use crate::outcome::{CannotRun, Outcome};
use crate::request::Slice;
use cycle::{BUGS, Bug, Chain, Cycles};
use medium::Medium;
pub(crate) use medium::run as run_tool;

/// File systems side by side: a cycle waits most of its time for the kernel.
const WORKERS: u64 = 6;
/// The part of the time after which the slice that nobody asked more of ends.
const SLICE_PART: f64 = 0.33;
/// How often progress is told, in chains.
const PROGRESS: u64 = 20;
/// After so many violations the reason is known well enough.
const VIOLATIONS_MAX: u64 = 10;

pub(crate) fn run(slice: &Slice) -> Result<Outcome, CannotRun> {
    Medium::check().map_err(|missing| {
        CannotRun(format!("NO POWER CUT WAS MADE, NOTHING IS SHOWN ABOUT THEM: {missing}"))
    })?;
    let program = Program::find()?;
    let media = (0..WORKERS).map(|_| Medium::new()).collect::<Result<Vec<_>, _>>();
    let mut media = media.map_err(CannotRun)?;
    let mut outcome = Outcome { unit: "power cuts", ..Outcome::default() };
    let mut told = Map::new();
    for bug in BUGS {
        let (cycles, caught) = control(slice, &program, &mut media, bug);
        let enough = if slice.is_long { bug.long.1 } else { bug.short.1 };
        outcome.planted += 1;
        outcome.caught += u64::from(caught >= enough);
        eprintln!("planted `{}` {cycles} times, noticed {caught}, needed {enough}", bug.name);
        told.insert(bug.name.to_owned(), json!({ "planted": cycles, "caught": caught }));
    }
    outcome.more.insert(String::from("control_cycles"), told.into());
    cut_power(slice, &program, &mut media, &mut outcome);
    window::run(slice, &program, &mut media, &mut outcome);
    Ok(outcome)
}

/// Counters that say nothing of each other.
const ORDER: Ordering = Ordering::Relaxed;

/// What the workers have counted.
#[derive(Default)]
struct Counts {
    begun: AtomicU64,
    cycles: AtomicU64,
    after_promises: AtomicU64,
    violations: AtomicU64,
    lost: AtomicU64,
}

fn cut_power(slice: &Slice, program: &Program, media: &mut [Medium], outcome: &mut Outcome) {
    let counts = Counts::default();
    thread::scope(|scope| {
        for medium in media {
            let counts = &counts;
            scope.spawn(move || work(slice, program, medium, counts));
        }
    });
    let get = |counter: &AtomicU64| counter.load(ORDER);
    outcome.checked = get(&counts.cycles);
    outcome.violations = get(&counts.violations);
    outcome.more.insert(String::from("cycles"), json!(get(&counts.cycles)));
    let after_promises = json!(get(&counts.after_promises));
    outcome.more.insert(String::from("after_promises"), after_promises);
    outcome.more.insert(String::from("lost"), json!(get(&counts.lost)));
}

fn work(slice: &Slice, program: &Program, medium: &mut Medium, counts: &Counts) {
    let part = if slice.is_long { 1.0 } else { SLICE_PART };
    loop {
        let number = counts.begun.fetch_add(1, ORDER);
        let (chain, mut cycles) = (Chain { seed: slice.seed, number }, Cycles::default());
        let end = chain.run(program, medium, &mut cycles);
        counts.after_promises.fetch_add(cycles.after_promises, ORDER);
        let all = counts.cycles.fetch_add(cycles.cut, ORDER) + cycles.cut;
        if number.is_multiple_of(PROGRESS) {
            eprintln!("{all} power cuts");
        }
        if let Err(wrong) = end {
            tell(&chain, &wrong, counts);
            // What is mounted then is not what the next chain expects.
            let _ = medium.unmount();
        }
        let is_hopeless = counts.violations.load(ORDER) >= VIOLATIONS_MAX;
        if is_hopeless || slice.is_over(part) {
            return;
        }
    }
}

fn tell(chain: &Chain, wrong: &Wrong, counts: &Counts) {
    counts.violations.fetch_add(1, ORDER);
    counts.lost.fetch_add(wrong.lost, ORDER);
    eprintln!("VIOLATION in the chain of power cuts {}: {}", chain.number, wrong.why);
    eprintln!("  again: campaign power-cuts --seed {}", chain.seed);
}

/// Plants a bug so often, on all media; the cycles and how many noticed.
fn control(slice: &Slice, program: &Program, media: &mut [Medium], bug: Bug) -> (u64, u64) {
    let cycles = if slice.is_long { bug.long.0 } else { bug.short.0 };
    let (begun, caught) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for medium in media {
            let (begun, caught) = (&begun, &caught);
            scope.spawn(move || {
                loop {
                    let number = begun.fetch_add(1, ORDER);
                    if number >= cycles {
                        return;
                    }
                    let chain = Chain { seed: slice.seed, number };
                    caught.fetch_add(u64::from(is_caught(&chain, program, medium, bug)), ORDER);
                }
            });
        }
    });
    (cycles, caught.load(ORDER))
}

fn is_caught(chain: &Chain, program: &Program, medium: &mut Medium, bug: Bug) -> bool {
    let end = chain.spoil(program, medium, bug);
    // A writer that does not even open the store has left it mounted.
    let _ = medium.unmount();
    match end {
        Ok(noticed) => noticed.is_some(),
        Err(why) => {
            eprintln!("planted `{}` could not be tried: {why}", bug.name);
            false
        }
    }
}
