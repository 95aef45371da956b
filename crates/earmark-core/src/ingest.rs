//! Ingest: which frames of a source are taken, and what its producer is told.
//!
//! One machine a source, that is a device and an account. It gives each taken frame its number,
//! counts the bytes that are not durable yet, and knows what the live socket has carried.
//!
//! ```text
//! stopped --CaptureStarted--> capturing
//! stopped --CaptureStarted--> refusing
//! stopped --CaptureStarted--> muted
//! capturing --CaptureStopped--> stopped
//! capturing --StoreRefused--> refusing
//! capturing --Muted--> muted
//! refusing --StoreTook--> capturing
//! refusing --CaptureStopped--> stopped
//! refusing --Muted--> muted
//! muted --Unmuted--> capturing
//! muted --Unmuted--> refusing
//! muted --CaptureStopped--> stopped
//! ```
//!
//! No state waits for anything: a frame is answered when it arrives.

mod carried;
mod effect;
mod event;
mod machine;
#[cfg(test)]
mod tests;

pub use carried::{CAPTURES_CARRIED_MAX, Carried};
pub use effect::{Effect, Rejection};
pub use event::{Event, Refusal};
pub use machine::{Gate, HELD_BYTES_MAX, Source};
