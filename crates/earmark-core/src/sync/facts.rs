//! What must survive a restart of a recording's upload.

use alloc::string::String;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Deadline, Stamp};

/// Where the upload of a recording stands, as it is kept in the journal.
///
/// The machine's own state is made anew from it after a restart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UploadFacts {
    /// Requests that were journalled before they left, retries after a sign-in included.
    pub requests: u32,
    /// Attempts that spent the budget.
    pub attempts: u32,
    /// Requests in a row whose outcome a crash swallowed.
    pub swallowed: u32,
    /// Waits in a row that spent nothing, which the next back-off grows from.
    pub waits: u32,
    /// What the upload does now.
    pub stage: UploadStage,
}

/// What an upload does now.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UploadStage {
    /// It waits for its turn, or until a time.
    Pending {
        /// Not before this; at once when absent.
        next: Option<Deadline>,
        /// Whether the wait was told by the server, so that a network that returns does not end it.
        told: bool,
        /// Whether the wait is a rule of our own that a network that returns does not end either.
        #[serde(default)]
        fixed: bool,
        /// What it waits for, in words.
        reason: Option<String>,
    },
    /// A request was journalled and may have left.
    Uploading,
    /// The server took the recording and works on it.
    Accepted {
        /// The server's name for the work.
        job: String,
        /// When the server took it.
        since: Stamp,
        /// Until when it is asked for.
        lease: Deadline,
        /// How long to wait before the next poll.
        poll_after: Duration,
        /// No poll before this, because the server said so; `since` and `poll_after` count
        /// otherwise.
        #[serde(default)]
        not_before: Option<Deadline>,
    },
    /// The server has it.
    Synced {
        /// When that was known.
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

impl UploadStage {
    /// Its name, as it stands in the journal.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pending { .. } => "pending",
            Self::Uploading => "uploading",
            Self::Accepted { .. } => "accepted",
            Self::Synced { .. } => "synced",
            Self::Failed { .. } => "failed",
            Self::Corrupted { .. } => "corrupted",
        }
    }
}

impl UploadFacts {
    /// An upload that nothing was tried for yet.
    pub const fn new() -> Self {
        Self {
            requests: 0,
            attempts: 0,
            swallowed: 0,
            waits: 0,
            stage: UploadStage::Pending { next: None, told: false, fixed: false, reason: None },
        }
    }

    /// Whether nothing is left to do unless a person asks.
    pub const fn is_final(&self) -> bool {
        match self.stage {
            UploadStage::Synced { .. }
            | UploadStage::Failed { .. }
            | UploadStage::Corrupted { .. } => true,
            UploadStage::Pending { .. } | UploadStage::Uploading | UploadStage::Accepted { .. } => {
                false
            }
        }
    }
}

impl Default for UploadFacts {
    fn default() -> Self {
        Self::new()
    }
}
