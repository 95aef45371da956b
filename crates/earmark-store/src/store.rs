//! The store as its owner sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use earmark_core::{CaptureId, Codec, Frame, FrameSeq, RecordingId, SessionId, WallTime, slug};

use crate::batches::Batches;
use crate::disk::{Disk, DiskLock};
use crate::jobs::{self, Farewell, Pruning};
use crate::journal::{Chunk, Journal, Reserve, Trust, mix};
use crate::layout;
use crate::ledger::{Ledger, RecordingFacts};
use crate::record::{Record, Seal};
use crate::sealed::SealedRecording;
use crate::work::{Done, Failure, Fault, Job, Outcome, Output, Work};
use crate::{seal, snapshot};

mod closing;
mod open;

pub use closing::{Staging, close_what_is_open};
pub use open::{OpenError, Recovered};

/// A snapshot becomes due when so many journal files lie there, however little is in them.
const JOURNAL_FILES_BEFORE_SNAPSHOT: usize = 8;
/// So many snapshots are kept: damage to the latest one costs nothing.
pub(crate) const SNAPSHOTS_KEPT: usize = 2;

/// How long the reserve is at most, in bytes: decisions of hours, and what is not durable when the
/// disk is full.
const RESERVE_BYTES_MAX: u64 = 256 << 10;

/// After so many tries the frames that the disk cannot read are given up, so that the others get
/// sealed.
const SEAL_READS_MAX: u32 = 8;

/// What an owner may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// A journal file is closed before it grows over this, in bytes.
    pub journal_file_bytes_max: u64,
    /// A snapshot becomes due after so many bytes of records, and after no fewer than the last one
    /// has.
    pub snapshot_after_bytes: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { journal_file_bytes_max: 4 << 20, snapshot_after_bytes: 4 << 20 }
    }
}

/// The place of a record in the journal's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Ticket(pub(crate) u64);

impl Ticket {
    /// The number of the record, from 1.
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// The durable store of one host: a journal, sealed recordings, snapshots.
///
/// The owner stages records, begins work, runs the jobs wherever blocking is allowed, and ends them
/// here. [`Store::ledger`] says what was decided, [`Store::durable_ledger`] what of it a crash at
/// this instant could not take back.
pub struct Store {
    disk: Arc<dyn Disk>,
    _lock: DiskLock,
    config: Config,
    incarnation: u32,
    highest_id: u32,
    /// Spreads what must not collide between the lives of a store.
    life: u64,
    ledger: Ledger,
    durable_ledger: Ledger,
    journal: Journal,
    batches: Batches,
    snapshots: Vec<u64>,
    bytes_since_snapshot: u64,
    /// Bytes of the latest snapshot.
    snapshot_bytes: u64,
    in_flight: InFlight,
    /// Seals that were made but whose record is not staged yet.
    drafts: BTreeMap<RecordingId, Arc<Seal>>,
    /// How often the journal could not be read for a seal.
    unreadable: BTreeMap<RecordingId, u32>,
}

/// Work that was begun and has not ended.
#[derive(Debug, Default)]
struct InFlight {
    write: bool,
    sync: bool,
    others: BTreeSet<Work>,
}

impl InFlight {
    fn contains(&self, work: Work) -> bool {
        match work {
            Work::Write => self.write,
            Work::Sync => self.sync,
            Work::Replace
            | Work::Refill
            | Work::Seal(_)
            | Work::Snapshot
            | Work::Prune
            | Work::Remove(_) => self.others.contains(&work),
        }
    }

    fn set(&mut self, work: Work, is_in_flight: bool) {
        match work {
            Work::Write => self.write = is_in_flight,
            Work::Sync => self.sync = is_in_flight,
            Work::Replace
            | Work::Refill
            | Work::Seal(_)
            | Work::Snapshot
            | Work::Prune
            | Work::Remove(_) => {
                if is_in_flight {
                    self.others.insert(work);
                } else {
                    self.others.remove(&work);
                }
            }
        }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let durable = self.journal.durable;
        f.debug_struct("Store").field("durable", &durable).finish_non_exhaustive()
    }
}

impl Store {
    /// The state with everything that was staged.
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The state with everything that is durable.
    pub const fn durable_ledger(&self) -> &Ledger {
        &self.durable_ledger
    }

    /// The disk, for readers.
    pub fn disk(&self) -> Arc<dyn Disk> {
        Arc::clone(&self.disk)
    }

