//! What the journal promises: one record for each decision, and the frames themselves.
//!
//! Decisions are JSON, so that a person can read them and a later version can add fields; unknown
//! fields are skipped. Frames are binary: [`frames`](crate::frames) has their bytes.

use std::fmt;
use std::sync::Arc;

use earmark_core::sync::UploadFacts;
use earmark_core::{
    Account, CaptureId, ConversationId, Device, Encoding, FrameSeq, RecordingId, SessionId, Stamp,
    WallTime, session,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// One entry of the journal; its JSON is `{"name": {fields}}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// A device began to stream.
    CaptureOpened {
        /// The new capture.
        capture: CaptureId,
        /// The device.
        device: Device,
        /// Whose audio it is.
        account: Account,
        /// What its frames are.
        encoding: Encoding,
        /// When.
        at: Stamp,
    },
    /// A device stopped.
    CaptureClosed {
        /// The capture that ended.
        capture: CaptureId,
        /// When.
        at: Stamp,
    },
    /// A person muted a device, or let it be heard again.
    MuteSet {
        /// The device.
        device: Device,
        /// Whether it is muted from here on.
        muted: bool,
    },
    /// A session began.
    SessionOpened {
        /// The new session.
        session: SessionId,
        /// The capture it is a part of.
        capture: CaptureId,
        /// Its first frame.
        first: FrameSeq,
        /// When.
        at: Stamp,
    },
    /// A session ended.
    SessionClosed {
        /// The session.
        session: SessionId,
        /// Why it ended.
        end: SessionEnd,
        /// When.
        at: Stamp,
    },
    /// A boundary was found later: the recording now belongs to another session.
    SessionMoved {
        /// The recording.
        recording: RecordingId,
        /// The session it belongs to from here on.
        session: SessionId,
    },
    /// A recording began.
    RecordingOpened {
        /// The new recording.
        recording: RecordingId,
        /// The session it belongs to.
        session: SessionId,
        /// The capture whose frames it takes.
        capture: CaptureId,
        /// Its first frame.
        first: FrameSeq,
    },
    /// Frames were taken. Only their description is held in memory; their bytes are in the journal.
    #[serde(skip)]
    Frames(FrameSpan),
    /// A recording is complete, its frames being `first..end`; it is not sealed yet.
    RecordingCut {
        /// The recording.
        recording: RecordingId,
        /// The first frame that is no longer in it.
        end: FrameSeq,
    },
    /// A recording's file is written.
    Sealed {
        /// The recording.
        recording: RecordingId,
        /// What the file holds.
        seal: Arc<Seal>,
    },
    /// Recordings were linked to a conversation, and those of them that were still open sealed, in
    /// one.
    Linked {
        /// The conversation.
        conversation: ConversationId,
        /// The recordings that are linked; one that has a conversation keeps it.
        recordings: Vec<RecordingId>,
        /// The seals of those of them that were not sealed before.
        #[serde(default)]
        seals: Vec<(RecordingId, Arc<Seal>)>,
        /// When.
        at: Stamp,
    },
    /// The server has no such conversation: the recording goes without one.
    Relinked {
        /// The recording.
        recording: RecordingId,
        /// The conversation it was linked to.
        old: ConversationId,
        /// Why, in words.
        reason: String,
    },
    /// A session began to sync.
    SyncStarted {
        /// The session.
        session: SessionId,
        /// Whether a deadline, and not the server's event, was the cause.
        fallback: bool,
    },
    /// Frames were proven delivered over the live socket.
    Delivered {
        /// The capture.
        capture: CaptureId,
        /// The first of them.
        from: FrameSeq,
        /// The first that is not.
        to: FrameSeq,
    },
    /// Where a recording's upload stands.
    Upload {
        /// The recording.
        recording: RecordingId,
        /// Everything about its upload, replacing what stood before.
        facts: UploadFacts,
    },
    /// A recording is about to go; durable before its file is unlinked.
    Removing {
        /// The recording.
        recording: RecordingId,
        /// Why.
        why: Removal,
    },
    /// A recording is gone.
    Removed {
        /// The recording.
        recording: RecordingId,
    },
}

