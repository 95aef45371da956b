//! Power cuts of one store, one after another.

use std::thread;
use std::time::Duration;

use super::medium::Medium;
use super::victim::Victim;
use crate::crash_states::dice::mix;
use crate::kills::{Judge, Program, Promise, Told, Wrong};

/// Power cuts that one store goes through.
const CYCLES: u64 = 10;
/// The last moment of a power cut, from the start of the writer on.
const MOMENT_MICROS_MAX: u64 = 300_000;
/// One in so many writers has a sync that fails, and must get over it.
const FAILING: u64 = 4;
/// Which sync fails: behind those of the opening, which would not succeed.
const FAIL_SYNC: (u64, u64) = (12, 40);
/// Syncs that a writer with a bug acknowledges before the cut.
const SYNCS_MIN: u64 = 12;
/// More than a writer gets done.
const STEPS: u64 = 10_000_000;

/// A store and its power cuts; all that is random in them follows from the seed and the number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain {
    pub(super) seed: u64,
    pub(super) number: u64,
}

/// What the cycles of a chain were.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cycles {
    pub(super) cut: u64,
    /// Those that came after something was called durable.
    pub(super) after_promises: u64,
}

/// A bug that is planted, and how often it must be noticed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bug {
    pub(super) name: &'static str,
    fails_sync: bool,
    /// In a long run: cycles, and how many of them must notice.
    pub(super) long: (u64, u64),
    /// In the slice.
    pub(super) short: (u64, u64),
}

/// All that are planted.
pub(super) const BUGS: [Bug; 2] = [
    Bug { name: "no-sync", fails_sync: false, long: (100, 99), short: (6, 6) },
    Bug { name: "ignore-sync-error", fails_sync: true, long: (200, 10), short: (24, 1) },
];

impl Chain {
    fn random(&self, salt: u64) -> u64 {
        mix(mix(mix(self.seed) ^ self.number) ^ salt)
    }

    fn arguments(&self, medium: &Medium, place: u64) -> Vec<String> {
        vec![
            String::from("hammer"),
            format!("--data-dir={}", medium.store().display()),
            format!("--seed={}", self.random(1 << 32 | place)),
            format!("--frames={}", self.frames_seed()),
            format!("--steps={STEPS}"),
        ]
    }

    fn frames_seed(&self) -> u64 {
        self.random(1 << 33)
    }

    fn fail_sync(&self, place: u64) -> u64 {
        let (first, last) = FAIL_SYNC;
        first + self.random(1 << 34 | place) % (last - first)
    }

    fn moment(&self, place: u64) -> Duration {
        Duration::from_micros(self.random(1 << 35 | place) % MOMENT_MICROS_MAX)
    }

    /// Cuts the power again and again; `cycles` counts.
    pub(super) fn run(
        &self,
        program: &Program,
        medium: &mut Medium,
        cycles: &mut Cycles,
    ) -> Result<(), Wrong> {
        let mut judge = Judge::new(Promise::Durable, self.frames_seed());
        medium.format()?;
        medium.mount()?;
        for place in 0..CYCLES {
            let mut arguments = self.arguments(medium, place);
            if place % FAILING == FAILING - 1 {
                arguments.push(format!("--fail-sync={}", self.fail_sync(place)));
            }
            let victim = Victim::start(program, &arguments)?;
            thread::sleep(self.moment(place));
            let told = Told::read(&cut(victim, medium)?)?;
            cycles.cut += 1;
            cycles.after_promises += u64::from(told.durable > 0);
            judge.hear(told)?;
        }
        self.recover(program, medium, &mut judge)
    }

    fn recover(
        &self,
        program: &Program,
        medium: &mut Medium,
        judge: &mut Judge,
    ) -> Result<(), Wrong> {
        let mut arguments = self.arguments(medium, CYCLES);
        arguments.push(String::from("--recover"));
        let found = Victim::start(program, &arguments)?.finish();
        medium.unmount()?;
        judge.hear(found?).map(drop)
    }

    /// One power cut of a writer with a bug; what the recovery behind it notices.
    pub(super) fn spoil(
        &self,
        program: &Program,
        medium: &mut Medium,
        bug: Bug,
    ) -> Result<Option<Wrong>, String> {
        let mut judge = Judge::new(Promise::Durable, self.frames_seed());
        medium.format()?;
        medium.mount()?;
        let mut arguments = self.arguments(medium, 0);
        arguments.push(format!("--sabotage={}", bug.name));
        if bug.fails_sync {
            arguments.push(format!("--fail-sync={}", self.fail_sync(0)));
        }
        let mut victim = Victim::start(program, &arguments)?;
        if bug.fails_sync {
            // Right behind the sync that fails: later a snapshot holds what it lost.
            victim.wait_for(self.fail_sync(0))?;
        } else {
            victim.wait_for(SYNCS_MIN)?;
            thread::sleep(self.moment(0));
        }
        let told = Told::read(&cut(victim, medium)?)?;
        let heard = judge.hear(told).and_then(|_| self.recover(program, medium, &mut judge));
        Ok(heard.err())
    }
}

/// Stops the writer, cuts the power, ends the writer, and has the file system come up again; what
/// the writer has told.
pub(super) fn cut(mut victim: Victim, medium: &mut Medium) -> Result<String, String> {
    victim.stop()?;
    medium.cut()?;
    let told = victim.kill();
    medium.unmount()?;
    medium.mount()?;
    told
}
