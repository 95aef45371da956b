//! A store as the track sees it: what is recorded, what is sealed, what is linked.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use earmark_core::session::{CONVERSATION_WAIT, SessionEnd};
use earmark_core::{CaptureId, ConversationId, FrameSeq, Moment, RecordingId, SessionId};

use super::model::Model;
use crate::transitions::ensure;

/// What a store knows of a recording.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) session: SessionId,
    pub(super) capture: CaptureId,
    pub(super) first: FrameSeq,
    pub(super) end: Option<FrameSeq>,
    pub(super) times: (Moment, Moment),
    pub(super) is_sealed: bool,
    pub(super) conversation: Option<ConversationId>,
    /// When its conversation was announced.
    linked_at: Option<Moment>,
    /// A request has left: the recording keeps its conversation.
    pub(super) has_left: bool,
    pub(super) is_settled: bool,
    /// The conversations that its upload was started for, in this life of the process.
    started: BTreeSet<Option<ConversationId>>,
    was_ever_started: bool,
}

/// What a store knows of a session.
#[derive(Clone, Debug)]
pub(super) struct KeptSession {
    pub(super) capture: CaptureId,
    pub(super) end: Option<SessionEnd>,
    pub(super) sync_started: Option<bool>,
}

/// A link that is not durable yet.
#[derive(Debug)]
struct Link {
    conversation: ConversationId,
    recordings: Vec<RecordingId>,
    at: Moment,
}

/// The store of one device's audio.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) recordings: BTreeMap<RecordingId, Kept>,
    pub(super) sessions: BTreeMap<SessionId, KeptSession>,
    taken: BTreeMap<CaptureId, u64>,
    seals: VecDeque<RecordingId>,
    links: VecDeque<Link>,
    expected: Option<Vec<RecordingId>>,
    /// Conversations that were said to be ready, ever.
    ready: BTreeSet<ConversationId>,
    lives: u32,
    /// Planted: the timers are gone.
    pub(super) is_deaf: bool,
}

impl Store {
    pub(super) fn take_frames(&mut self, capture: CaptureId, next: u64) {
        self.taken.insert(capture, next);
    }

    pub(super) fn open_session(
        &mut self,
        session: SessionId,
        capture: CaptureId,
        _: FrameSeq,
    ) -> Result<(), String> {
        let kept = KeptSession { capture, end: None, sync_started: None };
        let before = self.sessions.insert(session, kept);
        ensure(before.is_none(), || format!("{session} is opened twice"))
    }

    pub(super) fn close_session(
        &mut self,
        session: SessionId,
        end: SessionEnd,
    ) -> Result<(), String> {
        let kept = self.sessions.get_mut(&session).ok_or("an unknown session is closed")?;
        let before = kept.end.replace(end);
        ensure(before.is_none(), || format!("{session} is closed twice"))
    }

    /// A capture's recordings follow each other without a gap.
    pub(super) fn open_recording(
        &mut self,
        recording: RecordingId,
        session: SessionId,
        capture: CaptureId,
        first: FrameSeq,
    ) -> Result<(), String> {
        let own = |kept: &&Kept| kept.capture == capture;
        let before = self.recordings.values().rfind(own);
        let expected = before.map_or(Some(FrameSeq(0)), |kept| kept.end);
        ensure(expected == Some(first), || {
            format!("{recording} begins with {first:?} behind {expected:?}")
        })?;
        ensure(self.sessions.contains_key(&session), || format!("{session} is not open"))?;
        let kept = Kept {
            session,
            capture,
            first,
            end: None,
            times: (Moment::ZERO, Moment::ZERO),
            is_sealed: false,
            conversation: None,
            linked_at: None,
            has_left: false,
            is_settled: false,
            started: BTreeSet::new(),
            was_ever_started: false,
        };
        self.recordings.insert(recording, kept);
        Ok(())
    }

