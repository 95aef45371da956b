//! Opening: lock, read, repair, and a new journal file for this life.

use std::io;
use std::sync::Arc;

use earmark_core::{CaptureId, FrameSeq, RecordingId, SessionId, Stamp};

use super::closing::{Staging, close_what_is_open};
use super::{Config, Store};
use crate::damage::Damage;
use crate::disk::{Disk, read_full_at};
use crate::format::RECORD_HEADER_BYTES;
use crate::identity;
use crate::jobs;
use crate::journal::{Journal, Reserve, mix};
use crate::layout::{self, DIRS, JOURNAL, QUARANTINE, RECORDINGS, SNAPSHOTS, journal_path};
use crate::ledger::Ledger;
use crate::record::Record;
use crate::recovery::{self, Depth, ReadError, Recovery};
use crate::work::{Failure, Work};

/// How many ids belong to each number that a journal file has. Every opening begins a file, and
/// gives the ids of its number, so that those of the life before do not recur although their
/// records went with it: a few dozen are given in the second that a power cut may take.
const IDS_PER_FILE: u32 = 256;
/// How many numbers of files an opening that finds damage leaves out: records that gave ids may be
/// gone.
const FILES_SKIPPED: u64 = 16;

/// Why a store was not opened. Nothing that was in it is lost by that.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process owns it.
    #[error("the store is in use by another process; nothing was changed")]
    InUse,
    /// Its files cannot be read or written.
    #[error(transparent)]
    Files(#[from] ReadError),
}

impl OpenError {
    fn at(path: &str) -> impl FnOnce(io::Error) -> Self + '_ {
        move |error| Self::Files(ReadError::io(path, error))
    }
}

/// What opening found.
#[derive(Debug)]
pub struct Recovered {
    /// What is damaged; everything else is in use.
    pub damage: Vec<Damage>,
    /// The next frame of each capture that was found open, and its device's frames up to there are
    /// kept.
    pub frames: Vec<(CaptureId, FrameSeq)>,
    /// Bytes of a torn tail that were cut off. That is no damage: nothing in them was acknowledged.
    pub torn_bytes: u64,
    /// Why the journal takes nothing yet, for instance on a full disk; [`Work::Replace`] comes
    /// next.
    pub journal_failure: Option<Failure>,
}

impl Store {
    /// Opens a store, blocking. What was found open is cut at its last frame and closed; what
    /// cannot be understood goes to `quarantine/`; half-done removals are finished.
    ///
    /// `entropy` gives random numbers, `at` is now.
    ///
    /// # Errors
    ///
    /// [`OpenError`]; then nothing that was in the store is lost.
    pub fn open(
        disk: Arc<dyn Disk>,
        config: Config,
        entropy: &mut dyn FnMut() -> u64,
        at: Stamp,
    ) -> Result<(Self, Recovered), OpenError> {
        let lock = disk.lock().map_err(OpenError::at("lock"))?.ok_or(OpenError::InUse)?;
        let recovery = recovery::read(disk.as_ref(), Depth::Needed)?;
        let life = entropy();
        let incarnation = prepare(disk.as_ref(), &recovery, entropy)?;
        let (next_file, highest_id) = numbers(&recovery);
        let mut store = Self {
            _lock: lock,
            config,
            incarnation,
            highest_id,
            life,
            journal: Journal::new(life, recovery.durable, recovery.files.clone(), next_file),
            ledger: recovery.ledger,
            durable_ledger: recovery.durable_ledger,
            batches: recovery.batches,
            snapshots: recovery.snapshots,
            bytes_since_snapshot: 0,
            snapshot_bytes: recovery.snapshot_bytes,
            in_flight: Default::default(),
            drafts: Default::default(),
            unreadable: Default::default(),
            disk,
        };
        store.journal.cuts = recovery.cuts;
        store.restage(&recovery.tail)?;
        let frames = close_what_is_open(&mut store, at);
        let mut recovered = Recovered {
            damage: recovery.damage,
            frames,
            torn_bytes: recovery.torn_bytes,
            journal_failure: store.run(Work::Replace).err(),
        };
        // Only an owner who lives on with it may spend the reserve.
        if jobs::has_reserve(store.disk.as_ref(), store.reserve_bytes()) {
            store.journal.reserve = Reserve::Ready;
        }
        if recovered.journal_failure.is_none() {
            recovered.journal_failure = store.finish_removals().err();
        }
        Ok((store, recovered))
    }

