//! The races of the original, to be brought back on purpose.

/// A race that this design excludes. A test plants one to see that another test would notice it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Planted {
    /// Recovery runs before the list of recordings is loaded, finds nothing, and never runs again.
    RecoveryBeforeOpened,
    /// A conversation's event that comes before the seal finds no file and cancels the fallback.
    EventBeforeSealForgotten,
    /// The link between audio and conversation lives in memory and dies with the process.
    LinkInMemory,
    /// Attempts are written only after the last failure, so that a kill gives the budget back.
    AttemptUnrecorded,
    /// A second session overwrites what the first one waits for.
    SessionOverwritten,
}
