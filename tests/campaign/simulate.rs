//! The whole runtime in random worlds: one seed, one world; every invariant that can be seen from
//! outside is checked after every event, every recovery and at the end.

use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use earmark_core::invariant::Tally;
use earmark_sim::world::{PlannedPanic, TimeStandsStill};
use earmark_tests::simulate::census::RARE;
use earmark_tests::simulate::checker::Broken;
use earmark_tests::simulate::generate::World;
use earmark_tests::simulate::kept;
use earmark_tests::simulate::kinds::FaultKind;
use earmark_tests::simulate::lies::LIES;
use earmark_tests::simulate::run;
use earmark_tests::simulate::shrink::shrink;
use earmark_tests::simulate::tell::Teller;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Map, Value, json};

use crate::outcome::{self, CannotRun, Outcome};
use crate::request::Slice;

/// A campaign that is asked to last runs at least so many seeds, or as long as it may.
const SEEDS_MIN: u64 = 20_000;
/// The slice ends with so many.
const SEEDS_OF_SLICE: u64 = 200;
/// How much of the time the worlds get.
const PART: f64 = 0.8;
/// One seed in so many is played again: in this process, and in another one.
const AGAIN_EVERY: u64 = 100;
/// A lie must be noticed within so many worlds.
const WORLDS_PER_LIE: u64 = 60;
/// A long run must meet each fault kind in one of so many seeds.
const MEET_ONE_IN: u64 = 100;
/// So many failing feeds are made smaller and shown.
const SHOWN_MAX: usize = 3;

/// What all seeds came to.
#[derive(Debug, Default)]
struct Sums {
    seeds: u64,
    broken: Vec<(u64, Broken)>,
    lasted: Duration,
    events: u64,
    /// The processor's time in which the worlds were played and checked.
    busy: Duration,
    met: Vec<u64>,
    rare: Vec<u64>,
    tally: Tally,
    deterministic: u64,
    differing: Vec<u64>,
}

pub(crate) fn run(slice: &Slice) -> Result<Outcome, CannotRun> {
    be_silent_about_planned_panics();
    if let Some(seed) = slice.shown {
        return Ok(show(seed));
    }
    let sums = play_all(slice);
    report(&sums);
    Ok(outcome(&sums, slice))
}

/// A handler that panics because it was told to is no news.
fn be_silent_about_planned_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let payload = panic.payload();
        if !payload.is::<PlannedPanic>() && !payload.is::<TimeStandsStill>() {
            usual(panic);
        }
    }));
}

/// Shows the world of a seed: its feed, what happens in it, and the hash of its course.
fn show(seed: u64) -> Outcome {
    let world = World::of(seed);
    outcome::print(&kept::remark(&world));
    outcome::print(world.feed.to_text().trim_end());
    let played = run::run_told(&world, &world.feed, Some(Teller::default()));
    if let Some(broken) = &played.broken {
        eprintln!("seed {seed}: {}", words(broken));
    }
    let more = [(String::from("hash"), json!(hash_text(played.hash)))];
    let violations = u64::from(played.broken.is_some());
    let more = more.into_iter().collect();
    Outcome { checked: 1, unit: "seeds", violations, more, ..Outcome::default() }
}

fn words(broken: &Broken) -> String {
    format!("at {:?}: {}", broken.at, broken.violation)
}

