//! Repair: what is damaged is put aside and what it cost is written down, so that the store is
//! sound again.
//!
//! Opening a store already sets right what it can: torn tails, unfinished files, files that cannot
//! be understood. The rest is done here with an open store and by its own work. Nothing is deleted,
//! and each step may be cut short: what was not done yet is done by the next repair.

use std::io;
use std::sync::Arc;

use earmark_core::sync::{UploadFacts, UploadStage};
use earmark_core::{CaptureId, FrameSeq, RecordingId, Stamp};

use crate::damage::{Cost, Damage};
use crate::disk::{Disk, read_what_can_be, write_all_at};
use crate::inspect;
use crate::layout::{self, JOURNAL, QUARANTINE, journal_path, quarantine_path};
use crate::reader::RecordingReader;
use crate::record::{Record, Removal};
use crate::recovery::{JOURNAL_FILE_BYTES_READ_MAX, ReadError};
use crate::store::{Config, OpenError, SNAPSHOTS_KEPT, Store};
use crate::sums;
use crate::work::{Failure, Outcome, Work};

mod plan;

pub use plan::{Action, Step, plan};

/// So often is a journal file read for a seal; after fewer tries the store gives up what the disk
/// cannot read and seals the rest.
const SEAL_TRIES_MAX: u32 = 16;

/// Why a repair stopped. What was in the store is still there.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// The store was not opened, or a file of it refused.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Work of the store failed.
    #[error(transparent)]
    Work(#[from] Failure),
}

impl RepairError {
    fn at(path: &str) -> impl FnOnce(io::Error) -> Self + '_ {
        move |error| Self::Open(OpenError::Files(ReadError::io(path, error)))
    }
}

impl From<ReadError> for RepairError {
    fn from(error: ReadError) -> Self {
        Self::Open(OpenError::Files(error))
    }
}

/// Does what [`plan`] says, blocking, and says what that was; a sound store is not even opened.
///
/// `entropy` gives random numbers, `at` is now.
///
/// # Errors
///
/// [`RepairError`]; then another repair goes on where this one stopped.
pub fn repair(
    disk: &Arc<dyn Disk>,
    entropy: &mut dyn FnMut() -> u64,
    at: Stamp,
) -> Result<Vec<Step>, RepairError> {
    let steps = plan(disk.as_ref(), &mut |_, _| {})?;
    if steps.is_empty() {
        return Ok(steps);
    }
    let (store, recovered) = Store::open(Arc::clone(disk), Config::default(), entropy, at)?;
    if let Some(failure) = recovered.journal_failure {
        return Err(failure.into());
    }
    let mut repair = Repair { store, entropy };
    if let Some(first) = first_damaged(&recovered.damage) {
        repair.rewrite_journal(first)?;
    }
    let found = inspect::verify(disk.as_ref(), &mut |_, _| {})?;
    for step in plan::about_damage(repair.store.ledger(), &found) {
        repair.carry_out(&step)?;
    }
    Ok(steps)
}

/// The number of the first journal file that is damaged; 0 when records are missing altogether.
fn first_damaged(damage: &[Damage]) -> Option<u64> {
    let numbers = damage.iter().filter_map(|damage| {
        let rest = damage.path.strip_prefix(JOURNAL)?;
        Some(rest.strip_prefix('/').and_then(layout::journal_number).unwrap_or(0))
    });
    numbers.min()
}

struct Repair<'a> {
    store: Store,
    entropy: &'a mut dyn FnMut() -> u64,
}

