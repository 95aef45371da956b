//! What an upload does when its session, a timer, the network, the account or a person speaks.

use alloc::string::String;

use statig::Outcome;

use super::{Errand, Journal, Pause, PauseKind, State, Upload, UploadStep};
use crate::sync::Effect;
use crate::sync::state::End;
use crate::{ConversationId, SealedToken};

impl<R: SealedToken + 'static> Upload<R> {
    pub(super) fn became_due(
        &mut self,
        state: &State,
        conversation: Option<&ConversationId>,
        step: &mut UploadStep<'_, R>,
    ) -> Outcome<State> {
        match (self.requests, state) {
            (0, _) => self.conversation = conversation.cloned(),
            (1, State::Journalling) => self.meanwhile = Some(conversation.cloned()),
            (_, _) => {}
        }
        self.due = true;
        let State::Held = state else {
            return Outcome::Handled;
        };
        let next = self.ready(Errand::Upload);
        self.go(state, next, Journal::Skip, step)
    }

    pub(super) fn timer_fired(
        &mut self,
        state: &State,
        fired: u64,
        step: &mut UploadStep<'_, R>,
    ) -> Outcome<State> {
        let State::Waiting { errand, pause } = state else {
            return self.offer_again(state, fired, false, step);
        };
        let at = pause.until.moment(step.now);
        if pause.generation != fired {
            return Outcome::Handled;
        }
        if step.now.moment < at {
            let generation = fired;
            step.order(Effect::ArmTimer { at, generation });
            return Outcome::Handled;
        }
        let next = self.ready(errand.clone());
        self.go(state, next, Journal::Skip, step)
    }

    pub(super) fn network_lost(
        &mut self,
        state: &State,
        step: &mut UploadStep<'_, R>,
    ) -> Outcome<State> {
        self.setup.online = false;
        self.leave_queue(state, step)
    }

    pub(super) fn network_returned(
        &mut self,
        state: &State,
        step: &mut UploadStep<'_, R>,
    ) -> Outcome<State> {
        self.setup.online = true;
        self.waits = 0;
        let (State::Offline { errand }
        | State::Waiting { errand, pause: Pause { kind: PauseKind::BackOff, .. } }) = state
        else {
            return Outcome::Handled;
        };
        self.resume(state, errand, Journal::Skip, step)
    }

    pub(super) fn signed_in(
        &mut self,
        state: &State,
        step: &mut UploadStep<'_, R>,
    ) -> Outcome<State> {
        self.setup.signed_in = true;
        self.renewed = false;
        let (State::SignedOut { errand }
        | State::SigningIn { errand, .. }
        | State::SignInNeeded { errand, .. }) = state
        else {
            return Outcome::Handled;
        };
        self.resume(state, errand, Journal::Skip, step)
    }

    pub(super) fn signed_out(
        &mut self,
        state: &State,
        step: &mut UploadStep<'_, R>,
    ) -> Outcome<State> {
        self.setup.signed_in = false;
        let (State::SigningIn { errand, .. } | State::SignInNeeded { errand, .. }) = state else {
            return self.leave_queue(state, step);
        };
        self.resume(state, errand, Journal::Skip, step)
    }

    pub(super) fn sign_in_renewed(
        &mut self,
        state: &State,
        step: &mut UploadStep<'_, R>,
    ) -> Outcome<State> {
        let State::SigningIn { errand, .. } = state else {
            return Outcome::Handled;
        };
        self.resume(state, errand, Journal::Skip, step)
    }

    pub(super) fn sign_in_refused(
        &mut self,
        state: &State,
        step: &mut UploadStep<'_, R>,
    ) -> Outcome<State> {
        let State::SigningIn { errand, reason } = state else {
            return Outcome::Handled;
        };
        let next = State::SignInNeeded { errand: errand.clone(), reason: reason.clone() };
        self.go(state, next, Journal::Skip, step)
    }

    /// A person gives back the whole budget, and ends every wait that the server did not ask for.
    pub(super) fn retry_requested(
        &mut self,
        state: &State,
        step: &mut UploadStep<'_, R>,
    ) -> Outcome<State> {
        match state {
            State::Failed { .. } => {
                self.restore_budget();
                step.order(Effect::Reopened);
                self.resume(state, &Errand::Upload, Journal::Record, step)
            }
            State::SignInNeeded { errand, .. } => {
                self.restore_budget();
                self.resume(state, errand, Journal::Record, step)
            }
            State::Waiting { errand, pause } if pause.kind != PauseKind::Told => {
                self.restore_budget();
                self.resume(state, errand, Journal::Record, step)
            }
            State::Waiting { .. }
            | State::Held
            | State::Queued { .. }
            | State::Offline { .. }
            | State::SignedOut { .. } => {
                self.restore_budget();
                self.record(state, step);
                self.report_to(state, step);
                Outcome::Handled
            }
            State::Journalling
            | State::Uploading
            | State::Polling { .. }
            | State::SigningIn { .. }
            | State::Settling { .. }
            | State::Synced { .. }
            | State::Corrupted { .. }
            | State::Deleted => Outcome::Handled,
        }
    }

    /// Damage counts while the recording may still have to be sent. A server that works on a job
    /// has its bytes already.
    pub(super) fn file_damaged(
        &mut self,
        state: &State,
        reason: &str,
        step: &mut UploadStep<'_, R>,
    ) -> Outcome<State> {
        match state {
            State::Held
            | State::Journalling
            | State::Uploading
            | State::Queued { errand: Errand::Upload }
            | State::Waiting { errand: Errand::Upload, .. }
            | State::Offline { errand: Errand::Upload }
            | State::SigningIn { errand: Errand::Upload, .. }
            | State::SignInNeeded { errand: Errand::Upload, .. }
            | State::SignedOut { errand: Errand::Upload } => {
                let reason = String::from(reason);
                let next = self.settle(End::Corrupted { reason });
                self.go(state, next, Journal::Skip, step)
            }
            State::Queued { .. }
            | State::Waiting { .. }
            | State::Offline { .. }
            | State::SigningIn { .. }
            | State::SignInNeeded { .. }
            | State::SignedOut { .. }
            | State::Polling { .. }
            | State::Settling { .. }
            | State::Synced { .. }
            | State::Failed { .. }
            | State::Corrupted { .. }
            | State::Deleted => Outcome::Handled,
        }
    }

    pub(super) fn deleted(
        &mut self,
        state: &State,
        step: &mut UploadStep<'_, R>,
    ) -> Outcome<State> {
        if matches!(state, State::Deleted) {
            return Outcome::Handled;
        }
        self.go(state, State::Deleted, Journal::Skip, step)
    }

    fn resume(
        &mut self,
        state: &State,
        errand: &Errand,
        journal: Journal,
        step: &mut UploadStep<'_, R>,
    ) -> Outcome<State> {
        let next = self.ready(errand.clone());
        self.go(state, next, journal, step)
    }

    fn leave_queue(&mut self, state: &State, step: &mut UploadStep<'_, R>) -> Outcome<State> {
        let State::Queued { errand } = state else {
            return Outcome::Handled;
        };
        self.resume(state, errand, Journal::Skip, step)
    }

    const fn restore_budget(&mut self) {
        self.attempts = 0;
        self.swallowed = 0;
        self.waits = 0;
        self.renewed = false;
    }
}
