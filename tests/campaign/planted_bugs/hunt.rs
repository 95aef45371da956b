//! One hunt: a process of its own that plants one bug, or none, and lets one layer go on until
//! something is wrong.

use std::path::Path;
use std::process;
use std::thread;
use std::time::Duration;

use earmark_sim::report::Report;
use earmark_tests::{feeds, simulate};
use serde_json::{Value, json};

use super::checks;
use super::table::{Bug, Layer, all};
use crate::outcome::{CannotRun, Outcome};
use crate::{crash_states, damage, io_faults, model_check, panics, transitions};

/// Set for the processes that hunt: the bug's number, `planted` or `sound`, which of the bug's
/// layers hunts, the seed, and how much it may try.
pub(super) const TASK: &str = "EARMARK_PLANTED_HUNT";
/// How a hunt ends that goes on for ever.
pub(super) const HUNG: i32 = 9;
/// Longer than any hunt takes.
const HUNT_SECONDS_MAX: u64 = 180;
/// What a hunt may try: sequences, states, runs and files.
const SEQUENCES_MAX: u64 = 5_000;
const STATES_MAX: u64 = 20_000;
const RUNS_MAX: u64 = 2_000;
const FILES_MAX: u64 = 2_000;
const MODEL_STATES_MAX: u64 = 400_000;
const SEEDS_MAX: u64 = 300;
/// What is counted.
const UNITS: [&str; 7] = ["sequences", "states", "runs", "files", "events", "checks", "seeds"];
/// So much is told of what was wrong.
const SAID_CHARS_MAX: usize = 160;

/// Plants a bug by its number; only in the copy with the bugs in it there is a way to.
const PLANT: Option<fn(u32)> = None; // The copy has one.

/// What a hunt has caught.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caught {
    /// How much was tried until then, …
    pub(super) after: u64,
    /// … and what was counted.
    pub(super) unit: &'static str,
    /// What was wrong, in words.
    pub(super) said: String,
}

/// What a process is to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task {
    /// The number of the bug.
    pub(super) number: usize,
    /// Whether it is planted.
    pub(super) planted: bool,
    /// Which of its layers hunts.
    pub(super) place: usize,
    pub(super) seed: u64,
    /// How much the layer tries; as much as it may, when 0.
    pub(super) limit: u64,
}

impl Task {
    pub(super) fn to_text(self) -> String {
        let Self { number, planted, place, seed, limit } = self;
        let word = if planted { "planted" } else { "sound" };
        format!("{number} {word} {place} {seed} {limit}")
    }

    fn parse(text: &str) -> Option<Self> {
        let [number, word, place, seed, limit] = text.split(' ').collect::<Vec<_>>()[..] else {
            return None;
        };
        Some(Self {
            number: number.parse().ok()?,
            planted: word == "planted",
            place: place.parse().ok()?,
            seed: seed.parse().ok()?,
            limit: limit.parse().ok()?,
        })
    }

    fn layer(self, bugs: &[Bug]) -> Option<Layer> {
        let bug = bugs.get(self.number.checked_sub(1)?)?;
        bug.layers.get(self.place).copied()
    }
}

/// Does what a task says; the outcome has what was caught.
pub(super) fn obey(text: &str) -> Result<Outcome, CannotRun> {
    let unusable = || CannotRun(format!("{TASK} is {text:?}, which only this program sets"));
    let task = Task::parse(text).ok_or_else(unusable)?;
    let layer = task.layer(&all()).ok_or_else(unusable)?;
    if task.planted {
        let plant = PLANT.ok_or_else(|| CannotRun(String::from("no bug can be planted here")))?;
        plant(u32::try_from(task.number).map_err(|_| unusable())?);
    }
    end_if_it_hangs();
    Ok(report(layer.hunt(task)))
}

fn end_if_it_hangs() {
    thread::spawn(|| {
        thread::sleep(Duration::from_secs(HUNT_SECONDS_MAX));
        process::exit(HUNG);
    });
}

fn report(caught: Option<Caught>) -> Outcome {
    let mut outcome = Outcome { checked: 1, unit: "hunts", ..Outcome::default() };
    if let Some(Caught { after, unit, said }) = caught {
        let first = said.lines().next().unwrap_or_default();
        let said: String = first.chars().take(SAID_CHARS_MAX).collect();
        let found = json!({ "after": after, "unit": unit, "said": said });
        outcome.more.insert(String::from("caught"), found);
    }
    outcome
}

/// What a process has reported to have caught.
pub(super) fn parse(report: &Value) -> Option<Caught> {
    let found = report.get("caught")?;
    let unit = UNITS.into_iter().find(|unit| found["unit"] == *unit)?;
    let said = found["said"].as_str()?.to_owned();
    Some(Caught { after: found["after"].as_u64()?, unit, said })
}

impl Layer {
    fn hunt(self, task: Task) -> Option<Caught> {
        let Task { seed, limit, .. } = task;
        let up_to = |most: u64| if limit == 0 { most } else { limit.min(most) };
        match self {
            Self::Transitions(machine) => {
                counted("sequences", transitions::hunt(machine, seed, up_to(SEQUENCES_MAX)))
            }
            Self::CrashStates => counted("states", crash_states::hunt(seed, up_to(STATES_MAX))),
            Self::IoFaults => counted("runs", io_faults::hunt(seed, up_to(RUNS_MAX))),
            Self::Damage => counted("files", damage::hunt(seed, up_to(FILES_MAX))),
            Self::ModelCheck => {
                let found = model_check::hunt(up_to(MODEL_STATES_MAX));
                counted("states", found.map(|(after, broken)| (after, broken.to_string())))
            }
            Self::Simulate => {
                let first = seed * SEEDS_MAX;
                let found = simulate::run::hunt(first..first + up_to(SEEDS_MAX));
                counted("seeds", found.map(|(after, broken)| (after, broken.violation.to_string())))
            }
            Self::Feeds(part) => play(part, false),
            Self::FeedsTwice(part) => play(part, true),
            Self::Check(check) => {
                let said = panics::caught(|| checks::run(check)).err()?;
                Some(Caught { after: 1, unit: "checks", said })
            }
        }
    }
}

fn counted(unit: &'static str, found: Option<(u64, String)>) -> Option<Caught> {
    found.map(|(after, said)| Caught { after, unit, said })
}

/// Plays the feeds whose names have a part, until one does not end as it should.
fn play(part: &str, twice: bool) -> Option<Caught> {
    let mut events = 0;
    for path in feeds::all().iter().filter(|path| feeds::name(path).contains(part)) {
        let first = panics::caught(|| feeds::report(path));
        events += first.as_ref().map_or(0, |report| report.timeline.len() as u64);
        let again = || twice.then(|| panics::caught(|| feeds::report(path)));
        let wrong = wrong_with(path, &first).or_else(|| differs(path, &first, &again()?));
        if let Some(said) = wrong {
            return Some(Caught { after: events, unit: "events", said });
        }
    }
    None
}

type Played = Result<Report, String>;

fn wrong_with(path: &Path, played: &Played) -> Option<String> {
    match played {
        Err(error) => Some(error.clone()),
        Ok(report) => feeds::complaints_about(&feeds::name(path), report).into_iter().next(),
    }
}

fn differs(path: &Path, first: &Played, second: &Played) -> Option<String> {
    let json = |played: &Played| played.as_ref().ok().map(Report::to_json);
    let why = || format!("{}: another report the second time", feeds::name(path));
    (json(first) != json(second)).then(why)
}
