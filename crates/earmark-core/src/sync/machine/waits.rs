//! Where an upload goes on from, and how long it waits before.

use alloc::string::String;
use core::time::Duration;

use super::{Errand, Pause, PauseKind, State, Upload, UploadStep};
use crate::sync::state::End;
use crate::sync::wait::{ATTEMPTS_MAX, after_spending, back_off, lengthened};
use crate::sync::{Delay, RETRY_AFTER_MAX};
use crate::{Deadline, SealedToken, Stamp};

impl<R: SealedToken + 'static> Upload<R> {
    /// The state from which the errand is run as soon as nothing hinders it.
    pub(super) fn ready(&self, errand: Errand) -> State {
        if !self.due {
            State::Held
        } else if !self.setup.online {
            State::Offline { errand }
        } else if !self.setup.signed_in {
            State::SignedOut { errand }
        } else {
            State::Queued { errand }
        }
    }

    /// The wait of the given length before the errand.
    pub(super) fn pause(
        &mut self,
        errand: Errand,
        kind: PauseKind,
        wait: Duration,
        reason: &str,
        now: Stamp,
    ) -> State {
        State::Waiting {
            errand,
            pause: Pause {
                until: Deadline::after(now, wait),
                kind,
                reason: String::from(reason),
                generation: self.next_generation(),
            },
        }
    }

    /// The wait that spends nothing. Without a network the network's return is what is waited for.
    pub(super) fn wait(
        &mut self,
        errand: Errand,
        delay: Delay,
        reason: &str,
        step: &UploadStep<'_, R>,
    ) -> State {
        let (kind, wait) = match delay {
            Delay::BackOff if !self.setup.online => return self.ready(errand),
            Delay::BackOff => (PauseKind::BackOff, self.back_off(step.roll)),
            Delay::Fixed(wait) => (PauseKind::Fixed, wait),
            Delay::Told(wait) => (PauseKind::Told, wait.min(RETRY_AFTER_MAX)),
        };
        self.pause(errand, kind, wait, reason, step.now)
    }

    fn back_off(&mut self, roll: u16) -> Duration {
        let wait = back_off(self.waits);
        self.waits = self.waits.saturating_add(1);
        self.with_chance(wait, roll)
    }

    fn with_chance(&self, wait: Duration, roll: u16) -> Duration {
        if self.setup.jitter { lengthened(wait, roll) } else { wait }
    }

    /// Spends an attempt: the recording waits for the next, or has failed.
    pub(super) fn spend(&mut self, reason: &str, step: &UploadStep<'_, R>) -> State {
        self.attempts = self.attempts.saturating_add(1);
        self.waits = 0;
        if self.attempts >= ATTEMPTS_MAX {
            let reason = String::from(reason);
            return self.settle(End::Failed { reason });
        }
        let wait = self.with_chance(after_spending(self.attempts), step.roll);
        self.pause(Errand::Upload, PauseKind::Fixed, wait, reason, step.now)
    }

    pub(super) const fn settle(&mut self, end: End) -> State {
        State::Settling { end, generation: self.next_generation(), armed: false }
    }
}
