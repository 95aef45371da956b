//! What a person sees of an upload.

use alloc::string::String;

use super::Effect;
use super::machine::{IN_WORK, Upload, UploadStep};
use super::state::{End, Errand, State};
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

impl Report {
    fn new(status: Status, reason: Option<&str>, attempts: u32) -> Self {
        Self {
            status,
            reason: reason.map(String::from),
            attempts,
            next_attempt_at: None,
            needs_person: false,
        }
    }
}

impl<R> Upload<R> {
    /// What a person sees of the upload in this state; nothing once it is deleted.
    pub fn report(&self, state: &State) -> Option<Report> {
        let shown = |status, reason| Report::new(status, reason, self.attempts());
        let waits = |errand: &Errand, reason| shown(self.waiting(errand), Some(reason));
        Some(match state {
            State::Held => waits(&Errand::Upload, "its session has not let it go yet"),
            State::Queued { errand } => waits(errand, "its turn comes next"),
            State::Offline { errand } => waits(errand, "the network is down"),
            State::Waiting { errand, pause } => Report {
                next_attempt_at: matches!(errand, Errand::Upload).then_some(pause.until),
                ..waits(errand, &pause.reason)
            },
            State::SigningIn { errand, reason } => waits(errand, reason),
            State::SignInNeeded { errand, reason } => {
                Report { needs_person: true, ..waits(errand, reason) }
            }
            State::SignedOut { errand } => {
                Report { needs_person: true, ..waits(errand, "its account is signed out") }
            }
            State::Journalling => waits(&Errand::Upload, "the attempt is written down first"),
            State::Uploading => shown(Status::Uploading, None),
            State::Polling { .. } => shown(Status::Processing, Some(IN_WORK)),
            State::Settling { end, .. } => shown(Status::Processing, Some(settling(end))),
            State::Synced { .. } => shown(Status::Synced, None),
            State::Failed { reason } => shown(Status::Failed, Some(reason)),
            State::Corrupted { reason } => shown(Status::Corrupted, Some(reason)),
            State::Deleted => return None,
        })
    }

    /// The status while no request is made.
    const fn waiting(&self, errand: &Errand) -> Status {
        match errand {
            Errand::Poll(_) => Status::Processing,
            Errand::Upload if self.attempts() == 0 => Status::Pending,
            Errand::Upload => Status::Retrying,
        }
    }

    pub(super) fn report_to(&self, state: &State, step: &mut UploadStep<'_, R>) {
        if let Some(report) = self.report(state) {
            step.effects.push(Effect::Report(report));
        }
    }
}

const fn settling(end: &End) -> &'static str {
    match end {
        End::Synced { .. } => "the server has it; this is being written down",
        End::Failed { .. } => "it has failed; this is being written down",
        End::Corrupted { .. } => "it is damaged; this is being written down",
    }
}
