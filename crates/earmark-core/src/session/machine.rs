//! The machine of one session.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use statig::Outcome;
use statig::blocking::{IntoStateMachine, State};

use super::effect::Effect;
use super::event::Event;
use crate::{ConversationId, Moment, RecordingId, SealedToken, Step};

/// What a session knows in every state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Session<R> {
    pieces: BTreeMap<RecordingId, Piece<R>>,
    conversation: Option<ConversationId>,
    fallback_fired: bool,
}

/// One recording of the session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Piece<R> {
    /// It takes frames, or is cut and waits for its seal.
    Unsealed,
    /// It is sealed and waits for the session.
    Sealed { token: R, conversation: Option<ConversationId> },
    /// The upload has it.
    Handed,
    /// Nothing is left to do, unless a person asks.
    Settled { gone: bool },
}

/// The conversation that a session waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Awaited {
    /// Until when.
    pub deadline: Moment,
    /// The server said that it is ready.
    pub ready: bool,
    /// The deadline passed.
    pub overdue: bool,
    /// The link is recorded. Only after a restart is a seal that came with it missing still: the
    /// journal was found with both and had no room yet to keep them.
    pub linked: bool,
}

/// Where a session is in its life.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Frames arrive.
    Capturing,
    /// Its last recording is being sealed, and linked where a conversation is known.
    Sealing {
        /// The conversation, once the server has named it.
        awaited: Option<Awaited>,
        /// Whether the wait for a link is over, so that the seal alone is missing.
        wait_ended: bool,
    },
    /// Sealed; no conversation was named for it yet.
    AwaitingLink,
    /// Sealed and linked; the conversation is not ready yet.
    AwaitingConversation {
        /// What it waits for.
        awaited: Awaited,
    },
    /// Its recordings are being uploaded or released.
    Syncing,
    /// Each of its recordings is synced, failed, corrupted, released or deleted.
    Settled,
}

impl Phase {
    /// The state's name as it stands in reports.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Capturing => "capturing",
            Self::Sealing { .. } => "sealing",
            Self::AwaitingLink => "awaiting_link",
            Self::AwaitingConversation { .. } => "awaiting_conversation",
            Self::Syncing => "syncing",
            Self::Settled => "settled",
        }
    }

    /// When the state ends by itself, if it does.
    pub const fn deadline(&self) -> Option<Moment> {
        match self {
            Self::Sealing { awaited: Some(awaited), .. }
            | Self::AwaitingConversation { awaited }
                if !awaited.ready && !awaited.overdue =>
            {
                Some(awaited.deadline)
            }
            Self::Sealing { .. }
            | Self::AwaitingConversation { .. }
            | Self::Capturing
            | Self::AwaitingLink
            | Self::Syncing
            | Self::Settled => None,
        }
    }
}

type Context<'a, R> = Step<'a, Effect<R>>;

impl<R: SealedToken> IntoStateMachine for Session<R> {
    type Event<'evt> = Event<R>;
    type Context<'ctx> = Context<'ctx, R>;
    type State = Phase;
    type Superstate<'sub> = ();

    fn initial() -> Phase {
        Phase::Capturing
    }
}

impl<R: SealedToken> State<Session<R>> for Phase {
    fn call_handler(
        &mut self,
        session: &mut Session<R>,
        event: &Event<R>,
        step: &mut Context<'_, R>,
    ) -> Outcome<Self> {
        if session.is_past(event) {
            return Outcome::Handled;
        }
        session.note(event, step);
        match self {
            Self::Capturing => session.capturing(event, step),
            Self::Sealing { awaited, wait_ended } => {
                session.sealing(event, step, awaited, *wait_ended)
            }
            Self::AwaitingLink => session.awaiting_link(event, step),
            Self::AwaitingConversation { awaited } => {
                session.awaiting_conversation(event, step, awaited)
            }
            Self::Syncing => session.syncing(event, step),
            Self::Settled => session.settled(event, step),
        }
    }
}

impl<R: SealedToken> Session<R> {
    /// A session without recordings.
    pub const fn new() -> Self {
        Self { pieces: BTreeMap::new(), conversation: None, fallback_fired: false }
    }

    /// The conversation that the session belongs to, once it is known.
    pub const fn conversation(&self) -> Option<&ConversationId> {
        self.conversation.as_ref()
    }

