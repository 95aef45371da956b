//! `model-check`: every state that the production machines can reach together.
//!
//! The machines of ingest, sessions, uploads, store and connectivity, and the ledger's fold and
//! recovery, run as they ship. Around them stand a disk that keeps what is written apart from what
//! is synced, a network, a server and a clock. Everything that can happen in a state is tried, in
//! each state that can be reached, and from each of them everything must come to rest once nothing
//! goes wrong any more.

mod checks;
mod intern;
mod judge;
mod memo;
mod search;
mod seen;
mod server;
mod source;
mod store;
mod sync;
mod track;
mod words;
mod world;
mod worlds;

use std::sync::Arc;

use earmark_core::invariant::environment::determinism;
use earmark_core::invariant::{INVARIANTS, Tally, Violation};
use serde_json::{Map, Value, json};

use crate::outcome::{CannotRun, Outcome};
use crate::request::Slice;
use memo::AllNumbers;
use search::{Found, search, way_to};
use world::{Label, State, World};
use worlds::{Case, LONG, SHORT};

pub(crate) fn run(slice: &Slice) -> Result<Outcome, CannotRun> {
    let long = if slice.is_long { &LONG[..] } else { &[] };
    let mut outcome = Outcome { unit: "states", ..Outcome::default() };
    let mut worlds = Vec::new();
    for case in SHORT.iter().chain(long) {
        let (found, all) = look_into(case, slice);
        outcome.checked += found.states;
        // What was not looked through has not been shown to hold.
        outcome.violations += u64::from(!found.is_complete);
        worlds.push(told(case, &found, &all));
    }
    outcome.violations += u64::from(!is_the_same_twice(&SHORT[SHORT.len() - 1], slice));
    let unseen = unchecked(&checks::tally());
    for name in &unseen {
        eprintln!("{name} was never checked, and nothing says why it need not be");
    }
    outcome.violations += unseen.len() as u64;
    let checked: Map<String, Value> = checks::tally()
        .counts()
        .filter(|(_, count)| *count > 0)
        .map(|(invariant, count)| (invariant.id().to_owned(), json!(count)))
        .collect();
    outcome.more.insert(String::from("steps_checked"), Value::Object(checked));
    outcome.more.insert(String::from("worlds"), Value::Array(worlds));
    Ok(outcome)
}

/// Looks for a broken invariant in the short cases, in so many states of each at most. After how
/// many states there was one, and which.
pub(crate) fn hunt(most: u64) -> Option<(u64, Violation)> {
    let mut before = 0;
    for case in &SHORT {
        let all = Arc::new(AllNumbers::new());
        let make = || World::new(Arc::clone(&all), case.limits);
        let found = search(&make, case.bits, |states, _| states >= most);
        if let Some((_, broken)) = found.broken {
            return Some((before + found.states, broken.violation));
        }
        before += found.states;
    }
    None
}

fn look_into(case: &Case, slice: &Slice) -> (Found<State, Label>, AllNumbers) {
    let all = Arc::new(AllNumbers::new());
    let make = || World::new(Arc::clone(&all), case.limits);
    let mut told_at = 0.0;
    let found = search(&make, case.bits, |states, depth| {
        let seconds = slice.elapsed().as_secs_f64();
        if seconds > told_at + 10.0 {
            told_at = seconds;
            eprintln!("{}: depth {depth}, {states} states after {seconds:.0} s", case.name);
        }
        slice.is_long && slice.is_over(1.0)
    });
    if let Some((state, broken)) = &found.broken {
        eprintln!("{}: {}\nthe way there:", case.name, broken.violation);
        let way = way_to(&mut make(), state);
        way.iter().chain(&broken.by).for_each(|label| eprintln!("  {label:?}"));
    } else if !found.is_complete {
        eprintln!("{}: time or memory ended before the search did", case.name);
    }
    (found, Arc::into_inner(all).unwrap_or_else(AllNumbers::new))
}

/// However the threads share the work, the same states are found.
fn is_the_same_twice(case: &Case, slice: &Slice) -> bool {
    let [one, other] = [(); 2].map(|()| look_into(case, slice).0);
    let counts = |found: &Found<State, Label>| (found.states, found.transitions, found.depth);
    checks::note(determinism(&counts(&one), &counts(&other))).is_ok()
}

/// The invariants that were neither checked nor excused.
fn unchecked(tally: &Tally) -> Vec<&'static str> {
    let is_excused = |invariant| checks::EXCUSED.iter().any(|(excused, _)| *excused == invariant);
    let counts = tally.counts().filter(|(_, count)| *count == 0);
    counts.filter(|(invariant, _)| !is_excused(*invariant)).map(|(one, _)| one.id()).collect()
}

fn told(case: &Case, found: &Found<State, Label>, all: &AllNumbers) -> Value {
    json!({
        "name": case.name,
        "states": found.states,
        "transitions": found.transitions,
        "depth": found.depth,
        "complete": found.is_complete,
        "pieces": {
            "store": all.store.states.len(),
            "sessions": all.track.states.len(),
            "uploads": all.sync.states.len(),
            "source": all.source.states.len(),
            "server": all.server.states.len(),
        },
    })
}

const _: () = assert!(checks::EXCUSED.len() < INVARIANTS.len());
