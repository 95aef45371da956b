//! One recording and one session, as the model keeps them.

use bytes::Bytes;
use earmark_core::{Codec, ConversationId, Encoding, Moment, RecordingId, SessionId, WallTime};
use sha2::{Digest, Sha256};

/// Requests whose outcome a crash swallowed that count as one attempt.
const SWALLOWED_MAX: u32 = 3;
/// Attempts that make a recording failed.
const ATTEMPTS_MAX: u32 = 3;

/// A frame that was taken.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) bytes: Bytes,
    /// Its capture, and its number in it.
    pub(super) capture: u64,
    pub(super) number: u64,
    /// When it was captured.
    pub(super) wall: WallTime,
    /// The connection that it went out on.
    pub(super) sent_on: Option<u64>,
    pub(super) delivered: bool,
}

/// A recording.
#[derive(Clone, Debug)]
pub(super) struct Recording {
    /// Its id, once the runtime has named it.
    pub(super) id: Option<RecordingId>,
    /// The place of its session in the list of sessions.
    pub(super) session: usize,
    pub(super) frames: Vec<Frame>,
    pub(super) at: (Moment, Moment),
    /// Whether it takes frames.
    pub(super) is_open: bool,
    /// Whether the runtime has said that it is sealed.
    pub(super) is_sealed: bool,
    pub(super) conversation: Option<ConversationId>,
    /// Whether the runtime has said that it is linked.
    pub(super) link_is_durable: bool,
    pub(super) upload: Upload,
    /// Since when it is gone.
    pub(super) gone_at: Option<Moment>,
    /// Whether a person wanted it gone.
    pub(super) is_unwanted: bool,
    /// Whether the sum of its file was compared.
    pub(super) sum_is_known: bool,
}

impl Recording {
    pub(super) fn opened(session: usize, at: Moment) -> Self {
        Self {
            id: None,
            session,
            frames: Vec::new(),
            at: (at, at),
            is_open: true,
            is_sealed: false,
            conversation: None,
            link_is_durable: false,
            upload: Upload::default(),
            gone_at: None,
            is_unwanted: false,
            sum_is_known: false,
        }
    }

    pub(super) fn is_gone(&self) -> bool {
        self.gone_at.is_some()
    }

    /// When its first frame was captured.
    pub(super) fn began_at(&self) -> Option<WallTime> {
        self.frames.first().map(|frame| frame.wall)
    }

    pub(super) fn count(&self) -> u64 {
        self.frames.len() as u64
    }

    pub(super) fn is_full(&self, encoding: Encoding) -> bool {
        self.count() >= 60 * u64::from(frames_per_second(encoding.codec))
    }

    pub(super) fn is_delivered(&self) -> bool {
        self.frames.iter().all(|frame| frame.delivered)
    }

    /// SHA-256 of its file: each frame behind its length.
    pub(super) fn sha256(&self) -> String {
        let mut sum = Sha256::new();
        for frame in &self.frames {
            let len = u32::try_from(frame.bytes.len()).expect("a frame is short");
            sum.update(len.to_le_bytes());
            sum.update(&frame.bytes);
        }
        sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The status that a list of recordings shows.
    pub(super) fn may_be(&self, status: &str) -> bool {
        if self.is_open {
            return status == "capturing";
        }
        match self.upload.stage {
            // What the disk does not take yet is offered to it again.
            Stage::Synced => status == "synced" || status == "processing",
            Stage::Failed => status == "failed" || status == "processing",
            Stage::Corrupted => status == "corrupted" || status == "processing",
            Stage::Flying => status == "uploading",
            Stage::Processing => status == "processing",
            Stage::Waiting if self.upload.attempts > 0 => status == "retrying",
            Stage::Waiting => status == "pending",
        }
    }
}

const fn frames_per_second(codec: Codec) -> u32 {
    match codec {
        Codec::OpusFs320 => 50,
        Codec::Opus | Codec::Pcm16 | Codec::Pcm8 => 100,
    }
}

/// A run of capture between two boundaries.
#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    /// Its id, once the runtime has named it.
    pub(super) id: Option<SessionId>,
    pub(super) link: Option<Link>,
    /// Whether its audio has waited for a link in vain.
    pub(super) has_waited: bool,
}

/// The conversation that a session belongs to.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) conversation: ConversationId,
    pub(super) deadline: Moment,
    pub(super) is_ready: bool,
}

impl Session {
    /// Whether its recordings may go to the server.
    pub(super) fn is_let_go(&self, now: Moment) -> bool {
        match &self.link {
            Some(link) => link.is_ready || link.deadline <= now,
            None => self.has_waited,
        }
    }

    /// Whether it waits for its conversation to be ready.
    pub(super) fn awaits(&self, conversation: &ConversationId, now: Moment) -> bool {
        let is_own = |link: &&Link| link.conversation == *conversation && !link.is_ready;
        self.link.as_ref().filter(is_own).is_some_and(|link| now < link.deadline)
    }
}

/// An upload.
#[derive(Clone, Debug, Default)]
pub(super) struct Upload {
    pub(super) stage: Stage,
    pub(super) requests: u32,
    pub(super) attempts: u32,
    pub(super) swallowed: u32,
    /// Whether its session has let it go to the conversation that it has now.
    pub(super) is_due: bool,
    /// Whether it had been let go before it was linked.
    pub(super) was_due: bool,
    /// Until when somebody waits for the other end's proof of what it read, to decide.
    pub(super) asked: Vec<Moment>,
    pub(super) decision: Decision,
    /// Everything that requests have named, over all lives.
    pub(super) named: Vec<Option<ConversationId>>,
}

/// Where an upload stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// For its session, its turn or a time.
    #[default]
    Waiting,
    /// A request has left.
    Flying,
    /// The server works on it.
    Processing,
    /// The server has it.
    Synced,
    /// Only a person brings it back.
    Failed,
    /// Its file is damaged.
    Corrupted,
}

/// Whether a recording is uploaded or let go because it was delivered live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Decision {
    /// It is not decided.
    #[default]
    Open,
    /// It is let go.
    Release,
    /// It is uploaded.
    Upload,
}

impl Upload {
    pub(super) const fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Synced | Stage::Failed | Stage::Corrupted)
    }

    /// An attempt is spent.
    pub(super) fn spend(&mut self) {
        self.attempts += 1;
        self.stage = if self.attempts >= ATTEMPTS_MAX { Stage::Failed } else { Stage::Waiting };
    }

    /// A crash swallowed what came of a request.
    pub(super) fn swallow(&mut self) {
        self.swallowed += 1;
        self.stage = Stage::Waiting;
        if self.swallowed >= SWALLOWED_MAX {
            self.swallowed = 0;
            self.spend();
        }
    }
}
