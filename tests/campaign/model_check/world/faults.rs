//! How much of each thing may happen in one course of the world.

/// What may still happen. It is a part of the state, so the search ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in super::super) struct Limits {
    /// Captures that a person begins.
    pub(in super::super) captures: u8,
    /// Frames that the device gives.
    pub(in super::super) frames: u8,
    /// Times that the live socket comes up.
    pub(in super::super) connects: u8,
    /// Messages of the server: each may be lost, doubled, late, out of order, or of a conversation
    /// that nobody knows.
    pub(in super::super) messages: u8,
    /// Deaths of the process or of the machine.
    pub(in super::super) deaths: u8,
    /// Disk operations that fail.
    pub(in super::super) disk_faults: u8,
    /// Answers of the server or the network that are not as hoped.
    pub(in super::super) bad_answers: u8,
    /// Times that the host loses its network.
    pub(in super::super) offline: u8,
    /// Times that the clock goes on while messages wait for their actors.
    pub(in super::super) lags: u8,
    /// Conversations that the server speaks of.
    pub(in super::super) conversations: u8,
}
