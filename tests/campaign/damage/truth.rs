//! What a store must say after damage to the first file of its journal, worked out without it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use earmark_core::CaptureId;
use earmark_store::{Damage, Harm, Ledger, Record, SimDisk, recording_path};

use super::host::Host;
use super::journal_bytes::{self, COPIES_AT, COPY_BYTES, Place, RECORDS_AT};
use super::story::JOURNAL;

/// The folder that damage without a file names.
const JOURNAL_FOLDER: &str = "journal";

/// What a bit of the file belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Region {
    /// One of the two copies of the header: the other one is enough.
    Copy,
    /// Zeros that nothing reads.
    Zeros,
    /// The record at this place in the file.
    Record(usize),
}

/// A store before the damage.
pub(super) struct Truth {
    /// Every file, the damaged one included.
    pub(super) files: Vec<(String, Vec<u8>)>,
    /// The first file of the journal.
    pub(super) journal: Vec<u8>,
    pub(super) places: Vec<Place>,
    /// All records that the store holds, by number, those of later files included.
    pub(super) records: BTreeMap<u64, Record>,
    /// Every frame by its number in its capture.
    pub(super) frames: BTreeMap<(CaptureId, u64), Vec<u8>>,
    /// What the undamaged store says.
    pub(super) ledger: Ledger,
}

/// One damage as it is reported: where and what, without what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) path: String,
    pub(super) range: Option<Range<u64>>,
    pub(super) harm: Harm,
}

impl Report {
    pub(super) fn of(damage: &Damage) -> Self {
        Self { path: damage.path.clone(), range: damage.range.clone(), harm: damage.harm.clone() }
    }
}

/// What must be found.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    /// Records that are gone.
    pub(super) missing: BTreeSet<u64>,
    pub(super) ledger: Ledger,
    pub(super) damage: Vec<Report>,
}

impl Truth {
    /// The store of a host, with its whole journal or without the files after the first.
    pub(super) fn of(host: &Host, is_closed: bool) -> Self {
        let stays = |path: &String| is_closed || path == JOURNAL || !path.starts_with("journal/");
        let bytes = |path: String| {
            let bytes = host.disk.contents(&path).expect("it is listed");
            (path, bytes)
        };
        let files: Vec<_> = host.disk.paths().into_iter().filter(stays).map(bytes).collect();
        let journal = host.disk.contents(JOURNAL).expect("it was written");
        let mut records = BTreeMap::new();
        for (_, file) in files.iter().filter(|(path, _)| path.starts_with("journal/")) {
            for place in journal_bytes::places(file) {
                records.insert(place.seq, record(host, file, &place));
            }
        }
        let places = journal_bytes::places(&journal);
        let frames = host.frames.clone();
        let mut truth = Self { files, journal, places, records, frames, ledger: Ledger::default() };
        truth.ledger = truth.fold(&BTreeSet::new());
        truth
    }

    /// A disk with all of the files.
    pub(super) fn disk(&self) -> SimDisk {
        let disk = SimDisk::new(1);
        self.files.iter().for_each(|(path, bytes)| disk.plant(path, bytes));
        disk
    }

    pub(super) fn fold(&self, missing: &BTreeSet<u64>) -> Ledger {
        let mut ledger = Ledger::default();
        let present = self.records.iter().filter(|(seq, _)| !missing.contains(seq));
        present.for_each(|(_, record)| ledger.apply(record));
        ledger
    }

    pub(super) fn region(&self, byte: usize) -> Region {
        if byte < RECORDS_AT {
            let in_copy = |at: &usize| (*at..at + COPY_BYTES).contains(&byte);
            return if COPIES_AT.iter().any(in_copy) { Region::Copy } else { Region::Zeros };
        }
        let index = self.places.partition_point(|place| place.end <= byte);
        match self.places.get(index) {
            Some(place) if place.bytes.contains(&byte) => Region::Record(index),
            Some(_) | None => Region::Zeros,
        }
    }

    /// Nothing is lost and nothing reported.
    pub(super) fn untouched(&self) -> Expected {
        self.expect(BTreeSet::new(), None)
    }

