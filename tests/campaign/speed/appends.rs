//! Durable appends, side by side: the limit, the store, and what others would use.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use earmark_store::FsDisk;

use crate::request::Slice;
use crate::speed::contender::{Contender, Side};
use crate::speed::frames::Audio;
use crate::speed::measure::{Tallies, Tally, median, quantile, round};
use crate::speed::ours::{NAME, Ours};
use crate::speed::plot::{self, Bar};
use crate::speed::policy::Policy;
use crate::speed::raw::Raw;
use crate::speed::sheet::{Kind, Limit, Plot, Sheet, Table, number};

const TOPIC: &str = "Durable appends";
const TIMED: (&str, Kind) = (TOPIC, Kind::Timed);
/// The longest group of frames that any policy syncs at once.
const GROUP_MAX: usize = 1_000;
/// No round begins after this part of the time.
const LAST_START: f64 = 0.4;
const ROUNDS_SLICE: usize = 2;
const ROUNDS_LONG: usize = 7;

/// The policies, and what part of the limit the store must reach with frames of 80 bytes.
const POLICIES: [(Policy, &str, f64); 4] = [
    (Policy::each(100), "each-100", 0.90),
    (Policy::batch(100), "batch-100", 0.75),
    (Policy::batch(1_000), "batch-1000", 0.65),
    (Policy::batch(1), "one-by-one", 0.90),
];
/// How many of them, from the first on, no rival may be faster in.
const AHEAD: usize = 3;
const FRAME_BYTES: [usize; 2] = [80, 320];

/// Runs the rounds, and notes what came of them.
pub(super) fn measure(folder: &Path, slice: &Slice, sheet: &mut Sheet) -> io::Result<()> {
    let mut contenders = contenders(folder)?;
    let audio = FRAME_BYTES.map(|bytes| Audio::new(GROUP_MAX, bytes));
    let mut tallies: Vec<Vec<Tallies>> =
        FRAME_BYTES.iter().map(|_| vec![Tallies::new(); POLICIES.len()]).collect();
    let mut done = 0;
    while !is_enough(done, slice) {
        for (audio, tallies) in audio.iter().zip(&mut tallies) {
            for ((policy, ..), tallies) in POLICIES.iter().zip(tallies) {
                round(&mut contenders, done, audio, *policy, tallies)?;
            }
        }
        done += 1;
        eprintln!("appends: {done} rounds");
    }
    for (bytes, tallies) in FRAME_BYTES.iter().zip(&tallies) {
        note(*bytes, tallies, sheet);
    }
    Ok(())
}

fn is_enough(rounds: usize, slice: &Slice) -> bool {
    if slice.is_long {
        rounds >= ROUNDS_LONG && slice.is_over(LAST_START)
    } else {
        rounds >= ROUNDS_SLICE
    }
}

fn contenders(folder: &Path) -> io::Result<Vec<Box<dyn Contender>>> {
    let mut all: Vec<Box<dyn Contender>> = Vec::new();
    for raw in Raw::all(folder)? {
        all.push(Box::new(raw));
    }
    let disk = FsDisk::create(&folder.join(NAME))?;
    all.push(Box::new(Ours::on(Arc::new(disk))?));
    #[cfg(feature = "rivals")]
    all.extend(crate::speed::rivals::all(folder));
    Ok(all)
}

/// What the turns of one contender came to, beside the best raw variant of each round.
struct Result {
    name: String,
    side: Side,
    ratio: f64,
    p50: f64,
    p99: f64,
}

fn results(tallies: &Tallies) -> Vec<Result> {
    let raw = || tallies.values().filter(|tally| tally.side == Side::Raw);
    let best = |number: usize| {
        raw().filter_map(|tally| tally.rates.get(number)).copied().fold(0.0, f64::max)
    };
    let result = |(name, tally): (&String, &Tally)| {
        let ratios: Vec<f64> =
            tally.rates.iter().enumerate().map(|(number, rate)| rate / best(number)).collect();
        let commits: Vec<f64> = tally.commits.iter().map(Duration::as_secs_f64).collect();
        let micros = |part| quantile(&commits, part) * 1e6;
        let (p50, p99) = (micros(0.5), micros(0.99));
        Result { name: name.clone(), side: tally.side, ratio: median(&ratios), p50, p99 }
    };
    let mut results: Vec<Result> = tallies.iter().map(result).collect();
    results.sort_by(|one, other| other.ratio.total_cmp(&one.ratio));
    results
}

