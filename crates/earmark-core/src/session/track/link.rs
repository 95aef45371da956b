//! What the server says becomes links.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::{
    Announcement, CONNECT_GRACE, CONVERSATION_WAIT, Effect, Phase, Position, SessionEnd, Track,
    Turn,
};
use crate::session::event;
use crate::session::machine::Session;
use crate::session::stretch::Audio;
use crate::{ConversationId, Machine, RecordingId, SealedToken, SessionId, WallTime};

impl<R: SealedToken> Track<R> {
    pub(super) fn listen(
        &mut self,
        announcement: Announcement,
        position: Option<Position>,
        turn: &mut Turn<'_, R>,
    ) {
        let ignored = match announcement {
            Announcement::ProcessingStarted(Some(conversation)) => {
                self.processing_started(&conversation, turn)
            }
            Announcement::ConversationEvent { conversation: Some(conversation), span } => {
                self.conversation_event(&conversation, span, turn)
            }
            Announcement::ConversationSession(Some(conversation)) => {
                self.conversation_session(&conversation, position, turn)
            }
            Announcement::ProcessingStarted(None)
            | Announcement::ConversationEvent { conversation: None, .. }
            | Announcement::ConversationSession(None) => Some("it names no conversation"),
        };
        if let Some(why) = ignored {
            turn.order(Effect::ReportIgnored(why));
        }
    }

