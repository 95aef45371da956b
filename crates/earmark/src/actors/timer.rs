//! One timer of an actor, set to the earliest of its deadlines.

use std::time::Duration;

use actix::{Actor, AsyncContext, Context, SpawnHandle};
use earmark_core::Moment;

use crate::clock::Clock;

/// A sleeping machine stops the runtime's own timers; a deadline is looked at again at least so
/// often.
pub(super) const RECHECK: Duration = Duration::from_secs(60);

/// The one timer of an actor.
#[derive(Debug, Default)]
pub(super) struct Timer {
    armed: Option<(Moment, SpawnHandle)>,
}

impl Timer {
    /// Has `fire` called at a moment, instead of at the one that was set before.
    pub(super) fn set<A>(
        &mut self,
        at: Option<Moment>,
        clock: &dyn Clock,
        ctx: &mut Context<A>,
        fire: fn(&mut A, &mut Context<A>),
    ) where
        A: Actor<Context = Context<A>>,
    {
        if self.armed.map(|(armed, _)| armed) == at {
            return;
        }
        if let Some((_, handle)) = self.armed.take() {
            ctx.cancel_future(handle);
        }
        if let Some(at) = at {
            let wait = at.since(clock.stamp().moment).min(RECHECK);
            self.armed = Some((at, ctx.run_later(wait, fire)));
        }
    }

    /// The timer fired and is not set any more.
    pub(super) fn fired(&mut self) {
        self.armed = None;
    }
}