fn note(bytes: usize, tallies: &[Tallies], sheet: &mut Sheet) {
    let all: Vec<Vec<Result>> = tallies.iter().map(results).collect();
    for (place, ((policy, short, target), results)) in POLICIES.iter().zip(&all).enumerate() {
        let judged = |limit: Limit| if bytes == FRAME_BYTES[0] { limit } else { Limit::None };
        let name = format!("{policy}, {bytes} B");
        note_ratio(&name, results, judged(Limit::AtLeast(*target)), sheet);
        if place < AHEAD {
            note_lead(&name, results, judged(Limit::AtLeast(1.0)), sheet);
        }
        match policy.frames_per_sync {
            1 => note_p99(&name, results, judged(Limit::AtMost(1.5)), sheet),
            100 => note_p99(&name, results, judged(Limit::AtMost(1.4)), sheet),
            _ => {}
        }
        if bytes == FRAME_BYTES[0] {
            sheet.plots.push(picture(short, &name, results));
        }
    }
    sheet.tables.push(table(bytes, &all));
}

fn ours(results: &[Result]) -> Option<&Result> {
    results.iter().find(|one| one.side == Side::Ours)
}

/// The fastest of a side.
fn best(results: &[Result], side: Side) -> Option<&Result> {
    results.iter().find(|one| one.side == side)
}

fn note_ratio(name: &str, results: &[Result], limit: Limit, sheet: &mut Sheet) {
    if let Some(ours) = ours(results) {
        sheet.note(TIMED, format!("{name}: to the best raw"), (ours.ratio, ""), limit);
    }
}

fn note_lead(name: &str, results: &[Result], limit: Limit, sheet: &mut Sheet) {
    if let (Some(ours), Some(rival)) = (ours(results), best(results, Side::Rival)) {
        let title = format!("{name}: to the best rival ({})", rival.name);
        sheet.note(TIMED, title, (ours.ratio / rival.ratio, ""), limit);
    }
}

fn note_p99(name: &str, results: &[Result], limit: Limit, sheet: &mut Sheet) {
    if let (Some(ours), Some(raw)) = (ours(results), best(results, Side::Raw)) {
        let title = format!("{name}: p99 of a commit to that of the best raw");
        sheet.note(TIMED, title, (ours.p99 / raw.p99, ""), limit);
    }
}

/// One row a contender: ratio and commit times under each policy.
fn table(bytes: usize, all: &[Vec<Result>]) -> Table {
    let mut head = vec![format!("{bytes} B")];
    head.extend(POLICIES.iter().map(|(policy, ..)| policy.to_string()));
    let mut names: Vec<&str> = Vec::new();
    for result in all.iter().flatten() {
        if !names.contains(&result.name.as_str()) {
            names.push(&result.name);
        }
    }
    let row = |name: &&str| {
        let cell = |results: &Vec<Result>| {
            let found = results.iter().find(|one| one.name == **name);
            found.map_or_else(|| String::from("–"), Result::cell)
        };
        [(*name).to_owned()].into_iter().chain(all.iter().map(cell)).collect()
    };
    Table { topic: TOPIC, head, rows: names.iter().map(row).collect() }
}

impl Result {
    fn cell(&self) -> String {
        format!("{} · {} / {}", number(self.ratio), number(self.p50), number(self.p99))
    }
}

fn picture(short: &'static str, name: &str, results: &[Result]) -> Plot {
    let bar = |one: &Result| Bar {
        name: one.name.clone(),
        value: one.ratio,
        colour: match one.side {
            Side::Raw => 0,
            Side::Ours => 1,
            Side::Rival => 2,
        },
    };
    let title = format!("Frames a second, to the best raw variant of the round: {name}");
    let bars: Vec<Bar> = results.iter().map(bar).collect();
    Plot { topic: TOPIC, name: short, svg: plot::bars(&title, &bars), title }
}