    pub(super) fn cut_recording(
        &mut self,
        recording: RecordingId,
        end: FrameSeq,
        times: (Moment, Moment),
    ) -> Result<(), String> {
        let kept = self.recordings.get_mut(&recording).ok_or("an unknown recording is cut")?;
        let frames = end.since(kept.first);
        let taken = self.taken.get(&kept.capture).copied().unwrap_or(0);
        ensure(kept.end.is_none(), || format!("{recording} is cut twice"))?;
        ensure((1..=6_000).contains(&frames) && end.0 <= taken, || {
            format!("{recording} is cut at {end:?} with {frames} frames, of {taken} taken")
        })?;
        (kept.end, kept.times) = (Some(end), times);
        Ok(())
    }

    pub(super) fn move_recording(
        &mut self,
        recording: RecordingId,
        session: SessionId,
    ) -> Result<(), String> {
        let kept = self.recordings.get_mut(&recording).ok_or("an unknown recording is moved")?;
        kept.session = session;
        ensure(self.sessions.contains_key(&session), || format!("{session} is not open"))
    }

    pub(super) fn queue_seal(&mut self, recording: RecordingId) -> Result<(), String> {
        let kept = self.recordings.get(&recording).ok_or("an unknown recording is sealed")?;
        ensure(kept.end.is_some() && !kept.is_sealed, || format!("{recording} cannot be sealed"))?;
        ensure(!self.seals.contains(&recording), || format!("{recording} is sealed twice"))?;
        self.seals.push_back(recording);
        Ok(())
    }

    pub(super) fn next_seal(&self, place: usize) -> Option<RecordingId> {
        let count = self.seals.len();
        (count > 0).then(|| self.seals[place % count])
    }

    /// A recording's file is written; whether its seal stands by itself and not in a link's record.
    pub(super) fn seal(&mut self, recording: RecordingId) -> bool {
        self.seals.retain(|one| *one != recording);
        if self.links.iter().any(|link| link.recordings.contains(&recording)) {
            return false;
        }
        if let Some(kept) = self.recordings.get_mut(&recording) {
            kept.is_sealed = true;
        }
        true
    }

    pub(super) fn expect_link(&mut self, recordings: Option<Vec<RecordingId>>) {
        self.expected = recordings;
    }

    pub(super) fn no_link_is_missing(&mut self) -> Result<(), String> {
        let missing = self.expected.take().filter(|recordings| !recordings.is_empty());
        ensure(missing.is_none(), || {
            format!("{missing:?} are not linked, and the model links them")
        })
    }

    pub(super) fn queue_link(
        &mut self,
        conversation: ConversationId,
        recordings: Vec<RecordingId>,
        at: Moment,
        overwrites: bool,
    ) -> Result<(), String> {
        if let Some(expected) = self.expected.take() {
            ensure(expected == recordings, || {
                format!("{recordings:?} are linked, and the model links {expected:?}")
            })?;
        }
        for recording in &recordings {
            let kept = self.recordings.get(recording).ok_or("an unknown recording is linked")?;
            ensure(kept.conversation.is_none() && !kept.has_left, || {
                format!("{recording} has a conversation, or a request has left for it")
            })?;
        }
        if overwrites {
            self.links.clear();
        }
        self.links.push_back(Link { conversation, recordings, at });
        Ok(())
    }

    pub(super) fn waits_for_link(&self, conversation: &ConversationId) -> bool {
        self.links.iter().any(|link| link.conversation == *conversation)
    }

    pub(super) fn has_links(&self) -> bool {
        !self.links.is_empty()
    }

