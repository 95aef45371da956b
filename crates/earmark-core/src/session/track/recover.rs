//! A track is made anew from what the store held at its opening.

use alloc::vec::Vec;
use core::time::Duration;

use super::{CONVERSATION_GAP, Effect, SessionEnd, Track, Turn};
use crate::session::machine::Session;
use crate::session::stretch::{Audio, Stretch};
use crate::session::{Ids, event};
use crate::{
    CaptureId, ConversationId, Effects, FrameSeq, Machine, Moment, RecordingId, SealedToken,
    SessionId, WallTime,
};

/// A session as the store found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveredSession<R> {
    /// The session.
    pub session: SessionId,
    /// Its capture.
    pub capture: CaptureId,
    /// Why it ended.
    pub end: SessionEnd,
    /// The conversation that its recordings are linked to.
    pub conversation: Option<ConversationId>,
    /// Whether it had begun to sync, and if so, whether a deadline was the cause.
    pub sync_started: Option<bool>,
    /// Its recordings that are not gone, in the order of their frames.
    pub recordings: Vec<RecoveredRecording<R>>,
}

/// A recording as the store found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveredRecording<R> {
    /// The recording.
    pub recording: RecordingId,
    /// Its first frame.
    pub first: FrameSeq,
    /// Its seal, unless it was cut and not sealed.
    pub token: Option<R>,
    /// Whether this recording itself is linked to the session's conversation.
    pub linked: bool,
    /// How far its upload had come.
    pub upload: RecoveredUpload,
    /// When its first and its last frame were captured.
    pub walls: (WallTime, WallTime),
    /// The same for the last frame, on the clock of this boot as well as it can be told.
    pub last_at: Moment,
}

/// How far the upload of a recording had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecoveredUpload {
    /// No request had left.
    Fresh,
    /// A request had left; the recording keeps its conversation.
    Left,
    /// Nothing is left to do unless a person asks.
    Settled,
}

impl<R: SealedToken> Track<R> {
    /// Makes the track of one device and account from its sessions, in the order of their frames.
    pub fn recover(
        link_wait: Duration,
        sessions: Vec<RecoveredSession<R>>,
        now: Moment,
        ids: &mut Ids,
        effects: &mut Effects<Effect<R>>,
    ) -> Self {
        let mut track = Self::new(link_wait);
        let mut turn = Turn { now, ids, effects };
        let mut ended_before = None;
        for session in sessions {
            let end = session.end;
            track.recover_session(session, ended_before, &mut turn);
            ended_before = Some(end);
        }
        track.stretch_is_open &= ended_before != Some(SessionEnd::Finished)
            && ended_before != Some(SessionEnd::Boundary);
        track.end_waits(&mut turn);
        track
    }

    fn recover_session(
        &mut self,
        found: RecoveredSession<R>,
        ended_before: Option<SessionEnd>,
        turn: &mut Turn<'_, R>,
    ) {
        let id = found.session;
        self.sessions.insert(id, Machine::new(Session::new()));
        for recording in &found.recordings {
            self.recover_recording(id, recording, turn);
        }
        self.tell(id, event::Event::CaptureEnded, turn);
        match &found.conversation {
            Some(conversation) => self.recover_link(&found, conversation, turn),
            None => self.recover_stretch(&found, ended_before, turn),
        }
    }

    fn recover_recording(
        &mut self,
        session: SessionId,
        found: &RecoveredRecording<R>,
        turn: &mut Turn<'_, R>,
    ) {
        let recording = found.recording;
        self.owners.insert(recording, session);
        self.tell(session, event::Event::RecordingOpened(recording), turn);
        match &found.token {
            Some(token) => self.tell(session, event::Event::RecordingSealed(token.clone()), turn),
            None => turn.order(Effect::SealRecording(recording)),
        }
        if found.upload == RecoveredUpload::Settled {
            let settled = event::Event::UploadSettled { recording, gone: false };
            self.tell(session, settled, turn);
        }
    }

