//! What a store's files say, read without changing any of them.

use std::collections::BTreeMap;
use std::io;

use earmark_core::{FrameSeq, RecordingId};

use crate::batches::{Batch, Batches};
use crate::damage::{Damage, Harm};
use crate::disk::{Disk, DiskFile, read_what_can_be};
use crate::format::{FILE_HEADER_BYTES, FileId, HeaderFault};
use crate::identity::{self, Identity};
use crate::journal::{FileFacts, Trust};
use crate::layout::{self, JOURNAL, QUARANTINE, RECORDINGS, SNAPSHOTS, journal_path};
use crate::ledger::Ledger;
use crate::scan::{self, Hole, Located, Scan, Told};
use crate::snapshot::{self, SnapshotFault};

/// The longest journal file that is read.
pub(crate) const JOURNAL_FILE_BYTES_READ_MAX: u64 = 1 << 30;

/// Why a store's files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A newer program wrote it; nothing was changed.
    #[error("{path} is of version {version}, of a newer earmark; this one knows versions up to 1")]
    Newer {
        /// The file.
        path: String,
        /// Its version.
        version: u32,
    },
    /// The disk refused.
    #[error("{path}: {error}")]
    Io {
        /// The file or folder.
        path: String,
        /// What the disk said.
        #[source]
        error: io::Error,
    },
}

impl ReadError {
    pub(crate) fn io(path: &str, error: io::Error) -> Self {
        Self::Io { path: path.to_owned(), error }
    }
}

/// All that the files say.
#[derive(Debug, Default)]
pub(crate) struct Recovery {
    /// None when the store is new, or when its identity was lost.
    pub(crate) incarnation: Option<u32>,
    /// The state that a crash could not take back.
    pub(crate) durable_ledger: Ledger,
    /// The state with the records behind it, which may not be durable.
    pub(crate) ledger: Ledger,
    pub(crate) durable: u64,
    /// The records that may not be durable: file and place of each.
    pub(crate) tail: Vec<(u64, Located)>,
    pub(crate) batches: Batches,
    pub(crate) files: BTreeMap<u64, FileFacts>,
    pub(crate) snapshots: Vec<u64>,
    /// Bytes of the latest of them.
    pub(crate) snapshot_bytes: u64,
    /// Journal files with a torn tail, and the length that is whole.
    pub(crate) cuts: Vec<(u64, u64)>,
    pub(crate) torn_bytes: u64,
    pub(crate) damage: Vec<Damage>,
    /// Files that nothing can use.
    pub(crate) useless: Vec<String>,
    /// Unfinished files, which can be made again.
    pub(crate) unfinished: Vec<String>,
    pub(crate) highest_id: u32,
    /// The highest number that a journal file has or had.
    pub(crate) highest_file: u64,
}

/// The highest numbers of recordings and of journal files that their names alone speak for: a
/// store that begins a journal file every minute gets there after ten years and more. Higher ones
/// somebody has made up, and they must not use up what is left.
const NAMED_ID_MAX: u32 = u32::MAX / 2;
const NAMED_FILE_MAX: u64 = 1 << 23;

/// How much of a journal is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// All of it.
    Whole,
    /// Not the files of which nothing is wanted any more.
    Needed,
}

/// Reads the store.
pub(crate) fn read(disk: &dyn Disk, depth: Depth) -> Result<Recovery, ReadError> {
    let mut recovery = Recovery::default();
    recovery.read_identity(disk)?;
    recovery.read_snapshots(disk)?;
    let scans = recovery.read_journal(disk, depth)?;
    recovery.fold(&scans);
    recovery.read_recordings(disk)?;
    Ok(recovery)
}

impl Recovery {
    fn read_identity(&mut self, disk: &dyn Disk) -> Result<(), ReadError> {
        match identity::read(disk)? {
            Identity::Known(incarnation) => self.incarnation = Some(incarnation),
            Identity::Absent => {}
            Identity::Damaged(reason) => {
                self.damage.push(Damage::unreadable(layout::IDENTITY, reason));
                self.useless.push(layout::IDENTITY.to_owned());
            }
        }
        Ok(())
    }

