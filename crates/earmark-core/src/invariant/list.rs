//! The names of the invariants.

/// An invariant; the letter of its id is its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// An acknowledged frame is in exactly one recording, or confirmed by the server, or let go
    /// by policy or a person, or in a range that rot hit and that is reported.
    NoLoss,
    /// A frame that is found or uploaded is, byte for byte, one that was taken, of its device,
    /// capture and number, once and in order.
    NoInvention,
    /// A frame is acknowledged after a sync that covers it succeeded and the name of its file is
    /// synced, never after a failure in its place.
    AcknowledgeAfterSync,
    /// After a failed write or sync nothing is appended to, synced on or acknowledged from that
    /// file.
    FailedFileIsDead,
    /// What recovery finds of a capture is a prefix of what was taken that leaves out nothing
    /// acknowledged.
    PrefixRecovery,
    /// After recovery the next number is above every number ever seen, and ids never come back.
    Fencing,
    /// To recover twice, or to be cut while recovering, ends in the same state.
    RecoveryIsIdempotent,
    /// The bytes of a sealed recording never change.
    SealedIsImmutable,
    /// A file is unlinked after its release, receipt or deletion is durable, and never because an
    /// index lacks it.
    DeleteLast,
    /// Damage to one file stops neither the opening nor the other recordings, and what cannot be
    /// read is kept.
    ContainAndKeep,
    /// Two processes never write one store.
    OneOwner,
    /// On a full disk nothing acknowledged is given up, new frames are refused and not dropped,
    /// and decisions can be recorded.
    FullDisk,
    /// The conversation of a recording is set once, and changes only by a recorded relink.
    OneConversation,
    /// A recording holds the frames of one session, device, capture, codec and account.
    NoMixing,
    /// A sealed recording is linked, or waits with a deadline, or was let go to the upload.
    NoOrphans,
    /// A link is durable before anything that it causes.
    LinkBeforeEffect,
    /// An event that is late, double, out of order or unknown changes no link.
    EventTolerance,
    /// A frame belongs to the session that was open when it was captured.
    SessionBounds,
    /// Nothing is sent with another account's token, or touched by another device's events.
    TenantWall,
    /// A request leaves after the recording is sealed, and linked or due without a link, both
    /// durably.
    UploadAfterSeal,
    /// A request stands in the journal before its first byte leaves, and only a person resets the
    /// budget.
    AttemptWrittenAhead,
    /// Only an answer about the content spends budget.
    OnlyContentSpends,
    /// A final refusal is not tried again by itself, and its reason is kept.
    FinalIsFinal,
    /// At most one request of a recording is in flight, always with the same content.
    OneFlight,
    /// A recording is synced exactly when a receipt for it is durable.
    SyncedIsTheServersWord,
    /// A job has a deadline that survives a restart.
    AcceptedHasALease,
    /// The server holds one logical copy of a recording at most.
    ExactlyOnce,
    /// No request leaves before its wait is over, and no wait exceeds its cap.
    WaitAsTold,
    /// The requests of any minute stay within the limit.
    NoStorm,
    /// Recordings that cannot be uploaded delay those that can by a bounded time.
    NoPoison,
    /// What is sent has the hash that was sealed.
    BytesMatch,
    /// Every conversation that the server ends leads to synced, failed or corrupted within a
    /// bounded time after the last fault.
    TerminalAndVisible,
    /// From every reachable state everything can come to rest without a person, once disk and
    /// network are healthy.
    NeverStuck,
    /// Whatever waits has work in flight or a deadline.
    Armed,
    /// What is shown is what is durable; audio in memory is shown apart.
    HonestStatus,
    /// Every frame that came is in exactly one of the counts, and no count underflows.
    Conservation,
    /// Every queue and map has a limit, and reaching it is an answer and a count.
    Bounded,
    /// A stop takes no frames after its mark, leaves everything acknowledged durable and ends in
    /// time.
    OrderlyStop,
    /// A terminal state is left by a person's wish only, and what is durable never goes back.
    Monotone,
    /// No decision depends on how the wall clock is set.
    ClockFree,
    /// Deadlines that passed in suspend fire once.
    Suspend,
    /// The same seed and build take the same course.
    Determinism,
    /// Nothing outside the store is opened, files are private, and no token is written anywhere.
    Sandbox,
    /// A store of the previous format opens; an unknown newer one is refused untouched.
    Versions,
}

