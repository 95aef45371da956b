//! Work on the disk: begun in memory, run wherever blocking is allowed, ended in memory.

use std::fmt;
use std::io;
use std::sync::Arc;

use earmark_core::RecordingId;

use crate::Ticket;
use crate::damage::Damage;
use crate::disk::DiskFile;
use crate::format::FileId;
use crate::jobs;
use crate::journal::{Files, Write};
use crate::layout::{JOURNAL, journal_path};
use crate::record::Seal;

/// What the store can do on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Work {
    /// Hands what is staged to the operating system, in a new journal file when the old one is
    /// full.
    Write,
    /// Makes durable what was handed over before it began.
    Sync,
    /// Makes a new journal file after an error and writes all that is not durable to it. On a full
    /// disk the reserve becomes that file.
    Replace,
    /// Makes a new reserve once the old one is spent.
    Refill,
    /// Writes the file of a recording that is cut and whose frames are durable.
    Seal(RecordingId),
    /// Writes the durable decisions to a snapshot, once enough of them have gathered.
    Snapshot,
    /// Removes journal files and snapshots that nothing needs, and keeps a spare journal file and
    /// the reserve ready.
    Prune,
    /// Unlinks the file of a recording whose `Removing` is durable.
    Remove(RecordingId),
}

/// Work that was begun. It blocks; it does not touch the store.
pub struct Job {
    work: Work,
    task: Task,
}

/// What is to be done. The two that come with every commit have a place of their own, so that they
/// need no memory.
enum Task {
    Write(Write),
    Sync { target: u64, files: Files },
    Other(Box<dyn FnOnce() -> Result<Output, Fault> + Send>),
}

impl Job {
    pub(crate) fn new(
        work: Work,
        run: impl FnOnce() -> Result<Output, Fault> + Send + 'static,
    ) -> Self {
        Self { work, task: Task::Other(Box::new(run)) }
    }

    pub(crate) const fn write(write: Write) -> Self {
        Self { work: Work::Write, task: Task::Write(write) }
    }

    pub(crate) const fn sync(target: u64, files: Files) -> Self {
        Self { work: Work::Sync, task: Task::Sync { target, files } }
    }

    /// What is being done.
    pub const fn work(&self) -> Work {
        self.work
    }

    /// Does it, and blocks meanwhile. What comes out **must** be given to
    /// [`Store::end`](crate::Store::end).
    pub fn run(self) -> Done {
        let result = match self.task {
            Task::Write(write) => jobs::write(write),
            Task::Sync { target, files } => jobs::sync(target, files),
            Task::Other(run) => run(),
        };
        Done { work: self.work, result }
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Job").field(&self.work).finish()
    }
}

/// Work that has ended, well or not.
pub struct Done {
    pub(crate) work: Work,
    pub(crate) result: Result<Output, Fault>,
}

impl fmt::Debug for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Done").field("work", &self.work).field("ok", &self.result.is_ok()).finish()
    }
}

/// What a job brings back to the store.
pub(crate) enum Output {
    Written { opened: Option<(FileId, Arc<dyn DiskFile>)> },
    Synced { target: u64 },
    Replaced { id: FileId, file: Arc<dyn DiskFile>, from_reserve: bool },
    Refilled,
    Sealed { seal: Seal, damage: Vec<Damage> },
    Snapshotted { covered: u64, bytes: u64 },
    Pruned { files: Vec<u64>, snapshots: Vec<u64>, has_spare: bool, has_reserve: bool },
    Removed,
}

/// Which file refused, and how.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) path: String,
    pub(crate) error: io::Error,
}

impl Fault {
    pub(crate) fn new(path: &str, error: io::Error) -> Self {
        Self { path: path.to_owned(), error }
    }

    pub(crate) fn odd(file: u64, reason: &dyn fmt::Display) -> Self {
        let error = io::Error::new(io::ErrorKind::InvalidData, reason.to_string());
        Self { path: journal_path(file), error }
    }
}

impl Fault {
    /// Whether it was the journal that could not be read.
    pub(crate) fn is_in_journal(&self) -> bool {
        self.path.starts_with(JOURNAL)
    }

    /// Whether it was room that was missing, and nothing else is wrong.
    pub(crate) fn is_full(&self) -> bool {
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
        full.contains(&self.error.kind())
    }
}

/// What work has achieved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The operating system has everything up to the ticket: a kill no longer takes it.
    Written {
        /// The last record that was written.
        up_to: Ticket,
    },
    /// Everything up to the ticket is durable: a power cut no longer takes it.
    Synced {
        /// What [`Store::durable`](crate::Store::durable) is now.
        durable: Ticket,
    },
    /// The journal takes records again, and everything up to the ticket is durable.
    Replaced {
        /// What [`Store::durable`](crate::Store::durable) is now.
        durable: Ticket,
    },
    /// There is a reserve again.
    Refilled,
    /// The recording's file is durable. It counts once a record that carries the seal is durable
    /// too.
    Sealed {
        /// The recording.
        recording: RecordingId,
        /// What its file holds.
        seal: Arc<Seal>,
        /// What of the journal could not be read any more.
        damage: Vec<Damage>,
    },
    /// A snapshot is durable.
    Snapshotted,
    /// Files went.
    Pruned {
        /// How many.
        files: usize,
    },
    /// The recording's file is gone for good; the caller stages `Removed`.
    Removed {
        /// The recording.
        recording: RecordingId,
    },
}

/// Work failed; nothing that was durable is lost by that.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {error}")]
pub struct Failure {
    /// What was to be done.
    pub work: Work,
    /// The file or folder that refused.
    pub path: String,
    /// What the disk said.
    #[source]
    pub error: io::Error,
    /// Whether the journal file may no longer be used: [`Work::Replace`] comes next, again after a
    /// pause when it was that which failed.
    pub journal_is_dead: bool,
}
