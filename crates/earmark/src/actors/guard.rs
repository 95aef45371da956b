//! What happens when a handler panics.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Shared;
use crate::event::Event;

/// An actor whose handlers are guarded.
pub(super) trait Guarded: Sized {
    /// What it is called in announcements.
    const NAME: &'static str;

    /// What it shares with the others.
    fn shared(&self) -> &Shared;

    /// Runs a handler. A panic in it is announced and stops the runtime: what is acknowledged is on
    /// disk, and an actor that is half changed must not go on.
    fn guarded(&mut self, handle: impl FnOnce(&mut Self)) {
        let shared = self.shared().clone();
        if shared.is_poisoned() {
            return;
        }
        shared.numbers.handled.add(1);
        if catch_unwind(AssertUnwindSafe(|| handle(self))).is_err() {
            shared.poison();
            shared.bus.announce(Self::NAME, Event::Panicked { actor: Self::NAME });
        }
    }
}
