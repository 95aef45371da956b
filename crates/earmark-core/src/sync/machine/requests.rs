//! What an upload does with its requests, their journal records and their ends.

use alloc::string::String;
use core::time::Duration;

use statig::Outcome;

use super::{Errand, Job, Journal, PauseKind, State, Upload, UploadStep};
use crate::sync::state::End;
use crate::sync::wait::{JOB_LEASE, POLL_WAIT_MIN, next_poll};
use crate::sync::{Api, Delay, Effect, NO_PLACE_WAIT, PollVerdict, Verdict};
use crate::{Deadline, SealedToken, Stamp};

pub(in crate::sync) const IN_WORK: &str = "the server works on it";

impl<R: SealedToken + 'static> Upload<R> {
    pub(super) fn slot_granted(
        &mut self,
        state: &State,
        step: &mut UploadStep<'_, R>,
    ) -> Outcome<State> {
        let State::Queued { errand } = state else {
            return Outcome::Super;
        };
        let next = match errand {
            Errand::Upload => {
                self.requests = self.requests.saturating_add(1);
                State::Journalling
            }
            Errand::Poll(job) => State::Polling { job: job.clone() },
        };
        self.go(state, next, Journal::Skip, step)
    }

    pub(super) fn attempt_recorded(
        &mut self,
        state: &State,
        step: &mut UploadStep<'_, R>,
    ) -> Outcome<State> {
        let State::Journalling = state else {
            return late_for_journalling(state);
        };
        self.meanwhile = None;
        if self.setup.online && self.setup.signed_in {
            return self.go(state, State::Uploading, Journal::Skip, step);
        }
        self.requests = self.requests.saturating_sub(1);
        let next = self.ready(Errand::Upload);
        self.go(state, next, Journal::Record, step)
    }

    /// Nothing has left. Where the journal has the attempt it is taken back.
    pub(super) fn attempt_not_made(
        &mut self,
        state: &State,
        reason: &str,
        step: &mut UploadStep<'_, R>,
    ) -> Outcome<State> {
        let journal = if matches!(state, State::Journalling) {
            Journal::Skip
        } else if matches!(state, State::Uploading) {
            Journal::Record
        } else {
            return late_for_journalling(state);
        };
        self.requests = self.requests.saturating_sub(1);
        if let Some(conversation) = self.meanwhile.take() {
            self.conversation = conversation;
        }
        let next = self.wait(Errand::Upload, Delay::BackOff, reason, step);
        self.go(state, next, journal, step)
    }

    pub(super) fn reply_arrived(
        &mut self,
        state: &State,
        verdict: &Verdict,
        step: &mut UploadStep<'_, R>,
    ) -> Outcome<State> {
        let State::Uploading = state else {
            return late_for_a_reply(state);
        };
        self.swallowed = 0;
        let next = self.after_reply(verdict, step);
        self.renewed &= matches!(verdict, Verdict::SignIn { .. });
        let journal = journal_unless_settling(&next);
        self.go(state, next, journal, step)
    }

    fn after_reply(&mut self, verdict: &Verdict, step: &mut UploadStep<'_, R>) -> State {
        match verdict {
            Verdict::Synced => self.settle(End::Synced { at: step.now }),
            Verdict::Accepted { job, poll_after } => self.accepted(job, *poll_after, step.now),
            Verdict::Waits { reason, delay } => self.wait(Errand::Upload, *delay, reason, step),
            Verdict::Spends { reason } => self.spend(reason, step),
            Verdict::Fails { reason } => self.settle(End::Failed { reason: reason.clone() }),
            Verdict::SignIn { reason } => self.sign_in(Errand::Upload, reason),
            Verdict::ConversationGone { reason } if self.conversation.is_some() => {
                self.conversation = None;
                step.order(Effect::Relink { reason: reason.clone() });
                self.ready(Errand::Upload)
            }
            Verdict::UseV1 { .. } if self.setup.api == Api::V2 => {
                self.setup.api = Api::V1;
                self.ready(Errand::Upload)
            }
            Verdict::ConversationGone { reason } | Verdict::UseV1 { reason } => {
                self.wait(Errand::Upload, Delay::Fixed(NO_PLACE_WAIT), reason, step)
            }
        }
    }

    fn accepted(&mut self, name: &str, poll_after: Option<Duration>, now: Stamp) -> State {
        let poll_after = poll_after.unwrap_or(POLL_WAIT_MIN).min(JOB_LEASE);
        let job = Job {
            name: String::from(name),
            since: now,
            lease: Deadline::after(now, JOB_LEASE),
            poll_after,
        };
        self.pause(Errand::Poll(job), PauseKind::Fixed, poll_after, IN_WORK, now)
    }

    /// Fresh credentials are asked for once; when they are refused too, a person is needed.
    fn sign_in(&mut self, errand: Errand, reason: &str) -> State {
        if !self.setup.signed_in {
            return self.ready(errand);
        }
        let reason = String::from(reason);
        if self.renewed {
            return State::SignInNeeded { errand, reason };
        }
        self.renewed = true;
        State::SigningIn { errand, reason }
    }

    pub(super) fn job_polled(
        &mut self,
        state: &State,
        verdict: &PollVerdict,
        step: &mut UploadStep<'_, R>,
    ) -> Outcome<State> {
        let State::Polling { job } = state else {
            return late_for_a_reply(state);
        };
        let next = self.after_poll(job, verdict, step);
        self.renewed &= matches!(verdict, PollVerdict::SignIn { .. });
        let journal = match verdict {
            PollVerdict::Running { .. } | PollVerdict::SignIn { .. } => Journal::Skip,
            PollVerdict::Synced
            | PollVerdict::Spends { .. }
            | PollVerdict::Reupload { .. }
            | PollVerdict::Waits { .. } => journal_unless_settling(&next),
        };
        self.go(state, next, journal, step)
    }

    fn after_poll(&mut self, job: &Job, verdict: &PollVerdict, step: &UploadStep<'_, R>) -> State {
        match verdict {
            PollVerdict::Synced => self.settle(End::Synced { at: step.now }),
            PollVerdict::Spends { reason } => self.spend(reason, step),
            PollVerdict::Reupload { reason, delay } => {
                self.wait(Errand::Upload, *delay, reason, step)
            }
            PollVerdict::SignIn { reason } => self.sign_in(Errand::Poll(job.clone()), reason),
            PollVerdict::Running { .. } | PollVerdict::Waits { .. }
                if lease_is_over(job, step.now) =>
            {
                let reason = "the server did not finish its work on it within 6 h";
                self.wait(Errand::Upload, after_the_lease(verdict), reason, step)
            }
            PollVerdict::Running { poll_after } => {
                self.waits = 0;
                self.pause_before_poll(job, *poll_after, step.now)
            }
            PollVerdict::Waits { reason, delay } => {
                self.wait(Errand::Poll(job.clone()), *delay, reason, step)
            }
        }
    }

    /// The wait before the next question, the last of which falls at the end of the lease.
    fn pause_before_poll(&mut self, job: &Job, told: Option<Duration>, now: Stamp) -> State {
        let told = told.filter(|wait| !wait.is_zero());
        let poll_after = told.unwrap_or_else(|| next_poll(job.poll_after)).min(JOB_LEASE);
        let left = job.lease.moment(now).since(now.moment);
        let job = Job { poll_after, ..job.clone() };
        let wait = poll_after.min(left);
        self.pause(Errand::Poll(job), PauseKind::Fixed, wait, IN_WORK, now)
    }

    pub(super) fn outcome_recorded(
        &mut self,
        state: &State,
        recorded: u64,
        step: &mut UploadStep<'_, R>,
    ) -> Outcome<State> {
        // An older outcome needs no answer: the next record of this upload tells all that it told.
        let State::Settling { end, generation, armed: false } = state else {
            return Outcome::Handled;
        };
        if *generation != recorded {
            return Outcome::Handled;
        }
        self.go(state, end.clone().into(), Journal::Skip, step)
    }

    pub(super) fn outcome_not_recorded(
        &mut self,
        state: &State,
        recorded: u64,
        step: &mut UploadStep<'_, R>,
    ) -> Outcome<State> {
        self.offer_again(state, recorded, true, step)
    }

    /// Waits before the ending is offered to the journal again, or offers it.
    pub(super) fn offer_again(
        &mut self,
        state: &State,
        answered: u64,
        arm: bool,
        step: &mut UploadStep<'_, R>,
    ) -> Outcome<State> {
        let State::Settling { end, generation, armed } = state else {
            return Outcome::Handled;
        };
        if *generation != answered || *armed == arm {
            return Outcome::Handled;
        }
        let next =
            State::Settling { end: end.clone(), generation: self.next_generation(), armed: arm };
        self.go(state, next, Journal::Skip, step)
    }
}

