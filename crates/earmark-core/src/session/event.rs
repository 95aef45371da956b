//! What happens to a session.

use alloc::string::String;
use alloc::vec::Vec;

use crate::{ConversationId, Moment, RecordingId};

/// Something that happened to one session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event<R> {
    /// A frame opened a recording.
    RecordingOpened(RecordingId),
    /// A recording took its last frame.
    RecordingCut(RecordingId),
    /// A recording's file and its seal are durable.
    RecordingSealed(R),
    /// The seal of a recording failed; the store tries again.
    SealFailed {
        /// The recording that is not saved yet.
        recording: RecordingId,
        /// Why, in words.
        reason: String,
    },
    /// The capture stopped, fell silent for 120 s, was finished by hand, or was found open after a
    /// restart.
    CaptureEnded,
    /// The server ended the conversation that this session is part of.
    ProcessingStarted {
        /// What the server calls it.
        conversation: ConversationId,
        /// Until when its readiness is waited for.
        deadline: Moment,
        /// Whether the server said earlier that it is ready.
        ready: bool,
    },
    /// The link is durable, and with it the seals of all that it names.
    LinkRecorded {
        /// The linked recordings of this session.
        recordings: Vec<R>,
    },
    /// The server said that the conversation is ready.
    ConversationReady,
    /// The deadline of the wait for the conversation passed.
    DeadlinePassed,
    /// Nothing was heard of the session's audio for 150 s after its last frame.
    LinkWaitEnded,
    /// A recording needs nothing more, unless a person asks.
    UploadSettled {
        /// The recording.
        recording: RecordingId,
        /// Whether it is gone for good: synced, released or deleted.
        gone: bool,
    },
    /// A person asked for another try of a recording that had failed.
    UploadReopened(RecordingId),
    /// A boundary was found before these recordings; they belong to another session.
    RecordingsMoved(Vec<RecordingId>),
}

impl<R> Event<R> {
    /// The event's name, for logs and diagrams.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RecordingOpened(_) => "RecordingOpened",
            Self::RecordingCut(_) => "RecordingCut",
            Self::RecordingSealed(_) => "RecordingSealed",
            Self::SealFailed { .. } => "SealFailed",
            Self::CaptureEnded => "CaptureEnded",
            Self::ProcessingStarted { .. } => "ProcessingStarted",
            Self::LinkRecorded { .. } => "LinkRecorded",
            Self::ConversationReady => "ConversationReady",
            Self::DeadlinePassed => "DeadlinePassed",
            Self::LinkWaitEnded => "LinkWaitEnded",
            Self::UploadSettled { .. } => "UploadSettled",
            Self::UploadReopened(_) => "UploadReopened",
            Self::RecordingsMoved(_) => "RecordingsMoved",
        }
    }
}
