//! What the store's machine orders.

use alloc::string::String;

use super::DiskTask;
use crate::ingest::Refusal;

/// An order of the store's machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Have the disk do something.
    Start(DiskTask),
    /// Take no more frames.
    RefuseFrames(Refusal),
    /// Take frames again.
    TakeFrames,
    /// Say that a task failed and will be tried again.
    ReportTaskFailed {
        /// The task.
        task: DiskTask,
        /// Why, in words.
        reason: String,
    },
    /// Count an event that no state had an answer to.
    ReportUnexpected {
        /// The state's name.
        state: &'static str,
        /// The event's name.
        event: &'static str,
    },
}
