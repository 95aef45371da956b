//! What happens at the store.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::RecordingId;

/// A place in the journal: everything that was staged up to it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Ticket(pub u64);

/// One piece of work for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DiskTask {
    /// Hand what is staged to the operating system.
    Write,
    /// Make durable what was written.
    Sync,
    /// Begin a new journal file with all that is not durable; on a full disk, in the reserve.
    Replace,
    /// Make a new reserve.
    Refill,
    /// Write a recording's file.
    Seal(RecordingId),
    /// Remove a recording's file.
    Remove(RecordingId),
    /// Write a snapshot of all decisions.
    Snapshot,
    /// Remove journal files that nothing needs.
    Prune,
}

impl DiskTask {
    /// Whether it concerns the journal that frames go to.
    pub const fn is_journal(self) -> bool {
        match self {
            Self::Write | Self::Sync | Self::Replace => true,
            Self::Refill | Self::Seal(_) | Self::Remove(_) | Self::Snapshot | Self::Prune => false,
        }
    }
}

/// Something that happened at the store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// Something waits to be written.
    Staged {
        /// The place after it.
        ticket: Ticket,
        /// Whether somebody waits until it is durable.
        urgent: bool,
    },
    /// A task that is none of the journal's is to be done, once the journal is durable up to a
    /// place.
    TaskQueued {
        /// The task.
        task: DiskTask,
        /// The place.
        after: Ticket,
    },
    /// The disk did what it was asked to.
    DiskFinished {
        /// The task.
        task: DiskTask,
        /// How far the journal is written (after a write) or durable (after a sync or a
        /// replacement).
        through: Ticket,
    },
    /// The replacement was done, and the disk is full: the reserve has become the new file, or
    /// had become an earlier one.
    ReserveSpent {
        /// How far the journal is durable.
        through: Ticket,
    },
    /// The disk failed.
    DiskFailed {
        /// The task.
        task: DiskTask,
        /// Why, in words.
        reason: String,
    },
    /// A deadline may have passed.
    TimerFired,
}

impl Event {
    /// The event's name, for logs and diagrams.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Staged { .. } => "Staged",
            Self::TaskQueued { .. } => "TaskQueued",
            Self::DiskFinished { .. } => "DiskFinished",
            Self::ReserveSpent { .. } => "ReserveSpent",
            Self::DiskFailed { .. } => "DiskFailed",
            Self::TimerFired => "TimerFired",
        }
    }
}
