//! At least one bug for each invariant, planted one at a time, and each must be caught.
//!
//! What ships has no switches for bugs. A copy of the workspace is made in which every bug of the
//! table stands behind one, the program of the campaigns is built of it, and for each bug a process
//! of its own plants it and hunts for it with the layers that fit: the engines of the other
//! campaigns, the feeds, and checks of its own. The same hunts, with nothing planted, must find
//! nothing.

mod checks;
mod crew;
mod hunt;
mod patch;
mod sheet;
#[path = "planted_bugs/table.rs"]
mod table;
mod workspace;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::outcome::{self, CannotRun, Outcome};
use crate::request::Slice;
use crew::{Crew, End};
use hunt::Task;
use patch::Change;
use sheet::Row;
use table::{Bug, Layer};
use workspace::BuildError;

/// Hunts for the bugs whose names have this part only, and shows what the hunts say.
const PART: &str = "BUG";
/// Seeds with which a layer that leaves something to chance hunts for a bug.
const SEEDS_MIN: u64 = 3;
/// The same in a run that somebody asked for.
const SEEDS_MAX: u64 = 25;
/// No further seed is begun after this part of the time.
const LAST_START: f64 = 0.8;

pub(crate) fn run(slice: &Slice) -> Result<Outcome, CannotRun> {
    if let Ok(task) = std::env::var(hunt::TASK) {
        return hunt::obey(&task);
    }
    let bugs = table::all();
    let changes: Vec<Change> =
        (1..).zip(&bugs).map(|(number, bug)| Change::of(bug, number)).collect();
    eprintln!("building a copy of the source with {} bugs in it", bugs.len());
    let program = match workspace::build(&changes) {
        Ok(program) => program,
        Err(error @ BuildError::Missing { .. }) => return Err(CannotRun(error.to_string())),
        Err(error @ (BuildError::Unfit(_) | BuildError::Broken(_))) => {
            eprintln!("VIOLATION: {error}");
            return Ok(Outcome { checked: 1, unit: "bugs", violations: 1, ..Outcome::default() });
        }
    };
    eprintln!("built after {:.0?}", slice.elapsed());
    let part = std::env::var(PART).ok();
    let crew = Crew::new(program, part.is_some());
    let rows = hunt_all(&crew, slice, &bugs, part.as_deref().unwrap_or_default());
    let violations = hunt_for_nothing(&crew, slice, &rows);
    outcome::print(&sheet::to_text(&rows));
    Ok(summed_up(&rows, violations))
}

/// Plants each bug and lets each of its layers hunt for it, with one seed after another.
fn hunt_all(crew: &Crew, slice: &Slice, bugs: &[Bug], part: &str) -> Vec<Row> {
    let wanted = (1..).zip(bugs).filter(|(_, bug)| bug.name.contains(part));
    let mut rows: Vec<Row> = wanted.flat_map(|(number, bug)| Row::of(number, *bug)).collect();
    for round in 0..SEEDS_MAX {
        if round >= SEEDS_MIN && (!slice.is_long || slice.is_over(LAST_START)) {
            break;
        }
        let seed = slice.seed.wrapping_add(round);
        let due = |row: &&mut Row| round == 0 || row.layer.is_random();
        let mut due: Vec<&mut Row> = rows.iter_mut().filter(due).collect();
        let tasks: Vec<Task> = due.iter().map(|row| task(row, true, seed, 0)).collect();
        let ends = crew.hunt(&tasks, |task, end| tell(&bugs[task.number - 1], task, end));
        due.iter_mut().zip(ends).for_each(|(row, end)| row.ends.push(end));
        eprintln!("seed {seed}: done after {:.0?}", slice.elapsed());
    }
    rows
}

const fn task(row: &Row, planted: bool, seed: u64, limit: u64) -> Task {
    Task { number: row.number, planted, place: row.place, seed, limit }
}

fn tell(bug: &Bug, task: Task, end: &End) {
    let layer = bug.layers.get(task.place).map(|layer| layer.name()).unwrap_or_default();
    let what = format!("{} {}: {layer}, seed {}", bug.breaks.id(), bug.name, task.seed);
    match end {
        End::Caught(hunt::Caught { after, unit, said }) => {
            eprintln!("{what}: caught after {after} {unit}: {said}");
        }
        End::Nothing => eprintln!("{what}: NOT caught"),
        End::Broken(why) => eprintln!("{what}: NOT caught: {why}"),
    }
}

/// The same hunts without a bug, each layer for as long as it took with the bug that it took
/// longest for. Says how many have found something.
fn hunt_for_nothing(crew: &Crew, slice: &Slice, rows: &[Row]) -> u64 {
    let mut longest: BTreeMap<Layer, &Row> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.is_caught()) {
        let known = longest.entry(row.layer).or_insert(row);
        if known.longest() < row.longest() {
            *known = row;
        }
    }
    let sound = |row: &&Row| task(row, false, slice.seed, row.longest());
    let tasks: Vec<Task> = longest.values().map(sound).collect();
    let ends = crew.hunt(&tasks, |task, end| match end {
        End::Nothing => {}
        End::Caught(caught) => {
            eprintln!("VIOLATION: nothing was planted, and {}={}", hunt::TASK, task.to_text());
            eprintln!("  finds: {}", caught.said);
        }
        End::Broken(why) => eprintln!("VIOLATION: with nothing planted, {}: {why}", task.to_text()),
    });
    let violations = ends.iter().filter(|end| **end != End::Nothing).count();
    eprintln!("{} layers hunted with nothing planted, {violations} found something", tasks.len());
    violations as u64
}

fn summed_up(rows: &[Row], violations: u64) -> Outcome {
    let bugs: BTreeSet<usize> = rows.iter().map(|row| row.number).collect();
    let missed = rows.iter().filter(|row| !row.is_caught()).map(|row| row.number);
    let missed: BTreeSet<usize> = missed.collect();
    let invariants: BTreeSet<&str> = rows.iter().map(|row| row.bug.breaks.id()).collect();
    let mut layers: BTreeMap<String, u64> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.is_caught()) {
        let name = row.layer.name();
        let kind = name.split([',', ' ']).next().unwrap_or_default();
        *layers.entry(kind.to_owned()).or_default() += 1;
    }
    let planted = bugs.len() as u64;
    let caught = planted - missed.len() as u64;
    let (checked, unit) = (planted, "bugs");
    let mut outcome = Outcome { checked, unit, violations, planted, caught, ..Outcome::default() };
    let hunts: usize = rows.iter().map(|row| row.ends.len()).sum();
    outcome.more.insert(String::from("hunts"), json!(hunts));
    outcome.more.insert(String::from("invariants"), json!(invariants.len()));
    outcome.more.insert(String::from("caught_by"), json!(layers));
    outcome
}
