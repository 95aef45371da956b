//! A report put together from what a runtime knows and what has happened.

use std::collections::BTreeMap;
use std::time::Duration;

use earmark::{
    Event, Moment, Numbered, Outcome as Sent, RecordingStatus, SessionStatus, Stamp, Status as Seen,
};
use earmark_backend::StateReport;
use earmark_core::RecordingId;
use serde_json::{Value, json};

use super::{
    EventCounts, FrameCounts, Happening, Indicator, Outcome, REPORT_VERSION, Recording, Report,
    Seconds, Session, SessionState, Status, Upload,
};

/// Frames as the one who offered them has counted, over all lives of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offered {
    /// Offered in all.
    pub captured: u64,
    /// Let go, the source being muted.
    pub muted: u64,
    /// Given back with a reason.
    pub rejected: u64,
    /// Taken, not acknowledged when the process died, and not recovered.
    pub lost: u64,
    /// Counted as delivered in lives before this one.
    pub delivered_before: u64,
    /// Events counted in lives before this one.
    pub events_before: EventCounts,
}

/// What a report is made of.
pub struct Ingredients<'a> {
    /// What the runtime knows.
    pub seen: &'a Seen,
    /// What has happened, in order.
    pub events: &'a [Numbered],
    /// What was offered.
    pub offered: Offered,
    /// What the server holds, if it can be asked.
    pub server: Option<StateReport>,
    /// The feed time of the report.
    pub ended_at: Duration,
    /// The clocks now.
    pub now: Stamp,
    /// The feed time of a moment.
    pub feed_time_of: &'a dyn Fn(Moment) -> Duration,
}

impl Report {
    /// The report, without the verdicts of expectations.
    pub fn assemble(from: &Ingredients<'_>) -> Self {
        let Ingredients { seen, offered, .. } = from;
        Self {
            version: REPORT_VERSION,
            ended_at: Seconds::from(from.ended_at),
            recordings: seen.recordings.iter().map(|one| recording(one, from)).collect(),
            uploads: uploads(from),
            server: from.server.clone(),
            frames: frames(seen, offered),
            indicator: Indicator {
                in_memory_s: Seconds::from(seen.indicator.in_memory),
                on_disk_s: Seconds::from(seen.indicator.on_disk),
                unsynced_s: Seconds::from(seen.indicator.unsynced),
            },
            sessions: seen.sessions.iter().map(session).collect(),
            events: EventCounts {
                ignored: offered.events_before.ignored + seen.events.ignored,
                unexpected: offered.events_before.unexpected + seen.events.unexpected,
            },
            timeline: timeline(from),
            expectations: Vec::new(),
        }
    }
}

impl From<&RecordingStatus> for Recording {
    /// A recording as `list` shows it: without a feed, so without a time of the next attempt.
    fn from(one: &RecordingStatus) -> Self {
        Self {
            id: one.id,
            device: one.device.clone(),
            account: one.account.clone(),
            session: one.session,
            conversation: one.conversation.clone(),
            started_at: Seconds::from(one.started_at),
            duration_s: Seconds::from(one.duration),
            frames: one.frames,
            bytes: one.bytes,
            sha256: one.sha256.map(|sum| sum.to_string()),
            status: status(one.status),
            reason: one.reason.clone(),
            attempts: one.attempts,
            next_attempt_at: None,
        }
    }
}

fn recording(one: &RecordingStatus, from: &Ingredients<'_>) -> Recording {
    let next = one.next_attempt.map(|deadline| (from.feed_time_of)(deadline.moment(from.now)));
    Recording { next_attempt_at: next.map(Seconds::from), ..Recording::from(one) }
}

fn status(word: &str) -> Status {
    match word {
        "capturing" => Status::Capturing,
        "uploading" => Status::Uploading,
        "processing" => Status::Processing,
        "retrying" => Status::Retrying,
        "synced" => Status::Synced,
        "failed" => Status::Failed,
        "corrupted" => Status::Corrupted,
        _ => Status::Pending,
    }
}

fn session(one: &SessionStatus) -> Session {
    Session {
        id: one.id,
        device: one.device.clone(),
        state: match one.state {
            "capturing" => SessionState::Capturing,
            "sealing" => SessionState::Sealing,
            "awaiting_link" => SessionState::AwaitingLink,
            "awaiting_conversation" => SessionState::AwaitingConversation,
            "syncing" => SessionState::Syncing,
            _ => SessionState::Settled,
        },
        conversation: one.conversation.clone(),
        fallback_fired: one.fallback_fired,
    }
}

