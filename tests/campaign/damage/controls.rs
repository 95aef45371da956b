//! Damage that no checksum can tell, and readers that do not tell: the comparison must notice.

use std::collections::BTreeSet;

use earmark_store::Record;

use super::check::Found;
use super::journal::Journal;
use super::journal_bytes::{self, Place};
use super::truth::{Expected, Region};

/// What is planted, and what the comparison says of it.
type Control = (&'static str, fn(&Journal) -> Result<(), String>);

pub(super) const CONTROLS: [Control; 7] = [
    ("a frame is another, and its record's checks fit", forged_frame),
    ("a decision is another, and its record's checks fit", forged_decision),
    ("two records of frames have changed places, and their checks fit", swapped_frames),
    ("a record is dropped from what is read", dropped_record),
    ("two records are damaged", two_records),
    ("a reader reports nothing", silent_reader),
    ("a reader reports another place", wrong_place),
];

fn nothing(journal: &Journal) -> &Expected {
    journal.expected(Region::Copy)
}

/// The largest record of frames that no sealed recording holds, so that only the journal has them.
fn unsealed(journal: &Journal) -> Vec<&Place> {
    let ledger = &journal.truth.ledger;
    let is_unsealed = |place: &&Place| {
        let Record::Frames(span) = &journal.truth.records[&place.seq] else {
            return false;
        };
        ledger.recordings.values().any(|facts| {
            let end = ledger.end(facts);
            facts.sealed.is_none()
                && facts.capture == span.capture
                && facts.first <= span.first
                && span.end() <= end
        })
    };
    let mut places: Vec<&Place> = journal.truth.places.iter().filter(is_unsealed).collect();
    places.sort_by_key(|place| std::cmp::Reverse(place.bytes.len()));
    places
}

fn a_record(journal: &Journal) -> usize {
    // So far behind the beginning that a record before it matters too.
    let is_seal =
        |place: &Place| matches!(journal.truth.records[&place.seq], Record::Sealed { .. });
    let seal = journal.truth.places.iter().rposition(is_seal);
    seal.expect("recordings were sealed")
}

fn forged_frame(journal: &Journal) -> Result<(), String> {
    let mut file = journal.truth.journal.clone();
    let place = unsealed(journal)[0];
    file[place.bytes.end - 1] ^= 1;
    journal_bytes::mend_record(&mut file, place.bytes.clone());
    journal.check(&file, nothing(journal))
}

fn forged_decision(journal: &Journal) -> Result<(), String> {
    let mut file = journal.truth.journal.clone();
    let is_cut =
        |place: &&Place| matches!(journal.truth.records[&place.seq], Record::RecordingCut { .. });
    let place = journal.truth.places.iter().find(is_cut).expect("recordings were cut");
    let payload = &mut file[place.payload()];
    let digit = payload.iter_mut().rfind(|byte| byte.is_ascii_digit());
    *digit.expect("a cut has a number") ^= 1;
    journal_bytes::mend_record(&mut file, place.bytes.clone());
    journal.check(&file, nothing(journal))
}

fn swapped_frames(journal: &Journal) -> Result<(), String> {
    let mut file = journal.truth.journal.clone();
    let places = unsealed(journal);
    let same = |one: &&&Place| {
        places.iter().any(|other| other.seq > one.seq && other.bytes.len() == one.bytes.len())
    };
    let one = places.iter().find(same).expect("some records are of one length");
    let other =
        places.iter().find(|other| other.seq > one.seq && other.bytes.len() == one.bytes.len());
    let other = other.expect("it was found just now");
    let bytes = file[one.payload()].to_vec();
    file.copy_within(other.payload(), one.payload().start);
    file[other.payload()].copy_from_slice(&bytes);
    journal_bytes::mend_record(&mut file, one.bytes.clone());
    journal_bytes::mend_record(&mut file, other.bytes.clone());
    journal.check(&file, nothing(journal))
}

/// The file with some records damaged.
fn damaged(journal: &Journal, records: &[usize]) -> Vec<u8> {
    let mut file = journal.truth.journal.clone();
    for index in records {
        file[journal.truth.places[*index].bytes.start + 40] ^= 1;
    }
    file
}

fn found(journal: &Journal, records: &[usize]) -> Found {
    let disk = journal.disk(&damaged(journal, records));
    Found::on(&disk).expect("it can be read")
}

fn dropped_record(journal: &Journal) -> Result<(), String> {
    let index = a_record(journal);
    let mut found = found(journal, &[index]);
    let expected = journal.expected(Region::Record(index));
    let is_cut = |seq: &u64| matches!(journal.truth.records[seq], Record::RecordingCut { .. });
    let before = journal.truth.records.keys().copied().find(is_cut).expect("recordings were cut");
    let missing: BTreeSet<u64> = expected.missing.iter().copied().chain([before]).collect();
    found.ledger = journal.truth.fold(&missing);
    found.compare(expected)
}

fn two_records(journal: &Journal) -> Result<(), String> {
    let index = a_record(journal);
    let expected = journal.expected(Region::Record(index));
    journal.check(&damaged(journal, &[index, index - 2]), expected)
}

fn silent_reader(journal: &Journal) -> Result<(), String> {
    let index = a_record(journal);
    let mut found = found(journal, &[index]);
    found.damage.clear();
    found.compare(journal.expected(Region::Record(index)))
}

fn wrong_place(journal: &Journal) -> Result<(), String> {
    let index = a_record(journal);
    let mut found = found(journal, &[index]);
    for report in &mut found.damage {
        report.range = Some(0..8);
    }
    found.compare(journal.expected(Region::Record(index)))
}
