//! One hunt: a process of its own that plants one bug, or none, and goes through one layer after
//! the other until something is wrong.

use std::process;
use std::thread;
use std::time::Duration;

use earmark_sim::report::Report;
use earmark_tests::feeds;
use serde_json::{Value, json};

use super::checks;
use super::table::{Bug, Layer, all};
use crate::outcome::{CannotRun, Outcome};
use crate::{crash_states, damage, io_faults, panics, transitions};

/// Set for the processes that hunt: the bug's number, `planted` or `sound`, the seed, how much a
/// layer may try, and which of the bug's layers hunts, or `-` for all.
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
pub(super) struct Task {
    /// The number of the bug whose layers hunt.
    pub(super) number: usize,
    /// Whether it is planted.
    pub(super) planted: bool,
    pub(super) seed: u64,
    /// How much each layer tries; as much as it may, when 0.
    pub(super) limit: u64,
    /// The one layer that hunts, if it is not all of them.
    pub(super) only: Option<Layer>,
}

impl Task {
    pub(super) fn to_text(&self) -> String {
        let Self { number, seed, limit, .. } = self;
        let word = if self.planted { "planted" } else { "sound" };
        let only = self.only.map_or_else(|| String::from("-"), Layer::name);
        format!("{number} {word} {seed} {limit} {only}")
    }

    fn parse(text: &str, bugs: &[Bug]) -> Option<(Self, Bug)> {
        let [number, word, seed, limit, only] = text.splitn(5, ' ').collect::<Vec<_>>()[..] else {
            return None;
        };
        let planted = word == "planted";
        let (number, seed, limit) = (number.parse().ok()?, seed.parse().ok()?, limit.parse().ok()?);
        let bug = bugs.get(usize::checked_sub(number, 1)?)?;
        let only = bug.layers.iter().copied().find(|layer| layer.name() == only);
        Some((Self { number, planted, seed, limit, only }, *bug))
    }
}

/// Does what a task says; the outcome has what was caught and by which layer.
pub(super) fn obey(text: &str) -> Result<Outcome, CannotRun> {
    let unusable = || CannotRun(format!("{TASK} is {text:?}, which only this program sets"));
    let (task, bug) = Task::parse(text, &all()).ok_or_else(unusable)?;
    if task.planted {
        let plant = PLANT.ok_or_else(|| CannotRun(String::from("no bug can be planted here")))?;
        plant(u32::try_from(task.number).map_err(|_| unusable())?);
    }
    end_if_it_hangs();
    Ok(report(hunt(&bug, &task)))
}

fn end_if_it_hangs() {
    thread::spawn(|| {
        thread::sleep(Duration::from_secs(HUNT_SECONDS_MAX));
        process::exit(HUNG);
    });
}

/// The first layer that catches something.
fn hunt(bug: &Bug, task: &Task) -> Option<(usize, Caught)> {
    let is_meant = |layer: &Layer| task.only.is_none_or(|only| only == *layer);
    let layers = bug.layers.iter().enumerate().filter(|(_, layer)| is_meant(layer));
    let mut caught = layers.filter_map(|(place, layer)| Some((place, layer.hunt(task)?)));
    caught.next()
}

fn report(caught: Option<(usize, Caught)>) -> Outcome {
    let mut outcome = Outcome { checked: 1, unit: "hunts", ..Outcome::default() };
    if let Some((place, Caught { after, unit, said })) = caught {
        let first = said.lines().next().unwrap_or_default();
        let said: String = first.chars().take(SAID_CHARS_MAX).collect();
        let found = json!({ "layer": place, "after": after, "unit": unit, "said": said });
        outcome.more.insert(String::from("caught"), found);
    }
    outcome
}

/// What a process has reported: which of the bug's layers has caught something, and what.
pub(super) fn parse(report: &Value) -> Option<(usize, Caught)> {
    let found = report.get("caught")?;
    let unit = match found["unit"].as_str()? {
        "sequences" => "sequences",
        "states" => "states",
        "runs" => "runs",
        "files" => "files",
        "events" => "events",
        _ => "checks",
    };
    let place = usize::try_from(found["layer"].as_u64()?).ok()?;
    let said = found["said"].as_str()?.to_owned();
    Some((place, Caught { after: found["after"].as_u64()?, unit, said }))
}

impl Layer {
    fn hunt(self, task: &Task) -> Option<Caught> {
        let (seed, limit) = (task.seed, task.limit);
        let up_to = |most: u64| if limit == 0 { most } else { limit.min(most) };
        match self {
            Self::Transitions(machine) => {
                counted("sequences", transitions::hunt(machine, seed, up_to(SEQUENCES_MAX)))
            }
            Self::CrashStates => counted("states", crash_states::hunt(seed, up_to(STATES_MAX))),
            Self::IoFaults => counted("runs", io_faults::hunt(seed, up_to(RUNS_MAX))),
            Self::Damage => counted("files", damage::hunt(seed, up_to(FILES_MAX))),
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
    let feeds = feeds::all();
    for path in feeds.iter().filter(|path| feeds::name(path).contains(part)) {
        let played = panics::caught(|| feeds::report(path));
        let wrong = match &played {
            Err(error) => vec![error.clone()],
            Ok(report) => {
                events += report.timeline.len() as u64;
                feeds::complaints_about(&feeds::name(path), report)
            }
        };
        let again = twice.then(|| panics::caught(|| feeds::report(path)));
        let differs = || format!("{}: another report the second time", feeds::name(path));
        let wrong = wrong.into_iter().next();
        let json = |played: &Result<Report, String>| played.as_ref().ok().map(Report::to_json);
        let other = again.filter(|again| json(again) != json(&played));
        if let Some(said) = wrong.or_else(|| other.map(|_| differs())) {
            return Some(Caught { after: events, unit: "events", said });
        }
    }
    None
}