    /// Whether a deadline, and not the server's event, started the sync.
    pub const fn fallback_fired(&self) -> bool {
        self.fallback_fired
    }

    /// Whether nothing of the session can ever need anything again.
    pub fn is_gone(&self) -> bool {
        self.pieces.values().all(|piece| matches!(piece, Piece::Settled { gone: true }))
    }

    /// A session that holds some of this one's recordings as they stand.
    pub(super) fn only(&self, recordings: &[RecordingId]) -> Self {
        let kept = |recording: &RecordingId| recordings.contains(recording);
        let pieces = self.pieces.iter().filter(|(recording, _)| kept(recording));
        Self { pieces: pieces.map(|(id, piece)| (*id, piece.clone())).collect(), ..Self::new() }
    }

    /// Whether it speaks of the seal of a recording that has settled already: damage may have taken
    /// the record of that seal, and then it is made anew after a restart.
    fn is_past(&self, event: &Event<R>) -> bool {
        let recording = match event {
            Event::RecordingSealed(token) => token.recording(),
            Event::SealFailed { recording, .. } => *recording,
            Event::RecordingOpened(_)
            | Event::RecordingCut(_)
            | Event::CaptureEnded
            | Event::ProcessingStarted { .. }
            | Event::LinkRecorded { .. }
            | Event::ConversationReady
            | Event::DeadlinePassed
            | Event::LinkWaitEnded
            | Event::UploadSettled { .. }
            | Event::UploadReopened(_)
            | Event::RecordingsMoved(_) => return false,
        };
        matches!(self.pieces.get(&recording), Some(Piece::Settled { .. }))
    }

    /// Keeps the books on recordings, which are the same in every state.
    fn note(&mut self, event: &Event<R>, step: &mut Context<'_, R>) {
        match event {
            Event::RecordingOpened(recording) => {
                self.pieces.insert(*recording, Piece::Unsealed);
            }
            Event::RecordingSealed(token) => self.seal(token, None),
            Event::LinkRecorded { recordings } => {
                let conversation = self.conversation.clone();
                recordings.iter().for_each(|token| self.seal(token, conversation.clone()));
            }
            Event::SealFailed { recording, reason } => {
                let (recording, reason) = (*recording, reason.clone());
                step.order(Effect::ReportNotSaved { recording, reason });
            }
            Event::UploadSettled { recording, gone } => {
                self.pieces.insert(*recording, Piece::Settled { gone: *gone });
            }
            Event::UploadReopened(recording) => {
                self.pieces.insert(*recording, Piece::Handed);
            }
            Event::RecordingsMoved(moved) => {
                self.pieces.retain(|recording, _| !moved.contains(recording));
            }
            Event::RecordingCut(_)
            | Event::CaptureEnded
            | Event::ProcessingStarted { .. }
            | Event::ConversationReady
            | Event::DeadlinePassed
            | Event::LinkWaitEnded => {}
        }
    }

    fn seal(&mut self, token: &R, conversation: Option<ConversationId>) {
        let sealed = Piece::Sealed { token: token.clone(), conversation };
        self.pieces.insert(token.recording(), sealed);
    }

    fn capturing(&mut self, event: &Event<R>, step: &mut Context<'_, R>) -> Outcome<Phase> {
        match event {
            Event::CaptureEnded => self.enter_sealing_or_link(),
            Event::ProcessingStarted { conversation, deadline, ready } => {
                self.enter_sealing_for(conversation, *deadline, *ready)
            }
            Event::RecordingOpened(_)
            | Event::RecordingCut(_)
            | Event::RecordingSealed(_)
            | Event::SealFailed { .. }
            | Event::UploadSettled { .. }
            | Event::RecordingsMoved(_) => Outcome::Handled,
            Event::LinkRecorded { .. }
            | Event::ConversationReady
            | Event::DeadlinePassed
            | Event::LinkWaitEnded
            | Event::UploadReopened(_) => unexpected(&Phase::Capturing, event, step),
        }
    }