    /// A capture id that was never given before.
    pub fn next_capture(&mut self) -> CaptureId {
        CaptureId::new(self.incarnation, self.next_id())
    }

    /// A session id that was never given before.
    pub fn next_session(&mut self) -> SessionId {
        SessionId::new(self.incarnation, self.next_id())
    }

    /// A recording id that was never given before.
    pub fn next_recording(&mut self) -> RecordingId {
        RecordingId::new(self.incarnation, self.next_id())
    }

    fn next_id(&mut self) -> u32 {
        let next = self.highest_id.checked_add(1);
        self.highest_id = next.expect("no store lives through four thousand million ids");
        self.highest_id
    }

    /// Stages frames for the next write; those with numbers that the capture has already are left
    /// out. The ticket is that of the last record they are in.
    pub fn stage_frames(
        &mut self,
        capture: CaptureId,
        first: FrameSeq,
        frames: &[Frame],
    ) -> Ticket {
        let next = self.ledger.captures.get(&capture).map_or(first, |facts| facts.next_seq);
        let known = usize::try_from(next.since(first)).unwrap_or(usize::MAX);
        let fresh = frames.get(known.min(frames.len())..).unwrap_or_default();
        let first = first.plus(known as u64);
        self.journal.stage_frames(capture, first, fresh);
        if let (Some(oldest), Some(latest)) = (fresh.first(), fresh.last()) {
            self.ledger.apply(&Record::Frames(crate::FrameSpan {
                capture,
                first,
                count: u32::try_from(fresh.len()).unwrap_or(u32::MAX),
                first_at: oldest.at,
                last_at: latest.at,
            }));
        }
        self.staged()
    }

    /// Stages a decision. It counts at once in [`Store::ledger`], and is durable when the ticket
    /// is.
    ///
    /// The record **must not** be [`Record::Frames`], which only describes frames that
    /// [`Store::stage_frames`] has staged, and its texts and lists **must** be bounded by the
    /// caller.
    pub fn stage(&mut self, record: Record) -> Ticket {
        let payload = serde_json::to_vec(&record).expect("every decision has a JSON form");
        self.ledger.apply(&record);
        Ticket(self.journal.stage(&payload, record))
    }

    /// Everything up to here is covered by a sync that returned success, the name of its file
    /// included.
    pub const fn durable(&self) -> Ticket {
        Ticket(self.journal.durable)
    }

    /// Everything that was staged so far.
    pub const fn staged(&self) -> Ticket {
        Ticket(self.journal.next_seq - 1)
    }

    /// Bytes that were staged and not yet handed to the disk.
    pub fn staged_bytes(&self) -> usize {
        self.journal.staged_bytes()
    }

    /// Bytes held in memory until they are durable, the staged ones included.
    pub fn undurable_bytes(&self) -> usize {
        self.journal.undurable_bytes()
    }

    /// Whether nothing can be written before [`Work::Replace`] succeeds.
    pub const fn journal_is_dead(&self) -> bool {
        self.journal.dead
    }

    /// Whether the disk had no room and the reserve went into the journal. Until [`Work::Refill`]
    /// succeeds, no frames **should** be staged: what room the journal has is for decisions.
    pub fn reserve_is_spent(&self) -> bool {
        self.journal.reserve == Reserve::Spent
    }

    /// The proof that a recording is sealed, once the record that says so is durable.
    pub fn sealed(&self, recording: RecordingId) -> Option<SealedRecording> {
        let facts = self.durable_ledger.recordings.get(&recording)?;
        let going = self.ledger.recordings.get(&recording)?.removing.is_some();
        if going { None } else { SealedRecording::of(recording, facts) }
    }

    /// Begins work; none when there is nothing to do, or when it must wait for other work in
    /// flight.
    pub fn begin(&mut self, work: Work) -> Option<Job> {
        if self.in_flight.contains(work) {
            return None;
        }
        let job = match work {
            Work::Write => self.begin_write(),
            Work::Sync => self.begin_sync(),
            Work::Replace => self.begin_replace(),
            Work::Refill => self.begin_refill(),
            Work::Seal(recording) => self.begin_seal(recording),
            Work::Snapshot => self.begin_snapshot(),
            Work::Prune => self.begin_prune(),
            Work::Remove(recording) => self.begin_remove(recording),
        }?;
        self.in_flight.set(work, true);
        Some(job)
    }

