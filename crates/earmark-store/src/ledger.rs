//! The state of a store: a fold over its records.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use earmark_core::sync::{UploadFacts, UploadStage};
use earmark_core::{
    Account, CaptureId, ConversationId, Device, Encoding, FrameSeq, RecordingId, SessionId, Stamp,
    WallTime,
};
use serde::{Deserialize, Serialize};

use crate::record::{Removal, Seal, SessionEnd};

mod delivered;
mod fold;
mod found;
mod index;
mod item;

pub use delivered::Delivered;
pub use found::FoundSessions;
pub(crate) use item::Item;

/// How many ended sessions without recordings are remembered, the latest ones.
pub const SESSIONS_KEPT_MAX: usize = 256;

/// Everything that the records so far have decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ledger {
    /// Captures that run, or of whose frames there are recordings.
    pub captures: BTreeMap<CaptureId, CaptureFacts>,
    /// Sessions that run or have recordings, and the latest [`SESSIONS_KEPT_MAX`] others.
    pub sessions: BTreeMap<SessionId, Arc<SessionFacts>>,
    /// Recordings that are not gone.
    pub recordings: BTreeMap<RecordingId, Arc<RecordingFacts>>,
    /// Devices that a person muted.
    pub muted: BTreeSet<Device>,
    /// What became of frames whose recordings may be gone.
    pub totals: Totals,
    /// The highest number that an id of any kind had; the next one is higher.
    pub highest_id: u32,
    index: index::Index,
}

/// Frames by what became of them, since the store began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Totals {
    /// Confirmed by the server, each frame once.
    pub uploaded_frames: u64,
    /// Let go by policy without an upload.
    pub released_frames: u64,
    /// Deleted by a person without an upload.
    pub deleted_frames: u64,
}

/// What is known of a capture.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CaptureFacts {
    /// The device.
    pub device: Device,
    /// Whose audio it is.
    pub account: Account,
    /// What its frames are.
    pub encoding: Encoding,
    /// When it began.
    pub opened: Stamp,
    /// When it ended, if it did.
    pub closed: Option<Stamp>,
    /// The number of the next frame.
    pub next_seq: FrameSeq,
    /// When the latest frame was captured.
    pub last_at: Option<WallTime>,
    /// The first frame behind the last recording that was cut.
    pub covered: FrameSeq,
    /// Its recordings that still take frames, the latest last; there is one at most but for a
    /// moment.
    #[serde(default)]
    pub open: Vec<RecordingId>,
    /// The frames that were proven delivered and whose recordings are not gone.
    #[serde(default)]
    pub delivered: Delivered,
}

/// What is known of a session.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SessionFacts {
    /// The capture it is a part of.
    pub capture: CaptureId,
    /// The device.
    pub device: Device,
    /// Whose audio it is.
    pub account: Account,
    /// Its first frame.
    pub first: FrameSeq,
    /// When it began.
    pub opened: Stamp,
    /// When and why it ended, if it did.
    pub closed: Option<(Stamp, SessionEnd)>,
    /// Once it began to sync: whether a deadline, and not the server's event, was the cause.
    #[serde(default)]
    pub sync_started: Option<bool>,
    /// The conversation that recordings of it were linked to last.
    #[serde(default)]
    pub conversation: Option<ConversationId>,
}

/// What is known of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RecordingFacts {
    /// The session it belongs to.
    pub session: SessionId,
    /// The capture whose frames it holds.
    pub capture: CaptureId,
    /// The device.
    pub device: Device,
    /// Whose audio it is.
    pub account: Account,
    /// What its frames are.
    pub encoding: Encoding,
    /// Its first frame.
    pub first: FrameSeq,
    /// The first frame that is no longer in it, once it was cut.
    pub end: Option<FrameSeq>,
    /// When its first frame was captured: exact once it is sealed, until then counted back at the
    /// codec's pace when the recording was opened behind frames already taken.
    pub started_at: Option<WallTime>,
    /// When its last frame was captured, in the same way.
    pub ended_at: Option<WallTime>,
    /// What its file holds, once it is sealed.
    pub sealed: Option<Arc<Seal>>,
    /// The conversation it is linked to.
    pub conversation: Option<ConversationId>,
    /// When it was linked, kept when the link is taken back.
    pub linked_at: Option<Stamp>,
    /// The conversation that the server said is gone, and why the link was taken back.
    #[serde(default)]
    pub relinked: Option<(ConversationId, String)>,
    /// Where its upload stands.
    pub upload: UploadFacts,
    /// Why it is about to go, if it is.
    #[serde(default)]
    pub removing: Option<Removal>,
    /// Whether its frames were counted as uploaded.
    #[serde(default)]
    pub counted: bool,
}

impl Ledger {
    /// Frames of a recording so far; none when it is not known.
    pub fn frames(&self, recording: RecordingId) -> u64 {
        let Some(facts) = self.recordings.get(&recording) else {
            return 0;
        };
        match &facts.sealed {
            Some(seal) => u64::from(seal.frames),
            None => self.end(facts).since(facts.first),
        }
    }

