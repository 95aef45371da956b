//! How fast the store is, as ratios to the limit of the disk in the same run.
//!
//! Contenders take turns in rounds, so that what else the machine does hits all alike; a ratio is
//! the median over rounds of what was reached beside the best raw variant of the same round. What
//! can be counted is the same in every run and must always hold. What is timed counts when somebody
//! asked for minutes; the slice only sees that everything runs.

mod appends;
mod backlog;
mod cache;
mod change;
mod contender;
mod counting;
mod counts;
mod document;
mod frames;
mod index;
mod live;
mod measure;
mod opening;
mod ours;
mod place;
mod plot;
mod policy;
mod raw;
#[cfg(feature = "rivals")]
mod rivals;
mod sheet;
mod usage;

use std::env;
use std::io;
use std::time::Duration;

use crate::outcome::{CannotRun, Outcome};
use crate::request::Slice;
use place::Place;
use sheet::Sheet;

/// Names the one part that is to be run.
const PART: &str = "EARMARK_SPEED_PART";

/// How much is measured beside the appends.
struct Extent {
    recordings: &'static [usize],
    changes: usize,
    minutes: usize,
    live: Duration,
}

const SLICE: Extent =
    Extent { recordings: &[100, 2_000], changes: 50, minutes: 5, live: Duration::from_secs(3) };
const LONG: Extent = Extent {
    recordings: &[100, 10_000, 100_000],
    changes: 500,
    minutes: 167,
    live: Duration::from_secs(20),
};

pub(crate) fn run(slice: &Slice) -> Result<Outcome, CannotRun> {
    let place = Place::new()?;
    let mut outcome = Outcome { unit: "figures", ..Outcome::default() };
    let mut sheet = Sheet::default();
    let measured = measure(&place, slice, &mut sheet, &mut outcome);
    measured.map_err(|error| CannotRun(format!("{}: {error}", place.path().display())))?;
    sheet.write(slice.is_long, &mut outcome);
    Ok(outcome)
}

fn measure(
    place: &Place,
    slice: &Slice,
    sheet: &mut Sheet,
    outcome: &mut Outcome,
) -> io::Result<()> {
    let extent = if slice.is_long { LONG } else { SLICE };
    let folder = place.path();
    if is_wanted("counts") {
        counts::measure(folder, None, sheet)?;
        counts::control(folder, sheet, outcome)?;
    }
    if is_wanted("appends") {
        appends::measure(folder, slice, sheet)?;
    }
    if is_wanted("changes") {
        change::measure(folder, extent.recordings, extent.changes, sheet)?;
    }
    if is_wanted("opening") {
        opening::measure(folder, &extent.recordings[1..], extent.minutes, sheet)?;
    }
    if is_wanted("runtime") {
        live::measure(folder, extent.live, sheet)?;
    }
    document::write(sheet, &circumstances(place, slice))
}

/// Whether a part is to be run: all of them, unless somebody names one, for instance to profile it.
fn is_wanted(part: &str) -> bool {
    env::var_os(PART).is_none_or(|wanted| wanted == part)
}

fn circumstances(place: &Place, slice: &Slice) -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let minutes = slice.elapsed().as_secs_f64() / 60.0;
    let rivals = if cfg!(feature = "rivals") { "with" } else { "without" };
    format!(
        "`campaign speed` on {} and {cores} cores, {rivals} rivals, {minutes:.1} minutes; \
         {:.1} other threads wanted a core when it began.",
        place.file_system, place.load
    )
}