    /// Takes the latest snapshot that is whole; the others are only looked through.
    fn read_snapshots(&mut self, disk: &dyn Disk) -> Result<(), ReadError> {
        let mut refused = None;
        for name in names(disk, SNAPSHOTS)?.into_iter().rev() {
            let path = format!("{SNAPSHOTS}/{name}");
            if path == layout::SNAPSHOT_TEMP {
                self.unfinished.push(path);
                continue;
            }
            let Some(covered) = layout::snapshot_covered(&name) else {
                continue;
            };
            let file = disk.open(&path).map_err(|error| ReadError::io(&path, error))?;
            match self.read_snapshot(file.as_ref(), covered) {
                Ok(true) => self.snapshots.push(covered),
                Ok(false) => self.give_up(path, "it covers something else than its name says"),
                Err(SnapshotFault::Newer(version)) => {
                    return Err(ReadError::Newer { path, version });
                }
                Err(SnapshotFault::Io(error)) => {
                    self.give_up(path.clone(), &error);
                    refused = Some((path, error));
                }
                Err(fault @ (SnapshotFault::Damaged | SnapshotFault::Odd(_))) => {
                    self.give_up(path, fault);
                }
            }
        }
        self.snapshots.reverse();
        match refused {
            // Without any snapshot the journal's end makes no sense; the disk may yet read this
            // one.
            Some((path, error)) if self.snapshots.is_empty() => Err(ReadError::Io { path, error }),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether a snapshot covers what its name says; the first one is taken.
    fn read_snapshot(&mut self, file: &dyn DiskFile, named: u64) -> Result<bool, SnapshotFault> {
        if !self.snapshots.is_empty() {
            return Ok(snapshot::check(file)? == named);
        }
        let (ledger, covered) = snapshot::read(file)?;
        if covered == named {
            self.snapshot_bytes = file.len()?;
            (self.durable, self.durable_ledger) = (covered, ledger);
        }
        Ok(covered == named)
    }

    fn give_up(&mut self, path: String, reason: impl std::fmt::Display) {
        self.damage.push(Damage::unreadable(path.clone(), reason));
        self.useless.push(path);
    }

    fn read_journal(&mut self, disk: &dyn Disk, depth: Depth) -> Result<Vec<Scan>, ReadError> {
        let mut scans = Vec::new();
        let names = names(disk, JOURNAL)?;
        let numbers: Vec<u64> =
            names.iter().filter_map(|name| layout::journal_number(name)).collect();
        numbers.iter().for_each(|number| self.note_file(*number));
        let needless = match depth {
            Depth::Needed if !self.wants_frames() => self.needless(disk, &numbers),
            Depth::Needed | Depth::Whole => 0,
        };
        for number in numbers.into_iter().skip(needless) {
            let path = journal_path(number);
            let at_path = |error| ReadError::io(&path, error);
            let file = disk.open(&path).map_err(at_path)?;
            let (bytes, unreadable) =
                match read_what_can_be(file.as_ref(), JOURNAL_FILE_BYTES_READ_MAX) {
                    Ok(read) => read,
                    Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                        self.give_up(path, error);
                        continue;
                    }
                    Err(error) => return Err(at_path(error)),
                };
            for range in unreadable {
                let reason = "the disk cannot read it".to_owned();
                let harm = Harm::Unreadable { reason };
                self.damage.push(Damage::new(path.clone(), Some(range), harm));
            }
            match FileId::parse(&bytes) {
                Ok(id) if id.number == number => scans.push(Scan::of(id, &bytes, self.durable)),
                Ok(_) => self.give_up(path, "it is another journal file under this name"),
                Err(HeaderFault::Newer(version)) => return Err(ReadError::Newer { path, version }),
                Err(HeaderFault::Unreadable) => self.headless(number, &bytes),
            }
        }
        Ok(scans)
    }

    /// Whether a recording has yet to be made of frames that came before the snapshot.
    fn wants_frames(&self) -> bool {
        let ledger = &self.durable_ledger;
        let is_bare = |capture: &crate::CaptureFacts| capture.covered < capture.next_seq;
        ledger.awaiting_seal().next().is_some() || ledger.captures.values().any(is_bare)
    }

    /// How many files, from the first on, only tell what is in the snapshot: the next one begins
    /// within what it covers. It **must** reach into the next one: only then was that one durable
    /// with all that it took over from the one before.
    fn needless(&mut self, disk: &dyn Disk, numbers: &[u64]) -> usize {
        let mut needless = 0;
        for pair in numbers.windows(2) {
            match first_seq(disk, pair[1]) {
                Some(first) if first <= self.durable => {
                    let facts = FileFacts { last_seq: first - 1, trust: Trust::Unread };
                    self.files.insert(pair[0], facts);
                    needless += 1;
                }
                Some(_) | None => break,
            }
        }
        needless
    }

    /// A file without a header took no record before its header was durable: if it is no longer
    /// than that, its creation was torn.
    fn headless(&mut self, number: u64, bytes: &[u8]) {
        let path = journal_path(number);
        if bytes.len() as u64 <= FILE_HEADER_BYTES || bytes.iter().all(|byte| *byte == 0) {
            self.torn_bytes += bytes.len() as u64;
            self.useless.push(path);
        } else {
            self.give_up(path, "both copies of its header are damaged");
        }
    }

    fn fold(&mut self, scans: &[Scan]) {
        let covered = self.durable;
        let mut union: BTreeMap<u64, (u64, &Located)> = BTreeMap::new();
        for scan in scans {
            self.durable = self.durable.max(scan.durable);
            self.damage.extend(scan.odd.iter().cloned());
            // The bytes of a seq are the same in every file that has it.
            union.extend(scan.records.iter().map(|one| (one.seq, (scan.number, one))));
        }
        let odd = |scan: &Scan| (scan.number, !scan.odd.is_empty());
        let damaged: BTreeMap<u64, bool> = scans.iter().map(odd).collect();
        let end = self.find_gaps(covered, scans, &union);
        for (number, located) in union.values() {
            self.take(covered, end, *number, located);
        }
        // Below the snapshot only frames are still wanted, so a hole there matters when frames are
        // gone; a file that was given up after an error may well have such holes.
        let floor = if self.lacks_frames() { 0 } else { covered };
        let lost = |seq: u64| seq > floor && !union.contains_key(&seq);
        for scan in scans {
            self.judge(scan, end, &lost, damaged[&scan.number]);
        }
        self.keep_the_unclaimed();
        for capture in self.batches.captures() {
            self.batches.keep_only(capture, &self.durable_ledger.wanted(capture));
        }
    }

    /// Where a part of the journal is damaged, frames of a capture that nothing speaks of may be
    /// all that is left of it: the files that hold some are not removed.
    fn keep_the_unclaimed(&mut self) {
        if !self.files.values().any(|facts| facts.trust == Trust::Damaged) {
            return;
        }
        let captures = self.batches.captures().into_iter();
        for capture in captures.filter(|id| !self.durable_ledger.captures.contains_key(id)) {
            for batch in self.batches.overlapping(capture, FrameSeq(0), FrameSeq(u64::MAX)) {
                self.files.entry(batch.file).or_default().trust = Trust::Damaged;
            }
        }
    }

    /// The first seq that is missing and was never durable: the journal ends before it.
    fn find_gaps(
        &mut self,
        covered: u64,
        scans: &[Scan],
        union: &BTreeMap<u64, (u64, &Located)>,
    ) -> u64 {
        let mut expected = covered + 1;
        for seq in union.range(expected..).map(|(seq, _)| *seq).chain([u64::MAX]) {
            if seq == expected {
                expected += 1;
                continue;
            }
            if expected > self.durable {
                break;
            }
            let to = seq.min(self.durable + 1);
            self.report_gap(expected, to, scans);
            if seq > to {
                return to;
            }
            expected = seq + 1;
        }
        expected
    }

    fn report_gap(&mut self, from: u64, to: u64, scans: &[Scan]) {
        let explains =
            |hole: &Hole| hole.from <= from && hole.behind.is_none_or(|behind| behind >= to);
        let explained = scans.iter().any(|scan| scan.holes.iter().any(explains));
        let odd = scans.iter().any(|scan| !scan.odd.is_empty());
        if !explained && !odd {
            self.damage.push(Damage::new(JOURNAL, None, Harm::RecordsMissing { from, to }));
        }
    }

    fn take(&mut self, covered: u64, end: u64, number: u64, located: &Located) {
        if let Told::Decision(record) = &located.told {
            self.ledger.note_ids(record);
        }
        if located.seq >= end {
            return;
        }
        if located.seq > self.durable {
            self.tail.push((number, located.clone()));
            return;
        }
        if let Told::Frames(span) = &located.told {
            self.batches.insert(span.capture, located.batch(span, number));
        }
        if let Some(record) = located.told.record().filter(|_| located.seq > covered) {
            self.durable_ledger.apply(&record);
        }
    }

    /// Where all frames lie that are in no sealed recording, those included that may not be
    /// durable.
    pub(crate) fn all_batches(&self) -> Batches {
        let mut batches = self.batches.clone();
        for (number, located) in &self.tail {
            if let Told::Frames(span) = &located.told {
                batches.insert(span.capture, located.batch(span, *number));
            }
        }
        batches
    }

    /// Whether a recording that is not sealed has frames that are nowhere.
    fn lacks_frames(&self) -> bool {
        let ledger = &self.durable_ledger;
        ledger.awaiting_seal().any(|(_, facts)| {
            let (first, end) = (facts.first, ledger.end(facts));
            let batches = self.batches.overlapping(facts.capture, first, end);
            let held = |batch: &Batch| batch.end().min(end).since(batch.first.max(first));
            batches.iter().map(held).sum::<u64>() < end.since(first)
        })
    }

    /// Tells rot from a torn tail in one file.
    fn judge(&mut self, scan: &Scan, end: u64, lost: &dyn Fn(u64) -> bool, odd: bool) {
        let mut is_damaged = odd;
        let kept = scan.records.iter().filter(|record| record.seq < end);
        let last_seq = kept.clone().map(|record| record.seq).max().unwrap_or(0);
        let mut whole = kept
            .map(|record| record.offset + u64::from(record.len))
            .max()
            .unwrap_or(FILE_HEADER_BYTES.min(scan.len));
        for hole in &scan.holes {
            // A snapshot may hold what was here; the file is damaged all the same.
            is_damaged |= hole.behind.is_some() && hole.from < end;
            let to = hole.behind.unwrap_or(hole.from + 1).min(self.durable + 1);
            if (hole.from..to).any(lost) {
                is_damaged = true;
                whole = whole.max(hole.range.end);
                let path = journal_path(scan.number);
                self.damage.push(Damage::new(path, Some(hole.range.clone()), Harm::Rot));
            }
        }
        // What else lies behind the last record is none, of this file, and never will be.
        let dropped = scan.records.iter().filter(|record| record.seq >= end);
        let dropped = dropped.map(|record| record.offset + u64::from(record.len));
        let torn = scan.holes.iter().filter_map(|hole| hole.torn_end);
        let ends = dropped.chain(torn).max().filter(|torn| *torn > whole);
        if let Some(torn) = ends {
            self.cuts.push((scan.number, whole));
            self.torn_bytes += torn - whole;
        }
        let trust = if is_damaged { Trust::Damaged } else { Trust::Read };
        self.files.insert(scan.number, FileFacts { last_seq, trust });
    }

    fn read_recordings(&mut self, disk: &dyn Disk) -> Result<(), ReadError> {
        let noted = self.ledger.highest_id;
        self.ledger = self.durable_ledger.clone();
        for (_, located) in &self.tail {
            if let Some(record) = located.told.record() {
                self.ledger.apply(&record);
            }
        }
        self.highest_id = noted.max(self.ledger.highest_id);
        let mut found = Vec::new();
        for name in names(disk, RECORDINGS)? {
            if let Some(recording) = layout::recording_of(&name) {
                found.push(recording);
            } else if let Some(recording) = layout::part_of(&name) {
                self.note_recording(recording);
                self.unfinished.push(layout::part_path(recording));
            }
        }
        for name in names(disk, QUARANTINE)? {
            let kept = name.rsplit_once('.').map_or(name.as_str(), |(kept, _)| kept);
            layout::journal_number(kept).into_iter().for_each(|number| self.note_file(number));
            let recording = name.split('.').next().and_then(|name| name.parse().ok());
            recording.into_iter().for_each(|recording| self.note_recording(recording));
        }
        found.sort_unstable();
        self.compare_recordings(&found);
        Ok(())
    }

    /// A number that a file's name shows was given, unless it is so high that somebody made it up.
    fn note_recording(&mut self, recording: RecordingId) {
        if recording.number() <= NAMED_ID_MAX {
            self.highest_id = self.highest_id.max(recording.number());
        }
    }

    fn note_file(&mut self, number: u64) {
        if number <= NAMED_FILE_MAX {
            self.highest_file = self.highest_file.max(number);
        }
    }

    /// Only whether a file is there: to ask for the length of each would take as long as all the
    /// rest of an opening. Whoever reads one compares that too.
    fn compare_recordings(&mut self, found: &[RecordingId]) {
        for recording in found {
            self.note_recording(*recording);
            if !self.ledger.recordings.contains_key(recording) {
                let path = layout::recording_path(*recording);
                self.damage.push(Damage::new(path.clone(), None, Harm::Unclaimed));
                self.useless.push(path);
            }
        }
        for (recording, facts) in &self.ledger.recordings {
            let is_due = facts.sealed.is_some() && facts.removing.is_none();
            if is_due && found.binary_search(recording).is_err() && !facts.is_given_up() {
                let harm = Harm::FileMissing { recording: *recording };
                self.damage.push(Damage::new(layout::recording_path(*recording), None, harm));
            }
        }
    }
}

/// The seq of a journal file's first record; none when its header cannot be read.
fn first_seq(disk: &dyn Disk, number: u64) -> Option<u64> {
    let file = disk.open(&journal_path(number)).ok()?;
    let id = scan::header(file.as_ref()).ok()?.filter(|id| id.number == number)?;
    (id.first > 0).then_some(id.first)
}

/// The files of a folder; none when it is not there.
pub(crate) fn names(disk: &dyn Disk, dir: &str) -> Result<Vec<String>, ReadError> {
    match disk.list(dir) {
        Ok(entries) => {
            let files = entries.into_iter().filter(|entry| !entry.is_dir);
            Ok(files.map(|entry| entry.name).collect())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(ReadError::io(dir, error)),
    }
}