    /// How many frames of a recording were not proven delivered; none when it is not known.
    pub fn undelivered(&self, recording: RecordingId) -> u64 {
        let Some(facts) = self.recordings.get(&recording) else {
            return 0;
        };
        let end = self.end(facts);
        let delivered = self
            .captures
            .get(&facts.capture)
            .map_or(0, |capture| capture.delivered.count(facts.first, end));
        end.since(facts.first) - delivered
    }

    /// The recording of a capture that still takes frames.
    pub fn open_recording(&self, capture: CaptureId) -> Option<RecordingId> {
        self.captures.get(&capture)?.open.last().copied()
    }

    /// The first frame behind a recording so far.
    pub fn end(&self, facts: &RecordingFacts) -> FrameSeq {
        let next = || self.captures.get(&facts.capture).map(|capture| capture.next_seq);
        facts.end.or_else(next).map_or(facts.first, |end| end.max(facts.first))
    }

    /// The ranges of a capture's frames that may still be wanted for a recording's file.
    pub(crate) fn wanted(&self, capture: CaptureId) -> Vec<(FrameSeq, FrameSeq)> {
        let end = |facts: &RecordingFacts| facts.end.unwrap_or(FrameSeq(u64::MAX));
        let unsealed = self.index.unsealed(capture).filter_map(|id| self.recordings.get(&id));
        let recordings = unsealed.filter(|facts| facts.awaits_seal());
        // A boundary that is found later opens a recording behind frames that are there already.
        let later = self.captures.get(&capture).map(|facts| (facts.covered, FrameSeq(u64::MAX)));
        recordings.map(|facts| (facts.first, end(facts))).chain(later).collect()
    }

    /// The recordings that are not sealed yet and will be.
    pub fn awaiting_seal(&self) -> impl Iterator<Item = (RecordingId, &RecordingFacts)> {
        let all = self.index.all_unsealed().filter_map(|id| Some((id, self.recordings.get(&id)?)));
        all.map(|(id, facts)| (id, &**facts)).filter(|(_, facts)| facts.awaits_seal())
    }

    /// Holds what is known of recordings, and of their sessions, in the memory of another ledger that
    /// knows the same of them.
    pub(crate) fn share(&mut self, recordings: &[RecordingId], other: &Self) {
        for id in recordings {
            let known = self.recordings.get_mut(id).zip(other.recordings.get(id));
            let Some(session) = known.map(|(own, others)| share(own, others).session) else {
                continue;
            };
            if let Some((own, others)) =
                self.sessions.get_mut(&session).zip(other.sessions.get(&session))
            {
                share(own, others);
            }
        }
    }

    /// The sealed recordings that begin in a second.
    pub(crate) fn starting_in(
        &self,
        second: i64,
    ) -> impl Iterator<Item = (RecordingId, &RecordingFacts)> {
        let ids = self.index.starting_in(second);
        ids.filter_map(|id| Some((id, &**self.recordings.get(&id)?)))
    }

    /// The first frame of the first recording of a capture behind a place.
    pub(crate) fn first_behind(&self, capture: CaptureId, place: FrameSeq) -> Option<FrameSeq> {
        self.index.of_capture(capture).map(|(first, _)| first).find(|first| *first > place)
    }
}

fn share<'a, T: PartialEq>(own: &'a mut Arc<T>, other: &Arc<T>) -> &'a T {
    if own == other {
        *own = Arc::clone(other);
    }
    own
}

impl CaptureFacts {
    /// When a frame was captured, counted back from the latest one at the codec's pace.
    fn time_of(&self, seq: FrameSeq) -> Option<WallTime> {
        let behind = self.next_seq.since(seq.plus(1));
        let pace = self.encoding.codec.frame_duration().as_micros();
        let micros = i64::try_from(u128::from(behind) * pace).unwrap_or(i64::MAX);
        let taken = seq < self.next_seq;
        let last_at = self.last_at.filter(|_| taken)?;
        Some(WallTime::from_unix_micros(last_at.unix_micros().saturating_sub(micros)))
    }
}

impl RecordingFacts {
    /// Whether it is not sealed yet and will be.
    pub const fn awaits_seal(&self) -> bool {
        self.sealed.is_none() && self.removing.is_none()
    }

    /// Whether its file is known not to be what was sealed: then nobody looks for it again.
    pub(crate) const fn is_given_up(&self) -> bool {
        match self.upload.stage {
            UploadStage::Corrupted { .. } => true,
            UploadStage::Pending { .. }
            | UploadStage::Uploading
            | UploadStage::Accepted { .. }
            | UploadStage::Failed { .. }
            | UploadStage::Synced { .. } => false,
        }
    }

    /// Whether the server has confirmed it.
    pub const fn is_synced(&self) -> bool {
        match self.upload.stage {
            UploadStage::Synced { .. } => true,
            UploadStage::Pending { .. }
            | UploadStage::Uploading
            | UploadStage::Accepted { .. }
            | UploadStage::Failed { .. }
            | UploadStage::Corrupted { .. } => false,
        }
    }
}
