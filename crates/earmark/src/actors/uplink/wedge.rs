//! Connections that come up again and again and bring nothing.

use std::collections::VecDeque;

use earmark_core::Moment;

use crate::live::{FRUITLESS_MAX, FRUITLESS_WINDOW};

/// The connections of one source that ended without fruit since the last one that bore some.
#[derive(Debug, Default)]
pub(super) struct Wedge {
    /// How many there were since the runtime started.
    count: u64,
    /// When the latest ones in a row ended, as many as tell a wedge.
    ends: VecDeque<Moment>,
}

impl Wedge {
    /// Another one ended; whether that makes it a wedge that was none before.
    pub(super) fn ended(&mut self, now: Moment) -> bool {
        let was_wedged = self.is_wedged();
        self.count = self.count.saturating_add(1);
        if was_wedged {
            self.ends.pop_front();
        }
        self.ends.push_back(now);
        self.ends.retain(|end| now.since(*end) <= FRUITLESS_WINDOW);
        self.is_wedged() && !was_wedged
    }

    /// One has borne fruit, or a person has changed something.
    pub(super) fn clear(&mut self) {
        self.ends.clear();
    }

    pub(super) fn is_wedged(&self) -> bool {
        self.ends.len() >= FRUITLESS_MAX
    }

    pub(super) const fn count(&self) -> u64 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the ends at these seconds tell of a wedge, one by one.
    fn told(ends: &[u64]) -> Vec<bool> {
        let mut wedge = Wedge::default();
        ends.iter().map(|at| wedge.ended(Moment::from_micros(at * 1_000_000))).collect()
    }

    /// F30.
    #[test]
    fn three_fruitless_connections_within_ten_minutes_are_told_of_once() {
        assert_eq!(told(&[0, 300, 600]), [false, false, true]);
        assert_eq!(told(&[0, 300, 601]), [false, false, false]);
        assert_eq!(told(&[0, 300, 601, 602]), [false, false, false, true]);
        assert_eq!(told(&[0, 1, 2, 3, 4]), [false, false, true, false, false]);
    }

    #[test]
    fn a_connection_that_bears_fruit_begins_the_row_anew_and_the_count_goes_on() {
        let mut wedge = Wedge::default();
        for at in 0..3 {
            wedge.ended(Moment::from_micros(at));
        }
        assert!(wedge.is_wedged());
        wedge.clear();
        assert!(!wedge.ended(Moment::from_micros(4)) && !wedge.is_wedged());
        assert_eq!(wedge.count(), 4);
    }
}
