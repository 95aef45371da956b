//! The report: what came of a feed, or of a store, in one JSON object.
//!
//! The order of the fields here is the order of the keys there. The report is a public interface:
//! it changes by additions only, and `docs/feeds.md` explains every field.

mod assemble;
mod outcome;
mod seconds;

use std::collections::BTreeMap;

use earmark_backend::server::StateReport;
use earmark_core::{Account, ConversationId, Device, RecordingId, SessionId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use assemble::{Ingredients, Offered, told};
pub use outcome::Outcome;
pub use seconds::Seconds;

/// The version of the report's format.
pub const REPORT_VERSION: u32 = 1;

/// What came of it all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The format's version, [`REPORT_VERSION`].
    pub version: u32,
    /// When the report was taken, in feed time.
    pub ended_at: Seconds,
    /// The recordings, in the order of their first frames; neither deleted nor released ones.
    pub recordings: Vec<Recording>,
    /// Every request that left with a recording, in that order.
    pub uploads: Vec<Upload>,
    /// What the server holds; `None` for a server that cannot be asked.
    pub server: Option<StateReport>,
    /// Where all frames are.
    pub frames: FrameCounts,
    /// What a person would be shown as not yet safe.
    pub indicator: Indicator,
    /// The sessions, in the order of their first frames.
    pub sessions: Vec<Session>,
    /// How many events came to nothing.
    pub events: EventCounts,
    /// What happened, in order.
    pub timeline: Vec<Happening>,
    /// What the feed's expectations found.
    pub expectations: Vec<Verdict>,
}

/// One recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// Its id in the store.
    pub id: RecordingId,
    /// The device that captured it.
    pub device: Device,
    /// Who owns it.
    pub account: Account,
    /// The session it is part of.
    pub session: SessionId,
    /// The conversation it is linked to.
    pub conversation: Option<ConversationId>,
    /// When its first frame was captured, in Unix seconds by the wall clock.
    pub started_at: Seconds,
    /// How much audio it holds: frames ÷ frame rate.
    pub duration_s: Seconds,
    /// How many frames it holds.
    pub frames: u64,
    /// The bytes of its file.
    pub bytes: u64,
    /// The SHA-256 of its file as it is uploaded, in hexadecimal; `None` while capturing.
    pub sha256: Option<String>,
    /// Where it is on its way.
    pub status: Status,
    /// Why, in words for a person.
    pub reason: Option<String>,
    /// How many attempts have spent the budget.
    pub attempts: u32,
    /// When it is tried next, in feed time.
    pub next_attempt_at: Option<Seconds>,
}

/// Where a recording is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It still grows.
    Capturing,
    /// It waits; nothing is spent yet.
    Pending,
    /// A request with it is in flight.
    Uploading,
    /// The server has taken it and works on it.
    Processing,
    /// One or two attempts are spent; it waits for the next.
    Retrying,
    /// The server has confirmed it.
    Synced,
    /// Only a person brings it back.
    Failed,
    /// Its bytes are missing or differ from their hash.
    Corrupted,
}

/// One request that left with a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// When it left, in feed time.
    pub at: Seconds,
    /// The recording that it carried.
    pub recording: RecordingId,
    /// The conversation that it named.
    pub conversation: Option<ConversationId>,
    /// Which request for this recording it is, from 1.
    pub attempt: u32,
    /// How many frames it carried.
    pub frames: u64,
    /// What came of it; `None` while it is in flight.
    pub outcome: Option<Outcome>,
}

/// Where all frames of a feed are, kills included.
///
/// `captured` is the sum of `muted`, `rejected`, `lost`, `held`, `released` and `uploaded`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FrameCounts {
    /// Came from a device.
    pub captured: u64,
    /// Came while it was muted.
    pub muted: u64,
    /// Were refused with a reason.
    pub rejected: u64,
    /// Were taken, not yet acknowledged when the process or machine died, and not recovered.
    pub lost: u64,
    /// Are on disk or in memory, those of failed and corrupted recordings included.
    pub held: u64,
    /// Were let go without upload, by policy or because somebody deleted them.
    pub released: u64,
    /// Are confirmed by the server, each counted once.
    pub uploaded: u64,
    /// Are, or were, acknowledged as durable.
    pub durable: u64,
    /// Count as delivered over a live socket.
    pub delivered: u64,
}

/// What a person would be shown as not yet safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Indicator {
    /// Audio that is not yet durable.
    pub in_memory_s: Seconds,
    /// Audio that is durable and still held.
    pub on_disk_s: Seconds,
    /// Both, less what counts as delivered under the policy.
    pub unsynced_s: Seconds,
}

/// One session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its id in the store.
    pub id: SessionId,
    /// The device that it is a run of.
    pub device: Device,
    /// Where it is on its way.
    pub state: SessionState,
    /// The conversation that it is linked to.
    pub conversation: Option<ConversationId>,
    /// Whether it went on without the conversation's event.
    pub fallback_fired: bool,
}

/// Where a session is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// Frames still come.
    Capturing,
    /// Its last recording is being made durable.
    Sealing,
    /// It waits for the server to name a conversation.
    AwaitingLink,
    /// It waits for that conversation to be ready.
    AwaitingConversation,
    /// Its recordings may be uploaded.
    Syncing,
    /// Each recording is synced, failed, corrupted, released or deleted.
    Settled,
}

/// How many events came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EventCounts {
    /// Understood and without effect: duplicate, late, unknown, malformed.
    pub ignored: u64,
    /// A machine had no answer to it: always 0.
    pub unexpected: u64,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Happening {
    /// When, in feed time.
    pub at: Seconds,
    /// Who did it.
    pub actor: String,
    /// What it was.
    pub what: String,
    /// Whatever else is to be said about it.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

/// What an expectation found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The line of the feed.
    pub line: usize,
    /// Whether everything was as expected.
    pub held: bool,
    /// The parts that were asked for and differed; `null` when it held.
    pub found: Value,
}

impl Report {
    /// The report as JSON text, indented for people and stable for machines, with a last line end.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self)
            .expect("a report has text keys only and no number that JSON lacks");
        text.push('\n');
        text
    }

    /// Whether every expectation held or, without any, no recording ended failed or corrupted.
    pub fn is_good(&self) -> bool {
        if self.expectations.is_empty() {
            return !self.recordings.iter().any(|recording| recording.status.is_bad());
        }
        self.expectations.iter().all(|verdict| verdict.held)
    }
}

impl Status {
    /// The statuses' names, in the order of a recording's way.
    pub const NAMES: [&'static str; 8] = [
        "capturing",
        "pending",
        "uploading",
        "processing",
        "retrying",
        "synced",
        "failed",
        "corrupted",
    ];

    /// Whether a person has to look at it.
    pub const fn is_bad(self) -> bool {
        match self {
            Self::Failed | Self::Corrupted => true,
            Self::Capturing
            | Self::Pending
            | Self::Uploading
            | Self::Processing
            | Self::Retrying
            | Self::Synced => false,
        }
    }
}

impl SessionState {
    /// The states' names, in the order of a session's way.
    pub const NAMES: [&'static str; 6] =
        ["capturing", "sealing", "awaiting_link", "awaiting_conversation", "syncing", "settled"];
}

#[cfg(test)]
pub(crate) mod tests;
