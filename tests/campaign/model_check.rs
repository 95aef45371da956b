//! `model-check`: every state that the production machines can reach together.
//!
//! The machines of ingest, sessions, uploads, store and connectivity, and the ledger's fold and
//! recovery, run as they ship. Around them stand a disk that keeps what is written apart from what
//! is synced, a network, a server and a clock. Everything that can happen in a state is tried, in
//! each state that can be reached.

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

use std::sync::Arc;

use serde_json::json;

use crate::outcome::{CannotRun, Outcome};
use crate::request::Slice;
use memo::AllNumbers;
use search::{Found, search, way_to};
use world::{Label, Limits, State, World};

/// Two captures with a frame each, one conversation, a death, and one thing that goes wrong.
const SMALL: Limits = Limits {
    captures: 2,
    frames: 2,
    connects: 1,
    messages: 1,
    deaths: 1,
    disk_faults: 0,
    bad_answers: 1,
    offline: 0,
    lags: 0,
    conversations: 1,
};

/// Room for the fingerprints of its states, as a power of two.
const SMALL_BITS: u32 = 24;

pub(crate) fn run(slice: &Slice) -> Result<Outcome, CannotRun> {
    let (limits, bits) = (SMALL, SMALL_BITS);
    let all = Arc::new(AllNumbers::new());
    let make = || World::new(Arc::clone(&all), limits);
    let found = search(&make, bits, |states, depth| {
        eprintln!("depth {depth}: {states} states after {:.1} s", slice.elapsed().as_secs_f64());
        false
    });
    if let Some((state, broken)) = &found.broken {
        for label in way_to(&mut make(), state) {
            eprintln!("  {label:?}");
        }
        eprintln!("  {:?}\n{}", broken.by, broken.violation);
    }
    Ok(outcome(&found, &all))
}

/// Searches the small configuration until something is broken: how many states it took, and what.
pub(crate) fn hunt(most: u64) -> Option<(u64, String)> {
    let all = Arc::new(AllNumbers::new());
    let make = || World::new(Arc::clone(&all), SMALL);
    let found = search(&make, SMALL_BITS, |states, _| states >= most);
    found.broken.map(|(_, broken)| (found.states, broken.violation.to_string()))
}

fn outcome(found: &Found<State, Label>, all: &AllNumbers) -> Outcome {
    let mut outcome = Outcome { checked: found.states, unit: "states", ..Outcome::default() };
    outcome.violations = u64::from(found.broken.is_some());
    let mut more = |key: &str, value| outcome.more.insert(key.to_owned(), value);
    more("complete", json!(found.is_complete));
    more("depth", json!(found.depth));
    more("transitions", json!(found.transitions));
    more(
        "pieces",
        json!({
            "store": all.store.states.len(),
            "track": all.track.states.len(),
            "sync": all.sync.states.len(),
            "source": all.source.states.len(),
            "server": all.server.states.len(),
            "queues": all.queues.len(),
        }),
    );
    outcome
}
