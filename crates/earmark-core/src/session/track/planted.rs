//! Two races of the original, on request.

use alloc::collections::BTreeSet;

use super::{Phase, Track};
use crate::session::machine::Session;
use crate::{Machine, Moment, Planted, SealedToken, SessionId};

/// Which race is planted, and the sessions whose fallback it has cancelled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Races {
    planted: Option<Planted>,
    without_fallback: BTreeSet<SessionId>,
}

impl<R: SealedToken> Track<R> {
    /// Plants a race from here on.
    pub fn plant(&mut self, planted: Option<Planted>) {
        self.planted.planted = planted;
    }

    /// The event finds no file: it is forgotten, and the fallback with it. Whether it was so.
    pub(super) fn forgets_event(&mut self, session: SessionId) -> bool {
        let is_sealing =
            |machine: &Machine<Session<R>>| matches!(machine.state(), Phase::Sealing { .. });
        let forgets = self.planted.planted == Some(Planted::EventBeforeSealForgotten)
            && self.sessions.get(&session).is_some_and(is_sealing);
        if forgets {
            self.planted.without_fallback.insert(session);
        }
        forgets
    }

    pub(super) fn own_deadline(
        &self,
        id: SessionId,
        session: &Machine<Session<R>>,
    ) -> Option<Moment> {
        let is_cancelled = self.planted.without_fallback.contains(&id);
        session.state().deadline().filter(|_| !is_cancelled)
    }

    /// There is one variable for what is waited for: nobody waits for the earlier one any more.
    pub(super) fn overwrite_pending(&mut self) {
        if self.planted.planted == Some(Planted::SessionOverwritten) {
            self.sessions.retain(|_, machine| {
                !matches!(
                    machine.state(),
                    Phase::Sealing { awaited: Some(_), .. } | Phase::AwaitingConversation { .. }
                )
            });
        }
    }
}
