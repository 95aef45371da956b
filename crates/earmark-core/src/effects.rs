//! Where a step puts its orders.

use alloc::collections::VecDeque;

/// The orders of one step, in the order in which they were given.
///
/// A driver runs one step, takes all effects out, carries them out in order, and only then gives
/// the machine its next event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effects<E> {
    queue: VecDeque<E>,
}

impl<E> Effects<E> {
    /// No orders yet.
    pub const fn new() -> Self {
        Self { queue: VecDeque::new() }
    }

    /// Adds an order behind the others.
    pub fn push(&mut self, effect: E) {
        self.queue.push_back(effect);
    }

    /// Takes the first order out.
    pub fn pop(&mut self) -> Option<E> {
        self.queue.pop_front()
    }

    /// Takes all orders out, first one first.
    pub fn drain(&mut self) -> impl Iterator<Item = E> + '_ {
        self.queue.drain(..)
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

impl<E> Default for Effects<E> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_come_out_in_the_order_in_which_they_were_given() {
        let mut effects = Effects::new();
        assert!(effects.is_empty());
        (1..=3).for_each(|order| effects.push(order));
        assert!(!effects.is_empty());
        assert_eq!(effects.pop(), Some(1));
        assert!(effects.drain().eq([2, 3]));
        assert!(effects.is_empty());
        assert_eq!(effects.pop(), None);
    }
}