fn hash_text(hash: u64) -> String {
    format!("{hash:016x}")
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
            let enough = if slice.is_long { SEEDS_MIN } else { SEEDS_OF_SLICE };
            if seed - slice.seed + 1 >= enough || slice.is_over(PART) {
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

/// The time that this thread has had the processor.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

fn play_one(seed: u64, sums: &Mutex<Sums>) {
    let started = processor_time();
    let world = World::of(seed);
    let played = run::run(&world, &world.feed);
    let busy = processor_time() - started;
    let is_again = seed.is_multiple_of(AGAIN_EVERY);
    let same = is_again.then(|| is_same_again(&world, played.hash));
    let mut sums = sums.lock().expect("no thread panics while it holds the sums");
    sums.add(seed, busy, &played);
    match same {
        Some(true) => sums.deterministic += 1,
        Some(false) => sums.differing.push(seed),
        None => {}
    }
}

/// Whether a world takes the same course again, here and in another process, while the other
/// worlds of the campaign keep the processors busy.
fn is_same_again(world: &World, hash: u64) -> bool {
    let here = run::run(world, &world.feed).hash;
    let elsewhere = std::env::current_exe().and_then(|program| {
        let seed = world.seed.to_string();
        Command::new(program).args(["simulate", "--show", &seed]).stderr(Stdio::null()).output()
    });
    let elsewhere = elsewhere.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let told = format!(r#""hash":"{}""#, hash_text(hash));
    here == hash && elsewhere.is_ok_and(|text| text.contains(&told))
}

impl Sums {
    fn add(&mut self, seed: u64, busy: Duration, played: &run::Outcome) {
        self.seeds += 1;
        self.busy += busy;
        self.lasted += played.lasted;
        self.events += played.events();
        self.tally.add(&played.tally);
        for (count, kind) in self.met.iter_mut().zip(FaultKind::ALL) {
            *count += u64::from(played.met.has(*kind));
        }
        for (count, (rare, _)) in self.rare.iter_mut().zip(RARE) {
            *count += u64::from(played.rare.has(*rare));
        }
        if let Some(broken) = &played.broken {
            eprintln!("seed {seed}: {}", words(broken));
            self.broken.push((seed, broken.clone()));
        }
        if self.seeds.is_multiple_of(1_000) {
            eprintln!("{} seeds, {} violations", self.seeds, self.broken.len());
        }
    }

    /// What a long run has to reach and did not.
    fn unmet(&self) -> Vec<&'static str> {
        let kinds = FaultKind::ALL.iter().zip(&self.met);
        let kinds = kinds.filter(|(_, seeds)| **seeds * MEET_ONE_IN < self.seeds);
        let rare = RARE.iter().zip(&self.rare).filter(|(_, seeds)| **seeds == 0);
        kinds.map(|(kind, _)| kind.name()).chain(rare.map(|((_, name), _)| *name)).collect()
    }
}

/// Makes failing feeds smaller, and shows each with what it breaks.
fn report(sums: &Sums) {
    for seed in &sums.differing {
        eprintln!("seed {seed} does not take the same course again");
    }
    for (seed, broken) in sums.broken.iter().take(SHOWN_MAX) {
        let world = World::of(*seed);
        let smaller = shrink(&world, broken.violation.invariant);
        outcome::print(&format!("# seed {seed}, {}", words(broken)));
        outcome::print(&kept::remark(&world));
        outcome::print(smaller.to_text().trim_end());
    }
}

fn outcome(sums: &Sums, slice: &Slice) -> Outcome {
    let noticed = LIES.iter().filter(|lie| {
        let worlds = run::notices(**lie, slice.seed..slice.seed + WORLDS_PER_LIE);
        if worlds.is_none() {
            eprintln!("nothing noticed the lie {lie:?}");
        }
        worlds.is_some()
    });
    let caught = noticed.count() as u64;
    let unmet = if slice.is_long { sums.unmet() } else { Vec::new() };
    let violations = sums.broken.len() + sums.differing.len() + unmet.len();
    let (planted, violations) = (LIES.len() as u64, violations as u64);
    Outcome {
        checked: sums.seeds,
        unit: "seeds",
        violations,
        planted,
        caught,
        more: counts(sums, &unmet),
    }
}

fn counts(sums: &Sums, unmet: &[&str]) -> Map<String, Value> {
    let named = |pairs: Vec<(&str, u64)>| -> Value {
        pairs
            .into_iter()
            .map(|(name, count)| (name.to_owned(), json!(count)))
            .collect::<Map<_, _>>()
            .into()
    };
    let kinds = FaultKind::ALL.iter().zip(&sums.met).map(|(kind, seeds)| (kind.name(), *seeds));
    let rare = RARE.iter().zip(&sums.rare).map(|((_, name), seeds)| (*name, *seeds));
    let checks = sums.tally.counts().map(|(invariant, count)| (invariant.id(), count));
    let (seconds, lasted) = (sums.busy.as_secs_f64(), sums.lasted.as_secs_f64());
    let rate = |number: f64| json!((number / seconds).round() as u64);
    let more = [
        ("checks", named(checks.collect())),
        ("deterministic", json!(sums.deterministic)),
        ("events", json!(sums.events)),
        ("events_per_second_per_core", rate(sums.events as f64)),
        ("fault_kinds", named(kinds.collect())),
        ("sometimes", named(rare.collect())),
        ("times_real_time", rate(lasted)),
        ("unmet", json!(unmet)),
        ("virtual_hours", json!((lasted / 3_600.0).round() as u64)),
    ];
    more.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