    fn sealing(
        &mut self,
        event: &Event<R>,
        step: &mut Context<'_, R>,
        awaited: &mut Option<Awaited>,
        wait_ended: bool,
    ) -> Outcome<Phase> {
        match (event, awaited.as_mut()) {
            (Event::ProcessingStarted { conversation, deadline, ready }, None) => {
                self.enter_sealing_for(conversation, *deadline, *ready)
            }
            (Event::LinkRecorded { .. }, Some(awaited)) => {
                awaited.linked = true;
                self.leave_sealing_if_whole(awaited, step)
            }
            // The link names this recording, too: it was found with its seal.
            (Event::RecordingSealed(token), Some(awaited)) if awaited.linked => {
                self.seal(token, self.conversation.clone());
                self.leave_sealing_if_whole(awaited, step)
            }
            (Event::UploadSettled { .. }, Some(awaited)) if awaited.linked => {
                self.leave_sealing_if_whole(awaited, step)
            }
            (Event::ConversationReady, Some(awaited)) => {
                awaited.ready = true;
                Outcome::Handled
            }
            (Event::DeadlinePassed, Some(awaited)) => {
                awaited.overdue = true;
                Outcome::Handled
            }
            (Event::LinkWaitEnded, None) => {
                Outcome::Transition(Phase::Sealing { awaited: None, wait_ended: true })
            }
            (
                Event::RecordingSealed(_) | Event::UploadSettled { .. } | Event::RecordingsMoved(_),
                None,
            ) if self.is_sealed() => {
                if wait_ended {
                    self.enter_syncing(false, step)
                } else {
                    self.enter_link_or_settled()
                }
            }
            (
                Event::RecordingCut(_)
                | Event::RecordingSealed(_)
                | Event::SealFailed { .. }
                | Event::UploadSettled { .. }
                | Event::UploadReopened(_)
                | Event::RecordingsMoved(_),
                _,
            )
            | (Event::LinkWaitEnded, Some(_)) => Outcome::Handled,
            (Event::RecordingOpened(_) | Event::CaptureEnded, _)
            | (Event::ProcessingStarted { .. }, Some(_))
            | (
                Event::LinkRecorded { .. } | Event::ConversationReady | Event::DeadlinePassed,
                None,
            ) => unexpected(&Phase::Sealing { awaited: None, wait_ended }, event, step),
        }
    }

    fn awaiting_link(&mut self, event: &Event<R>, step: &mut Context<'_, R>) -> Outcome<Phase> {
        match event {
            Event::ProcessingStarted { conversation, deadline, ready } => {
                self.enter_sealing_for(conversation, *deadline, *ready)
            }
            Event::LinkWaitEnded => self.enter_syncing(false, step),
            Event::UploadSettled { .. } | Event::RecordingsMoved(_) => self.enter_link_or_settled(),
            Event::UploadReopened(_) => Outcome::Handled,
            Event::RecordingOpened(_)
            | Event::RecordingCut(_)
            | Event::RecordingSealed(_)
            | Event::SealFailed { .. }
            | Event::CaptureEnded
            | Event::LinkRecorded { .. }
            | Event::ConversationReady
            | Event::DeadlinePassed => unexpected(&Phase::AwaitingLink, event, step),
        }
    }

    fn awaiting_conversation(
        &mut self,
        event: &Event<R>,
        step: &mut Context<'_, R>,
        awaited: &Awaited,
    ) -> Outcome<Phase> {
        match event {
            Event::ConversationReady => self.enter_syncing(false, step),
            Event::DeadlinePassed => self.enter_syncing(true, step),
            Event::UploadSettled { .. } if self.is_settled() => Outcome::Transition(Phase::Settled),
            Event::UploadSettled { .. } | Event::UploadReopened(_) | Event::LinkWaitEnded => {
                Outcome::Handled
            }
            Event::RecordingOpened(_)
            | Event::RecordingCut(_)
            | Event::RecordingSealed(_)
            | Event::SealFailed { .. }
            | Event::CaptureEnded
            | Event::ProcessingStarted { .. }
            | Event::LinkRecorded { .. }
            | Event::RecordingsMoved(_) => {
                let state = Phase::AwaitingConversation { awaited: awaited.clone() };
                unexpected(&state, event, step)
            }
        }
    }

