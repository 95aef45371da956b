//! The whole runtime in random worlds: one seed, one world; every invariant that can be seen from
//! outside is checked after every event, every recovery and at the end.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use earmark_core::invariant::Tally;
use earmark_sim::world::PlannedPanic;
use earmark_tests::simulate::census::RARE;
use earmark_tests::simulate::generate::World;
use earmark_tests::simulate::kinds::FaultKind;
use earmark_tests::simulate::run;
use serde_json::{Map, Value, json};

use crate::outcome::{CannotRun, Outcome};
use crate::request::Slice;

/// A campaign that is asked to last runs at least so many seeds, or as long as it may.
const SEEDS_MIN: u64 = 20_000;
/// The slice ends with so many.
const SEEDS_OF_SLICE: u64 = 400;
/// How much of the time the worlds get.
const PART: f64 = 0.8;
/// One seed in so many is run again.
const AGAIN_EVERY: u64 = 100;

/// What all seeds came to.
#[derive(Debug, Default)]
struct Sums {
    seeds: u64,
    violations: Vec<(u64, String)>,
    lasted: Duration,
    events: u64,
    busy: Duration,
    met: Vec<u64>,
    rare: Vec<u64>,
    tally: Tally,
    again: u64,
    differing: Vec<u64>,
}

pub(crate) fn run(slice: &Slice) -> Result<Outcome, CannotRun> {
    be_silent_about_planned_panics();
    let sums = play_all(slice);
    for (seed, broken) in &sums.violations {
        eprintln!("seed {seed}: {broken}");
    }
    Ok(outcome(&sums, slice.elapsed()))
}

/// A handler that panics because it was told to is no news.
fn be_silent_about_planned_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.payload().downcast_ref::<PlannedPanic>().is_none() {
            usual(panic);
        }
    }));
}

fn play_all(slice: &Slice) -> Sums {
    let next = AtomicU64::new(slice.seed);
    let stop = AtomicBool::new(false);
    let sums = Mutex::new(Sums {
        met: vec![0; FaultKind::ALL.len()],
        rare: vec![0; RARE.len()],
        ..Sums::default()
    });
    let work = || {
        while !stop.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            play_one(seed, &sums);
            let played = seed - slice.seed + 1;
            let enough = if slice.is_long {
                played >= SEEDS_MIN && slice.is_over(PART)
            } else {
                played >= SEEDS_OF_SLICE
            };
            if enough || slice.is_over(PART) {
                stop.store(true, Ordering::Relaxed);
            }
        }
    };
    thread::scope(|scope| {
        (0..thread::available_parallelism().map_or(1, usize::from)).for_each(|_| {
            scope.spawn(work);
        });
    });
    sums.into_inner().expect("no thread panics while it holds the sums")
}

fn play_one(seed: u64, sums: &Mutex<Sums>) {
    let started = std::time::Instant::now();
    let world = World::of(seed);
    let outcome = run::run(&world, &world.feed);
    let busy = started.elapsed();
    let again = seed.is_multiple_of(AGAIN_EVERY).then(|| run::run(&world, &world.feed).hash);
    let mut sums = sums.lock().expect("no thread panics while it holds the sums");
    sums.seeds += 1;
    sums.busy += busy;
    sums.lasted += outcome.lasted;
    sums.events += outcome.events();
    sums.tally.add(&outcome.tally);
    for (count, kind) in sums.met.iter_mut().zip(FaultKind::ALL) {
        *count += u64::from(outcome.met.has(*kind));
    }
    for (count, (rare, _)) in sums.rare.iter_mut().zip(RARE) {
        *count += u64::from(outcome.rare.has(*rare));
    }
    if let Some(hash) = again {
        sums.again += 1;
        if hash != outcome.hash {
            sums.differing.push(seed);
        }
    }
    if let Some(broken) = outcome.broken {
        sums.violations.push((seed, format!("at {:?}: {}", broken.at, broken.violation)));
    }
    if sums.seeds.is_multiple_of(1_000) {
        eprintln!("{} seeds, {} violations", sums.seeds, sums.violations.len());
    }
}

fn outcome(sums: &Sums, _took: Duration) -> Outcome {
    let kinds: Map<String, Value> = FaultKind::ALL
        .iter()
        .zip(&sums.met)
        .map(|(kind, seeds)| (kind.name().to_owned(), json!(seeds)))
        .collect();
    let rare: Map<String, Value> = RARE
        .iter()
        .zip(&sums.rare)
        .map(|((_, name), seeds)| ((*name).to_owned(), json!(seeds)))
        .collect();
    let checks: Map<String, Value> = sums
        .tally
        .counts()
        .map(|(invariant, count)| (invariant.id().to_owned(), json!(count)))
        .collect();
    let seconds = sums.busy.as_secs_f64();
    let more = [
        ("virtual_hours", json!((sums.lasted.as_secs_f64() / 3_600.0).round())),
        ("times_real_time", json!((sums.lasted.as_secs_f64() / seconds).round())),
        ("events", json!(sums.events)),
        ("events_per_second_per_core", json!((sums.events as f64 / seconds).round())),
        ("fault_kinds", Value::Object(kinds)),
        ("sometimes", Value::Object(rare)),
        ("checks", Value::Object(checks)),
        ("deterministic", json!(sums.again - sums.differing.len() as u64)),
    ];
    Outcome {
        checked: sums.seeds,
        unit: "seeds",
        violations: (sums.violations.len() + sums.differing.len()) as u64,
        planted: 0,
        caught: 0,
        more: more.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
    }
}
