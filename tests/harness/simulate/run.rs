//! One seed, one world, and what came of it.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use earmark_core::invariant::Tally;
use earmark_sim::feed::Feed;
use earmark_sim::play::play_watched;
use earmark_sim::witness::{Heard, Witness};

use super::census::{Census, Counts, Rarities};
use super::checker::{Broken, Checker};
use super::generate::World;
use super::kinds::Kinds;
use super::lies::{Deceived, Lie};
use super::tell::Teller;
use super::trace::Trace;

/// What came of a world.
#[derive(Debug)]
pub struct Outcome {
    /// What broke.
    pub broken: Option<Broken>,
    /// The fault kinds that were met.
    pub met: Kinds,
    /// The rare events that were.
    pub rare: Rarities,
    /// How much of everything there was.
    pub counts: Counts,
    /// How often each invariant was checked.
    pub tally: Tally,
    /// Messages and timers that the actors handled.
    pub handled: u64,
    /// How much time passed in it.
    pub lasted: Duration,
    /// The hash of its course.
    pub hash: u64,
    /// Lines of the feed that could not be carried out.
    pub passed_over: Vec<usize>,
}

impl Outcome {
    /// Frames offered, messages and timers handled by actors, operations on the disk and on the
    /// network.
    pub const fn events(&self) -> u64 {
        self.counts.frames + self.counts.disk + self.counts.network + self.handled
    }
}

/// Everybody who listens to a world.
#[derive(Debug)]
struct Listeners {
    checker: Checker,
    census: Census,
    trace: Trace,
    teller: Option<Teller>,
}

impl Witness for Listeners {
    fn hear(&mut self, at: Duration, heard: &Heard<'_>) {
        if let Some(teller) = &mut self.teller {
            teller.hear(at, heard);
        }
        self.trace.hear(at, heard);
        self.census.hear(at, heard);
        self.checker.hear(at, heard);
    }
}

/// Plays a world, and another feed in its place when one is given, and checks it.
///
/// # Panics
///
/// When the operating system gives no runtime.
pub fn run(world: &World, feed: &Feed) -> Outcome {
    run_told(world, feed, None)
}

/// The same, told to a person too.
///
/// # Panics
///
/// When the operating system gives no runtime.
pub fn run_told(world: &World, feed: &Feed, teller: Option<Teller>) -> Outcome {
    let listeners = Listeners {
        checker: Checker::new(world.options.policy),
        census: Census::default(),
        trace: Trace::default(),
        teller,
    };
    let shared = Arc::new(Mutex::new(listeners));
    let watched = play_watched(feed, &world.options, &world.terms, shared.clone());
    let watched = watched.expect("an empty store on a sound disk opens");
    let mut heard = shared.lock().unwrap_or_else(PoisonError::into_inner);
    let census = std::mem::take(&mut heard.census);
    Outcome {
        broken: heard.checker.broken.take(),
        met: census.met,
        rare: census.rare,
        counts: census.counts,
        tally: heard.checker.tally.clone(),
        handled: watched.handled,
        lasted: watched.lasted,
        hash: heard.trace.hash(),
        passed_over: watched.passed_over,
    }
}

/// Plays worlds until one breaks an invariant: how many were played, and what broke.
pub fn hunt(seeds: Range<u64>) -> Option<(u64, Broken)> {
    let first = seeds.start;
    seeds.into_iter().find_map(|seed| {
        let world = World::of(seed);
        run(&world, &world.feed).broken.map(|broken| (seed - first + 1, broken))
    })
}

/// Plays worlds with a lie in what the checker hears, until it notices: after how many worlds in
/// which the lie was told; nothing when it never does.
///
/// # Panics
///
/// When the operating system gives no runtime.
pub fn notices(lie: Lie, seeds: Range<u64>) -> Option<u64> {
    let mut told = 0;
    seeds.into_iter().find_map(|seed| {
        let world = World::of(seed);
        let deceived = Deceived::new(Checker::new(world.options.policy), lie);
        let shared = Arc::new(Mutex::new(deceived));
        play_watched(&world.feed, &world.options, &world.terms, shared.clone())
            .expect("an empty store on a sound disk opens");
        let heard = shared.lock().unwrap_or_else(PoisonError::into_inner);
        told += u64::from(heard.told);
        (heard.told && heard.checker.broken.is_some()).then_some(told)
    })
}
