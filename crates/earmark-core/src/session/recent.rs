//! The conversations that a track remembers.

use alloc::collections::VecDeque;

use crate::ConversationId;

/// How many conversations of one kind a track remembers; the oldest is forgotten first.
pub const CONVERSATIONS_REMEMBERED_MAX: usize = 256;

/// The last conversations of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Recent {
    ids: VecDeque<ConversationId>,
}

impl Recent {
    pub(super) fn contains(&self, id: &ConversationId) -> bool {
        self.ids.contains(id)
    }

    pub(super) fn remember(&mut self, id: &ConversationId) {
        if self.contains(id) {
            return;
        }
        if self.ids.len() == CONVERSATIONS_REMEMBERED_MAX {
            self.ids.pop_front();
        }
        self.ids.push_back(id.clone());
    }

    /// Whether it was remembered; it is forgotten by that.
    pub(super) fn take(&mut self, id: &ConversationId) -> bool {
        let found = self.ids.iter().position(|known| known == id);
        found.is_some_and(|index| self.ids.remove(index).is_some())
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    fn conversation(number: usize) -> ConversationId {
        ConversationId::new(&format!("c-{number}")).expect("it is short")
    }

    #[test]
    fn the_oldest_is_forgotten_for_the_first_that_is_too_many() {
        let mut recent = Recent::default();
        let remember = |recent: &mut Recent, number| recent.remember(&conversation(number));
        (0..CONVERSATIONS_REMEMBERED_MAX).for_each(|number| remember(&mut recent, number));
        remember(&mut recent, 1);
        assert!(recent.contains(&conversation(0)), "all of them have room");
        remember(&mut recent, CONVERSATIONS_REMEMBERED_MAX);
        assert!(!recent.contains(&conversation(0)));
        assert!((1..=CONVERSATIONS_REMEMBERED_MAX).all(|n| recent.contains(&conversation(n))));
    }
}
