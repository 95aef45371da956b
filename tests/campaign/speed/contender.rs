//! Who takes part.

use std::io;

use crate::speed::frames::Audio;
use crate::speed::policy::Policy;

/// What a contender stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The limit of the disk.
    Raw,
    Ours,
    /// What others would use.
    Rival,
}

/// Something that keeps frames durably.
pub(super) trait Contender {
    fn name(&self) -> &str;

    fn side(&self) -> Side;

    /// Whether it can do that at all.
    fn can(&self, policy: Policy) -> bool;

    /// What comes before a turn, unmeasured: room is made, old frames are let go.
    fn prepare(&mut self) -> io::Result<()>;

    /// Keeps the first frames of the audio, as many as the policy syncs at once, and returns when
    /// they are durable.
    fn commit(&mut self, audio: &Audio, policy: Policy) -> io::Result<()>;
}
