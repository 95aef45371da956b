//! Clocks, suspend, sandbox, versions.

use core::fmt::Debug;

use super::{Check, Invariant, hold};

/// X1: the course of a story, and its course with the wall clock set otherwise.
///
/// # Errors
///
/// The violation.
pub fn clock_free<T: PartialEq + Debug>(as_it_was: &T, set_otherwise: &T) -> Check {
    hold(Invariant::ClockFree, as_it_was == set_otherwise, &(as_it_was, set_otherwise))
}

/// X2: how often a deadline that passed in suspend has fired since.
///
/// # Errors
///
/// The violation.
pub fn suspend(fired: u32) -> Check {
    hold(Invariant::Suspend, fired <= 1, &fired)
}

/// X3: the hashes of two runs of the same seed.
///
/// # Errors
///
/// The violation.
pub fn determinism<H: PartialEq + Debug>(first: &H, second: &H) -> Check {
    hold(Invariant::Determinism, first == second, &(first, second))
}

/// What a process touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touched<'a> {
    /// A path that it opened.
    pub path: &'a str,
    /// Whether that lies in the store.
    pub inside: bool,
    /// Its permission bits, where it was made.
    pub mode: u32,
    /// Whether a token is in it.
    pub has_token: bool,
}

/// X4.
///
/// # Errors
///
/// The violation.
pub fn sandbox(touched: &Touched<'_>) -> Check {
    let is_private = touched.mode & 0o077 == 0;
    hold(Invariant::Sandbox, touched.inside && is_private && !touched.has_token, touched)
}

/// An opening of a store of some version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionedOpening {
    /// Its version is this program's or an earlier one.
    pub known: bool,
    /// It opened.
    pub opened: bool,
    /// It is as it was, byte for byte.
    pub untouched: bool,
}

/// X5.
///
/// # Errors
///
/// The violation.
pub fn versions(opening: &VersionedOpening) -> Check {
    let holds = if opening.known { opening.opened } else { !opening.opened && opening.untouched };
    hold(Invariant::Versions, holds, opening)
}
