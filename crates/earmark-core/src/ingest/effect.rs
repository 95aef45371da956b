//! What a source orders.

use super::Refusal;
use crate::{CaptureId, FrameFault, FrameSeq};

/// Why a frame was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Rejection {
    /// No capture runs, or the frame belongs to one that has stopped.
    #[error("no capture runs for it")]
    NotCapturing,
    /// The frame itself cannot be taken.
    #[error(transparent)]
    Fault(#[from] FrameFault),
    /// As many bytes wait for the disk as one device may have waiting.
    #[error("4 MiB of this device's frames wait for the disk")]
    Full,
    /// The store takes no frames for now.
    #[error(transparent)]
    Store(#[from] Refusal),
}

/// An order of a source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Take the frame under this number.
    TakeFrame(FrameSeq),
    /// Give the frame back with a reason.
    RejectFrame(Rejection),
    /// Let the frame go and count it: the person muted the source.
    DiscardFrame,
    /// Record which frames count as delivered.
    RecordDelivered {
        /// Their capture.
        capture: CaptureId,
        /// The first of them.
        from: FrameSeq,
        /// The number after the last of them.
        to: FrameSeq,
    },
    /// Count an event that no state had an answer to.
    ReportUnexpected {
        /// The state's name.
        state: &'static str,
        /// The event's name.
        event: &'static str,
    },
}
