//! The words and the machines of Earmark.
//!
//! Facts and the time come in as arguments, orders go out as values. Nothing in here reads a clock,
//! a disk, a socket or a die, and nothing knows that actors exist; the crate is `no_std` so that
//! the compiler holds it to that. The five machines carry the names of the five actors that run
//! them:
//!
//! | module | decides |
//! |---|---|
//! | `ingest` | which frames are taken, and what the producer is told |
//! | `wal_store` | when the journal is written, synced and replaced |
//! | `session` | where recordings end, whose conversation they are, when they may be uploaded |
//! | [`sync`] | what an answer of the server means, and when a recording is tried again |
//! | [`connectivity`] | whether the network is usable |
//!
//! What must hold of all of them together stands in [`invariant`].
//!
//! Every machine is driven the same way: one event, one step, drain all effects, then the next
//! event.

#![no_std]

extern crate alloc;

mod codec;
mod effects;
mod frame;
#[cfg(test)]
mod graph;
mod id;
mod machine;
mod moment;
mod name;
#[cfg(feature = "planted")]
mod planted;
mod policy;
mod token;

pub mod connectivity;
pub mod ingest;
pub mod invariant;
pub mod session;
pub mod sync;
pub mod wal_store;

pub use codec::{Codec, Encoding, EncodingError, UnknownCodec};
pub use effects::Effects;
pub use frame::{FRAME_BYTES_MAX, Frame, FrameFault, FrameSeq};
pub use id::{CaptureId, IdError, RecordingId, SessionId};
pub use machine::{Machine, Step};
pub use moment::{BootId, Deadline, Moment, Stamp, WallTime};
pub use name::{Account, ConversationId, Device, NameError, slug};
#[cfg(feature = "planted")]
pub use planted::Planted;
pub use policy::{Delivery, Policy};
pub use token::SealedToken;
