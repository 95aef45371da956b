//! Where one upload stands, in memory.

use alloc::string::String;
use core::time::Duration;

use crate::{Deadline, Stamp};

/// Where one recording's upload stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Its session has not let it go yet.
    Held,
    /// It lines up for a request.
    Queued {
        /// What the request is for.
        errand: Errand,
    },
    /// It waits for a time.
    Waiting {
        /// What comes after.
        errand: Errand,
        /// Until when, and why.
        pause: Pause,
    },
    /// It waits for the network.
    Offline {
        /// What comes after.
        errand: Errand,
    },
    /// An attempt is being journalled; nothing has left yet.
    Journalling,
    /// The recording is being sent.
    Uploading,
    /// The server is being asked about a job.
    Polling {
        /// The job.
        job: Job,
    },
    /// The host is asked for fresh credentials.
    SigningIn {
        /// What comes after.
        errand: Errand,
        /// How the last ones were refused, in words.
        reason: String,
    },
    /// Fresh credentials were refused too, or there were none: a person must sign in.
    SignInNeeded {
        /// What comes after.
        errand: Errand,
        /// How they were refused, in words.
        reason: String,
    },
    /// It waits until the account is signed in.
    SignedOut {
        /// What comes after.
        errand: Errand,
    },
    /// It has ended, and the journal is yet to know.
    Settling {
        /// How it ended.
        end: End,
        /// The order or the timer that is waited for.
        generation: u64,
        /// Whether it is the timer: the journal could not take the ending.
        armed: bool,
    },
    /// The server has it, and the journal knows.
    Synced {
        /// When the server said so.
        at: Stamp,
    },
    /// It is not tried again unless a person asks.
    Failed {
        /// Why, in words.
        reason: String,
    },
    /// The sealed bytes are missing or differ from their hash.
    Corrupted {
        /// What is damaged, in words.
        reason: String,
    },
    /// It was deleted, or let go without an upload.
    Deleted,
}

impl State {
    /// The state's name, as it stands in the diagram.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Held => "Held",
            Self::Queued { .. } => "Queued",
            Self::Waiting { .. } => "Waiting",
            Self::Offline { .. } => "Offline",
            Self::Journalling => "Journalling",
            Self::Uploading => "Uploading",
            Self::Polling { .. } => "Polling",
            Self::SigningIn { .. } => "SigningIn",
            Self::SignInNeeded { .. } => "SignInNeeded",
            Self::SignedOut { .. } => "SignedOut",
            Self::Settling { .. } => "Settling",
            Self::Synced { .. } => "Synced",
            Self::Failed { .. } => "Failed",
            Self::Corrupted { .. } => "Corrupted",
            Self::Deleted => "Deleted",
        }
    }

    /// Whether it has a slot or lines up for one.
    pub(super) const fn has_slot(&self) -> bool {
        matches!(
            self,
            Self::Queued { .. } | Self::Journalling | Self::Uploading | Self::Polling { .. }
        )
    }

    /// Whether `next` uses the slot that this state has.
    pub(super) const fn hands_slot_to(&self, next: &Self) -> bool {
        matches!(
            (self, next),
            (Self::Queued { .. }, Self::Journalling | Self::Polling { .. })
                | (Self::Journalling, Self::Uploading)
        )
    }

    /// Whether its timer runs.
    pub(super) const fn is_armed(&self) -> bool {
        matches!(self, Self::Waiting { .. } | Self::Settling { armed: true, .. })
    }
}

/// What the next request is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Errand {
    /// To upload the recording.
    Upload,
    /// To ask about a job.
    Poll(Job),
}

/// Work of the server on the recording.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Job {
    /// The server's name for it.
    pub name: String,
    /// When the server took the recording.
    pub since: Stamp,
    /// Until when it is asked for.
    pub lease: Deadline,
    /// The wait before the latest question.
    pub poll_after: Duration,
}

/// A wait for a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pause {
    /// Until when.
    pub until: Deadline,
    /// What can end it earlier.
    pub kind: PauseKind,
    /// Why it waits, in words.
    pub reason: String,
    /// The timer that ends it.
    pub generation: u64,
}

/// What can end a wait early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PauseKind {
    /// The network's return, or a person.
    BackOff,
    /// A person.
    Fixed,
    /// Nothing: the server said how long.
    Told,
}

/// How an upload ends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// The server has it.
    Synced {
        /// When it said so.
        at: Stamp,
    },
    /// It is not tried again unless a person asks.
    Failed {
        /// Why, in words.
        reason: String,
    },
    /// The sealed bytes are missing or differ from their hash.
    Corrupted {
        /// What is damaged, in words.
        reason: String,
    },
}

impl From<End> for State {
    fn from(end: End) -> Self {
        match end {
            End::Synced { at } => Self::Synced { at },
            End::Failed { reason } => Self::Failed { reason },
            End::Corrupted { reason } => Self::Corrupted { reason },
        }
    }
}
