//! `list` and `show`: what a store holds, without owning it.

mod rows;
mod table;

use std::path::Path;

use earmark::RecordingId;
use earmark_sim::report::Recording;
use earmark_store::{Inspection, inspect};
use serde::Serialize;

pub(crate) use rows::{recordings, utc};
pub(crate) use table::Table;

use crate::data_dir;
use crate::exit::{Failure, Outcome};
use crate::output::{print, print_line};
use crate::owner;

#[derive(Serialize)]
struct List {
    recordings: Vec<Recording>,
}

/// Prints all recordings.
pub(crate) fn list(folder: &Path, json: bool) -> Result<Outcome, Failure> {
    let recordings = look(folder)?.1;
    if json {
        print_line(pretty(&List { recordings }))?;
        return Ok(Outcome::Done);
    }
    if recordings.is_empty() {
        print_line(format_args!("There are no recordings in {}.", folder.display()))?;
        return Ok(Outcome::Done);
    }
    let head =
        ["ID", "STARTED (UTC)", "DEVICE", "SECONDS", "FRAMES", "STATUS", "CONVERSATION", "REASON"];
    let mut table = Table::new(head);
    for recording in &recordings {
        table.row(row(recording));
    }
    print(table)?;
    Ok(Outcome::Done)
}

fn row(recording: &Recording) -> [String; 8] {
    [
        recording.id.to_string(),
        utc(recording.started_at),
        recording.device.to_string(),
        recording.duration_s.to_string(),
        recording.frames.to_string(),
        word(recording),
        or_dash(recording.conversation.as_ref()),
        or_dash(recording.reason.as_ref()),
    ]
}

/// Prints one recording.
pub(crate) fn show(folder: &Path, id: RecordingId, json: bool) -> Result<Outcome, Failure> {
    let (inspection, recordings) = look(folder)?;
    let found = recordings.into_iter().find(|recording| recording.id == id);
    let recording = found.ok_or_else(|| unknown(folder, id))?;
    if json {
        print_line(pretty(&recording))?;
        return Ok(Outcome::Done);
    }
    print(lines(&inspection, &recording))?;
    Ok(Outcome::Done)
}

/// A recording that is asked for and not there.
pub(crate) fn unknown(folder: &Path, id: RecordingId) -> Failure {
    let folder = folder.display();
    Failure::unusable(format!(
        "there is no recording {id} in {folder}; `earmark list` shows those that are there"
    ))
}

fn lines(inspection: &Inspection, recording: &Recording) -> String {
    let facts = inspection.ledger.recordings.get(&recording.id);
    let undelivered = inspection.ledger.undelivered(recording.id);
    let codec = facts.map_or_else(String::new, |facts| facts.encoding.codec.to_string());
    let requests = facts.map_or(0, |facts| facts.upload.requests);
    let is_sealed = facts.is_some_and(|facts| facts.sealed.is_some());
    let file = if is_sealed {
        earmark_store::recording_path(recording.id)
    } else {
        String::from("- (its frames are in journal/ until it is sealed)")
    };
    let next = recording.next_attempt_at.map_or_else(|| String::from("-"), utc);
    let fields = [
        ("id", recording.id.to_string()),
        ("status", word(recording)),
        ("reason", or_dash(recording.reason.as_ref())),
        ("to do", rows::to_do(recording.status).to_owned()),
        ("device", recording.device.to_string()),
        ("account", recording.account.to_string()),
        ("session", recording.session.to_string()),
        ("conversation", or_dash(recording.conversation.as_ref())),
        ("started", format!("{} UTC", utc(recording.started_at))),
        ("duration", format!("{} s", recording.duration_s)),
        ("codec", codec),
        ("frames", recording.frames.to_string()),
        ("undelivered", undelivered.to_string()),
        ("bytes", recording.bytes.to_string()),
        ("sha256", or_dash(recording.sha256.as_ref())),
        ("requests", requests.to_string()),
        ("attempts", recording.attempts.to_string()),
        ("next attempt", next),
        ("file", file),
    ];
    fields.iter().map(|(name, value)| format!("{name:<13}{value}\n")).collect()
}

/// What the store holds, and its recordings as the report lists them.
fn look(folder: &Path) -> Result<(Inspection, Vec<Recording>), Failure> {
    let disk = data_dir::read_only(folder)?;
    let inspection = inspect(&disk).map_err(|error| Failure::read(folder, &error))?;
    for damage in &inspection.damage {
        tracing::warn!(%damage, "the store is damaged; `earmark verify` tells all of it");
    }
    let recordings = recordings(&inspection.ledger, owner::of(folder).is_some());
    Ok((inspection, recordings))
}

fn word(recording: &Recording) -> String {
    let word = serde_json::to_value(recording.status).expect("a status is a word");
    word.as_str().unwrap_or_default().to_owned()
}

fn or_dash(text: Option<&impl ToString>) -> String {
    text.map_or_else(|| String::from("-"), ToString::to_string)
}

fn pretty(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value)
        .expect("it has text keys only and no number that JSON lacks")
}
