//! What happens when a handler panics.

use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_util::FutureExt as _;

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
            fall::<Self>(&shared);
        }
    }

    /// Waits for what somebody else has written, such as a host's own sync target. A panic in it is
    /// like one in a handler: without this the actor would be gone, and nobody would know.
    fn foreign<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<Self, F> {
        let shared = self.shared().clone();
        async move {
            match AssertUnwindSafe(future).catch_unwind().await {
                Ok(output) => output,
                Err(_) => {
                    fall::<Self>(&shared);
                    pending().await
                }
            }
        }
    }
}

fn fall<A: Guarded>(shared: &Shared) {
    shared.poison();
    shared.bus.announce(A::NAME, Event::Panicked { actor: A::NAME });
}
