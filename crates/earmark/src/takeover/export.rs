//! A store's recordings, in a folder that the app reads.

use std::collections::BTreeSet;
use std::io;

use earmark_core::sync::{ATTEMPTS_MAX, UploadFacts, UploadStage};
use earmark_core::{RecordingId, WallTime};
use earmark_store::{
    Adoption, Disk, Inspection, Notes, ReadError, RecordingError, RecordingFacts, Seal, UNFINISHED,
    inspect, read_notes, read_whole, replace_whole,
};
use earmark_wire::{
    JobId, UploadName, WalEntry, WalFacts, WalKeys, WalStatus, encode_wals, read_wals,
};

use super::describe::word;
use super::{BACKUP, Fate, INDEX, Told};

/// The name of a file that is being written.
const PART: &str = "earmark.part";

/// Why an export stopped. What it wrote stays, and another one goes on with it; no list was
/// written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The folder belongs to an app, or an export of before is in it.
    #[error("there is {0} already; name a folder without one")]
    Taken(&'static str),
    /// The folder has another file of a name that is needed.
    #[error("there is {0} already, with other bytes; name an empty folder")]
    Foreign(String),
    /// A recording that was asked for is not in the store.
    #[error("there is no recording {0} in the store")]
    Unknown(RecordingId),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] ReadError),
    /// The folder cannot be read or written.
    #[error("{path}: {error}")]
    Folder {
        /// The file.
        path: String,
        /// What the disk said.
        #[source]
        error: io::Error,
    },
}

impl ExportError {
    fn at(path: &str) -> impl FnOnce(io::Error) -> Self + '_ {
        move |error| Self::Folder { path: path.to_owned(), error }
    }
}

/// Writes the sealed recordings of a store, or those that are chosen, and then the list, to a
/// folder. The store is only read, and its owner may go on. `tell` hears of each recording, and
/// ends the export by an error of its own.
///
/// # Errors
///
/// [`ExportError`], as `E`, or what `tell` says.
pub fn export<E: From<ExportError>>(
    store: &dyn Disk,
    folder: &dyn Disk,
    chosen: &[RecordingId],
    at: WallTime,
    tell: &mut dyn FnMut(Told) -> Result<(), E>,
) -> Result<(), E> {
    let found = inspect(store).map_err(ExportError::from)?;
    let notes = read_notes(store).map_err(ExportError::from)?;
    let there = names(folder)?;
    let taken = [INDEX, BACKUP].into_iter().find(|name| there.contains(*name));
    if let Some(name) = taken {
        return Err(ExportError::Taken(name).into());
    }
    if let Some(id) = chosen.iter().find(|id| !found.ledger.recordings.contains_key(id)) {
        return Err(ExportError::Unknown(*id).into());
    }
    let mut export = Export { store, folder, found, notes, there, given: BTreeSet::new() };
    let mut entries = Vec::new();
    for recording in export.chosen(chosen) {
        let (told, entry) = export.write(recording)?;
        entries.extend(entry);
        tell(told)?;
    }
    let rest = export.rest();
    if chosen.is_empty() {
        entries.extend(rest.entries.iter().map(|entry| entry.keys.clone()));
    }
    let list = encode_wals(at, &rest.rest, &entries);
    let written = replace_whole(folder, PART, INDEX, &list).map_err(ExportError::at(INDEX));
    Ok(written?)
}

fn names(folder: &dyn Disk) -> Result<BTreeSet<String>, ExportError> {
    let files = folder.list("").map_err(ExportError::at("the folder"))?;
    Ok(files.into_iter().map(|entry| entry.name).collect())
}

struct Export<'a> {
    store: &'a dyn Disk,
    folder: &'a dyn Disk,
    found: Inspection,
    notes: Notes,
    /// What lay in the folder before.
    there: BTreeSet<String>,
    /// The names that recordings have got.
    given: BTreeSet<String>,
}