/// All of them, in the order of their ids.
pub const INVARIANTS: [Invariant; 44] = [
    Invariant::NoLoss,
    Invariant::NoInvention,
    Invariant::AcknowledgeAfterSync,
    Invariant::FailedFileIsDead,
    Invariant::PrefixRecovery,
    Invariant::Fencing,
    Invariant::RecoveryIsIdempotent,
    Invariant::SealedIsImmutable,
    Invariant::DeleteLast,
    Invariant::ContainAndKeep,
    Invariant::OneOwner,
    Invariant::FullDisk,
    Invariant::OneConversation,
    Invariant::NoMixing,
    Invariant::NoOrphans,
    Invariant::LinkBeforeEffect,
    Invariant::EventTolerance,
    Invariant::SessionBounds,
    Invariant::TenantWall,
    Invariant::UploadAfterSeal,
    Invariant::AttemptWrittenAhead,
    Invariant::OnlyContentSpends,
    Invariant::FinalIsFinal,
    Invariant::OneFlight,
    Invariant::SyncedIsTheServersWord,
    Invariant::AcceptedHasALease,
    Invariant::ExactlyOnce,
    Invariant::WaitAsTold,
    Invariant::NoStorm,
    Invariant::NoPoison,
    Invariant::BytesMatch,
    Invariant::TerminalAndVisible,
    Invariant::NeverStuck,
    Invariant::Armed,
    Invariant::HonestStatus,
    Invariant::Conservation,
    Invariant::Bounded,
    Invariant::OrderlyStop,
    Invariant::Monotone,
    Invariant::ClockFree,
    Invariant::Suspend,
    Invariant::Determinism,
    Invariant::Sandbox,
    Invariant::Versions,
];

/// The id and the sentence of each, in the same order.
#[rustfmt::skip]
const WORDS: [(&str, &str); 44] = [
    ("D1", "An acknowledged frame is in exactly one recording, or confirmed by the server, or \
        let go by policy or a person, or in a range that rot hit and that is reported"),
    ("D2", "A frame that is found or uploaded is, byte for byte, one that was taken, of its \
        device, capture and number, once and in order"),
    ("D3", "A frame is acknowledged after a sync that covers it succeeded and the name of its \
        file is synced, never after a failure in its place"),
    ("D4", "After a failed write or sync nothing is appended to, synced on or acknowledged from \
        that file"),
    ("D5", "What recovery finds of a capture is a prefix of what was taken that leaves out \
        nothing acknowledged"),
    ("D6", "After recovery the next number is above every number ever seen, and ids never come \
        back"),
    ("D7", "To recover twice, or to be cut while recovering, ends in the same state"),
    ("D8", "The bytes of a sealed recording never change"),
    ("D9", "A file is unlinked after its release, receipt or deletion is durable, and never \
        because an index lacks it"),
    ("D10", "Damage to one file stops neither the opening nor the other recordings, and what \
        cannot be read is kept"),
    ("D11", "Two processes never write one store"),
    ("D12", "On a full disk nothing acknowledged is given up, new frames are refused and not \
        dropped, and decisions can be recorded"),
    ("L1", "The conversation of a recording is set once, and changes only by a recorded relink"),
    ("L2", "A recording holds the frames of one session, device, capture, codec and account"),
    ("L3", "A sealed recording is linked, or waits with a deadline, or was let go to the upload"),
    ("L4", "A link is durable before anything that it causes"),
    ("L5", "An event that is late, double, out of order or unknown changes no link"),
    ("L6", "A frame belongs to the session that was open when it was captured"),
    ("L7", "Nothing is sent with another account's token, or touched by another device's events"),
    ("U1", "A request leaves after the recording is sealed, and linked or due without a link, \
        both durably"),
    ("U2", "A request stands in the journal before its first byte leaves, and only a person \
        resets the budget"),
    ("U3", "Only an answer about the content spends budget"),
    ("U4", "A final refusal is not tried again by itself, and its reason is kept"),
    ("U5", "At most one request of a recording is in flight, always with the same content"),
    ("U6", "A recording is synced exactly when a receipt for it is durable"),
    ("U7", "A job has a deadline that survives a restart"),
    ("U8", "The server holds one logical copy of a recording at most"),
    ("U9", "No request leaves before its wait is over, and no wait exceeds its cap"),
    ("U10", "The requests of any minute stay within the limit"),
    ("U11", "Recordings that cannot be uploaded delay those that can by a bounded time"),
    ("U12", "What is sent has the hash that was sealed"),
    ("V1", "Every conversation that the server ends leads to synced, failed or corrupted within \
        a bounded time after the last fault"),
    ("V2", "From every reachable state everything can come to rest without a person, once disk \
        and network are healthy"),
    ("V3", "Whatever waits has work in flight or a deadline"),
    ("V4", "What is shown is what is durable; audio in memory is shown apart"),
    ("V5", "Every frame that came is in exactly one of the counts, and no count underflows"),
    ("V6", "Every queue and map has a limit, and reaching it is an answer and a count"),
    ("V7", "A stop takes no frames after its mark, leaves everything acknowledged durable and \
        ends in time"),
    ("V8", "A terminal state is left by a person's wish only, and what is durable never goes \
        back"),
    ("X1", "No decision depends on how the wall clock is set"),
    ("X2", "Deadlines that passed in suspend fire once"),
    ("X3", "The same seed and build take the same course"),
    ("X4", "Nothing outside the store is opened, files are private, and no token is written \
        anywhere"),
    ("X5", "A store of the previous format opens; an unknown newer one is refused untouched"),
];

impl Invariant {
    /// The short name, as in `D1`.
    pub const fn id(self) -> &'static str {
        WORDS[self as usize].0
    }

    /// What it states.
    pub const fn sentence(self) -> &'static str {
        WORDS[self as usize].1
    }
}