impl Repair<'_> {
    /// Has everything that the journal still holds stand elsewhere, and puts its files aside.
    ///
    /// Those behind a damaged one go with it: what the damage has taken may be all that made sense
    /// of frames there. They are copied first, since a crash behind the snapshots would leave files
    /// that nobody takes for damaged any more, and that are removed as usual.
    fn rewrite_journal(&mut self, first: u64) -> Result<(), RepairError> {
        let old = self.journal_files(first)?;
        self.seal_all()?;
        if self.store.durable_ledger().awaiting_seal().next().is_some() {
            return Ok(());
        }
        let mut moves = Vec::new();
        for number in old {
            let path = journal_path(number);
            let to = self.quarantine_of(&path);
            self.copy(&path, &to)?;
            moves.push((path, to));
        }
        self.sync_dir(QUARANTINE)?;
        // What the older of the snapshots that are kept covers, no journal file is needed for.
        for _ in 0..SNAPSHOTS_KEPT {
            self.stage_nothing();
            self.flush()?;
            self.store.want_snapshot();
            if self.run(Work::Snapshot)?.is_none() {
                // Until they are there, the journal is all that tells.
                return Ok(());
            }
        }
        moves.iter().try_for_each(|(path, to)| self.rename(path, to))?;
        self.sync_dir(QUARANTINE)?;
        self.sync_dir(JOURNAL)
    }

    /// The journal files from a number on, without the one that this life has made.
    fn journal_files(&self, first: u64) -> Result<Vec<u64>, RepairError> {
        let entries = self.store.disk().list(JOURNAL).map_err(RepairError::at(JOURNAL))?;
        let mut numbers: Vec<u64> =
            entries.iter().filter_map(|entry| layout::journal_number(&entry.name)).collect();
        numbers.sort_unstable();
        numbers.pop();
        numbers.retain(|number| *number >= first);
        Ok(numbers)
    }

    fn seal_all(&mut self) -> Result<(), RepairError> {
        let open = self.store.durable_ledger().awaiting_seal();
        let open: Vec<RecordingId> = open.map(|(id, _)| id).collect();
        for recording in open {
            if let Some(Outcome::Sealed { seal, .. }) = self.seal(recording)? {
                self.store.stage(Record::Sealed { recording, seal });
            }
        }
        self.flush()
    }

    fn seal(&mut self, recording: RecordingId) -> Result<Option<Outcome>, RepairError> {
        let mut tries = 1;
        loop {
            match self.run(Work::Seal(recording)) {
                Err(_) if tries < SEAL_TRIES_MAX => tries += 1,
                sealed => return sealed,
            }
        }
    }

    /// Stages a record of a capture that no store has, so that there is something new to cover.
    fn stage_nothing(&mut self) {
        let (capture, none) = (CaptureId::new(0, 0), FrameSeq(0));
        self.store.stage(Record::Delivered { capture, from: none, to: none });
    }

    fn carry_out(&mut self, step: &Step) -> Result<(), RepairError> {
        let name = step.path.rsplit('/').next().unwrap_or(&step.path);
        match (&step.action, layout::recording_of(name)) {
            (Action::GiveUp, Some(recording)) => self.give_up(recording, step),
            (Action::Forget, Some(recording)) => self.forget(recording),
            (Action::PutAside, _) => self.put_aside(&step.path),
            (Action::Rebuild, _) => self.rebuild_sums(name),
            (
                Action::GiveUp
                | Action::Forget
                | Action::Rewrite
                | Action::Renew
                | Action::Cut { .. }
                | Action::Clear
                | Action::Leave { .. },
                _,
            ) => Ok(()),
        }
    }

    /// First the decision, then the file: a file that is there is looked at again.
    fn give_up(&mut self, recording: RecordingId, step: &Step) -> Result<(), RepairError> {
        let known = self.store.ledger().recordings.get(&recording);
        let upload = known.map(|facts| facts.upload.clone()).unwrap_or_default();
        if !matches!(upload.stage, UploadStage::Corrupted { .. }) {
            let reason = step.damage.as_ref().map(reason).unwrap_or_default();
            let facts = UploadFacts { stage: UploadStage::Corrupted { reason }, ..upload };
            self.store.stage(Record::Upload { recording, facts });
            self.flush()?;
        }
        self.put_recording_aside(recording)
    }

    /// First the file, then the decision: a removal that is decided takes the file with it.
    fn forget(&mut self, recording: RecordingId) -> Result<(), RepairError> {
        self.put_recording_aside(recording)?;
        self.store.stage(Record::Removing { recording, why: Removal::Expired });
        self.flush()?;
        self.run(Work::Remove(recording))?;
        self.store.stage(Record::Removed { recording });
        self.flush()
    }

    /// The checksums of its blocks go with it: they tell which of them are whole.
    fn put_recording_aside(&mut self, recording: RecordingId) -> Result<(), RepairError> {
        self.put_aside(&layout::recording_path(recording))?;
        self.put_aside(&layout::sums_path(recording))
    }

    /// Makes the sums of a recording anew, if it is still whole.
    fn rebuild_sums(&mut self, name: &str) -> Result<(), RepairError> {
        let recording = layout::sums_of(name);
        let facts = recording.and_then(|id| self.store.ledger().recordings.get_key_value(&id));
        let Some((id, seal)) = facts.and_then(|(id, facts)| Some((*id, facts.sealed.clone()?)))
        else {
            return Ok(());
        };
        let disk = self.store.disk();
        let read = RecordingReader::open_seal(disk.as_ref(), id, &seal);
        let Ok(sums) = read.and_then(RecordingReader::into_sums) else {
            return Ok(());
        };
        let written = sums::write(disk.as_ref(), id, &seal.sha256, &sums);
        written.map_err(|fault| RepairError::at(&fault.path)(fault.error))
    }

    fn put_aside(&mut self, path: &str) -> Result<(), RepairError> {
        let to = self.quarantine_of(path);
        self.rename(path, &to)?;
        self.sync_dir(QUARANTINE)?;
        self.sync_dir(plan::folder(path))
    }

    fn quarantine_of(&mut self, path: &str) -> String {
        quarantine_path(path, (self.entropy)())
    }

    /// Gives a file its place in `quarantine/`; one that is missing has nothing to lose.
    fn rename(&self, path: &str, to: &str) -> Result<(), RepairError> {
        match self.store.disk().rename(path, to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            renamed => renamed.map_err(RepairError::at(path)),
        }
    }

    fn copy(&self, path: &str, to: &str) -> Result<(), RepairError> {
        let disk = self.store.disk();
        let from = disk.open(path).map_err(RepairError::at(path))?;
        let (bytes, _) = read_what_can_be(from.as_ref(), JOURNAL_FILE_BYTES_READ_MAX)
            .map_err(RepairError::at(path))?;
        let file = disk.create_new(to).map_err(RepairError::at(to))?;
        write_all_at(file.as_ref(), 0, &bytes).map_err(RepairError::at(to))?;
        file.sync().map_err(RepairError::at(to))
    }

    fn sync_dir(&self, dir: &str) -> Result<(), RepairError> {
        self.store.disk().sync_dir(dir).map_err(RepairError::at(dir))
    }

    fn flush(&mut self) -> Result<(), RepairError> {
        self.run(Work::Write)?;
        self.run(Work::Sync).map(drop)
    }

    fn run(&mut self, work: Work) -> Result<Option<Outcome>, RepairError> {
        match self.store.begin(work) {
            Some(job) => Ok(Some(self.store.end(job.run())?)),
            None => Ok(None),
        }
    }
}

/// Why a recording is corrupted, with the audio that it cost.
fn reason(damage: &Damage) -> String {
    let cost = damage.cost.as_ref().filter(|cost| !cost.is_nothing());
    let cost = cost.map(|cost| Cost { remark: None, ..cost.clone() });
    let cost = cost.map_or_else(String::new, |cost| format!("; {cost}"));
    format!("{}{cost}", damage.harm)
}