    /// The oldest link and all that it seals become durable; which recordings it named, and which
    /// it covers.
    pub(super) fn link(&mut self) -> Option<(ConversationId, Vec<RecordingId>, Vec<RecordingId>)> {
        let Link { conversation, recordings, at } = self.links.pop_front()?;
        let mut covered = Vec::new();
        for &recording in &recordings {
            self.seals.retain(|one| *one != recording);
            let Some(kept) = self.recordings.get_mut(&recording) else {
                continue;
            };
            kept.is_sealed = true;
            // A link and a request that leaves meet here; whichever comes first wins.
            if kept.conversation.is_none() && !kept.has_left {
                kept.conversation = Some(conversation.clone());
                kept.linked_at = Some(at);
                covered.push(recording);
            }
        }
        Some((conversation, recordings, covered))
    }

    pub(super) fn make_ready(&mut self, conversation: &ConversationId) {
        self.ready.insert(conversation.clone());
    }

    pub(super) fn note_sync(&mut self, session: SessionId, fallback: bool) -> Result<(), String> {
        let kept = self.sessions.get_mut(&session).ok_or("an unknown session syncs")?;
        kept.sync_started = Some(fallback);
        Ok(())
    }

    /// What must hold when an upload is started.
    pub(super) fn may_start(
        &mut self,
        recording: RecordingId,
        conversation: Option<&ConversationId>,
        now: Moment,
        model: &Model,
    ) -> Result<(), String> {
        let kept = self.recordings.get_mut(&recording).ok_or("an unknown recording is uploaded")?;
        ensure(kept.is_sealed, || format!("{recording} is uploaded and not sealed"))?;
        ensure(kept.conversation.as_ref() == conversation, || {
            let durable = &kept.conversation;
            format!("{recording} is uploaded to {conversation:?} and durably linked to {durable:?}")
        })?;
        ensure(kept.started.insert(conversation.cloned()), || {
            format!("{recording} is uploaded to {conversation:?} twice")
        })?;
        kept.was_ever_started = true;
        let waited = kept.linked_at.is_some_and(|at| at + CONVERSATION_WAIT <= now);
        let is_due = match conversation {
            Some(conversation) => self.lives > 0 || waited || self.ready.contains(conversation),
            None => model.has_waited(recording, now),
        };
        ensure(is_due, || format!("{recording} is uploaded to {conversation:?} too early"))
    }

    /// What time must have brought about, `waited` being what has waited for its link in vain.
    pub(super) fn is_in_time(&self, now: Moment, waited: &[RecordingId]) -> Result<(), String> {
        for (recording, kept) in &self.recordings {
            let is_overdue = kept.linked_at.is_some_and(|at| at + CONVERSATION_WAIT <= now)
                || waited.contains(recording);
            let could = kept.is_sealed && self.all_sealed(kept.session) && !self.is_deaf;
            let idle = kept.started.is_empty() && !kept.is_settled && self.lives == 0;
            ensure(!(is_overdue && could && idle), || {
                format!("{recording} is overdue, and its upload did not start")
            })?;
        }
        Ok(())
    }

    fn all_sealed(&self, session: SessionId) -> bool {
        let own = |kept: &&Kept| kept.session == session;
        self.recordings.values().filter(own).all(|kept| kept.is_sealed)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.seals.is_empty() && self.links.is_empty()
    }

    pub(super) fn everything_was_started(&self) -> Result<(), String> {
        let idle = |kept: &&Kept| !kept.was_ever_started;
        let left = self.recordings.iter().filter(|(_, kept)| idle(kept)).map(|(id, _)| *id);
        let left: Vec<RecordingId> = left.collect();
        ensure(left.is_empty(), || format!("nobody ever uploads {left:?}"))
    }

    /// The process dies: what was queued is gone, and what is recorded stays.
    pub(super) fn crash(&mut self, now: Moment) {
        self.seals.clear();
        self.links.clear();
        (self.expected, self.is_deaf) = (None, false);
        self.lives += 1;
        let taken = &self.taken;
        for kept in self.recordings.values_mut() {
            kept.started.clear();
            let next = taken.get(&kept.capture).copied().unwrap_or(0);
            if kept.end.is_none() {
                (kept.end, kept.times) = (Some(FrameSeq(next)), (now, now));
            }
        }
    }
}
