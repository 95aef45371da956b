//! What a person sees of an upload.

use alloc::string::String;

use crate::Deadline;

/// A recording's status once it is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Nothing is spent yet; it waits.
    Pending,
    /// One or two attempts are spent; it waits.
    Retrying,
    /// A request is being made.
    Uploading,
    /// The server took it, and has not said yet that it has it.
    Processing,
    /// The server has it.
    Synced,
    /// It is not tried again unless a person asks.
    Failed,
    /// The sealed bytes are missing or differ from their hash.
    Corrupted,
}

impl Status {
    /// The word for it in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Retrying => "retrying",
            Self::Uploading => "uploading",
            Self::Processing => "processing",
            Self::Synced => "synced",
            Self::Failed => "failed",
            Self::Corrupted => "corrupted",
        }
    }
}

/// What a person sees of one recording's upload.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Report {
    /// Its status.
    pub status: Status,
    /// What it waits for or why it ended, in words; nothing when it is being sent or synced.
    pub reason: Option<String>,
    /// Attempts that spent the budget.
    pub attempts: u32,
    /// When it is tried again, if that is known.
    pub next_attempt_at: Option<Deadline>,
    /// Whether only a person can bring it on: it waits for a sign-in.
    pub needs_person: bool,
}
