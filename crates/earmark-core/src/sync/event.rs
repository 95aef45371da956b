//! What happens to an upload.

use alloc::string::String;

use super::{PollVerdict, UploadFacts, Verdict};
use crate::ConversationId;

/// What happened. One machine hears it about its one recording.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The store told at its opening what it knows about this upload; comes first, or not at all.
    Recovered {
        /// What survived.
        facts: UploadFacts,
        /// The conversation that the recording is linked to.
        conversation: Option<ConversationId>,
    },
    /// The session lets the recording go to the server. Until a request has been journalled it may
    /// come again, when the recording was linked meanwhile; after that it changes nothing.
    Due {
        /// The conversation it belongs to; without one the server places it by its time.
        conversation: Option<ConversationId>,
    },
    /// One request may leave now: there is room in flight, and the pace allows it.
    SlotGranted,
    /// The attempt stands in the journal.
    AttemptRecorded,
    /// The journal could not take the attempt, or the file could not be read just then: nothing
    /// has left.
    AttemptNotMade {
        /// Why, in words.
        reason: String,
    },
    /// The request ended, and this is what its end means.
    ReplyArrived {
        /// What it means.
        verdict: Verdict,
    },
    /// The question about the job ended, and this is what its end means.
    JobPolled {
        /// What it means.
        verdict: PollVerdict,
    },
    /// An outcome stands in the journal.
    OutcomeRecorded {
        /// Which one, as the order named it.
        generation: u64,
    },
    /// The journal could not take an outcome.
    OutcomeNotRecorded {
        /// Which one, as the order named it.
        generation: u64,
    },
    /// The timer fired.
    TimerFired {
        /// Which one, as the order named it.
        generation: u64,
    },
    /// The network went away.
    NetworkLost,
    /// The network came back.
    NetworkReturned,
    /// The host has credentials for the account again: a person signed in.
    SignedIn,
    /// The host has no credentials for the account any more.
    SignedOut,
    /// The answer to [`AskSignIn`](super::Effect::AskSignIn): there are fresh credentials.
    SignInRenewed,
    /// The answer to [`AskSignIn`](super::Effect::AskSignIn): there are none.
    SignInRefused,
    /// A person wants it tried again.
    RetryRequested,
    /// The sealed file is missing or differs from its hash; nothing of it, or no more of it,
    /// leaves.
    FileDamaged {
        /// What is damaged, in words.
        reason: String,
    },
    /// The recording was deleted, or let go without an upload.
    Deleted,
}

impl Event {
    /// The event's name, as it stands in the diagram.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Recovered { .. } => "Recovered",
            Self::Due { .. } => "Due",
            Self::SlotGranted => "SlotGranted",
            Self::AttemptRecorded => "AttemptRecorded",
            Self::AttemptNotMade { .. } => "AttemptNotMade",
            Self::ReplyArrived { .. } => "ReplyArrived",
            Self::JobPolled { .. } => "JobPolled",
            Self::OutcomeRecorded { .. } => "OutcomeRecorded",
            Self::OutcomeNotRecorded { .. } => "OutcomeNotRecorded",
            Self::TimerFired { .. } => "TimerFired",
            Self::NetworkLost => "NetworkLost",
            Self::NetworkReturned => "NetworkReturned",
            Self::SignedIn => "SignedIn",
            Self::SignedOut => "SignedOut",
            Self::SignInRenewed => "SignInRenewed",
            Self::SignInRefused => "SignInRefused",
            Self::RetryRequested => "RetryRequested",
            Self::FileDamaged { .. } => "FileDamaged",
            Self::Deleted => "Deleted",
        }
    }
}
