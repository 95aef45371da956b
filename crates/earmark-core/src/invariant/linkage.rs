//! Whose conversation a recording is.

use core::fmt::Debug;

use super::{Check, Invariant, hold};
use crate::Moment;

/// The conversation of a recording, before and after something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link<'a, C> {
    /// Before.
    pub old: Option<&'a C>,
    /// After.
    pub new: Option<&'a C>,
    /// Whether a relink was recorded in between.
    pub relinked: bool,
}

/// L1.
///
/// # Errors
///
/// The violation.
pub fn one_conversation<C: PartialEq + Debug>(link: &Link<'_, C>) -> Check {
    let holds = link.old.is_none() || link.old == link.new || link.relinked;
    hold(Invariant::OneConversation, holds, link)
}

/// L2: what a recording is of, and what one of its frames is of: session, device, capture, codec,
/// account.
///
/// # Errors
///
/// The violation.
pub fn no_mixing<O: PartialEq + Debug>(recording: &O, frame: &O) -> Check {
    hold(Invariant::NoMixing, recording == frame, &(recording, frame))
}

/// A sealed recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// It has a conversation, or a link for it is being recorded.
    pub linked: bool,
    /// When its wait for a conversation ends.
    pub deadline: Option<Moment>,
    /// It was let go to the upload, or is settled.
    pub handed: bool,
}

/// L3.
///
/// # Errors
///
/// The violation.
pub fn no_orphans(recording: &Sealed) -> Check {
    let holds = recording.linked || recording.handed || recording.deadline.is_some();
    hold(Invariant::NoOrphans, holds, recording)
}

/// Something that a link causes: an upload, a wait for the conversation, a forgotten wait for the
/// link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkEffect<'a, C> {
    /// What it is, in words.
    pub what: &'a str,
    /// The conversation that it supposes.
    pub supposed: Option<&'a C>,
    /// The conversation that the recording is durably linked to.
    pub durable: Option<&'a C>,
}

/// L4.
///
/// # Errors
///
/// The violation.
pub fn link_before_effect<C: PartialEq + Debug>(effect: &LinkEffect<'_, C>) -> Check {
    hold(Invariant::LinkBeforeEffect, effect.supposed == effect.durable, effect)
}

/// L5: the links of all recordings before and after an event that nothing waits for.
///
/// # Errors
///
/// The violation.
pub fn event_tolerance<L: PartialEq + Debug>(before: &L, after: &L) -> Check {
    hold(Invariant::EventTolerance, before == after, &(before, after))
}

/// L6: the stretch of audio in which a frame was captured, and the one with which it was linked.
///
/// # Errors
///
/// The violation.
pub fn session_bounds<S: PartialEq + Debug>(captured: &S, linked: &S) -> Check {
    hold(Invariant::SessionBounds, captured == linked, &(captured, linked))
}

/// L7: whose recording it is, and whose token is sent or whose device's event touches it.
///
/// # Errors
///
/// The violation.
pub fn tenant_wall<T: PartialEq + Debug>(owner: &T, toucher: &T) -> Check {
    hold(Invariant::TenantWall, owner == toucher, &(owner, toucher))
}
