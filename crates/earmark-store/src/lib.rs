//! The durable store of Earmark.
//!
//! The journal is the promise; recordings are the product. Everything that was promised is a record
//! in the journal, and the state of a store is a fold over its records. The frames of a recording
//! leave the journal for a file of their own, once, and that file never changes.
//!
//! The store decides *what* bytes go where; its owner decides *when*. [`Store`] itself never
//! touches the disk after it is open: it gives out a [`Job`] for each piece of [`Work`], which the
//! owner runs wherever blocking is allowed, and takes back what came of it.
//!
//! ```text
//! stage(record) ──▶ begin(Write) ─ job ─ end ──▶ begin(Sync) ─ job ─ end ──▶ durable() ≥ ticket
//!                                   └── any error: the file is dead ──▶ begin(Replace) ─ job ─ end
//! ```
//!
//! *Durable* means: covered by a sync that returned success, on a file whose name in its folder was
//! synced too.

mod adopt;
mod batches;
mod damage;
mod disk;
mod format;
mod frames;
mod identity;
mod inspect;
mod jobs;
mod journal;
mod layout;
mod ledger;
mod links;
mod reader;
mod record;
mod recovery;
mod repair;
mod scan;
mod seal;
mod sealed;
#[cfg(any(test, feature = "sim"))]
mod simulated;
mod snapshot;
mod store;
mod sums;
#[cfg(test)]
mod tests;
mod work;

pub use adopt::{AdoptError, Adopted, Adopter, Adoption, Notes, UNFINISHED, read_notes};
pub use damage::{Cost, Damage, Harm, LostAudio};
pub use disk::{DirEntry, Disk, DiskFile, DiskLock, FsDisk, read_whole, replace_whole};
pub use inspect::{
    FoundAudio, Inspection, ReadAudioError, Verification, inspect, is_store, read_audio, verify,
};
pub use layout::{DIRS, LOCK, recording_path};
pub use ledger::{
    CaptureFacts, Delivered, FoundSessions, Ledger, RecordingFacts, SESSIONS_KEPT_MAX,
    SessionFacts, Totals,
};
pub use links::{Link, Links};
pub use reader::{RecordingError, RecordingReader};
pub use record::{FrameSpan, Record, Removal, Seal, SessionEnd, Sha256Sum};
pub use recovery::ReadError;
pub use repair::{Action, RepairError, Step, plan as plan_repair, repair};
pub use seal::BLOCK_BYTES;
pub use sealed::SealedRecording;
#[cfg(any(test, feature = "sim"))]
pub use simulated::{
    Aim, CutLimits, Cuts, DiskError, DiskOp, Fault, Lie, Narrow, Operation, Past, SECTOR_BYTES,
    SimDisk, Slip, Slipped, Toll,
};
pub use store::{Config, OpenError, Recovered, Staging, Store, Ticket, close_what_is_open};
pub use work::{Done, Failure, Job, Outcome, Work};
