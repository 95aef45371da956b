//! How long an upload waits.

use core::time::Duration;

/// Attempts that may be spent before a recording is failed.
pub const ATTEMPTS_MAX: u32 = 3;

/// Requests in a row whose outcome a crash swallowed that count as one attempt.
pub const SWALLOWED_MAX: u32 = 3;

/// The first wait that spends nothing; each further one in a row is twice as long.
pub const BACK_OFF_MIN: Duration = Duration::from_secs(5);

/// The longest wait that spends nothing, before it is lengthened by chance.
pub const BACK_OFF_MAX: Duration = Duration::from_secs(15 * 60);

/// The first wait before a job is asked for; each further one is twice as long.
pub const POLL_WAIT_MIN: Duration = Duration::from_secs(3);

/// The longest wait between two questions about a job, unless the server asks for more.
pub const POLL_WAIT_MAX: Duration = Duration::from_secs(120);

/// How long a job is asked for before the recording is uploaded again.
pub const JOB_LEASE: Duration = Duration::from_secs(6 * 60 * 60);

/// How long before an ending that the journal could not take is offered to it again.
pub const RECORD_WAIT: Duration = Duration::from_secs(5);

/// Five seconds after the first spent attempt, ten after the second.
pub(super) const fn after_spending(attempts: u32) -> Duration {
    match attempts {
        0 | 1 => Duration::from_secs(5),
        _ => Duration::from_secs(10),
    }
}

/// The back-off after so many waits in a row before it.
pub(super) fn back_off(waits_before: u32) -> Duration {
    let factor = 1_u32.checked_shl(waits_before).unwrap_or(u32::MAX);
    BACK_OFF_MIN.saturating_mul(factor).min(BACK_OFF_MAX)
}

/// The wait, lengthened by up to a fifth as the roll says: not at all for 0, by the fifth for the
/// highest roll.
pub(super) fn lengthened(wait: Duration, roll: u16) -> Duration {
    wait.saturating_add(wait.saturating_mul(u32::from(roll)) / (5 * u32::from(u16::MAX)))
}

/// The wait before the next question about a job, when the server says nothing about it.
pub(super) fn next_poll(last: Duration) -> Duration {
    last.saturating_mul(2).clamp(POLL_WAIT_MIN, POLL_WAIT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_five_seconds_to_fifteen_minutes() {
        let waits: alloc::vec::Vec<u64> = (0..10).map(|n| back_off(n).as_secs()).collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]);
        assert_eq!(back_off(u32::MAX), BACK_OFF_MAX);
    }

    #[test]
    fn chance_lengthens_a_wait_by_a_fifth_at_most() {
        let wait = Duration::from_secs(10);
        assert_eq!(lengthened(wait, 0), wait);
        assert_eq!(lengthened(wait, u16::MAX), Duration::from_secs(12));
        assert_eq!(lengthened(Duration::MAX, u16::MAX), Duration::MAX);
    }

    #[test]
    fn questions_about_a_job_come_apart_up_to_two_minutes() {
        assert_eq!(next_poll(Duration::ZERO), POLL_WAIT_MIN);
        assert_eq!(next_poll(POLL_WAIT_MIN), Duration::from_secs(6));
        assert_eq!(next_poll(Duration::from_secs(100)), POLL_WAIT_MAX);
    }
}