    fn begin_write(&mut self) -> Option<Job> {
        if self.in_flight.contains(Work::Replace) {
            return None;
        }
        let len = self.config.journal_file_bytes_max;
        self.journal.begin_write(&self.disk, len).map(Job::write)
    }

    fn begin_sync(&self) -> Option<Job> {
        let (target, files) = self.journal.begin_sync()?;
        Some(Job::sync(target, files))
    }

    fn begin_replace(&mut self) -> Option<Job> {
        let is_busy = self.in_flight.write || self.in_flight.sync;
        if is_busy || !self.journal.dead {
            return None;
        }
        let (id, chunks) = self.journal.begin_replace();
        let (disk, cuts) = (self.disk(), self.journal.cuts.clone());
        let has_reserve = self.journal.reserve == Reserve::Ready;
        Some(Job::new(Work::Replace, move || {
            jobs::cut(disk.as_ref(), &cuts)?;
            jobs::replace(disk.as_ref(), id, &chunks, has_reserve)
        }))
    }

    fn begin_refill(&self) -> Option<Job> {
        let (disk, len) = (self.disk(), self.reserve_bytes());
        let job = || Job::new(Work::Refill, move || jobs::refill(disk.as_ref(), len));
        self.reserve_is_spent().then(job)
    }

    fn reserve_bytes(&self) -> u64 {
        RESERVE_BYTES_MAX.min(self.config.journal_file_bytes_max / 2)
    }

    fn begin_seal(&self, recording: RecordingId) -> Option<Job> {
        let facts = self.durable_ledger.recordings.get(&recording)?;
        let now = self.ledger.recordings.get(&recording)?;
        let end = facts.end?;
        let next = self.durable_ledger.captures.get(&facts.capture)?.next_seq;
        if now.sealed.is_some() || now.removing.is_some() || next < end {
            return None;
        }
        let order = seal::Order {
            recording,
            first: facts.first,
            end,
            batches: self.batches.overlapping(facts.capture, facts.first, end),
            started_at: facts.started_at.unwrap_or_default(),
            leave_unreadable: self.unreadable.get(&recording) >= Some(&SEAL_READS_MAX),
        };
        let disk = self.disk();
        Some(Job::new(Work::Seal(recording), move || {
            let (seal, damage) = seal::write(disk.as_ref(), &order)?;
            Ok(Output::Sealed { seal, damage })
        }))
    }

    fn begin_snapshot(&self) -> Option<Job> {
        let covered = self.journal.durable;
        // A large ledger is written anew only after as much has been written beside it.
        let due = self.config.snapshot_after_bytes.max(self.snapshot_bytes);
        let full = self.bytes_since_snapshot >= due
            || self.journal.files.len() >= JOURNAL_FILES_BEFORE_SNAPSHOT;
        if !full || self.snapshots.last().is_some_and(|last| *last >= covered) {
            return None;
        }
        let disk = self.disk();
        let ledger = self.durable_ledger.clone();
        Some(Job::new(Work::Snapshot, move || snapshot::write(disk.as_ref(), &ledger, covered)))
    }

    /// Has the next snapshot be due, however little has come since the last one.
    pub(crate) const fn want_snapshot(&mut self) {
        self.bytes_since_snapshot = u64::MAX;
    }

    fn begin_prune(&self) -> Option<Job> {
        let oldest_kept = self.snapshots.len().saturating_sub(SNAPSHOTS_KEPT);
        let (old, kept) = self.snapshots.split_at(oldest_kept);
        let files = match kept {
            [floor, _, ..] => self.unneeded(*floor),
            [] | [_] => Vec::new(),
        };
        let spare_bytes = (!self.journal.has_spare).then_some(self.config.journal_file_bytes_max);
        let is_missing = self.journal.reserve == Reserve::Missing;
        let reserve_bytes = is_missing.then(|| self.reserve_bytes());
        if files.is_empty() && old.is_empty() && spare_bytes.or(reserve_bytes).is_none() {
            return None;
        }
        let pruning = Pruning { files, snapshots: old.to_vec(), spare_bytes, reserve_bytes };
        let disk = self.disk();
        Some(Job::new(Work::Prune, move || jobs::prune(disk.as_ref(), pruning)))
    }