/// How long an upload waits whose last question brought no end. What the server told holds for it,
/// too.
const fn after_the_lease(verdict: &PollVerdict) -> Delay {
    match verdict {
        PollVerdict::Waits { delay: Delay::Told(wait), .. } => Delay::Told(*wait),
        PollVerdict::Waits { .. }
        | PollVerdict::Running { .. }
        | PollVerdict::Synced
        | PollVerdict::Spends { .. }
        | PollVerdict::Reupload { .. }
        | PollVerdict::SignIn { .. } => Delay::BackOff,
    }
}

/// An ending is recorded by the state that waits for its record.
pub(super) const fn journal_unless_settling(next: &State) -> Journal {
    if matches!(next, State::Settling { .. }) { Journal::Skip } else { Journal::Record }
}

fn lease_is_over(job: &Job, now: Stamp) -> bool {
    job.lease.moment(now) <= now.moment
}

/// The journal's answer finds the attempt given up when the file was found damaged meanwhile.
const fn late_for_journalling(state: &State) -> Outcome<State> {
    if matches!(state, State::Settling { .. } | State::Corrupted { .. } | State::Deleted) {
        Outcome::Handled
    } else {
        Outcome::Super
    }
}

/// A reply finds the request broken off when the recording was deleted meanwhile.
const fn late_for_a_reply(state: &State) -> Outcome<State> {
    if matches!(state, State::Deleted) { Outcome::Handled } else { Outcome::Super }
}
