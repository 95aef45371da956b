//! The machine of one recording's upload.

use statig::Outcome;
use statig::blocking::{self, IntoStateMachine};

use super::state::{Errand, Job, Pause, PauseKind, State};
use super::{Api, Effect, Event, RETRY_AFTER_MAX, Settlement, Turn};
use crate::invariant::uphold;
use crate::invariant::upload::{Wait, wait_as_told};
use crate::{ConversationId, Effects, SealedToken, Stamp};

mod outside;
mod requests;
mod restart;
mod waits;

pub(super) use requests::IN_WORK;

/// What a step of an upload sees of the world: the time, a roll of the dice, and where orders go.
#[derive(Debug)]
pub struct UploadStep<'a, R> {
    /// The time at which the event is handled.
    pub now: Stamp,
    /// An even roll between 0 and the highest number; it lengthens the waits that this step begins.
    pub roll: u16,
    /// The orders of this step.
    pub effects: &'a mut Effects<Effect<R>>,
}

impl<R> UploadStep<'_, R> {
    fn order(&mut self, effect: Effect<R>) {
        self.effects.push(effect);
    }
}

/// What an upload machine is told when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Setup {
    /// Whether the network is usable.
    pub online: bool,
    /// Whether the host has credentials for the recording's account.
    pub signed_in: bool,
    /// Whether waits are lengthened by chance.
    pub jitter: bool,
    /// The upload path to use, as long as the server has it.
    pub api: Api,
}

/// What an upload knows in every state. It can only be made with the proof that the recording is
/// sealed, so nothing unsealed can be sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Upload<R> {
    recording: R,
    setup: Setup,
    due: bool,
    conversation: Option<ConversationId>,
    /// The conversation that it was let go with while its first request was being journalled: it
    /// counts if the journal refuses that request.
    meanwhile: Option<Option<ConversationId>>,
    requests: u32,
    attempts: u32,
    swallowed: u32,
    waits: u32,
    /// Whether fresh credentials were got since the last answer that did not refuse any.
    pub(super) renewed: bool,
    generation: u64,
}

impl<R> Upload<R> {
    /// The upload of a sealed recording that nothing was tried for yet.
    pub const fn new(recording: R, setup: Setup) -> Self {
        Self {
            recording,
            setup,
            due: false,
            conversation: None,
            meanwhile: None,
            requests: 0,
            attempts: 0,
            swallowed: 0,
            waits: 0,
            renewed: false,
            generation: 0,
        }
    }

    /// The proof that the recording is sealed.
    pub const fn recording(&self) -> &R {
        &self.recording
    }

    /// The conversation that the next request names.
    pub const fn conversation(&self) -> Option<&ConversationId> {
        self.conversation.as_ref()
    }

    /// What surrounds it, and the path that it uses now.
    pub const fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Whether its session has let it go.
    pub const fn is_due(&self) -> bool {
        self.due
    }

    /// Requests that were journalled and left.
    pub const fn requests(&self) -> u32 {
        self.requests
    }

    /// Attempts that spent the budget.
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }
}

/// What answers when no state does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Superstate {
    /// The root: it orders [`Effect::Unexpected`].
    Root {
        /// The state that had no answer.
        state: &'static str,
    },
}

impl<R: SealedToken + 'static> IntoStateMachine for Upload<R> {
    type Event<'evt> = Event;
    type Context<'ctx> = UploadStep<'ctx, R>;
    type State = State;
    type Superstate<'sub> = Superstate;

    fn initial() -> State {
        State::Held
    }

    fn after_transition(&mut self, _: &State, target: &State, step: &mut UploadStep<'_, R>) {
        self.report_to(target, step);
    }
}

impl<R: SealedToken + 'static> blocking::State<Upload<R>> for State {
    fn call_handler(
        &mut self,
        upload: &mut Upload<R>,
        event: &Event,
        step: &mut UploadStep<'_, R>,
    ) -> Outcome<Self> {
        match event {
            Event::Recovered { facts, conversation } => {
                upload.recovered(self, facts, conversation.as_ref(), step)
            }
            Event::Due { conversation } => upload.became_due(self, conversation.as_ref(), step),
            Event::SlotGranted => upload.slot_granted(self, step),
            Event::AttemptRecorded => upload.attempt_recorded(self, step),
            Event::AttemptNotMade { reason } => upload.attempt_not_made(self, reason, step),
            Event::ReplyArrived { verdict } => upload.reply_arrived(self, verdict, step),
            Event::JobPolled { verdict } => upload.job_polled(self, verdict, step),
            Event::OutcomeRecorded { generation } => {
                upload.outcome_recorded(self, *generation, step)
            }
            Event::OutcomeNotRecorded { generation } => {
                upload.outcome_not_recorded(self, *generation, step)
            }
            Event::TimerFired { generation } => upload.timer_fired(self, *generation, step),
            Event::NetworkLost => upload.network_lost(self, step),
            Event::NetworkReturned => upload.network_returned(self, step),
            Event::SignedIn => upload.signed_in(self, step),
            Event::SignedOut => upload.signed_out(self, step),
            Event::SignInRenewed => upload.sign_in_renewed(self, step),
            Event::SignInRefused => upload.sign_in_refused(self, step),
            Event::RetryRequested => upload.retry_requested(self, step),
            Event::FileDamaged { reason } => upload.file_damaged(self, reason, step),
            Event::Deleted => upload.deleted(self, step),
        }
    }

    fn superstate(&mut self) -> Option<Superstate> {
        Some(Superstate::Root { state: self.name() })
    }
}

