//! What an upload machine orders.

use alloc::string::String;

use super::{Api, Report, Turn, UploadFacts};
use crate::{ConversationId, Moment};

/// An order of one recording's upload machine.
///
/// [`Effect::SendUpload`] alone carries the token that proves the recording sealed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect<R> {
    /// Line up for a request; answered by `SlotGranted`.
    RequestSlot {
        /// Which kind of turn it is.
        turn: Turn,
    },
    /// Give back the slot, whether it was granted or is still waited for. Every granted slot is
    /// given back once: when its request has ended, or when none will be made.
    ReleaseSlot,
    /// Journal the attempt, durably, before its first byte leaves; answered by `AttemptRecorded` or
    /// `AttemptNotMade`.
    RecordAttempt {
        /// What must survive.
        facts: UploadFacts,
    },
    /// Send the recording; answered by `ReplyArrived`, by `FileDamaged` when the file's hash is not
    /// the sealed one, or by `AttemptNotMade` when the file cannot be read just then.
    SendUpload {
        /// The proof that it is sealed.
        recording: R,
        /// The conversation to name.
        conversation: Option<ConversationId>,
        /// The path to use.
        api: Api,
        /// The request's ordinal for its recording, from 1.
        ordinal: u32,
    },
    /// Ask how the job goes; answered by `JobPolled`.
    PollJob {
        /// The server's name for it.
        job: String,
    },
    /// Journal what came of the last request; answered by `OutcomeRecorded` or `OutcomeNotRecorded`
    /// with the same generation.
    RecordOutcome {
        /// What must survive.
        facts: UploadFacts,
        /// Which order this is.
        generation: u64,
    },
    /// Journal that the recording's conversation is gone and that it is linked to none any more.
    Relink {
        /// What the server said, in words.
        reason: String,
    },
    /// Fire the upload's one timer at this moment; replaces the timer before.
    ArmTimer {
        /// When.
        at: Moment,
        /// Which timer this is.
        generation: u64,
    },
    /// The upload's timer is not needed any more.
    CancelTimer,
    /// Ask the host for fresh credentials, once; answered by `SignInRenewed` or `SignInRefused`.
    AskSignIn,
    /// Nothing is left to do unless a person asks. A request that is in flight is broken off.
    Settled {
        /// How it ended.
        how: Settlement,
    },
    /// A person reopened what had failed.
    Reopened,
    /// What a person should see.
    Report(Report),
    /// No state answers this event: a defect, to be counted and logged.
    Unexpected {
        /// The state it came in.
        state: &'static str,
        /// The event.
        event: &'static str,
    },
}

/// How an upload ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Settlement {
    /// The server has the recording, and the journal knows it.
    Synced,
    /// It is not tried again unless a person asks.
    Failed,
    /// The sealed bytes are missing or differ from their hash.
    Corrupted,
    /// It was deleted, or let go without an upload.
    Deleted,
}
