//! Everything comes to an end, and the truth is told.

use core::fmt::Debug;
use core::time::Duration;

use super::{Check, Invariant, hold};

/// What became of the audio of a conversation that the server has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended<'a> {
    /// The status of one of its recordings, in words.
    pub status: &'a str,
    /// Whether that is an end: synced, failed, corrupted, released or deleted.
    pub is_terminal: bool,
    /// Whether it waits for a person alone, and says so.
    pub needs_person: bool,
    /// How long nothing has been wrong any more.
    pub healthy_for: Duration,
    /// After which time it must have ended.
    pub bound: Duration,
}

/// V1.
///
/// # Errors
///
/// The violation.
pub fn terminal_and_visible(ended: &Ended<'_>) -> Check {
    let holds = ended.is_terminal || ended.needs_person || ended.healthy_for <= ended.bound;
    hold(Invariant::TerminalAndVisible, holds, ended)
}

/// V2: whether everything came to rest once nothing was wrong any more; what did not, in words.
///
/// # Errors
///
/// The violation.
pub fn never_stuck(restless: Option<&str>) -> Check {
    hold(Invariant::NeverStuck, restless.is_none(), &restless)
}

/// Something that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting<'a> {
    /// Its state.
    pub state: &'a str,
    /// An answer is on its way to it.
    pub in_flight: bool,
    /// Time alone brings it on.
    pub has_deadline: bool,
    /// Only the host or a person can, and it says so.
    pub needs_host: bool,
}

/// V3.
///
/// # Errors
///
/// The violation.
pub fn armed(waiting: &Waiting<'_>) -> Check {
    let holds = waiting.in_flight || waiting.has_deadline || waiting.needs_host;
    hold(Invariant::Armed, holds, waiting)
}

/// V4: what is shown, and what is so.
///
/// # Errors
///
/// The violation.
pub fn honest_status<S: PartialEq + Debug>(shown: &S, real: &S) -> Check {
    hold(Invariant::HonestStatus, shown == real, &(shown, real))
}

/// The frames of a host, or of one device, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frames {
    /// Offered.
    pub captured: u64,
    /// Let go because of the mute.
    pub muted: u64,
    /// Given back with a reason.
    pub rejected: u64,
    /// Taken, and gone with the process or the machine before they were acknowledged.
    pub lost: u64,
    /// In memory or on the disk.
    pub held: u64,
    /// Let go by policy or a person.
    pub released: u64,
    /// Confirmed by the server.
    pub uploaded: u64,
}

/// V5.
///
/// # Errors
///
/// The violation.
pub fn conservation(frames: &Frames) -> Check {
    let parts =
        [frames.muted, frames.rejected, frames.lost, frames.held, frames.released, frames.uploaded];
    let sum = parts.iter().try_fold(0_u64, |sum, part| sum.checked_add(*part));
    hold(Invariant::Conservation, sum == Some(frames.captured), frames)
}

/// V6: how much something holds, and its limit.
///
/// # Errors
///
/// The violation.
pub fn bounded(what: &str, holds: usize, limit: usize) -> Check {
    hold(Invariant::Bounded, holds <= limit, &(what, holds, limit))
}

/// An orderly stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Frames that were taken after its mark.
    pub taken_after: u64,
    /// Frames that were taken before it and are not durable.
    pub left_undurable: u64,
    /// It ended within its deadline.
    pub in_time: bool,
    /// The disk did what it was asked to.
    pub disk_was_healthy: bool,
}

/// V7.
///
/// # Errors
///
/// The violation.
pub fn orderly_stop(stop: &Stop) -> Check {
    let is_whole = stop.left_undurable == 0 || !stop.disk_was_healthy;
    hold(Invariant::OrderlyStop, stop.taken_after == 0 && is_whole && stop.in_time, stop)
}

/// Where something stood, and where it stands now; a higher rank is further on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rank<R> {
    /// Before.
    pub before: R,
    /// Now.
    pub now: R,
    /// A person asked for another try, or for the deletion.
    pub person: bool,
}

/// V8.
///
/// # Errors
///
/// The violation.
pub fn monotone<R: PartialOrd + Debug>(rank: &Rank<R>) -> Check {
    hold(Invariant::Monotone, rank.now >= rank.before || rank.person, rank)
}
