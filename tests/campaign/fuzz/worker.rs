//! Feeds the readers: one process with one busy thread, so that what is held in memory is what the
//! reader holds, and a reader that goes on for ever can be ended.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::mutation::{Dice, mutate};
use super::target::{Ground, Target, corpus};
use crate::locked::locked;
use crate::memory::MEMORY;
use crate::request::Slice;

/// Inputs that are kept because what came of them was new, for each target.
const KEPT_MAX: usize = 512;
/// How long a target is fed before the next one's turn.
const TURN: Duration = Duration::from_millis(20);
/// Executions between two looks at the clock.
const BATCH: u64 = 32;
/// Of so many inputs one keeps checksums that do not fit.
const UNMENDED: u64 = 4;
/// Characters of an outcome that count.
const OUTCOME_CHARS: usize = 120;

/// What a worker was told to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task {
    pub(super) seed: u64,
    /// What somebody asked for, if it is the whole of it.
    pub(super) whole: Option<Slice>,
    /// Else when it is over.
    pub(super) lasting: Duration,
    /// It goes on until so much is executed.
    pub(super) executions: u64,
    /// How long one execution may last.
    pub(super) hang: Duration,
}

/// What is being executed, for the watchdog.
#[derive(Default)]
struct Now {
    executions: AtomicU64,
    input: Mutex<(&'static str, Vec<u8>)>,
}

/// The inputs of a target, and what came of them.
pub(super) struct Bench {
    pub(super) target: Target,
    pub(super) executions: u64,
    pub(super) violations: u64,
    pub(super) seeds: usize,
    pub(super) pool: Vec<Vec<u8>>,
    outcomes: BTreeSet<u64>,
    dice: Dice,
}

/// Feeds all of the targets in turn.
pub(super) fn run(targets: &[Target], task: Task) -> Vec<Bench> {
    std::panic::set_hook(Box::new(|_| ()));
    let (ground, started) = (Ground::new(), Instant::now());
    let mut benches: Vec<Bench> = (0..)
        .zip(targets)
        .map(|(place, target)| Bench::new(&ground, target, task, place))
        .collect();
    let now: Arc<Now> = Arc::default();
    watch(&now, task.hang);
    let is_over = || match task.whole {
        Some(slice) => slice.is_over(1.0),
        None => started.elapsed() >= task.lasting,
    };
    let mut done = 0;
    while !is_over() || done < task.executions {
        for bench in &mut benches {
            let turn = Instant::now();
            while turn.elapsed() < TURN * bench.target.share && bench.violations == 0 {
                (0..BATCH).for_each(|_| bench.execute(&ground, &now));
                done += BATCH;
            }
        }
        if benches.iter().any(|bench| bench.violations > 0) {
            break;
        }
    }
    benches
}

impl Bench {
    fn new(ground: &Ground, target: &Target, task: Task, place: u64) -> Self {
        let pool = corpus(ground, target);
        let dice = Dice(task.seed ^ (place << 48));
        let seeds = pool.len();
        let outcomes = BTreeSet::new();
        Self { target: *target, executions: 0, violations: 0, seeds, pool, outcomes, dice }
    }

    fn execute(&mut self, ground: &Ground, now: &Now) {
        let input = self.next();
        note(now, self.target.name, &input);
        MEMORY.reset_peak_usage();
        let before = MEMORY.current_usage();
        let read = catch_unwind(AssertUnwindSafe(|| (self.target.read)(ground, &input)));
        let held = MEMORY.peak_usage().saturating_sub(before);
        self.executions += 1;
        let held_max = self.target.memory + self.target.memory_per_byte * input.len();
        match read {
            Ok(_) if held > held_max => {
                self.tell(&format!("it held {held} bytes; at most {held_max} are due"), &input);
            }
            Ok(outcome) => self.keep(&outcome, input),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
                self.tell(&format!("it panicked: {}", text.unwrap_or_default()), &input);
            }
        }
    }

    fn next(&mut self) -> Vec<u8> {
        let mut input = self.pool[self.dice.below(self.pool.len())].clone();
        let other = self.dice.below(self.pool.len());
        mutate(&mut input, &self.pool[other], &mut self.dice);
        input.truncate(self.target.bytes_max);
        if !self.dice.roll().is_multiple_of(UNMENDED) {
            (self.target.mend)(&mut input);
        }
        input
    }

    fn keep(&mut self, outcome: &str, input: Vec<u8>) {
        // How far a reader came shows in the size of a number, and not in the number.
        let mut hasher = DefaultHasher::new();
        let plain = |letter: char| if letter.is_ascii_digit() { '0' } else { letter };
        outcome.chars().take(OUTCOME_CHARS).map(plain).for_each(|one| one.hash(&mut hasher));
        if self.outcomes.len() < KEPT_MAX && self.outcomes.insert(hasher.finish()) {
            self.pool.push(input);
        }
    }

    fn tell(&mut self, why: &str, input: &[u8]) {
        self.violations += 1;
        tell(self.target.name, why, input);
    }
}

fn tell(name: &str, why: &str, input: &[u8]) {
    eprintln!("{name}: VIOLATION: {why}");
    eprintln!("  the input, {} bytes: b\"{}\"", input.len(), input.escape_ascii());
}

fn note(now: &Now, name: &'static str, input: &[u8]) {
    let mut place = locked(&now.input);
    place.0 = name;
    place.1.clear();
    place.1.extend_from_slice(input);
    drop(place);
    now.executions.fetch_add(1, Ordering::Relaxed);
}

/// Ends the process when one execution lasts too long.
fn watch(now: &Arc<Now>, hang: Duration) {
    let now = Arc::clone(now);
    std::thread::spawn(move || {
        let mut before = 0;
        loop {
            std::thread::sleep(hang);
            let executions = now.executions.load(Ordering::Relaxed);
            if executions == before && executions > 0 {
                let input = locked(&now.input);
                tell(input.0, &format!("it goes on for more than {hang:?}"), &input.1);
                std::process::exit(super::HUNG.into());
            }
            before = executions;
        }
    });
}
