//! What happens at a source.

use alloc::string::String;

use crate::{CaptureId, Encoding, FrameSeq};

/// Why the store takes no frames.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// A write or a sync failed, and no second try has worked yet.
    #[error("the disk refuses: {0}")]
    DiskFailed(String),
    /// A sync does not return.
    #[error("the disk does not answer")]
    DiskStalled,
}

/// Something that happened at a source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// A capture began.
    CaptureStarted {
        /// The capture.
        capture: CaptureId,
        /// What its frames are.
        encoding: Encoding,
    },
    /// The capture stopped.
    CaptureStopped,
    /// The producer offers a frame.
    FrameArrived {
        /// The capture it was captured in.
        capture: CaptureId,
        /// How many bytes it has.
        bytes: usize,
    },
    /// Frames are durable.
    FramesDurable {
        /// Their capture.
        capture: CaptureId,
        /// The number after the last of them.
        up_to: FrameSeq,
    },
    /// The store takes no frames for now.
    StoreRefused(Refusal),
    /// The store takes frames again.
    StoreTook,
    /// What arrives from now on goes nowhere.
    Muted,
    /// What arrives from now on is taken again.
    Unmuted,
    /// The live socket came up; it carries the frames that are taken from now on.
    SocketCameUp,
    /// The live socket went down.
    SocketWentDown,
    /// Frames were handed to the live socket.
    FramesSent {
        /// Their capture.
        capture: CaptureId,
        /// The number after the last of them.
        up_to: FrameSeq,
    },
    /// The other end of the socket proved that it read everything before a frame.
    FramesDelivered {
        /// The capture.
        capture: CaptureId,
        /// The number after the last frame that is proven.
        up_to: FrameSeq,
    },
}

impl Event {
    /// The event's name, for logs and diagrams.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::CaptureStarted { .. } => "CaptureStarted",
            Self::CaptureStopped => "CaptureStopped",
            Self::FrameArrived { .. } => "FrameArrived",
            Self::FramesDurable { .. } => "FramesDurable",
            Self::StoreRefused(_) => "StoreRefused",
            Self::StoreTook => "StoreTook",
            Self::Muted => "Muted",
            Self::Unmuted => "Unmuted",
            Self::SocketCameUp => "SocketCameUp",
            Self::SocketWentDown => "SocketWentDown",
            Self::FramesSent { .. } => "FramesSent",
            Self::FramesDelivered { .. } => "FramesDelivered",
        }
    }
}
