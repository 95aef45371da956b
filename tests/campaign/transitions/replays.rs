//! Whether what the benches tell can be played, by the whole runtime and without a loss.

use earmark_sim::feed::{Feed, Sounds};
use earmark_sim::play::{PlayOptions, play};

use super::{Bench, choices, ensure};
use crate::outcome::Outcome;
use crate::request::Slice;

/// Histories that are played for each machine in the slice that nobody asked more of.
const REPLAYS_MIN: u64 = 20;
/// Histories for each machine when somebody did.
const REPLAYS_LONG: u64 = 200;

/// Plays the first histories of a machine; how many.
pub(super) fn check(bench: &Bench, slice: &Slice, outcome: &mut Outcome) -> u64 {
    let count = if slice.is_long { REPLAYS_LONG } else { REPLAYS_MIN };
    for number in 0..count {
        let feed = (bench.replay)(&choices(bench, slice.seed, number));
        if let Err(why) = can_be_played(&feed, slice.seed) {
            outcome.violations += 1;
            eprintln!("{}: VIOLATION of a replay: {why}", bench.name);
            eprintln!("  seed {}, sequence {number}, as this feed:\n{feed}", slice.seed);
        }
    }
    count
}

/// What is wrong with a feed, or with what the runtime makes of it, in words.
fn can_be_played(text: &str, seed: u64) -> Result<(), String> {
    let feed = Feed::parse("replay", text).map_err(|error| error.to_string())?;
    let options = PlayOptions { seed, ..PlayOptions::default() };
    let report = play(&feed, &Sounds::default(), &options).map_err(|error| error.to_string())?;
    let (unexpected, lost) = (report.events.unexpected, report.frames.lost);
    ensure(unexpected == 0, || format!("{unexpected} events were unexpected"))?;
    ensure(lost == 0, || format!("{lost} frames were lost"))
}
