//! What of an upload survives a restart, and how it goes on from there.

use alloc::string::String;

use statig::Outcome;

use super::requests::{IN_WORK, journal_unless_settling};
use super::{Errand, Job, Journal, Pause, PauseKind, State, Upload, UploadStep};
use crate::sync::state::End;
use crate::sync::wait::{JOB_LEASE, SWALLOWED_MAX};
use crate::sync::{RETRY_AFTER_MAX, UploadFacts, UploadStage};
use crate::{ConversationId, Deadline, SealedToken};

const SWALLOWED: &str =
    "what came of the last requests is unknown, since the program ended each time";

impl<R: SealedToken + 'static> Upload<R> {
    pub(super) fn recovered(
        &mut self,
        state: &State,
        facts: &UploadFacts,
        conversation: Option<&ConversationId>,
        step: &mut UploadStep<'_, R>,
    ) -> Outcome<State> {
        if !matches!(state, State::Held) || self.due {
            return Outcome::Super;
        }
        self.conversation = conversation.cloned();
        self.requests = facts.requests;
        self.attempts = facts.attempts;
        self.swallowed = facts.swallowed;
        self.waits = facts.waits;
        // What has once been let go by its session stays let go.
        self.due = facts.requests > 0 || !matches!(facts.stage, UploadStage::Pending { .. });
        let (next, journal) = self.taken_up(&facts.stage, step);
        self.go(state, next, journal, step)
    }

    fn taken_up(&mut self, stage: &UploadStage, step: &UploadStep<'_, R>) -> (State, Journal) {
        let next = match stage {
            UploadStage::Pending { next, told, fixed, reason } => {
                let kind = match (told, fixed) {
                    (true, _) => PauseKind::Told,
                    (false, true) => PauseKind::Fixed,
                    (false, false) => PauseKind::BackOff,
                };
                let reason = reason.as_deref().unwrap_or_default();
                self.until(Errand::Upload, *next, kind, reason, step)
            }
            UploadStage::Uploading => return self.swallow(step),
            UploadStage::Accepted { job, since, lease, poll_after, not_before } => {
                let first = Deadline::after(*since, (*poll_after).min(JOB_LEASE));
                let kind = not_before.map_or(PauseKind::Fixed, |_| PauseKind::Told);
                let job = Job {
                    name: job.clone(),
                    since: *since,
                    lease: lease.in_boot_of(step.now),
                    poll_after: *poll_after,
                };
                let next = Some(not_before.unwrap_or(first));
                self.until(Errand::Poll(job), next, kind, IN_WORK, step)
            }
            UploadStage::Synced { at } => State::Synced { at: *at },
            UploadStage::Failed { reason } => State::Failed { reason: reason.clone() },
            UploadStage::Corrupted { reason } => State::Corrupted { reason: reason.clone() },
        };
        (next, Journal::Skip)
    }

    /// What is left of a wait, or what comes after it. A wait that is longer than any that is ever
    /// ordered is cut to the longest.
    fn until(
        &mut self,
        errand: Errand,
        next: Option<Deadline>,
        kind: PauseKind,
        reason: &str,
        step: &UploadStep<'_, R>,
    ) -> State {
        let Some(until) = next.filter(|_| self.due) else {
            return self.ready(errand);
        };
        let wait = until.wait.min(RETRY_AFTER_MAX);
        let until = Deadline::after(until.set, wait).in_boot_of(step.now);
        let is_over = until.moment(step.now) <= step.now.moment;
        if is_over || (kind == PauseKind::BackOff && !self.setup.online) {
            return self.ready(errand);
        }
        State::Waiting {
            errand,
            pause: Pause {
                until,
                kind,
                reason: String::from(reason),
                generation: self.next_generation(),
            },
        }
    }

    /// A request was journalled and its outcome was not: it may have taken effect. It spends
    /// nothing, but a recording whose upload ends the program each time must not do so for ever.
    fn swallow(&mut self, step: &UploadStep<'_, R>) -> (State, Journal) {
        self.swallowed = self.swallowed.saturating_add(1);
        if self.swallowed < SWALLOWED_MAX {
            return (self.ready(Errand::Upload), Journal::Record);
        }
        self.swallowed = 0;
        let next = self.spend(SWALLOWED, step);
        let journal = journal_unless_settling(&next);
        (next, journal)
    }

    /// What must survive of the upload when it is in this state.
    pub fn facts(&self, state: &State) -> UploadFacts {
        UploadFacts {
            requests: self.requests,
            attempts: self.attempts,
            swallowed: self.swallowed,
            waits: self.waits,
            stage: stage(state),
        }
    }
}

fn stage(state: &State) -> UploadStage {
    match state {
        State::Held => pending(None, None),
        State::Queued { errand } | State::Offline { errand } | State::SignedOut { errand } => {
            errand_stage(errand, None, None)
        }
        State::Waiting { errand, pause } => errand_stage(errand, Some(pause), Some(&pause.reason)),
        State::SigningIn { errand, reason } | State::SignInNeeded { errand, reason } => {
            errand_stage(errand, None, Some(reason))
        }
        State::Journalling | State::Uploading => UploadStage::Uploading,
        State::Polling { job } => accepted(job, None),
        State::Settling { end, .. } => ended(end),
        State::Synced { at } => UploadStage::Synced { at: *at },
        State::Failed { reason } => UploadStage::Failed { reason: reason.clone() },
        State::Corrupted { reason } => UploadStage::Corrupted { reason: reason.clone() },
        State::Deleted => pending(None, None),
    }
}

fn errand_stage(errand: &Errand, pause: Option<&Pause>, reason: Option<&String>) -> UploadStage {
    match errand {
        Errand::Upload => pending(pause, reason),
        Errand::Poll(job) => accepted(job, pause),
    }
}

fn pending(pause: Option<&Pause>, reason: Option<&String>) -> UploadStage {
    let kind = pause.map(|pause| pause.kind);
    UploadStage::Pending {
        next: pause.map(|pause| pause.until),
        told: kind == Some(PauseKind::Told),
        fixed: kind == Some(PauseKind::Fixed),
        reason: reason.cloned(),
    }
}

fn accepted(job: &Job, pause: Option<&Pause>) -> UploadStage {
    let told = pause.filter(|pause| pause.kind == PauseKind::Told);
    UploadStage::Accepted {
        job: job.name.clone(),
        since: job.since,
        lease: job.lease,
        poll_after: job.poll_after,
        not_before: told.map(|pause| pause.until),
    }
}

fn ended(end: &End) -> UploadStage {
    match end {
        End::Synced { at } => UploadStage::Synced { at: *at },
        End::Failed { reason } => UploadStage::Failed { reason: reason.clone() },
        End::Corrupted { reason } => UploadStage::Corrupted { reason: reason.clone() },
    }
}