impl Export<'_> {
    /// The recordings that are to be written, the oldest first.
    fn chosen(&self, chosen: &[RecordingId]) -> Vec<RecordingId> {
        let is_wanted = |id: &RecordingId| chosen.is_empty() || chosen.contains(id);
        let all = self.found.ledger.recordings.iter().filter(|(id, _)| is_wanted(id));
        let due = all.filter(|(_, facts)| facts.removing.is_none() && !is_unfinished(facts));
        let mut due: Vec<_> = due.map(|(id, facts)| (facts.started_at, *id)).collect();
        due.sort_unstable();
        due.into_iter().map(|(_, id)| id).collect()
    }

    fn write(&mut self, id: RecordingId) -> Result<(Told, Option<WalKeys>), ExportError> {
        let facts = std::sync::Arc::clone(&self.found.ledger.recordings[&id]);
        let refused = |reason: &dyn std::fmt::Display| {
            let told = Told::new(None, Fate::Refused, Some(reason.to_string()));
            Ok((Told { recording: Some(id), ..told }, None))
        };
        let Some(seal) = &facts.sealed else {
            return refused(&format!("{id} is not sealed yet"));
        };
        let bytes = match self.read(id) {
            Ok(bytes) => bytes,
            Err(error) => return refused(&error),
        };
        let name = self.name(id, &facts, seal);
        let outcome = self.put(&name, &bytes)?;
        let kept = self.notes.of(id).and_then(|adoption| adoption.kept.as_deref());
        let entry = entry(&facts, seal, &name, kept);
        let told = Told {
            recording: Some(id),
            status: Some(word(&facts.upload)),
            conversation: facts.conversation.clone(),
            attempts: facts.upload.attempts,
            frames: u64::from(seal.frames),
            ..Told::new(Some(&name), outcome, None)
        };
        Ok((told, Some(entry)))
    }

    fn read(&self, id: RecordingId) -> Result<Vec<u8>, RecordingError> {
        let mut bytes = Vec::new();
        if let Some(mut reader) = self.found.reader(self.store, id)? {
            while reader.read_block(&mut bytes)? > 0 {}
        }
        Ok(bytes)
    }

    /// The name that the app gave the file, or would give it; where two recordings would have the
    /// same, the latter gets a number.
    fn name(&mut self, id: RecordingId, facts: &RecordingFacts, seal: &Seal) -> String {
        let own = self.notes.of(id).map(|Adoption { name, .. }| name.clone());
        let device = facts.device.as_str();
        let numbered = (seal.twin..)
            .map(|twin| UploadName::new(device, facts.encoding, seal.started_at, twin).to_string());
        let mut names = own.into_iter().chain(numbered);
        let free = names.find(|name| !self.given.contains(name));
        let name = free.expect("there are more numbers than recordings");
        self.given.insert(name.clone());
        name
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<Fate, ExportError> {
        if !self.there.contains(name) {
            let written = replace_whole(self.folder, PART, name, bytes);
            return written.map(|()| Fate::Exported).map_err(ExportError::at(name));
        }
        let read = self.folder.open(name).and_then(|file| {
            let is_as_long = file.len()? == bytes.len() as u64;
            if is_as_long { read_whole(file.as_ref(), bytes.len() as u64) } else { Ok(Vec::new()) }
        });
        if read.map_err(ExportError::at(name))? == bytes {
            return Ok(Fate::InPlace);
        }
        Err(ExportError::Foreign(name.to_owned()))
    }

    /// What was kept for the app beside its recordings.
    fn rest(&self) -> earmark_wire::WalIndex {
        read_wals(self.notes.rest.as_deref().unwrap_or_default().as_bytes())
    }
}

fn is_unfinished(facts: &RecordingFacts) -> bool {
    let unfinished = UploadStage::Failed { reason: String::from(UNFINISHED) };
    facts.upload.stage == unfinished
}

fn entry(facts: &RecordingFacts, seal: &Seal, name: &str, kept: Option<&str>) -> WalKeys {
    let kept = kept.and_then(|text| WalEntry::parse(text).ok());
    let (job, since) = match &facts.upload.stage {
        UploadStage::Accepted { job, since, .. } => (JobId::new(job).ok(), since.wall),
        UploadStage::Pending { .. }
        | UploadStage::Uploading
        | UploadStage::Synced { .. }
        | UploadStage::Failed { .. }
        | UploadStage::Corrupted { .. } => (None, WallTime::default()),
    };
    let wal = WalFacts {
        started_at: seal.started_at,
        encoding: facts.encoding,
        device: &facts.device,
        file_name: name,
        frames: seal.frames,
        status: status(&facts.upload, kept.as_ref(), job.is_some()),
        conversation: facts.conversation.as_ref(),
        retry_count: retries(&facts.upload, kept.as_ref()),
        job: job.as_ref().map(|job| (job, since)),
    };
    match kept {
        Some(kept) => wal.again(kept.keys),
        None => wal.anew(),
    }
}

/// The app tries again what it has not tried three times.
fn retries(upload: &UploadFacts, kept: Option<&WalEntry>) -> u32 {
    match (&upload.stage, kept) {
        (UploadStage::Failed { .. }, Some(kept)) if is_too_old(kept) => kept.retry_count,
        (UploadStage::Failed { .. }, kept) => {
            upload.attempts.max(ATTEMPTS_MAX).max(kept.map_or(0, |kept| kept.retry_count))
        }
        (
            UploadStage::Pending { .. }
            | UploadStage::Uploading
            | UploadStage::Accepted { .. }
            | UploadStage::Synced { .. }
            | UploadStage::Corrupted { .. },
            _,
        ) => upload.attempts,
    }
}

fn status(upload: &UploadFacts, kept: Option<&WalEntry>, has_job: bool) -> WalStatus {
    match upload.stage {
        UploadStage::Synced { .. } => WalStatus::Synced,
        UploadStage::Accepted { .. } if has_job => WalStatus::Uploaded,
        UploadStage::Failed { .. } if kept.is_some_and(is_too_old) => {
            WalStatus::OutsideRecoveryWindow
        }
        UploadStage::Corrupted { .. } => WalStatus::Corrupted,
        UploadStage::Accepted { .. }
        | UploadStage::Pending { .. }
        | UploadStage::Uploading
        | UploadStage::Failed { .. } => WalStatus::Miss,
    }
}

fn is_too_old(kept: &WalEntry) -> bool {
    kept.status == WalStatus::OutsideRecoveryWindow
}
