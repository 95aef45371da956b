//! Whose turn is next.

/// What kind of request wants its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Turn {
    /// A question about a job that the server works on.
    Poll,
    /// A recording's first request.
    First,
    /// A further request for a recording.
    Again,
}
