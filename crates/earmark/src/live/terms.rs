//! How patient a live socket is.

use std::time::Duration;

/// How often the other end is asked what it has read.
pub const PING_EVERY: Duration = Duration::from_secs(10);
/// How long an answer may take before the socket counts as down.
pub const PONG_WAIT: Duration = Duration::from_secs(20);
/// How long frames may flow without a word from the server, which pings by itself every 10 s.
pub const PROGRESS_WAIT: Duration = Duration::from_secs(45);
/// The first wait before a socket is brought up again; each further one is twice as long.
pub const RECONNECT_WAIT_MIN: Duration = Duration::from_secs(1);
/// The longest such wait.
pub const RECONNECT_WAIT_MAX: Duration = Duration::from_secs(32);
/// A fresh token for one account is asked for at most so often.
pub const SIGN_IN_EVERY: Duration = Duration::from_secs(30);
/// How long the host may take to come up with one.
pub const SIGN_IN_WAIT: Duration = Duration::from_secs(30);
/// So many connections of a source that end in a row without fruit are a wedge: a person is told.
/// One bears fruit when the server has said a word over it and has proven that it read a frame.
pub const FRUITLESS_MAX: usize = 3;
/// They are in a row when the last ends so long after the first at most.
pub const FRUITLESS_WINDOW: Duration = Duration::from_secs(10 * 60);

/// How patient the live sockets of a runtime are. The default is the product's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveTerms {
    /// [`PING_EVERY`].
    pub ping_every: Duration,
    /// [`PONG_WAIT`].
    pub pong_wait: Duration,
    /// [`PROGRESS_WAIT`].
    pub progress_wait: Duration,
    /// [`RECONNECT_WAIT_MIN`].
    pub reconnect_first: Duration,
    /// [`RECONNECT_WAIT_MAX`]; a connection that lasted so long was a good one, and the next wait
    /// is the first again.
    pub reconnect_longest: Duration,
    /// [`SIGN_IN_EVERY`].
    pub sign_in_every: Duration,
    /// [`SIGN_IN_WAIT`].
    pub sign_in_wait: Duration,
}

impl Default for LiveTerms {
    fn default() -> Self {
        Self {
            ping_every: PING_EVERY,
            pong_wait: PONG_WAIT,
            progress_wait: PROGRESS_WAIT,
            reconnect_first: RECONNECT_WAIT_MIN,
            reconnect_longest: RECONNECT_WAIT_MAX,
            sign_in_every: SIGN_IN_EVERY,
            sign_in_wait: SIGN_IN_WAIT,
        }
    }
}

impl LiveTerms {
    /// The wait after so many attempts in a row that came to nothing: doubling, without an end, and
    /// at random between half the wait and the whole of it, so that devices do not come back at
    /// once. `roll` is drawn from all its values.
    pub(crate) fn reconnect_wait(&self, failures: u32, roll: u16) -> Duration {
        let factor = 1_u32.checked_shl(failures).unwrap_or(u32::MAX);
        let wait = self.reconnect_first.saturating_mul(factor).min(self.reconnect_longest);
        wait / 2 + wait / 2 * u32::from(roll) / u32::from(u16::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_one_second_to_thirty_two_and_stay_there() {
        let terms = LiveTerms::default();
        let longest = |failures| terms.reconnect_wait(failures, u16::MAX).as_secs();
        let waits: Vec<u64> = (0..8).map(longest).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 32, 32]);
        assert_eq!(longest(u32::MAX), 32);
    }

    #[test]
    fn chance_takes_away_half_of_a_wait_at_most() {
        let terms = LiveTerms::default();
        for failures in 0..40 {
            let whole = terms.reconnect_wait(failures, u16::MAX);
            assert_eq!(terms.reconnect_wait(failures, 0), whole / 2);
            let some = terms.reconnect_wait(failures, u16::MAX / 3);
            assert!(whole / 2 < some && some < whole, "{failures}: {some:?}");
        }
    }
}
