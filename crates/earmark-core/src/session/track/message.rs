//! What a track hears and orders.

use alloc::string::String;
use alloc::vec::Vec;

use crate::{
    CaptureId, ConversationId, Encoding, FrameSeq, Moment, RecordingId, SessionId, WallTime,
};

/// A place in a capture: the number of the next frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The capture.
    pub capture: CaptureId,
    /// The number of its next frame.
    pub next: FrameSeq,
}

/// Frames that were taken one after the other, without a gap between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Run {
    /// The capture that they belong to.
    pub capture: CaptureId,
    /// The number of the first one.
    pub first: FrameSeq,
    /// How many there are, at least one.
    pub count: u64,
    /// When the first and the last one arrived.
    pub at: (Moment, Moment),
    /// When the first and the last one were captured, by the wall clock.
    pub walls: (WallTime, WallTime),
}

/// What a server says that concerns conversations.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Announcement {
    /// A conversation ended and is being processed; without a usable id it means nothing.
    ProcessingStarted(Option<ConversationId>),
    /// A conversation is ready.
    ConversationEvent {
        /// Which one; without a usable id it means nothing.
        conversation: Option<ConversationId>,
        /// When it started and finished, where the server says so.
        span: Option<(WallTime, WallTime)>,
    },
    /// What is sent on this socket, from its connect on, belongs to this conversation.
    ConversationSession(Option<ConversationId>),
}

/// Something that happened on a track. Each comes with the time at which it entered the runtime.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event<R> {
    /// A capture began.
    CaptureStarted {
        /// The capture.
        capture: CaptureId,
        /// What its frames are.
        encoding: Encoding,
    },
    /// Frames were taken.
    FramesTaken(Run),
    /// The capture stopped.
    CaptureStopped(CaptureId),
    /// The live socket came up after having been down.
    SocketCameUp(Option<Position>),
    /// The server said something on the live socket.
    ServerSpoke {
        /// What it said.
        announcement: Announcement,
        /// Where the capture stood when it came in.
        position: Option<Position>,
    },
    /// A person ended the conversation by hand.
    ConversationFinished(Option<Position>),
    /// Whether the host wants a live socket for this device. Without one nobody will ever name a
    /// conversation, and each recording is a session of its own.
    SocketWanted(bool),
    /// A recording's seal is durable.
    RecordingSealed(R),
    /// A recording's seal failed; the store tries again.
    SealFailed {
        /// The recording.
        recording: RecordingId,
        /// Why, in words.
        reason: String,
    },
    /// A link is durable.
    LinkRecorded {
        /// The conversation.
        conversation: ConversationId,
        /// All recordings that the order named.
        asked: Vec<RecordingId>,
        /// Those of them that the link covers, with their seals.
        recordings: Vec<R>,
    },
    /// A request for a recording left: its conversation is settled.
    UploadBegan(RecordingId),
    /// A recording needs nothing more, unless a person asks.
    UploadSettled {
        /// The recording.
        recording: RecordingId,
        /// Whether it is gone for good: synced, released or deleted.
        gone: bool,
    },
    /// A person asked for another try of a recording that had failed.
    UploadReopened(RecordingId),
    /// A deadline may have passed.
    TimerFired,
}

impl<R> Event<R> {
    /// The event's name, for logs and reports.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::CaptureStarted { .. } => "CaptureStarted",
            Self::FramesTaken(_) => "FramesTaken",
            Self::CaptureStopped(_) => "CaptureStopped",
            Self::SocketCameUp(_) => "SocketCameUp",
            Self::ServerSpoke { .. } => "ServerSpoke",
            Self::ConversationFinished(_) => "ConversationFinished",
            Self::SocketWanted(_) => "SocketWanted",
            Self::RecordingSealed(_) => "RecordingSealed",
            Self::SealFailed { .. } => "SealFailed",
            Self::LinkRecorded { .. } => "LinkRecorded",
            Self::UploadBegan(_) => "UploadBegan",
            Self::UploadSettled { .. } => "UploadSettled",
            Self::UploadReopened(_) => "UploadReopened",
            Self::TimerFired => "TimerFired",
        }
    }
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionEnd {
    /// The capture stopped.
    Stopped,
    /// No frame came for 120 s.
    Gap,
    /// Its conversation is over while the capture goes on: the server said so, or it was too old to
    /// wait for that.
    Boundary,
    /// A person ended the conversation.
    Finished,
    /// It was found open after a restart.
    Recovered,
}

/// An order of a track.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect<R> {
    /// Record that a session began with a frame.
    OpenSession {
        /// The new session.
        session: SessionId,
        /// Its capture.
        capture: CaptureId,
        /// Its first frame.
        first: FrameSeq,
    },
    /// Record that a session ended.
    CloseSession {
        /// The session.
        session: SessionId,
        /// Why.
        end: SessionEnd,
    },
    /// Record that a recording began with a frame.
    OpenRecording {
        /// The new recording.
        recording: RecordingId,
        /// Its session.
        session: SessionId,
        /// Its capture.
        capture: CaptureId,
        /// Its first frame.
        first: FrameSeq,
    },
    /// Record that a recording has all its frames.
    CutRecording {
        /// The recording.
        recording: RecordingId,
        /// The number after its last frame.
        end: FrameSeq,
    },
    /// Record that a recording belongs to another session, since a boundary was found before it.
    MoveRecording {
        /// The recording.
        recording: RecordingId,
        /// The session that it belongs to from now on.
        session: SessionId,
    },
    /// Write a cut recording's file and record its seal.
    SealRecording(RecordingId),
    /// Record in one piece that all these belong to a conversation, sealing those that are not
    /// sealed.
    SealAndLink {
        /// The conversation.
        conversation: ConversationId,
        /// The recordings.
        recordings: Vec<RecordingId>,
    },
    /// Upload or release a recording.
    StartUpload {
        /// The sealed recording.
        recording: R,
        /// The conversation it is linked to.
        conversation: Option<ConversationId>,
    },
    /// Record that a session began to sync.
    NoteSyncStarted {
        /// The session.
        session: SessionId,
        /// Whether a deadline, and not the server's event, was the cause.
        fallback: bool,
    },
    /// Ask the live socket's peer to prove what it read.
    ProveDelivery,
    /// Say that a recording is not saved in its final form.
    ReportNotSaved {
        /// The recording.
        recording: RecordingId,
        /// Why, in words.
        reason: String,
    },
    /// Say where a session stands.
    ReportSession {
        /// The session.
        session: SessionId,
        /// The state's name.
        state: &'static str,
        /// Its conversation.
        conversation: Option<ConversationId>,
        /// Whether a deadline, and not the server's event, started its sync.
        fallback_fired: bool,
    },
    /// Count an event that was understood and had no effect.
    ReportIgnored(&'static str),
    /// Count an event that no state had an answer to.
    ReportUnexpected {
        /// The state's name.
        state: &'static str,
        /// The event's name.
        event: &'static str,
    },
}
