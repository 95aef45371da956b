//! The disk is full, and the journal lives on what was kept back for that.

use super::{Context, DiskTask, Effect, Event, Failure, Health, Journal, Moment, UNSAFE_AFTER};
use crate::ingest::Refusal;

impl Journal {
    /// Writes and syncs go on in the reserve, until there is room for a new one.
    pub(super) fn on_reserve(
        &mut self,
        event: &Event,
        step: &mut Context<'_>,
        mut failure: Failure,
        refuses: bool,
    ) -> Health {
        if let Event::DiskFinished { task: DiskTask::Refill, .. } = event {
            return self.mended(refuses, step);
        }
        if let Event::DiskFailed { task, reason } = event {
            if task.is_journal() {
                let failure = Failure { since: failure.since, ..Failure::new(step.now, reason) };
                self.replace(&failure, step);
                return if refuses { Health::Refusing(failure) } else { Health::Failing(failure) };
            }
            if *task == DiskTask::Refill {
                failure.again(step.now, reason);
            }
        }
        self.refill(&failure, step);
        self.advance(step);
        let is_unsafe = step.now.since(failure.since) >= UNSAFE_AFTER;
        if is_unsafe && !refuses {
            step.order(Effect::RefuseFrames(Refusal::DiskFailed(failure.reason.clone())));
        }
        Health::OnReserve { failure, refuses: refuses || is_unsafe }
    }

    fn refill(&mut self, failure: &Failure, step: &mut Context<'_>) {
        if self.refill_due(failure).is_some_and(|at| at <= step.now) {
            self.refilling = true;
            step.order(Effect::Start(DiskTask::Refill));
        }
    }

    /// When a new reserve is to be tried for.
    pub(super) fn refill_due(&self, failure: &Failure) -> Option<Moment> {
        (!self.refilling).then_some(failure.retry_at)
    }
}
