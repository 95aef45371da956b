//! What happens when a handler panics.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Shared;
use crate::event::Event;

/// Runs a handler. A panic in it is announced and stops the runtime: what is acknowledged is on
/// disk, and an actor that is half changed must not go on.
pub(super) fn guard(shared: &Shared, actor: &'static str, handler: impl FnOnce()) {
    if shared.is_poisoned() {
        return;
    }
    shared.numbers.handled.add(1);
    if catch_unwind(AssertUnwindSafe(handler)).is_err() {
        shared.poison();
        shared.bus.announce(actor, Event::Panicked { actor });
    }
}