fn frames(seen: &Seen, offered: &Offered) -> FrameCounts {
    let counts = seen.frames;
    FrameCounts {
        captured: offered.captured,
        muted: offered.muted,
        rejected: offered.rejected,
        lost: offered.lost,
        held: counts.held,
        released: counts.released,
        uploaded: counts.uploaded,
        durable: (counts.held + counts.released + counts.uploaded).saturating_sub(counts.in_memory),
        delivered: offered.delivered_before + counts.delivered,
    }
}

/// The requests that left, each with what came of it. A request whose process died stays open.
fn uploads(from: &Ingredients<'_>) -> Vec<Upload> {
    let mut uploads: Vec<Upload> = Vec::new();
    let mut open: BTreeMap<(RecordingId, u32), usize> = BTreeMap::new();
    for numbered in from.events {
        let event = &numbered.event;
        if let Event::UploadStarted { recording, conversation, attempt, frames } = event {
            open.insert((*recording, *attempt), uploads.len());
            uploads.push(Upload {
                at: Seconds::from((from.feed_time_of)(numbered.at.moment)),
                recording: *recording,
                conversation: conversation.clone(),
                attempt: *attempt,
                frames: u64::from(*frames),
                outcome: None,
            });
        } else if let Event::UploadEnded { recording, attempt, outcome } = event
            && let Some(index) = open.remove(&(*recording, *attempt))
        {
            uploads[index].outcome = Some(result(*outcome));
        }
    }
    uploads
}

fn result(outcome: Sent) -> Outcome {
    match outcome {
        Sent::Status(status) => Outcome::Status(status),
        Sent::Fault("refused") => Outcome::Refused,
        Sent::Fault("timeout") => Outcome::Timeout,
        Sent::Fault("lost") => Outcome::Lost,
        Sent::Fault(_) => Outcome::Reset,
    }
}

fn timeline(from: &Ingredients<'_>) -> Vec<Happening> {
    let happening = |numbered: &Numbered| {
        let (what, extra) = told(&numbered.event);
        let fields = extra.as_object().cloned().unwrap_or_default();
        let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
        Happening {
            at: Seconds::from((from.feed_time_of)(numbered.at.moment)),
            actor: numbered.actor.to_owned(),
            what: what.to_owned(),
            extra: fields.collect(),
        }
    };
    from.events.iter().map(happening).collect()
}

/// An event in a word and its particulars.
pub fn told(event: &Event) -> (&'static str, Value) {
    match event {
        Event::SessionChanged { session, device, state, conversation, fallback_fired } => (
            "session_changed",
            json!({ "session": session, "device": device, "state": state,
                "conversation": conversation, "fallback_fired": fallback_fired }),
        ),
        Event::RecordingLinked { recording, conversation } => {
            ("recording_linked", json!({ "recording": recording, "conversation": conversation }))
        }
        Event::RecordingSealed { recording, frames } => {
            ("recording_sealed", json!({ "recording": recording, "frames": frames }))
        }
        Event::NotSaved { recording, reason } => {
            ("not_saved", json!({ "recording": recording, "reason": reason }))
        }
        Event::UploadChanged { recording, report } => (
            "upload_changed",
            json!({ "recording": recording, "status": report.status.word(),
                "reason": report.reason, "attempts": report.attempts }),
        ),
        Event::UploadStarted { recording, conversation, attempt, frames } => (
            "upload_started",
            json!({ "recording": recording, "conversation": conversation, "attempt": attempt,
                "frames": frames }),
        ),
        Event::UploadEnded { recording, attempt, outcome } => (
            "upload_ended",
            json!({ "recording": recording, "attempt": attempt, "outcome": result(*outcome) }),
        ),
        Event::RecordingRemoved { recording, why } => {
            ("recording_removed", json!({ "recording": recording, "why": why }))
        }
        Event::FramesRefused { reason } => ("frames_refused", json!({ "reason": reason })),
        Event::FramesTakenAgain => ("frames_taken_again", Value::Null),
        Event::DiskTaskFailed { task, reason } => {
            ("disk_task_failed", json!({ "task": task, "reason": reason }))
        }
        Event::SocketChanged { device, account, closed } => (
            if closed.is_some() { "socket_down" } else { "socket_up" },
            json!({ "device": device, "account": account, "code": closed }),
        ),
        Event::LiveChanged { device, account, state, reason } => (
            "live_changed",
            json!({ "device": device, "account": account, "state": state, "reason": reason }),
        ),
        Event::NetworkChanged { online } => ("network_changed", json!({ "online": online })),
        Event::Ignored { why } => ("ignored", json!({ "why": why })),
        Event::Unexpected { state, event } => {
            ("unexpected", json!({ "state": state, "event": event }))
        }
        Event::Panicked { actor } => ("panicked", json!({ "actor": actor })),
    }
}
