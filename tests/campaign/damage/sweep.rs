//! Goes through many cases on all cores: through all of them, or through as many as there is time
//! for, spread evenly.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::request::Slice;

/// Violations that are told one by one.
const TOLD_MAX: u64 = 10;
/// Cases between two words of progress.
const TELL_EVERY: u64 = 50_000;
/// The step from one case to the next is this part of all of them, so that however few are taken
/// they lie evenly.
const GOLDEN: f64 = 0.618_033_988_749_895;

/// Which cases are gone through.
pub(super) struct Sweep<'a> {
    pub(super) slice: &'a Slice,
    pub(super) name: &'static str,
    /// How many cases there are.
    pub(super) cases: u64,
    /// When this sweep is over although it is not through, as a part of the whole time.
    pub(super) until: f64,
}

/// What a sweep has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Swept {
    pub(super) checked: u64,
    pub(super) violations: u64,
}

impl Sweep<'_> {
    /// Gives each worker a place to work at, and checks one case after another.
    pub(super) fn run<P>(
        &self,
        place: impl Fn() -> P + Sync,
        check: impl Fn(&mut P, u64) -> Result<(), String> + Sync,
    ) -> Swept {
        let (next, checked) = (AtomicU64::new(0), AtomicU64::new(0));
        let violations = AtomicU64::new(0);
        let step = step(self.cases);
        let work = || {
            let mut place = place();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= self.cases || (!self.slice.is_long && self.slice.is_over(self.until)) {
                    return;
                }
                let case = (number.wrapping_mul(step) + self.slice.seed % self.cases) % self.cases;
                if let Err(why) = check(&mut place, case) {
                    self.tell(case, &why, violations.fetch_add(1, Ordering::Relaxed));
                }
                let done = checked.fetch_add(1, Ordering::Relaxed) + 1;
                if done.is_multiple_of(TELL_EVERY) {
                    let seconds: Duration = self.slice.elapsed();
                    eprintln!("{}: {done} of {} after {seconds:.0?}", self.name, self.cases);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..workers() {
                scope.spawn(work);
            }
        });
        let (checked, violations) = (checked.into_inner(), violations.into_inner());
        eprintln!("{}: {checked} of {}, {violations} violations", self.name, self.cases);
        Swept { checked, violations }
    }

    fn tell(&self, case: u64, why: &str, before: u64) {
        if before < TOLD_MAX {
            eprintln!("{}: VIOLATION in case {case}: {why}", self.name);
            eprintln!("  the case follows from its number: campaign damage --minutes 60");
        }
    }
}

fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// A step with which every case comes once.
fn step(cases: u64) -> u64 {
    let mut step = ((cases as f64 * GOLDEN) as u64).max(1);
    while gcd(step, cases) != 1 {
        step += 1;
    }
    step
}

const fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
