//! How many requests may leave, together and in a minute.

use alloc::collections::VecDeque;
use core::time::Duration;

use crate::Moment;
use crate::invariant::uphold;
use crate::invariant::upload::no_storm;

/// Requests in flight at the same time, unless configured otherwise.
pub const FLIGHTS_MAX: usize = 3;

/// Requests that may leave in any 60 s, unless configured otherwise.
pub const REQUESTS_PER_MINUTE_MAX: usize = 60;

const WINDOW: Duration = Duration::from_secs(60);

/// The global limit on requests, job polls included.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pace {
    flights_max: usize,
    per_minute_max: usize,
    one_at_a_time: bool,
    /// How many may be in flight by what the server said: one after it asked for less, one more
    /// with each upload that it takes.
    allowed: usize,
    in_flight: usize,
    /// Granted, and not sent yet: they may leave at any time.
    unsent: usize,
    /// When the latest requests left, at most `per_minute_max` of them.
    left: VecDeque<Moment>,
}

/// The right to make one request. Every slot goes back through [`Pace::release`].
#[derive(Debug, PartialEq, Eq, Hash)]
#[must_use = "a slot that is not released is lost"]
pub struct Slot {
    sent: bool,
}

/// Why no request may leave now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// A slot must be released first.
    Full,
    /// The minute is full; there is room at this moment.
    NotBefore(Moment),
}

impl Pace {
    /// Limits of at least one request each.
    pub fn new(flights_max: usize, per_minute_max: usize) -> Self {
        Self {
            flights_max: flights_max.max(1),
            per_minute_max: per_minute_max.max(1),
            one_at_a_time: false,
            allowed: flights_max.max(1),
            in_flight: 0,
            unsent: 0,
            left: VecDeque::new(),
        }
    }

    /// Grants one request, or says when to ask again.
    ///
    /// # Errors
    ///
    /// [`Refusal`] when too many are in flight, or left within the last minute.
    pub fn admit(&mut self, now: Moment) -> Result<Slot, Refusal> {
        let flights_max = if self.one_at_a_time { 1 } else { self.allowed };
        if self.in_flight >= flights_max {
            return Err(Refusal::Full);
        }
        while self.left.front().is_some_and(|at| *at + WINDOW <= now) {
            self.left.pop_front();
        }
        if self.left.len() + self.unsent >= self.per_minute_max {
            let room = self.left.front().map(|at| *at + WINDOW);
            return Err(room.map_or(Refusal::Full, Refusal::NotBefore));
        }
        self.in_flight += 1;
        self.unsent += 1;
        Ok(Slot { sent: false })
    }

    /// The slot's request leaves now. The minute is counted from here, not from the grant: the
    /// journal lies in between.
    pub fn sent(&mut self, slot: &mut Slot, now: Moment) {
        if !slot.sent {
            slot.sent = true;
            self.unsent -= 1;
            self.left.push_back(now);
            uphold(no_storm(self.left.len(), self.per_minute_max));
        }
    }

    /// The slot's request has ended, or will not be made.
    pub const fn release(&mut self, slot: Slot) {
        self.in_flight -= 1;
        if !slot.sent {
            self.unsent -= 1;
        }
    }

    /// The server asked for less: one request at a time.
    pub const fn asked_for_less(&mut self) {
        self.allowed = 1;
    }

    /// The server took an upload: one more may be in flight, up to the limit.
    pub const fn taken(&mut self) {
        if self.allowed < self.flights_max {
            self.allowed += 1;
        }
    }

    /// Whether requests go one at a time, as they do while the network is suspect.
    pub const fn one_at_a_time(&mut self, only_one: bool) {
        self.one_at_a_time = only_one;
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self::new(FLIGHTS_MAX, REQUESTS_PER_MINUTE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::from_micros(millis * 1_000)
    }

    fn request(pace: &mut Pace, granted: u64, left: u64) -> Result<(), Refusal> {
        let mut slot = pace.admit(at(granted))?;
        pace.sent(&mut slot, at(left));
        pace.release(slot);
        Ok(())
    }

    #[test]
    fn the_sixty_first_request_of_a_minute_waits_for_the_first_to_be_a_minute_old() {
        let mut pace = Pace::default();
        for n in 0..60 {
            assert_eq!(request(&mut pace, n * 100, n * 100), Ok(()));
        }
        assert_eq!(request(&mut pace, 59_999, 59_999), Err(Refusal::NotBefore(at(60_000))));
        assert_eq!(request(&mut pace, 60_000, 60_000), Ok(()));
        assert_eq!(request(&mut pace, 60_001, 60_001), Err(Refusal::NotBefore(at(60_100))));
    }

    #[test]
    fn a_fourth_request_waits_until_one_of_three_has_ended() {
        let mut pace = Pace::default();
        let mut slots: Vec<Slot> = (0..3).filter_map(|_| pace.admit(at(0)).ok()).collect();
        assert_eq!(pace.admit(at(1)), Err(Refusal::Full));
        pace.release(slots.pop().expect("three were granted"));
        assert!(pace.admit(at(2)).is_ok());
    }

    #[test]
    fn a_suspect_network_gets_one_request_at_a_time() {
        let mut pace = Pace::default();
        pace.one_at_a_time(true);
        let slot = pace.admit(at(0)).expect("nothing is in flight");
        assert_eq!(pace.admit(at(0)), Err(Refusal::Full));
        pace.release(slot);
        pace.one_at_a_time(false);
        let _first = pace.admit(at(0)).expect("nothing is in flight");
        assert!(pace.admit(at(0)).is_ok());
    }

    #[test]
    fn a_server_that_asks_for_less_gets_one_request_at_a_time_and_more_as_it_takes_them() {
        let mut pace = Pace::default();
        let flights = |pace: &mut Pace| {
            let slots: Vec<Slot> = core::iter::from_fn(|| pace.admit(at(0)).ok()).collect();
            let count = slots.len();
            slots.into_iter().for_each(|slot| pace.release(slot));
            count
        };
        assert_eq!(flights(&mut pace), 3);
        pace.asked_for_less();
        assert_eq!(flights(&mut pace), 1);
        for expected in [2, 3, 3] {
            pace.taken();
            assert_eq!(flights(&mut pace), expected);
        }
    }

    #[test]
    fn a_grant_that_never_left_costs_nothing_of_the_minute() {
        let mut pace = Pace::new(3, 1);
        let slot = pace.admit(at(0)).expect("nothing has left");
        assert_eq!(pace.admit(at(0)), Err(Refusal::Full));
        pace.release(slot);
        assert_eq!(request(&mut pace, 0, 0), Ok(()));
    }

    proptest! {
        #[test]
        fn no_minute_ever_has_more_requests_than_it_may(
            steps in prop::collection::vec((0_u64..40_000, 0_u64..20_000), 1..60)
        ) {
            let mut pace = Pace::new(2, 5);
            let mut now = 0;
            let mut left: Vec<u64> = Vec::new();
            for (idle, journal) in steps {
                now += idle;
                if let Ok(mut slot) = pace.admit(at(now)) {
                    now += journal;
                    pace.sent(&mut slot, at(now));
                    left.push(now);
                    pace.release(slot);
                }
            }
            for (index, first) in left.iter().enumerate() {
                let within = left[index..].iter().take_while(|at| **at < first + 60_000);
                prop_assert!(within.count() <= 5);
            }
        }
    }
}