    /// One record is not readable. What nobody knows to have been durable is a torn tail: it ends
    /// there.
    pub(super) fn without(&self, index: usize) -> Expected {
        let place = &self.places[index];
        let others = self.files.iter().filter(|(path, _)| path.starts_with("journal/"));
        let places = others.flat_map(|(_, file)| journal_bytes::places(file));
        let known = places.filter(|other| other.seq != place.seq).map(|other| other.durable);
        if known.max() >= Some(place.seq) {
            let range = place.bytes.start as u64..place.end as u64;
            return self.expect(BTreeSet::from([place.seq]), Some((JOURNAL, Some(range))));
        }
        self.expect(self.records.range(place.seq..).map(|(seq, _)| *seq).collect(), None)
    }

    /// The file ends after so many bytes.
    pub(super) fn cut_at(&self, len: usize) -> Expected {
        let whole = self.places.partition_point(|place| place.bytes.end <= len);
        let whole = if len < COPY_BYTES { 0 } else { whole };
        let missing: BTreeSet<u64> = self.places[whole..].iter().map(|place| place.seq).collect();
        let later =
            self.places.last().is_some_and(|last| self.records.contains_key(&(last.seq + 1)));
        let end = whole.checked_sub(1).map_or(RECORDS_AT, |last| self.places[last].end);
        let reported = match (later && !missing.is_empty(), len > end) {
            (false, _) => None,
            (true, true) => Some((JOURNAL, Some(end as u64..len as u64))),
            (true, false) => Some((JOURNAL_FOLDER, None)),
        };
        self.expect(missing, reported)
    }

    fn expect(
        &self,
        missing: BTreeSet<u64>,
        reported: Option<(&str, Option<Range<u64>>)>,
    ) -> Expected {
        let ledger = self.fold(&missing);
        let mut damage = Vec::new();
        if let Some((path, range)) = reported {
            let (from, to) = (missing.first(), missing.last());
            let harm = match (&range, from, to) {
                (None, Some(from), Some(to)) => Harm::RecordsMissing { from: *from, to: *to + 1 },
                (Some(_) | None, ..) => Harm::Rot,
            };
            damage.push(Report { path: path.to_owned(), range, harm });
        }
        damage.extend(self.files_missing(&ledger));
        Expected { missing, ledger, damage }
    }

    fn has(&self, path: &str) -> bool {
        self.files.iter().any(|(file, _)| file == path)
    }

    fn files_missing(&self, ledger: &Ledger) -> Vec<Report> {
        let sealed = ledger
            .recordings
            .iter()
            .filter(|(_, facts)| facts.sealed.is_some() && facts.removing.is_none());
        let paths = sealed.map(|(id, _)| (*id, recording_path(*id)));
        let gone = paths.filter(|(_, path)| !self.has(path));
        gone.map(|(recording, path)| Report {
            path,
            range: None,
            harm: Harm::FileMissing { recording },
        })
        .collect()
    }

    /// What an opening reports beyond an inspection: files that no record speaks of.
    pub(super) fn unclaimed(&self, ledger: &Ledger) -> usize {
        let known: BTreeSet<String> =
            ledger.recordings.keys().map(|id| recording_path(*id)).collect();
        let recordings = self.files.iter().filter(|(path, _)| path.starts_with("recordings/"));
        recordings.filter(|(path, _)| !known.contains(path)).count()
    }
}

/// A record as it was staged, compared with its bytes.
fn record(host: &Host, file: &[u8], place: &Place) -> Record {
    let payload = &file[place.payload()];
    if !place.is_frames {
        let record = &host.decisions[&place.seq];
        let json = serde_json::to_vec(record).expect("every decision has a JSON form");
        assert_eq!(payload, json, "record {}", place.seq);
        return record.clone();
    }
    let (span, frames) = journal_bytes::frames(payload);
    for (seq, bytes) in (span.first.0..).zip(frames) {
        assert_eq!(host.frames[&(span.capture, seq)], bytes, "frame {seq} of {}", span.capture);
    }
    Record::Frames(span)
}