    /// Stages again what may not be durable: the new life does not trust the old file with it.
    fn restage(&mut self, tail: &[(u64, crate::scan::Located)]) -> Result<(), OpenError> {
        for (number, located) in tail {
            let path = journal_path(*number);
            let file = self.disk.open(&path).map_err(OpenError::at(&path))?;
            let mut bytes = vec![0; located.len as usize];
            read_full_at(file.as_ref(), located.offset, &mut bytes)
                .map_err(OpenError::at(&path))?;
            let payload = crate::format::word(&bytes, 4) as usize;
            let payload = &bytes[RECORD_HEADER_BYTES..RECORD_HEADER_BYTES + payload];
            if let Some(record) = located.told.record() {
                self.journal.stage(payload, record);
            }
        }
        Ok(())
    }

    fn run(&mut self, work: Work) -> Result<(), Failure> {
        match self.begin(work) {
            Some(job) => self.end(job.run()).map(drop),
            None => Ok(()),
        }
    }

    fn finish_removals(&mut self) -> Result<(), Failure> {
        let all = self.durable_ledger.recordings.iter();
        let half_done: Vec<RecordingId> =
            all.filter(|(_, facts)| facts.removing.is_some()).map(|(id, _)| *id).collect();
        for recording in half_done {
            self.run(Work::Remove(recording))?;
            self.stage(Record::Removed { recording });
        }
        self.run(Work::Write)?;
        self.run(Work::Sync)
    }
}

impl Staging for Store {
    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn stage(&mut self, record: Record) {
        self.stage(record);
    }

    fn next_session(&mut self) -> SessionId {
        self.next_session()
    }

    fn next_recording(&mut self) -> RecordingId {
        self.next_recording()
    }
}

/// The number of the next journal file, and the highest id that may have been given before it.
fn numbers(recovery: &Recovery) -> (u64, u32) {
    let skipped = if recovery.damage.is_empty() { 0 } else { FILES_SKIPPED };
    let behind_ids = u64::from(recovery.highest_id.div_ceil(IDS_PER_FILE));
    let before = behind_ids.max(recovery.highest_file + skipped);
    let ids = before.saturating_mul(u64::from(IDS_PER_FILE));
    let last = recovery.files.keys().next_back().copied().unwrap_or(0);
    (before.max(last).saturating_add(1), u32::try_from(ids).unwrap_or(u32::MAX))
}

/// Folders, identity and quarantine; each step may be repeated after a crash.
fn prepare(
    disk: &dyn Disk,
    recovery: &Recovery,
    entropy: &mut dyn FnMut() -> u64,
) -> Result<u32, OpenError> {
    for dir in DIRS {
        disk.create_dir(dir).map_err(OpenError::at(dir))?;
    }
    disk.sync_dir("").map_err(OpenError::at(""))?;
    for path in &recovery.useless {
        let to = layout::quarantine_path(path, mix(entropy()));
        disk.rename(path, &to).map_err(OpenError::at(path))?;
    }
    for path in &recovery.unfinished {
        disk.remove(path).map_err(OpenError::at(path))?;
    }
    for dir in [QUARANTINE, JOURNAL, RECORDINGS, SNAPSHOTS, ""] {
        disk.sync_dir(dir).map_err(OpenError::at(dir))?;
    }
    match recovery.incarnation {
        Some(incarnation) => Ok(incarnation),
        None => {
            let incarnation = (entropy() >> 32) as u32;
            identity::write(disk, incarnation).map_err(OpenError::at(layout::IDENTITY))?;
            Ok(incarnation)
        }
    }
}