impl<R: SealedToken + 'static> blocking::Superstate<Upload<R>> for Superstate {
    fn call_handler(
        &mut self,
        _: &mut Upload<R>,
        event: &Event,
        step: &mut UploadStep<'_, R>,
    ) -> Outcome<State> {
        let Self::Root { state } = *self;
        let event = event.name();
        step.order(Effect::Unexpected { state, event });
        Outcome::Handled
    }
}

/// Whether a transition is the outcome of a request, which the journal must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Journal {
    Record,
    Skip,
}

impl<R: SealedToken + 'static> Upload<R> {
    /// Goes from one state to another: lets go of what the old one held, journals, orders what the
    /// new one waits for.
    fn go(
        &mut self,
        from: &State,
        next: State,
        journal: Journal,
        step: &mut UploadStep<'_, R>,
    ) -> Outcome<State> {
        if from.has_slot() && !from.hands_slot_to(&next) {
            step.order(Effect::ReleaseSlot);
        }
        if from.is_armed() && !next.is_armed() {
            step.order(Effect::CancelTimer);
        }
        if journal == Journal::Record {
            self.record(&next, step);
        }
        self.arrive(&next, step);
        Outcome::Transition(next)
    }

    fn record(&mut self, state: &State, step: &mut UploadStep<'_, R>) {
        let generation = self.next_generation();
        let facts = self.facts(state);
        step.order(Effect::RecordOutcome { facts, generation });
    }

    fn arrive(&self, next: &State, step: &mut UploadStep<'_, R>) {
        match next {
            State::Queued { errand } => {
                let turn = match errand {
                    Errand::Upload => Turn::Upload,
                    Errand::Poll(_) => Turn::Poll,
                };
                step.order(Effect::RequestSlot { turn });
            }
            State::Waiting { pause, .. } => {
                let (now, until) = (step.now.moment, pause.until.moment(step.now));
                let cap = RETRY_AFTER_MAX;
                uphold(wait_as_told(&Wait { now, until, cap, leaves: false }));
                step.order(Effect::ArmTimer { at: until, generation: pause.generation });
            }
            State::Journalling => step.order(Effect::RecordAttempt { facts: self.facts(next) }),
            State::Uploading => step.order(Effect::SendUpload {
                recording: self.recording.clone(),
                conversation: self.conversation.clone(),
                api: self.setup.api,
                ordinal: self.requests,
            }),
            State::Polling { job } => step.order(Effect::PollJob { job: job.name.clone() }),
            State::SigningIn { .. } => step.order(Effect::AskSignIn),
            State::Settling { generation, armed, .. } => {
                self.offer_ending(next, *generation, *armed, step)
            }
            State::Synced { .. } => settled(Settlement::Synced, step),
            State::Failed { .. } => settled(Settlement::Failed, step),
            State::Corrupted { .. } => settled(Settlement::Corrupted, step),
            State::Deleted => settled(Settlement::Deleted, step),
            State::Held
            | State::Offline { .. }
            | State::SignInNeeded { .. }
            | State::SignedOut { .. } => {}
        }
    }

    fn offer_ending(
        &self,
        settling: &State,
        generation: u64,
        armed: bool,
        step: &mut UploadStep<'_, R>,
    ) {
        if armed {
            let at = step.now.moment + super::wait::RECORD_WAIT;
            step.order(Effect::ArmTimer { at, generation });
        } else {
            let facts = self.facts(settling);
            step.order(Effect::RecordOutcome { facts, generation });
        }
    }

    const fn next_generation(&mut self) -> u64 {
        self.generation = self.generation.wrapping_add(1);
        self.generation
    }
}

fn settled<R>(how: Settlement, step: &mut UploadStep<'_, R>) {
    step.order(Effect::Settled { how });
}