    /// A linked session whose conversation was awaited is overdue.
    fn recover_link(
        &mut self,
        found: &RecoveredSession<R>,
        conversation: &ConversationId,
        turn: &mut Turn<'_, R>,
    ) {
        self.linked.remember(conversation);
        let is_open = |one: &&RecoveredRecording<R>| one.upload != RecoveredUpload::Settled;
        if !found.recordings.iter().any(|one| is_open(&one)) {
            return;
        }
        let started = event::Event::ProcessingStarted {
            conversation: conversation.clone(),
            deadline: turn.now,
            ready: found.sync_started == Some(false),
        };
        self.tell(found.session, started, turn);
        let linked = found.recordings.iter().filter(is_open).filter(|one| one.linked);
        let recordings = linked.filter_map(|one| one.token.clone()).collect();
        self.tell(found.session, event::Event::LinkRecorded { recordings }, turn);
        if found.sync_started != Some(false) {
            self.tell(found.session, event::Event::DeadlinePassed, turn);
        }
    }

    fn recover_stretch(
        &mut self,
        found: &RecoveredSession<R>,
        ended_before: Option<SessionEnd>,
        turn: &mut Turn<'_, R>,
    ) {
        for one in found.recordings.iter().filter(|one| one.upload == RecoveredUpload::Fresh) {
            let goes_on = self.stretch_is_open
                && ended_before != Some(SessionEnd::Boundary)
                && ended_before != Some(SessionEnd::Finished)
                && self.stretches.back().is_some_and(|last| {
                    // Moments are cut to the longest wait, so that old ones all look alike.
                    let last_wall = last.audio.last().map_or(one.walls.0, |audio| audio.last_wall);
                    one.walls.0.since(last_wall) < CONVERSATION_GAP
                });
            let is_first_of_session = self
                .stretches
                .back()
                .is_none_or(|last| last.audio.last().is_none_or(|a| a.session != found.session));
            if !goes_on && is_first_of_session {
                self.stretches.push_back(Stretch::new(one.last_at, None));
                self.stretch_is_open = true;
            }
            let Some(stretch) = self.stretches.back_mut() else {
                continue;
            };
            stretch.last_at = one.last_at;
            stretch.finished = found.end == SessionEnd::Finished;
            stretch.audio.push(Audio {
                recording: one.recording,
                session: found.session,
                capture: found.capture,
                first: one.first,
                precedes_connect: false,
                last_at: one.last_at,
                first_wall: one.walls.0,
                last_wall: one.walls.1,
            });
        }
        if found.sync_started.is_some() {
            self.tell(found.session, event::Event::LinkWaitEnded, turn);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::LINK_WAIT;

    #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    struct Token(RecordingId);

    impl SealedToken for Token {
        fn recording(&self) -> RecordingId {
            self.0
        }
    }

    fn session(number: u32, wall_seconds: i64, sealed: bool) -> RecoveredSession<Token> {
        let recording = RecordingId::new(1, number);
        let wall = WallTime::from_unix_micros(wall_seconds * 1_000_000);
        RecoveredSession {
            session: SessionId::new(1, number),
            capture: CaptureId::new(1, 1),
            end: SessionEnd::Gap,
            conversation: None,
            sync_started: sealed.then_some(false),
            recordings: alloc::vec![RecoveredRecording {
                recording,
                first: FrameSeq(0),
                token: sealed.then_some(Token(recording)),
                linked: false,
                upload: RecoveredUpload::Fresh,
                walls: (wall, wall),
                // Both are older than the longest wait, and so look equally old.
                last_at: Moment::from_micros(1_000_000_000),
            }],
        }
    }

    #[test]
    fn old_audio_that_was_not_sealed_in_time_is_uploaded_beside_audio_that_was() {
        let mut ids = Ids::starting_at(SessionId::new(2, 1), RecordingId::new(2, 1));
        let mut effects = Effects::new();
        let now = Moment::from_micros(1_000_000_000) + LINK_WAIT;
        let found = alloc::vec![session(1, 0, false), session(2, 300, true)];
        let mut track = Track::recover(LINK_WAIT, found, now, &mut ids, &mut effects);
        effects.drain().for_each(drop);
        let late = Token(RecordingId::new(1, 1));
        let sealed = crate::session::Event::RecordingSealed(late.clone());
        track.step(sealed, now, &mut ids, &mut effects);
        let start = Effect::StartUpload { recording: late, conversation: None };
        assert!(effects.drain().any(|effect| effect == start));
    }
}
