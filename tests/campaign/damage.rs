//! Every bit flip and every truncation of what a store has on its disk.
//!
//! A story puts every kind of record into a journal of 64 KiB. What a store must say after the loss
//! of each one of them is worked out from the list of what was staged and from the layout that
//! `docs/durability.md` gives, never from the store itself; then each damaged file is read, and
//! opened, by the code that ships.

mod check;
mod controls;
mod host;
mod journal;
pub(crate) mod journal_bytes;
mod recording;
pub(crate) mod seeds;
mod state;
mod story;
mod sweep;
mod truth;

use serde_json::{Value, json};

use crate::crash_states::dice::mix;
use crate::outcome::{CannotRun, Outcome};
use crate::panics;
use crate::request::Slice;
use controls::CONTROLS;
use journal::{Flips, Journal};
use recording::Sealed;
use state::{IDENTITY, State};
use sweep::Swept;

/// Of the time of a slice, when each part of it is over: the whole takes two thirds of it.
const JOURNAL_UNTIL: f64 = 0.25;
const TAIL_UNTIL: f64 = 0.3;
const CLOSED_CUTS_UNTIL: f64 = 0.37;
const LAST_CUTS_UNTIL: f64 = 0.44;
const RECORDING_UNTIL: f64 = 0.51;
const RECORDING_CUTS_UNTIL: f64 = 0.54;
const SNAPSHOTS_UNTIL: [f64; 2] = [0.57, 0.6];
const IDENTITY_UNTIL: f64 = 0.63;

pub(crate) fn run(slice: &Slice) -> Result<Outcome, CannotRun> {
    let mut outcome = Outcome { unit: "damaged files", ..Outcome::default() };
    check_journal(slice, &mut outcome);
    check_recording(slice, &mut outcome);
    check_state(slice, &mut outcome);
    Ok(outcome)
}

/// Damages the snapshots and the identity of a store, one bit after another, until something is
/// wrong: how many damaged files it took, and what was.
pub(crate) fn hunt(seed: u64, most: u64) -> Option<(u64, String)> {
    let state = State::new();
    let mut paths: Vec<&str> = state.snapshots.iter().map(String::as_str).collect();
    paths.push(IDENTITY);
    (0..most).find_map(|number| {
        let path = paths[number as usize % paths.len()];
        let checked = panics::caught(|| state.check_flip(path, mix(seed ^ number)));
        checked.err().map(|why| (number + 1, why))
    })
}

fn check_journal(slice: &Slice, outcome: &mut Outcome) {
    let closed = Journal::new(true);
    for (name, plant) in CONTROLS {
        control(outcome, name, plant(&closed));
    }
    let flips = closed.flips(slice, JOURNAL_UNTIL);
    add(outcome, "journal_flips", flips.swept);
    tell_regions(outcome, &flips);
    let last = Journal::new(false);
    let tail = last.tail_flips(slice, TAIL_UNTIL);
    add(outcome, "journal_tail_flips", tail.swept);
    outcome.more.insert("undetected".into(), json!(flips.undetected));
    let mut cuts = closed.truncations(slice, CLOSED_CUTS_UNTIL);
    let torn = last.truncations(slice, LAST_CUTS_UNTIL);
    add(outcome, "journal_truncations", cuts);
    cuts = torn;
    add(outcome, "journal_torn_tails", cuts);
}

/// What the flips of the journal hit, and what became of them.
fn tell_regions(outcome: &mut Outcome, flips: &Flips) {
    let regions = json!({
        "record_reported": flips.reported,
        "record_torn": flips.torn,
        "header_copy_harmless": flips.copy,
        "zeros_harmless": flips.zeros,
        "hidden_frames": flips.hidden_frames,
    });
    outcome.more.insert("journal_flip_classes".into(), regions);
}

fn check_recording(slice: &Slice, outcome: &mut Outcome) {
    let sealed = Sealed::new();
    control(outcome, "two blocks of a recording are damaged", sealed.control_two_blocks());
    control(outcome, "a recording is not damaged", sealed.control_no_flip());
    add(outcome, "recording_flips", sealed.flips(slice, RECORDING_UNTIL));
    add(outcome, "recording_truncations", sealed.truncations(slice, RECORDING_CUTS_UNTIL));
}

fn check_state(slice: &Slice, outcome: &mut Outcome) {
    let state = State::new();
    control(outcome, "a snapshot says something else", state.control_forged_snapshot());
    control(outcome, "a snapshot is not damaged", state.control_no_flip());
    control(outcome, "both snapshots are lost", state.control_both_snapshots());
    for (path, until) in state.snapshots.iter().zip(SNAPSHOTS_UNTIL) {
        add(outcome, "snapshot_flips", state.sweep(path, slice, until));
    }
    add(outcome, "identity_flips", state.sweep(IDENTITY, slice, IDENTITY_UNTIL));
}

fn control(outcome: &mut Outcome, name: &str, noticed: Result<(), String>) {
    outcome.planted += 1;
    match noticed {
        Err(why) => {
            outcome.caught += 1;
            eprintln!("planted: {name}; noticed: {why}");
        }
        Ok(()) => eprintln!("planted: {name}; NOT noticed"),
    }
}

fn add(outcome: &mut Outcome, name: &str, swept: Swept) {
    outcome.checked += swept.checked;
    outcome.violations += swept.violations;
    let before = outcome.more.get(name).and_then(Value::as_u64).unwrap_or(0);
    outcome.more.insert(name.to_owned(), json!(before + swept.checked));
}
