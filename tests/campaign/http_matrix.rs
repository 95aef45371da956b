//! Every behaviour of a server in every phase of an upload, and every two of them in a row, against
//! what the specification says must come of it.
//!
//! Most of it runs in virtual time: a cell is a feed, and the real runtime plays it. A part runs
//! over real sockets against the development server. As a control, the server is made to behave
//! in another way than the specification is told: that must be noticed for any two classes.

mod cell;
mod controls;
mod sockets;
mod virtual_time;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use earmark_tests::http::table::{Behaviour, GENERAL, all};
use serde_json::json;

use crate::outcome::{CannotRun, Outcome};
use crate::request::Slice;
use cell::{Cell, Phase};

/// How many wrong cells are told in full.
const TOLD_MAX: usize = 10;

pub(crate) fn run(slice: &Slice) -> Result<Outcome, CannotRun> {
    let mut outcome = Outcome { unit: "cells", ..Outcome::default() };
    let (general, further) = all().split_at(GENERAL);
    let count = |cells: &[Cell], what: &str, outcome: &mut Outcome| {
        eprintln!("{what}: {} cells", cells.len());
        outcome.violations += each(cells, |cell| virtual_time::check(cell, slice.seed));
        outcome.checked += cells.len() as u64;
        outcome.more.insert(what.to_owned(), json!(cells.len()));
    };
    outcome.more.insert(String::from("behaviours"), json!(general.len()));
    sockets::check(slice, &mut outcome)?;
    (outcome.planted, outcome.caught) = controls::check(slice.seed);
    count(&phases(general), "phase_cells", &mut outcome);
    count(&phases(further), "further_cells", &mut outcome);
    count(&pairs(general, general), "pairs", &mut outcome);
    if slice.is_long {
        count(&pairs(further, all()), "pairs_from_further", &mut outcome);
        count(&pairs(general, further), "pairs_to_further", &mut outcome);
    }
    Ok(outcome)
}

fn phases(behaviours: &'static [Behaviour]) -> Vec<Cell> {
    let cells = behaviours.iter().flat_map(|one| Phase::ALL.map(|phase| Cell::of(one, phase)));
    cells.collect()
}

fn pairs(first: &'static [Behaviour], then: &'static [Behaviour]) -> Vec<Cell> {
    first.iter().flat_map(|one| then.iter().map(move |two| Cell::pair(one, two))).collect()
}

/// Checks each cell, as many at a time as there are processors; how many are wrong.
fn each(cells: &[Cell], check: impl Fn(&Cell) -> Result<(), String> + Sync) -> u64 {
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(0));
    let work = || {
        while let Some(cell) = cells.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(why) = check(cell) {
                let mut wrong = wrong.lock().expect("no check panics while it holds the lock");
                *wrong += 1;
                if *wrong <= TOLD_MAX {
                    eprintln!("VIOLATION: {}: {why}\n{}", cell.name(), cell.feed());
                }
            }
        }
    };
    thread::scope(|scope| {
        (0..thread::available_parallelism().map_or(1, usize::from)).for_each(|_| {
            scope.spawn(work);
        });
    });
    let wrong = wrong.into_inner().expect("no check panics while it holds the lock");
    wrong as u64
}
