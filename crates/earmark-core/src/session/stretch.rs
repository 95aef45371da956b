//! Audio that no conversation is known for yet.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::{CaptureId, ConversationId, FrameSeq, Moment, RecordingId, SessionId, WallTime};

/// What a track knows of one recording until it is linked or its upload begins.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Audio {
    pub(super) recording: RecordingId,
    pub(super) session: SessionId,
    pub(super) capture: CaptureId,
    pub(super) first: FrameSeq,
    /// Whether it was captured before the live socket last came up. A recording never crosses that.
    pub(super) precedes_connect: bool,
    /// When the last frame arrived.
    pub(super) last_at: Moment,
    /// When the first and the last frame were captured, by the wall clock.
    pub(super) first_wall: WallTime,
    pub(super) last_wall: WallTime,
}

/// A run of audio between two boundaries: what one event of the server can speak of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Stretch {
    pub(super) audio: Vec<Audio>,
    /// When its last frame arrived.
    pub(super) last_at: Moment,
    /// A person ended the conversation here.
    pub(super) finished: bool,
    /// The conversation that the server announced for it.
    pub(super) announced: Option<ConversationId>,
    /// Nothing was heard of it in time.
    pub(super) wait_ended: bool,
}

impl Stretch {
    pub(super) fn new(at: Moment, announced: Option<ConversationId>) -> Self {
        Self { audio: Vec::new(), last_at: at, finished: false, announced, wait_ended: false }
    }

    pub(super) fn sessions(&self) -> BTreeSet<SessionId> {
        self.audio.iter().map(|audio| audio.session).collect()
    }

    pub(super) fn recordings(&self) -> Vec<RecordingId> {
        self.audio.iter().map(|audio| audio.recording).collect()
    }

    /// The recordings that were captured at least in part between two instants.
    pub(super) fn overlap(&self, from: WallTime, to: WallTime) -> Option<(usize, usize)> {
        let within = |audio: &Audio| audio.first_wall < to && from < audio.last_wall;
        let first = self.audio.iter().position(within)?;
        let last = self.audio.iter().rposition(within)?;
        Some((first, last + 1))
    }

    /// Takes the audio from `index` on out into a stretch of its own.
    pub(super) fn split_off(&mut self, index: usize) -> Self {
        let audio = self.audio.split_off(index);
        let tail = Self { audio, announced: None, ..self.clone_without_audio() };
        self.last_at = self.audio.last().map_or(self.last_at, |audio| audio.last_at);
        self.finished = false;
        tail
    }

    fn clone_without_audio(&self) -> Self {
        Self {
            audio: Vec::new(),
            last_at: self.last_at,
            finished: self.finished,
            announced: self.announced.clone(),
            wait_ended: self.wait_ended,
        }
    }
}