    /// The server ended a conversation. Returns why that means nothing, if it does.
    fn processing_started(
        &mut self,
        conversation: &ConversationId,
        turn: &mut Turn<'_, R>,
    ) -> Option<&'static str> {
        if self.linked.contains(conversation) {
            return Some("the conversation is linked already");
        }
        let Some(stretch) = self.stretch_of(conversation, turn) else {
            return Some("there is no audio to link");
        };
        let ready = self.ready.take(conversation);
        self.link(stretch, conversation, ready, turn);
        None
    }

    /// Which audio the end of a conversation speaks of.
    fn stretch_of(
        &mut self,
        conversation: &ConversationId,
        turn: &mut Turn<'_, R>,
    ) -> Option<usize> {
        let announced = |id: &Option<ConversationId>| id.as_ref() == Some(conversation);
        if let Some(index) = self.stretches.iter().rposition(|one| announced(&one.announced)) {
            return Some(index);
        }
        if let Some(index) = self.before_the_connect(turn) {
            return Some(index);
        }
        let finished = self.stretches.iter().position(|one| one.finished && !one.wait_ended);
        // A stretch that was announced for another conversation is not this one's audio, but what
        // was captured before that announcement may be.
        finished.or_else(|| self.stretches.iter().rposition(|one| one.announced.is_none()))
    }

    /// Right after a connect the server speaks of the conversation it heard before, unless it has
    /// said which one this connection carries.
    fn before_the_connect(&mut self, turn: &mut Turn<'_, R>) -> Option<usize> {
        let connection = self.connection.as_ref()?;
        let is_new = turn.now.since(connection.up_at) <= CONNECT_GRACE;
        if !is_new || connection.announced.is_some() {
            return None;
        }
        self.split_at_connect(turn);
        let is_before = |audio: &Audio| audio.precedes_connect;
        self.stretches.iter().rposition(|one| one.audio.iter().any(is_before))
    }

    /// A conversation is ready. Returns why that means nothing, if it does.
    fn conversation_event(
        &mut self,
        conversation: &ConversationId,
        span: Option<(WallTime, WallTime)>,
        turn: &mut Turn<'_, R>,
    ) -> Option<&'static str> {
        let awaiting = self.awaiting(conversation);
        if !awaiting.is_empty() {
            for session in awaiting {
                self.tell(session, event::Event::ConversationReady, turn);
            }
            return None;
        }
        if self.linked.contains(conversation) {
            return Some("the conversation is not waited for");
        }
        if let Some(stretch) = span.and_then(|(from, to)| self.isolate(from, to, turn)) {
            self.link(stretch, conversation, true, turn);
            return None;
        }
        self.ready.remember(conversation);
        Some("no audio is known for the conversation")
    }

    /// The sessions that wait for a conversation to be ready.
    fn awaiting(&self, conversation: &ConversationId) -> Vec<SessionId> {
        let waits = |machine: &Machine<Session<R>>| {
            let waits = match machine.state() {
                Phase::Sealing { awaited: Some(awaited), .. }
                | Phase::AwaitingConversation { awaited } => !awaited.ready,
                Phase::Sealing { awaited: None, .. }
                | Phase::Capturing
                | Phase::AwaitingLink
                | Phase::Syncing
                | Phase::Settled => false,
            };
            waits && machine.shared().conversation() == Some(conversation)
        };
        self.sessions.iter().filter(|(_, one)| waits(one)).map(|(id, _)| *id).collect()
    }

    /// Makes a stretch of the unlinked audio between two instants.
    fn isolate(&mut self, from: WallTime, to: WallTime, turn: &mut Turn<'_, R>) -> Option<usize> {
        let found = (0..self.stretches.len()).rev().find_map(|index| {
            self.stretches[index].overlap(from, to).map(|(first, last)| (index, first, last))
        });
        let (index, first, last) = found?;
        self.split(index, last, turn);
        self.split(index, first, turn);
        Some(if first > 0 { index + 1 } else { index })
    }

    /// The server said which conversation this connection carries. Returns why that means nothing.
    fn conversation_session(
        &mut self,
        conversation: &ConversationId,
        position: Option<Position>,
        turn: &mut Turn<'_, R>,
    ) -> Option<&'static str> {
        let Some(connection) = &mut self.connection else {
            return Some("the socket is not up");
        };
        let first = connection.announced.replace(conversation.clone()).is_none();
        let before = self.last_announced.replace(conversation.clone());
        let is_other = before.is_some_and(|before| before != *conversation);
        match (is_other, first) {
            (true, true) => self.split_at_connect(turn),
            (true, false) => self.split_here(position, turn),
            (false, _) => {}
        }
        if self.stretch_is_open
            && let Some(last) = self.stretches.back_mut()
        {
            last.announced = Some(conversation.clone());
        }
        None
    }

    fn split_at_connect(&mut self, turn: &mut Turn<'_, R>) {
        let Some(last) = self.stretches.back() else {
            return;
        };
        match last.audio.iter().position(|audio| !audio.precedes_connect) {
            Some(0) => {}
            Some(first_after) => self.split(self.stretches.len() - 1, first_after, turn),
            None => self.close_stretch(turn),
        }
    }

    fn split_here(&mut self, position: Option<Position>, turn: &mut Turn<'_, R>) {
        if position.is_some() {
            self.close_stretch(turn);
        }
    }

    /// Ends the running session and stretch at this point.
    fn close_stretch(&mut self, turn: &mut Turn<'_, R>) {
        self.end_session(SessionEnd::Boundary, turn);
        self.stretch_is_open = false;
    }

    /// Splits a stretch before one of its recordings; a session that lies on both sides is split
    /// too.
    fn split(&mut self, index: usize, at: usize, turn: &mut Turn<'_, R>) {
        let Some(stretch) = self.stretches.get_mut(index) else {
            return;
        };
        if at == 0 || at >= stretch.audio.len() {
            return;
        }
        let (head, first) = (stretch.audio[at - 1].session, stretch.audio[at].clone());
        let tail = stretch.split_off(at);
        let has_waited = tail.wait_ended;
        let is_moved = |audio: &&Audio| audio.session == head;
        let moved: Vec<RecordingId> =
            tail.audio.iter().filter(is_moved).map(|audio| audio.recording).collect();
        self.stretches.insert(index + 1, tail);
        if first.session == head {
            self.split_session(head, &first, &moved, turn);
        }
        if has_waited {
            // Nothing else would tell a session that was just opened.
            self.tell_owner(first.recording, event::Event::LinkWaitEnded, turn);
        }
    }

    /// Moves recordings out of a session into a new one, which takes over the running capture.
    fn split_session(
        &mut self,
        old: SessionId,
        first: &Audio,
        moved: &[RecordingId],
        turn: &mut Turn<'_, R>,
    ) {
        let Some(machine) = self.sessions.get(&old) else {
            return;
        };
        let pieces = machine.shared().only(moved);
        let session = turn.ids.session();
        turn.order(Effect::OpenSession { session, capture: first.capture, first: first.first });
        self.sessions.insert(session, Machine::new(pieces));
        self.tell(old, event::Event::RecordingsMoved(moved.to_vec()), turn);
        for recording in moved {
            turn.order(Effect::MoveRecording { recording: *recording, session });
            self.owners.insert(*recording, session);
        }
        for audio in self.stretches.iter_mut().flat_map(|stretch| &mut stretch.audio) {
            if moved.contains(&audio.recording) {
                audio.session = session;
            }
        }
        self.take_over(old, session, turn);
    }

    fn take_over(&mut self, old: SessionId, new: SessionId, turn: &mut Turn<'_, R>) {
        let running = self.running.as_mut().filter(|running| running.session == Some(old));
        let (ended, end) = match running {
            Some(running) => {
                running.session = Some(new);
                (old, SessionEnd::Boundary)
            }
            None => (new, SessionEnd::Stopped),
        };
        turn.order(Effect::CloseSession { session: ended, end });
        self.tell(ended, event::Event::CaptureEnded, turn);
    }

    /// Links all that a stretch holds to a conversation, in one record.
    fn link(
        &mut self,
        index: usize,
        conversation: &ConversationId,
        ready: bool,
        turn: &mut Turn<'_, R>,
    ) {
        let Some(stretch) = self.stretches.remove(index) else {
            return;
        };
        let sessions = stretch.sessions();
        if let Some(session) = self.running_session().filter(|session| sessions.contains(session)) {
            self.cut(turn);
            turn.order(Effect::CloseSession { session, end: SessionEnd::Boundary });
            if let Some(running) = &mut self.running {
                running.session = None;
            }
        }
        self.stretch_is_open &= index < self.stretches.len();
        self.linked.remember(conversation);
        self.forget_announcement(conversation);
        let deadline = turn.now + CONVERSATION_WAIT;
        for session in sessions {
            let conversation = conversation.clone();
            let started = event::Event::ProcessingStarted { conversation, deadline, ready };
            self.tell(session, started, turn);
        }
        let recordings = stretch.recordings();
        turn.order(Effect::SealAndLink { conversation: conversation.clone(), recordings });
        turn.order(Effect::ProveDelivery);
    }

    /// What is sent from here on belongs to a conversation that was not named yet.
    fn forget_announcement(&mut self, conversation: &ConversationId) {
        self.last_announced = None;
        if let Some(connection) = &mut self.connection
            && connection.announced.as_ref() == Some(conversation)
        {
            connection.announced = None;
        }
    }

    /// The link is durable: each session that waited for it hears which of its recordings it
    /// covers.
    pub(super) fn linked_durably(
        &mut self,
        conversation: &ConversationId,
        asked: &[RecordingId],
        recordings: &[R],
        turn: &mut Turn<'_, R>,
    ) {
        let waits = |session: &SessionId| {
            self.sessions.get(session).is_some_and(|machine| {
                matches!(machine.state(), Phase::Sealing { awaited: Some(_), .. })
                    && machine.shared().conversation() == Some(conversation)
            })
        };
        // Another device may have heard the same conversation: its link is not this one's.
        let owners: BTreeSet<SessionId> =
            asked.iter().filter_map(|recording| self.owners.get(recording)).copied().collect();
        let waiting: Vec<SessionId> = owners.into_iter().filter(waits).collect();
        for session in waiting {
            let own = |token: &&R| self.owners.get(&token.recording()) == Some(&session);
            let recordings = recordings.iter().filter(own).cloned().collect();
            self.tell(session, event::Event::LinkRecorded { recordings }, turn);
        }
    }
}