    fn syncing(&mut self, event: &Event<R>, step: &mut Context<'_, R>) -> Outcome<Phase> {
        match event {
            Event::ProcessingStarted { conversation, deadline, ready } => {
                self.enter_sealing_for(conversation, *deadline, *ready)
            }
            Event::UploadSettled { .. } | Event::RecordingsMoved(_) if self.is_settled() => {
                Outcome::Transition(Phase::Settled)
            }
            Event::UploadSettled { .. }
            | Event::RecordingsMoved(_)
            | Event::UploadReopened(_)
            | Event::ConversationReady
            | Event::LinkWaitEnded => Outcome::Handled,
            Event::RecordingOpened(_)
            | Event::RecordingCut(_)
            | Event::RecordingSealed(_)
            | Event::SealFailed { .. }
            | Event::CaptureEnded
            | Event::LinkRecorded { .. }
            | Event::DeadlinePassed => unexpected(&Phase::Syncing, event, step),
        }
    }

    fn settled(&mut self, event: &Event<R>, step: &mut Context<'_, R>) -> Outcome<Phase> {
        match event {
            Event::UploadReopened(_) => Outcome::Transition(Phase::Syncing),
            Event::UploadSettled { .. } | Event::ConversationReady | Event::LinkWaitEnded => {
                Outcome::Handled
            }
            Event::RecordingOpened(_)
            | Event::RecordingCut(_)
            | Event::RecordingSealed(_)
            | Event::SealFailed { .. }
            | Event::CaptureEnded
            | Event::ProcessingStarted { .. }
            | Event::LinkRecorded { .. }
            | Event::RecordingsMoved(_)
            | Event::DeadlinePassed => unexpected(&Phase::Settled, event, step),
        }
    }

    fn enter_sealing_for(
        &mut self,
        conversation: &ConversationId,
        deadline: Moment,
        ready: bool,
    ) -> Outcome<Phase> {
        self.conversation = Some(conversation.clone());
        let awaited = Some(Awaited { deadline, ready, overdue: false, linked: false });
        Outcome::Transition(Phase::Sealing { awaited, wait_ended: false })
    }

    fn enter_sealing_or_link(&self) -> Outcome<Phase> {
        if self.is_sealed() {
            return self.enter_link_or_settled();
        }
        Outcome::Transition(Phase::Sealing { awaited: None, wait_ended: false })
    }

    fn enter_link_or_settled(&self) -> Outcome<Phase> {
        let settled = self.is_settled();
        Outcome::Transition(if settled { Phase::Settled } else { Phase::AwaitingLink })
    }

    fn leave_sealing_if_whole(
        &mut self,
        awaited: &Awaited,
        step: &mut Context<'_, R>,
    ) -> Outcome<Phase> {
        if !self.is_sealed() {
            return Outcome::Handled;
        }
        self.enter_conversation_or_sync(awaited.clone(), step)
    }

    fn enter_conversation_or_sync(
        &mut self,
        awaited: Awaited,
        step: &mut Context<'_, R>,
    ) -> Outcome<Phase> {
        match (awaited.ready, awaited.overdue) {
            (false, false) => Outcome::Transition(Phase::AwaitingConversation { awaited }),
            (ready, overdue) => self.enter_syncing(overdue && !ready, step),
        }
    }

    fn enter_syncing(&mut self, fallback: bool, step: &mut Context<'_, R>) -> Outcome<Phase> {
        self.fallback_fired |= fallback;
        step.order(Effect::NoteSyncStarted { fallback });
        for (token, conversation) in self.hand_over() {
            step.order(Effect::StartUpload { recording: token, conversation });
        }
        Outcome::Transition(if self.is_settled() { Phase::Settled } else { Phase::Syncing })
    }

    /// Takes every recording that is sealed and was not handed over yet.
    fn hand_over(&mut self) -> Vec<(R, Option<ConversationId>)> {
        let mut handed = Vec::new();
        for piece in self.pieces.values_mut() {
            if let Piece::Sealed { token, conversation } = piece {
                handed.push((token.clone(), conversation.clone()));
                *piece = Piece::Handed;
            }
        }
        handed
    }

    fn is_sealed(&self) -> bool {
        !self.pieces.values().any(|piece| matches!(piece, Piece::Unsealed))
    }

    fn is_settled(&self) -> bool {
        self.pieces.values().all(|piece| matches!(piece, Piece::Settled { .. }))
    }
}

impl<R: SealedToken> Default for Session<R> {
    fn default() -> Self {
        Self::new()
    }
}

fn unexpected<R>(state: &Phase, event: &Event<R>, step: &mut Context<'_, R>) -> Outcome<Phase> {
    step.order(Effect::ReportUnexpected { state: state.name(), event: event.name() });
    Outcome::Handled
}
