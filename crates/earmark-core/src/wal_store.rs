//! The store's own machine: when the journal is written, synced and replaced.
//!
//! The store knows how bytes are laid out; this machine decides when the disk is asked. One write
//! and one sync may be under way together, and one other task (a seal, a removal, a snapshot)
//! beside them.
//!
//! ```text
//! sound --Staged | TaskQueued | DiskFinished | DiskFailed | TimerFired--> stalled
//! sound --DiskFailed--> failing
//! stalled --DiskFinished--> sound
//! stalled --DiskFailed--> refusing
//! failing --Staged | TaskQueued | DiskFinished | DiskFailed | TimerFired--> refusing
//! failing | refusing --DiskFinished--> sound
//! failing | refusing --ReserveSpent--> on_reserve
//! on_reserve --DiskFinished--> sound
//! on_reserve --DiskFailed--> failing | refusing
//! ```
//!
//! Whether a sync is overdue, and whether a failure lasts for too long, is asked at every event: it
//! is the timer that finds out, unless the timer is late. A disk that stalls and then fails has
//! frames refused all the while, and so goes on as `refusing`.
//!
//! `stalled` has a sync in flight; `failing` and `refusing` have a replacement of the journal file
//! in flight or the time of the next one. `on_reserve` has a new reserve in flight or the time of
//! the next try: on a full disk decisions go on in the old one, and frames, which would soon fill
//! it, are refused from a second after the failure until there is a new one. A failed descriptor is
//! never trusted again: what it had not made durable is still in memory and goes into a new file.

mod effect;
mod event;
mod machine;
#[cfg(test)]
mod tests;

pub use effect::Effect;
pub use event::{DiskTask, Event, Ticket};
pub use machine::{
    Health, Journal, REPLACE_WAIT_MAX, REPLACE_WAIT_MIN, SYNC_AFTER, TASK_WAIT_MAX, TASK_WAIT_MIN,
    UNSAFE_AFTER,
};
