//! What must hold of Earmark at every moment, once, for everything that checks it.
//!
//! Each invariant is a function over a small view: what somebody saw of one frame, one recording,
//! one request. The runtime asserts the local ones as it goes, in release builds too; the search
//! over the machines, the simulated worlds and the property tests call the same functions with the
//! views that they can build. A function says nothing about how a view came to be.
//!
//! | group | about |
//! |---|---|
//! | [`durability`] | what was acknowledged is kept, and nothing else appears |
//! | [`linkage`] | whose conversation a recording is |
//! | [`upload`] | what leaves, when, and what an answer means |
//! | [`progress`] | everything comes to an end, and the truth is told |
//! | [`environment`] | clocks, suspend, sandbox, versions |
//!
//! Terms. *Acknowledged*: the runtime says that a frame is durable. *Durable*: covered by a sync
//! that returned success, on a file that never failed and whose name is synced. *Receipt*: the
//! server's word that it has the recording, as [`sync`](crate::sync) understands its answers.
//! *Rot*: a change to bytes that were durable; only then may damage appear, and it is reported.

use alloc::format;
use alloc::string::String;
use core::fmt;

pub mod durability;
pub mod environment;
pub mod linkage;
mod list;
pub mod progress;
pub mod upload;

pub use list::{INVARIANTS, Invariant};

/// A broken invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which one.
    pub invariant: Invariant,
    /// What was seen, in words.
    pub seen: String,
}

/// What a check says: which invariant holds, or how it is broken.
pub type Check = Result<Invariant, Violation>;

/// How often each invariant was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    counts: [u64; INVARIANTS.len()],
}

impl Tally {
    /// Nothing was checked yet.
    pub const fn new() -> Self {
        Self { counts: [0; INVARIANTS.len()] }
    }

    /// Counts a check that held, and passes on one that did not.
    ///
    /// # Errors
    ///
    /// The violation that came in.
    pub fn note(&mut self, check: Check) -> Result<(), Violation> {
        self.counts[check? as usize] += 1;
        Ok(())
    }

    /// Counts what another one has counted.
    pub fn add(&mut self, other: &Self) {
        self.counts.iter_mut().zip(other.counts).for_each(|(own, more)| *own += more);
    }

    /// Each invariant with how often it was checked.
    pub fn counts(&self) -> impl Iterator<Item = (Invariant, u64)> + '_ {
        INVARIANTS.into_iter().zip(self.counts)
    }
}

impl Default for Tally {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, sentence) = (self.invariant.id(), self.invariant.sentence());
        write!(f, "{id} is broken ({sentence}): {}", self.seen)
    }
}

impl core::error::Error for Violation {}

/// Asserts an invariant where the code runs that could break it, in release builds too.
///
/// # Panics
///
/// When it is broken: to go on would make the damage larger, and what is durable stays so.
#[track_caller]
pub fn uphold(check: Check) {
    if let Err(violation) = check {
        panic!("{violation}");
    }
}

/// The words are made only when they are needed: most checks hold.
fn hold(invariant: Invariant, holds: bool, seen: &dyn fmt::Debug) -> Check {
    if holds { Ok(invariant) } else { Err(Violation { invariant, seen: format!("{seen:?}") }) }
}

#[cfg(test)]
mod tests;
