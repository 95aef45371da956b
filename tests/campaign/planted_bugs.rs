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

/// Plants each bug and hunts for it, with one seed after another.
fn hunt_all(crew: &Crew, slice: &Slice, bugs: &[Bug], part: &str) -> Vec<Row> {
    let wanted = (1..).zip(bugs).filter(|(_, bug)| bug.name.contains(part));
    let mut rows: Vec<Row> =
        wanted.map(|(number, bug)| Row { number, bug: *bug, ends: Vec::new() }).collect();
    for round in 0..SEEDS_MAX {
        let is_enough = if slice.is_long { slice.is_over(LAST_START) } else { true };
        if round >= SEEDS_MIN && is_enough {
            break;
        }
        let seed = slice.seed.wrapping_add(round);
        let due = |row: &&mut Row| round == 0 || row.bug.layers.iter().any(|one| one.is_random());
        let mut rows: Vec<&mut Row> = rows.iter_mut().filter(due).collect();
        let task =
            |row: &&mut Row| Task { number: row.number, planted: true, seed, limit: 0, only: None };
        let tasks: Vec<Task> = rows.iter().map(task).collect();
        let ends = crew.hunt(&tasks, |task, end| tell(&bugs[task.number - 1], seed, end));
        rows.iter_mut().zip(ends).for_each(|(row, end)| row.ends.push(end));
        eprintln!("seed {seed}: done after {:.0?}", slice.elapsed());
    }
    rows
}

fn tell(bug: &Bug, seed: u64, end: &End) {
    let (name, id) = (bug.name, bug.breaks.id());
    match end {
        End::Caught(layer, caught) => {
            let layer = bug.layers.get(*layer).map(|layer| layer.name()).unwrap_or_default();
            let hunt::Caught { after, unit, said } = caught;
            eprintln!("{id} {name}: caught by {layer} after {after} {unit}: {said}");
        }
        End::Nothing => eprintln!("{id} {name}: NOT caught with seed {seed}"),
        End::Broken(why) => eprintln!("{id} {name}: NOT caught with seed {seed}: {why}"),
    }
}

/// The same hunts without a bug, each layer as long as it took for the bug that it took longest
/// for. Says how many have found something.
fn hunt_for_nothing(crew: &Crew, slice: &Slice, rows: &[Row]) -> u64 {
    let mut longest: BTreeMap<Layer, (u64, usize)> = BTreeMap::new();
    for row in rows {
        if let Some(layer) = row.layer() {
            let known = longest.entry(layer).or_insert((0, row.number));
            *known = (*known).max((row.longest(), row.number));
        }
    }
    let task = |(layer, (limit, number)): (&Layer, &(u64, usize))| Task {
        number: *number,
        planted: false,
        seed: slice.seed,
        limit: *limit,
        only: Some(*layer),
    };
    let tasks: Vec<Task> = longest.iter().map(task).collect();
    let ends = crew.hunt(&tasks, |task, end| {
        if let End::Caught(_, caught) = end {
            eprintln!("VIOLATION: with nothing planted, hunt {}: {}", task.to_text(), caught.said);
        }
    });
    eprintln!("{} layers found nothing to catch, as it should be", tasks.len());
    ends.iter().filter(|end| **end != End::Nothing).count() as u64
}

fn summed_up(rows: &[Row], violations: u64) -> Outcome {
    let caught = rows.iter().filter(|row| row.is_caught()).count() as u64;
    let invariants: BTreeSet<&str> = rows.iter().map(|row| row.bug.breaks.id()).collect();
    let mut layers: BTreeMap<String, u64> = BTreeMap::new();
    for layer in rows.iter().filter_map(Row::layer) {
        let name = layer.name();
        let kind = name.split([',', ' ']).next().unwrap_or_default().to_owned();
        *layers.entry(kind).or_default() += 1;
    }
    let mut outcome = Outcome {
        checked: rows.len() as u64,
        unit: "bugs",
        violations,
        planted: rows.len() as u64,
        caught,
        ..Outcome::default()
    };
    let hunts: usize = rows.iter().map(|row| row.ends.len()).sum();
    outcome.more.insert(String::from("hunts"), json!(hunts));
    outcome.more.insert(String::from("invariants"), json!(invariants.len()));
    outcome.more.insert(String::from("caught_by"), json!(layers));
    outcome
}
