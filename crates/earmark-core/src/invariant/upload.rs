//! What leaves, when, and what an answer means.

use core::fmt::Debug;
use core::time::Duration;

use super::{Check, Invariant, hold};
use crate::Moment;

/// A request that is about to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaving {
    /// The recording's seal is durable.
    pub sealed: bool,
    /// Its link is durable, or its wait for one is over.
    pub due: bool,
    /// The request's ordinal for its recording, from 1.
    pub ordinal: u32,
    /// The highest ordinal that is durable in the journal.
    pub journalled: u32,
}

/// U1.
///
/// # Errors
///
/// The violation.
pub fn upload_after_seal(request: &Leaving) -> Check {
    hold(Invariant::UploadAfterSeal, request.sealed && request.due, request)
}

/// U2, for a request.
///
/// # Errors
///
/// The violation.
pub fn attempt_written_ahead(request: &Leaving) -> Check {
    hold(Invariant::AttemptWrittenAhead, request.journalled >= request.ordinal, request)
}

/// The attempts that a recording has spent, before and after something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Spent before.
    pub before: u32,
    /// Spent after.
    pub after: u32,
    /// An answer about the content came, or a crash swallowed as many as count as one.
    pub content: bool,
    /// A person asked for another try.
    pub person: bool,
}

/// U2, for the budget: only a person gives it back.
///
/// # Errors
///
/// The violation.
pub fn budget_is_kept(budget: &Budget) -> Check {
    let holds = budget.after >= budget.before || budget.person;
    hold(Invariant::AttemptWrittenAhead, holds, budget)
}

/// U3.
///
/// # Errors
///
/// The violation.
pub fn only_content_spends(budget: &Budget) -> Check {
    let spent = budget.after.saturating_sub(budget.before);
    hold(Invariant::OnlyContentSpends, spent == 0 || (spent == 1 && budget.content), budget)
}

/// What happens to a recording that was refused for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AfterRefusal<'a> {
    /// A request leaves for it.
    pub tried: bool,
    /// A person asked for that.
    pub person: bool,
    /// The reason that is kept.
    pub reason: &'a str,
}

/// U4.
///
/// # Errors
///
/// The violation.
pub fn final_is_final(after: &AfterRefusal<'_>) -> Check {
    let holds = (!after.tried || after.person) && !after.reason.is_empty();
    hold(Invariant::FinalIsFinal, holds, after)
}

/// The requests of one recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flights {
    /// How many are in flight.
    pub in_flight: u32,
    /// All of them, and all before them, carried the same content under the same name.
    pub same_content: bool,
}

/// U5.
///
/// # Errors
///
/// The violation.
pub fn one_flight(flights: &Flights) -> Check {
    hold(Invariant::OneFlight, flights.in_flight <= 1 && flights.same_content, flights)
}

/// Whether a recording counts as synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// It is shown or recorded as synced.
    pub synced: bool,
    /// The server has said so about this recording.
    pub receipt: bool,
}

/// U6.
///
/// # Errors
///
/// The violation.
pub fn synced_is_the_servers_word(receipt: &Receipt) -> Check {
    hold(Invariant::SyncedIsTheServersWord, !receipt.synced || receipt.receipt, receipt)
}

/// A recording that the server works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// When the lease ends.
    pub ends: Option<Moment>,
    /// Now.
    pub now: Moment,
    /// The longest lease.
    pub cap: Duration,
}

/// U7.
///
/// # Errors
///
/// The violation.
pub fn accepted_has_a_lease(lease: &Lease) -> Check {
    let holds = lease.ends.is_some_and(|ends| ends.since(lease.now) <= lease.cap);
    hold(Invariant::AcceptedHasALease, holds, lease)
}

/// U8: how many logical copies of a recording the server holds.
///
/// # Errors
///
/// The violation.
pub fn exactly_once(copies: u32) -> Check {
    hold(Invariant::ExactlyOnce, copies <= 1, &copies)
}

/// A request or a question that leaves, or a wait that begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Now.
    pub now: Moment,
    /// Until when it had to wait, or waits from now on.
    pub until: Moment,
    /// The longest wait.
    pub cap: Duration,
    /// It leaves now.
    pub leaves: bool,
}

/// U9.
///
/// # Errors
///
/// The violation.
pub fn wait_as_told(wait: &Wait) -> Check {
    let is_over = !wait.leaves || wait.until <= wait.now;
    hold(Invariant::WaitAsTold, is_over && wait.until.since(wait.now) <= wait.cap, wait)
}

/// U10: the requests of the last minute, and the limit.
///
/// # Errors
///
/// The violation.
pub fn no_storm(in_a_minute: usize, limit: usize) -> Check {
    hold(Invariant::NoStorm, in_a_minute <= limit, &(in_a_minute, limit))
}

/// U11: how long a good recording waited for bad ones, and the bound.
///
/// # Errors
///
/// The violation.
pub fn no_poison(waited: Duration, bound: Duration) -> Check {
    hold(Invariant::NoPoison, waited <= bound, &(waited, bound))
}

/// U12: the hash of what was sent, and the hash that was sealed.
///
/// # Errors
///
/// The violation.
pub fn bytes_match<H: PartialEq + Debug>(sent: &H, sealed: &H) -> Check {
    hold(Invariant::BytesMatch, sent == sealed, &(sent, sealed))
}
