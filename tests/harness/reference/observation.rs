//! What the model is told: what a host does, what the runtime says of itself, what a crash left.
//!
//! Nothing here depends on how an observation comes about.

use bytes::Bytes;
use earmark_core::session::Announcement;
use earmark_core::{
    Account, ConversationId, Device, Encoding, Moment, RecordingId, SessionId, WallTime,
};

/// A device that captures for an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceName {
    /// The device.
    pub device: Device,
    /// Whose audio it is.
    pub account: Account,
}

/// When something was observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// By the clock that waits are counted on.
    pub moment: Moment,
    /// By the wall clock.
    pub wall: WallTime,
}

/// What the runtime answered to a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was taken.
    Taken,
    /// It was let go, the device being muted.
    Muted,
    /// It was given back, for this reason in words.
    Rejected(String),
}

/// Something that was observed of a host.
///
/// Its audio is cut at instants. Whoever lets time pass **must** let the runtime handle what has
/// come in before, since a deadline that passes meanwhile finds only frames that were handled.
#[derive(Clone, Debug)]
pub enum Observation {
    /// A capture began; one of the same device that ran has ended by that.
    CaptureStarted {
        /// Whose.
        source: SourceName,
        /// What its frames are.
        encoding: Encoding,
    },
    /// The capture of a source stopped.
    CaptureStopped {
        /// Whose.
        source: SourceName,
    },
    /// A frame was offered for the capture that the source began last.
    Pushed {
        /// By whom.
        source: SourceName,
        /// Its bytes.
        frame: Bytes,
        /// What became of it.
        answer: Answer,
    },
    /// A device was muted, or is heard again.
    Muted {
        /// Which.
        device: Device,
        /// Whether it is muted now.
        muted: bool,
    },
    /// The live socket of a source came up.
    SocketUp {
        /// Whose.
        source: SourceName,
    },
    /// It went down.
    SocketDown {
        /// Whose.
        source: SourceName,
    },
    /// The server spoke on it.
    ServerSaid {
        /// To whom.
        source: SourceName,
        /// What.
        announcement: Announcement,
    },
    /// The server has proven to have read every frame of the source's latest capture before this
    /// number that went out on the present connection.
    Delivered {
        /// To whom.
        source: SourceName,
        /// The number after the last of them.
        up_to: u64,
    },
    /// A person ended the conversation by hand.
    Finished {
        /// Whose.
        source: SourceName,
    },
    /// The network is there, or is not.
    Network {
        /// Whether it is.
        online: bool,
    },
    /// A person wants failed recordings tried again; all of them when none is named.
    Retried(Option<Vec<RecordingId>>),
    /// A person wants recordings deleted; all of them when none is named.
    Deleted(Option<Vec<RecordingId>>),
    /// The disk does what it is asked to from now on, or does not.
    Disk {
        /// Whether it does.
        healthy: bool,
    },
    /// The runtime takes no more frames, for this reason in words.
    FramesRefused(String),
    /// It takes them again.
    FramesTakenAgain,
    /// So many frames that were taken are not acknowledged as durable.
    InMemory(u64),
    /// The runtime has given a new recording its id. Within a source the n-th id is that of the
    /// n-th recording, since ids rise in the order in which recordings are opened.
    Opened {
        /// The id.
        recording: RecordingId,
        /// Whose it is.
        source: SourceName,
    },
    /// A recording is sealed, and that is durable.
    Sealed {
        /// Which.
        recording: RecordingId,
        /// How many frames it has.
        frames: u64,
    },
    /// A recording is linked, and that is durable.
    Linked {
        /// Which.
        recording: RecordingId,
        /// To what.
        conversation: ConversationId,
    },
    /// A request left.
    RequestLeft {
        /// What it carries.
        recording: RecordingId,
        /// What it names.
        conversation: Option<ConversationId>,
        /// Its ordinal for its recording, from 1.
        ordinal: u32,
        /// How many frames it carries.
        frames: u64,
    },
    /// A request ended.
    RequestEnded {
        /// What it carried.
        recording: RecordingId,
        /// How.
        ending: Ending,
    },
    /// What a person is shown of an upload has changed.
    Reported {
        /// Of which recording.
        recording: RecordingId,
        /// Its status.
        status: &'static str,
        /// How many attempts count as spent.
        attempts: u32,
    },
    /// A recording was let go.
    Removed {
        /// Which.
        recording: RecordingId,
        /// Why: `released`, `deleted` or `expired`.
        why: &'static str,
    },
    /// Everything that has come in is handled, and this is what the runtime lists.
    Listed(Vec<Listed>),
    /// The process died.
    Died {
        /// Whether the machine died with it.
        power_cut: bool,
    },
    /// The process runs again, on this.
    Started(Found),
    /// Nothing is left to do, and this is what the server holds.
    Settled(Vec<Held>),
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The server answered with this status, and said with it what a real server says.
    Status(u16),
    /// No whole answer came.
    Fault,
}

/// A recording as the runtime lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: RecordingId,
    /// Where it comes from.
    pub source: SourceName,
    /// The session that it is part of.
    pub session: SessionId,
    /// The conversation that it is linked to.
    pub conversation: Option<ConversationId>,
    /// When its first frame was captured.
    pub started_at: WallTime,
    /// How many frames it holds.
    pub frames: u64,
    /// SHA-256 of its file in hexadecimal, once it is sealed.
    pub sha256: Option<String>,
    /// Its status.
    pub status: &'static str,
    /// Attempts that were spent.
    pub attempts: u32,
}

/// What the server holds: one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The conversation that was named with it.
    pub conversation: Option<String>,
    /// How many frames it holds.
    pub frames: u64,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
}

/// What a start has found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The recordings that are not gone, in the order of their ids.
    pub recordings: Vec<FoundRecording>,
    /// The devices that are muted.
    pub muted: Vec<Device>,
}

/// A recording that a start has found.
#[derive(Clone, Debug)]
pub struct FoundRecording {
    /// Its id.
    pub id: RecordingId,
    /// Where it comes from.
    pub source: SourceName,
    /// Its session.
    pub session: SessionId,
    /// Whether that session ended at a boundary that nothing goes on behind: the server's or a
    /// person's.
    pub ended_at: Option<Boundary>,
    /// Whether that session had begun to sync, and if so, whether a deadline was the cause.
    pub sync_started: Option<bool>,
    /// The conversation that it is linked to.
    pub conversation: Option<ConversationId>,
    /// When its first and its last frame were captured.
    pub walls: (WallTime, WallTime),
    /// How many frames it has.
    pub frames: u64,
    /// How many of them are not known to be delivered.
    pub undelivered: u64,
    /// Whether it is sealed already.
    pub is_sealed: bool,
    /// How far its upload has come.
    pub upload: FoundUpload,
}

/// What ends a conversation for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boundary {
    /// The server did.
    Server,
    /// A person did.
    Person,
}

/// How far the upload of a recording has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundUpload {
    /// Requests that were journalled.
    pub requests: u32,
    /// Attempts that were spent.
    pub attempts: u32,
    /// Requests in a row whose outcome a crash swallowed, before this start.
    pub swallowed: u32,
    /// Where it stands.
    pub stage: FoundStage,
}

/// Where an upload stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundStage {
    /// It waits.
    Pending,
    /// A request may have left.
    Uploading,
    /// The server works on it.
    Accepted,
    /// The server has it.
    Synced,
    /// It has failed.
    Failed,
    /// Its file is damaged.
    Corrupted,
}