    /// Journal files whose decisions are in the older snapshot and whose frames nobody needs.
    fn unneeded(&self, floor: u64) -> Vec<(u64, Farewell)> {
        let settled = |number: u64, last_seq: u64| {
            last_seq <= floor && !self.journal.holds(number) && !self.batches.need(number)
        };
        let all = self.journal.files.iter();
        all.filter(|(number, facts)| settled(**number, facts.last_seq))
            .map(|(number, facts)| (*number, self.farewell(*number, facts.trust)))
            .collect()
    }

    fn farewell(&self, number: u64, trust: Trust) -> Farewell {
        match trust {
            Trust::Damaged => Farewell::Quarantine(self.quarantine(number)),
            Trust::Own => Farewell::Reuse,
            Trust::Read => Farewell::Remove,
            Trust::Unread => Farewell::Examine(self.quarantine(number)),
        }
    }

    fn quarantine(&self, number: u64) -> String {
        layout::quarantine_path(&layout::journal_path(number), mix(self.life ^ number))
    }

    fn begin_remove(&self, recording: RecordingId) -> Option<Job> {
        let facts = self.durable_ledger.recordings.get(&recording)?;
        facts.removing?;
        if self.in_flight.contains(Work::Seal(recording)) {
            return None;
        }
        let disk = self.disk();
        Some(Job::new(Work::Remove(recording), move || jobs::remove(disk.as_ref(), recording)))
    }

    /// Ends work. It touches memory only.
    ///
    /// # Errors
    ///
    /// [`Failure`] says what refused; the same work can be begun again, after [`Work::Replace`]
    /// when the journal is dead.
    pub fn end(&mut self, done: Done) -> Result<Outcome, Failure> {
        self.in_flight.set(done.work, false);
        match done.result {
            Ok(output) => Ok(self.end_well(done.work, output)),
            Err(fault) => Err(self.end_badly(done.work, fault)),
        }
    }

    fn end_badly(&mut self, work: Work, fault: Fault) -> Failure {
        match work {
            Work::Write | Work::Sync => self.journal.die(),
            // It may have failed over the reserve, of which nothing is known then.
            Work::Replace
                if self.journal.reserve == Reserve::Ready
                    && (fault.path == layout::RESERVE || !fault.is_full()) =>
            {
                self.journal.reserve = Reserve::Missing;
            }
            Work::Seal(recording) if fault.is_in_journal() => {
                *self.unreadable.entry(recording).or_default() += 1;
            }
            Work::Replace
            | Work::Refill
            | Work::Seal(_)
            | Work::Snapshot
            | Work::Prune
            | Work::Remove(_) => {}
        }
        let Fault { path, error } = fault;
        Failure { work, path, error, journal_is_dead: self.journal.dead }
    }

    fn end_well(&mut self, work: Work, output: Output) -> Outcome {
        match output {
            Output::Written { opened } => {
                let up_to = Ticket(self.journal.end_write(opened));
                Outcome::Written { up_to }
            }
            Output::Synced { target } => {
                let chunks = self.journal.end_sync(target);
                self.settle(chunks);
                Outcome::Synced { durable: self.durable() }
            }
            Output::Replaced { id, file, from_reserve } => {
                if from_reserve {
                    self.journal.reserve = Reserve::Spent;
                }
                let chunks = self.journal.end_replace(id, file);
                self.settle(chunks);
                Outcome::Replaced { durable: self.durable() }
            }
            Output::Refilled => {
                self.journal.reserve = Reserve::Ready;
                Outcome::Refilled
            }
            Output::Sealed { seal, damage } => self.end_seal(work, seal, damage),
            Output::Snapshotted { covered, bytes } => {
                self.snapshots.push(covered);
                self.snapshot_bytes = bytes;
                self.bytes_since_snapshot = 0;
                Outcome::Snapshotted
            }
            Output::Pruned { files, snapshots, has_spare, has_reserve } => {
                self.journal.has_spare |= has_spare;
                if has_reserve {
                    self.journal.reserve = Reserve::Ready;
                }
                self.journal.files.retain(|number, _| !files.contains(number));
                self.snapshots.retain(|covered| !snapshots.contains(covered));
                Outcome::Pruned { files: files.len() + snapshots.len() }
            }
            Output::Removed => Outcome::Removed { recording: recording_of(work) },
        }
    }

