//! How much of each thing may happen in one course of the world.

/// What may still happen. It is a part of the state, so the search ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in super::super) struct Limits {
    /// Captures that a person begins.
    pub(in super::super) captures: u8,
    /// Frames that the device gives.
    pub(in super::super) frames: u8,
    /// Times that the live socket comes up at any moment.
    pub(in super::super) connects: u8,
    /// Whether it is up from the start, and again as soon as a process is there.
    pub(in super::super) reconnects: bool,
    /// Messages of the server: each may be lost, doubled, late, out of order, or of a conversation
    /// that nobody knows.
    pub(in super::super) messages: u8,
    /// Whether it also says that a conversation is ready, and not only that one has ended.
    pub(in super::super) says_ready: bool,
    /// Deaths of the process or of the machine.
    pub(in super::super) deaths: u8,
    /// How many of them may be the machine's: not all that was written survives.
    pub(in super::super) power_cuts: u8,
    /// Disk operations that fail.
    pub(in super::super) disk_faults: u8,
    /// Answers of the server or the network that are not as hoped.
    pub(in super::super) bad_answers: u8,
    /// Times that the host loses its network.
    pub(in super::super) offline: u8,
    /// Times that the clock goes on while messages wait for their actors.
    pub(in super::super) lags: u8,
    /// Seconds that pass in one step where no deadline of the disk is nearer: timers may be late,
    /// and so they all are.
    pub(in super::super) step: u16,
    /// Whether the disk does at once what the journal asks of it. A death still takes any part of
    /// what was not synced, and it may come before the journal hears of something; what is left out
    /// is that something else happens while the journal waits.
    pub(in super::super) swift_journal: bool,
    /// Conversations that the server speaks of.
    pub(in super::super) conversations: u8,
}