impl Record {
    /// The recordings that it decides about.
    pub(crate) fn recordings(&self) -> &[RecordingId] {
        match self {
            Self::SessionMoved { recording, .. }
            | Self::RecordingOpened { recording, .. }
            | Self::RecordingCut { recording, .. }
            | Self::Sealed { recording, .. }
            | Self::Relinked { recording, .. }
            | Self::Upload { recording, .. }
            | Self::Removing { recording, .. }
            | Self::Removed { recording } => std::slice::from_ref(recording),
            Self::Linked { recordings, .. } => recordings,
            Self::CaptureOpened { .. }
            | Self::CaptureClosed { .. }
            | Self::MuteSet { .. }
            | Self::SessionOpened { .. }
            | Self::SessionClosed { .. }
            | Self::Frames(_)
            | Self::SyncStarted { .. }
            | Self::Delivered { .. } => &[],
        }
    }
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    /// It was found open when the store was opened.
    Recovered,
}

impl From<session::SessionEnd> for SessionEnd {
    fn from(end: session::SessionEnd) -> Self {
        match end {
            session::SessionEnd::Stopped => Self::Stopped,
            session::SessionEnd::Gap => Self::Gap,
            session::SessionEnd::Boundary => Self::Boundary,
            session::SessionEnd::Finished => Self::Finished,
            session::SessionEnd::Recovered => Self::Recovered,
        }
    }
}

impl From<SessionEnd> for session::SessionEnd {
    fn from(end: SessionEnd) -> Self {
        match end {
            SessionEnd::Stopped => Self::Stopped,
            SessionEnd::Gap => Self::Gap,
            SessionEnd::Boundary => Self::Boundary,
            SessionEnd::Finished => Self::Finished,
            SessionEnd::Recovered => Self::Recovered,
        }
    }
}

/// Why a recording goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Removal {
    /// The policy let it go without an upload.
    Released,
    /// A person deleted it.
    Deleted,
    /// It was synced long enough ago.
    Expired,
}

/// Which frames a journal record holds, and when they were captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameSpan {
    /// The capture.
    pub capture: CaptureId,
    /// The number of the first.
    pub first: FrameSeq,
    /// How many.
    pub count: u32,
    /// When the first was captured.
    pub first_at: WallTime,
    /// When the last was captured.
    pub last_at: WallTime,
}

impl FrameSpan {
    /// The first number after them.
    pub const fn end(&self) -> FrameSeq {
        self.first.plus(self.count as u64)
    }
}

/// What a sealed recording's file holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Seal {
    /// Frames in the file.
    pub frames: u32,
    /// Bytes of the file.
    pub bytes: u64,
    /// SHA-256 of the whole file.
    pub sha256: Sha256Sum,
    /// When the first frame was captured.
    pub started_at: WallTime,
    /// When the last frame was captured.
    pub ended_at: WallTime,
    /// How many earlier recordings have the same device slug, codec and whole start second: the `n`
    /// of the `_un` in the name of the upload.
    #[serde(default)]
    pub twin: u32,
    /// Frames that belong to the recording but that damage to the journal took before the seal.
    #[serde(default)]
    pub missing: u32,
}

/// A SHA-256 sum; hexadecimal in text and JSON.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256Sum(pub [u8; 32]);

impl fmt::Display for Sha256Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Sha256Sum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(self);
        }
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Sha256Sum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return Deserialize::deserialize(deserializer).map(Self);
        }
        let text = String::deserialize(deserializer)?;
        from_hex(&text).ok_or_else(|| de::Error::custom("a SHA-256 sum is 64 hexadecimal digits"))
    }
}

fn from_hex(text: &str) -> Option<Sha256Sum> {
    let digits = text.as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut sum = [0; 32];
    for (byte, pair) in sum.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(Sha256Sum(sum))
}