    fn end_seal(&mut self, work: Work, mut seal: Seal, damage: Vec<crate::Damage>) -> Outcome {
        let recording = recording_of(work);
        self.unreadable.remove(&recording);
        for one in &damage {
            let number = one.path.strip_prefix("journal/").and_then(layout::journal_number);
            if let Some(facts) = number.and_then(|number| self.journal.files.get_mut(&number)) {
                facts.trust = Trust::Damaged;
            }
        }
        seal.twin = self.twin(recording, &seal);
        let seal = Arc::new(seal);
        self.drafts.retain(|id, _| {
            self.ledger.recordings.get(id).is_some_and(|facts| facts.sealed.is_none())
        });
        self.drafts.insert(recording, Arc::clone(&seal));
        Outcome::Sealed { recording, seal, damage }
    }

    /// One more than the highest twin among the recordings whose upload would have the same name.
    fn twin(&self, recording: RecordingId, seal: &Seal) -> u32 {
        let recordings = &self.ledger.recordings;
        let Some(facts) = recordings.get(&recording) else {
            return 0;
        };
        let name = upload_name(facts, seal.started_at);
        let drafted = self.drafts.iter().filter_map(|(id, draft)| {
            let facts = recordings.get(id).filter(|facts| facts.sealed.is_none())?;
            Some((*id, &**facts, draft))
        });
        let sealed = self.ledger.starting_in(seal.started_at.unix_seconds());
        let sealed = sealed.filter_map(|(id, facts)| Some((id, facts, facts.sealed.as_ref()?)));
        let twins = drafted.chain(sealed).filter(|(id, facts, seal)| {
            *id != recording && upload_name(facts, seal.started_at) == name
        });
        twins.map(|(_, _, seal)| seal.twin + 1).max().unwrap_or(0)
    }

    /// Folds what became durable into the durable state.
    fn settle(&mut self, chunks: Vec<Chunk>) {
        let mut touched = BTreeSet::new();
        for chunk in &chunks {
            let bytes = chunk.bytes.len() as u64;
            self.bytes_since_snapshot = self.bytes_since_snapshot.saturating_add(bytes);
            let (file, offset) = chunk.place.unwrap_or_default();
            for entry in &chunk.entries {
                if let Record::Frames(span) = &entry.record {
                    self.batches.insert(span.capture, entry.batch(span, file, offset));
                } else {
                    touched.extend(self.capture_released_by(&entry.record));
                }
                self.durable_ledger.apply(&entry.record);
                self.durable_ledger.share(entry.record.recordings(), &self.ledger);
            }
        }
        self.journal.reuse(chunks);
        self.drop_unwanted(touched);
    }

    fn drop_unwanted(&mut self, captures: impl IntoIterator<Item = CaptureId>) {
        for capture in captures {
            self.batches.keep_only(capture, &self.durable_ledger.wanted(capture));
        }
    }

    /// The captures whose frames a record may make needless in the journal.
    fn capture_released_by(&self, record: &Record) -> Vec<CaptureId> {
        let of =
            |id: &RecordingId| self.durable_ledger.recordings.get(id).map(|facts| facts.capture);
        match record {
            Record::Sealed { recording, .. }
            | Record::RecordingCut { recording, .. }
            | Record::Removing { recording, .. }
            | Record::Removed { recording } => of(recording).into_iter().collect(),
            Record::Linked { seals, .. } => seals.iter().filter_map(|(id, _)| of(id)).collect(),
            Record::CaptureClosed { capture, .. } => vec![*capture],
            Record::CaptureOpened { .. }
            | Record::MuteSet { .. }
            | Record::SessionOpened { .. }
            | Record::SessionClosed { .. }
            | Record::SessionMoved { .. }
            | Record::RecordingOpened { .. }
            | Record::Frames(_)
            | Record::Relinked { .. }
            | Record::SyncStarted { .. }
            | Record::Delivered { .. }
            | Record::Upload { .. } => Vec::new(),
        }
    }
}

fn upload_name(facts: &RecordingFacts, started_at: WallTime) -> (String, Codec, i64) {
    (slug(facts.device.as_str()), facts.encoding.codec, started_at.unix_seconds())
}

fn recording_of(work: Work) -> RecordingId {
    match work {
        Work::Seal(recording) | Work::Remove(recording) => recording,
        Work::Write | Work::Sync | Work::Replace | Work::Refill | Work::Snapshot | Work::Prune => {
            unreachable!("only a seal and a removal bring such an output back")
        }
    }
}
