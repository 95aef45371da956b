//! How much audio that was taken and not acknowledged a power cut costs.

use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use super::cycle::cut;
use super::medium::Medium;
use super::victim::Victim;
use crate::kills::{Program, Windows, moment_between, stream_arguments};
use crate::locked::locked;
use crate::outcome::Outcome;
use crate::request::Slice;

/// What a power cut may cost.
const BOUND_MILLIS: u64 = 1_000;
/// Cuts of each file system in the slice, and when somebody asked for more.
const CUTS: u64 = 4;
const CUTS_LONG: u64 = 40;
/// The first and the last moment of a cut, from the start of the host on: over some syncs.
const CUT_MILLIS: (u64, u64) = (300, 3_300);

pub(super) fn run(slice: &Slice, program: &Program, media: &mut [Medium], outcome: &mut Outcome) {
    let cuts = if slice.is_long { CUTS_LONG } else { CUTS };
    let all = Mutex::new(Windows::default());
    let work = |place: u64, medium: &mut Medium| {
        for number in place * cuts..(place + 1) * cuts {
            let end = stream(program, medium, moment_between(CUT_MILLIS, slice.seed, number));
            let mut all = locked(&all);
            let looked = end.and_then(|told| all.look(&told, &medium.store()));
            looked.unwrap_or_else(|why| all.violation(&why));
            drop(all);
            // What is mounted then is not what the next cut expects.
            let _ = medium.unmount();
        }
    };
    thread::scope(|scope| {
        for (place, medium) in (0..).zip(media.iter_mut()) {
            let work = &work;
            scope.spawn(move || work(place, medium));
        }
    });
    outcome.checked += cuts * media.len() as u64;
    let all = all.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    all.write(BOUND_MILLIS, outcome);
}

/// A host streams into a new store until the power is cut; what it has told.
fn stream(program: &Program, medium: &mut Medium, moment: Duration) -> Result<String, String> {
    medium.format()?;
    medium.mount()?;
    let victim = Victim::start(program, &stream_arguments(&medium.store()))?;
    thread::sleep(moment);
    cut(victim, medium)
}
