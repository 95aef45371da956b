//! What the runtime tells, in words.

use earmark::{ConversationId, Event, Outcome, RecordingId};
use earmark_core::sync::{Report, Status};

/// An event as a line for people; nothing where they need not know.
pub(super) fn told(event: &Event) -> Option<String> {
    Some(match event {
        Event::SessionChanged { session, state, conversation, fallback_fired, .. } => {
            return session_told(
                &session.to_string(),
                state,
                conversation.as_ref(),
                *fallback_fired,
            );
        }
        Event::RecordingSealed { recording, frames } => {
            format!("{recording} is sealed on disk with {frames} frames")
        }
        Event::RecordingLinked { recording, conversation } => {
            format!("{recording} is linked to {conversation}, durably")
        }
        Event::UploadStarted { recording, conversation, attempt, frames } => {
            let place = conversation.as_ref().map_or_else(
                || String::from("to no conversation"),
                |conversation| format!("into {conversation}"),
            );
            format!("{recording} leaves {place}: {frames} frames, request {attempt}")
        }
        Event::UploadEnded { recording, outcome, .. } => match outcome {
            Outcome::Status(202) => format!("{recording}: 202, the server has it and works on it"),
            Outcome::Status(status) => format!("{recording}: the server answered {status}"),
            Outcome::Fault(fault) => format!("{recording}: no answer ({fault})"),
        },
        Event::UploadChanged { recording, report } => return upload_told(*recording, report),
        Event::RecordingRemoved { recording, why } => match *why {
            "released" => {
                format!("{recording} is released: the server proved that it has every frame")
            }
            why => format!("{recording} is removed: {why}"),
        },
        Event::SocketChanged { closed: None, .. } => String::from("the live socket is up"),
        Event::SocketChanged { closed: Some(code), .. } => {
            format!("the live socket is down ({code})")
        }
        Event::LiveChanged { state, reason, .. } => {
            let why = reason.as_ref().map_or_else(String::new, |why| format!(": {why}"));
            format!("the live socket is {state}{why}")
        }
        Event::NetworkChanged { online: true } => String::from("the network is usable"),
        Event::NetworkChanged { online: false } => String::from("the network is not usable"),
        Event::NotSaved { recording, reason } => format!("{recording} is not sealed yet: {reason}"),
        Event::FramesRefused { reason } => format!("frames are refused: {reason}"),
        Event::FramesTakenAgain => String::from("frames are taken again"),
        Event::DiskTaskFailed { task, reason } => format!("the disk failed at {task}: {reason}"),
        Event::Ignored { why } => format!("ignored: {why}"),
        Event::Unexpected { state, event } => format!("DEFECT: {event} in the state {state}"),
        Event::Panicked { actor } => format!("DEFECT: {actor} panicked"),
    })
}

/// Where an upload has come to, unless another event tells it.
fn upload_told(recording: RecordingId, report: &Report) -> Option<String> {
    let reason = report.reason.as_ref().map_or_else(String::new, |why| format!(": {why}"));
    match report.status {
        Status::Synced => Some(format!("{recording} is synced: the server has confirmed it")),
        Status::Retrying | Status::Failed | Status::Corrupted => {
            Some(format!("{recording} is {}{reason}", report.status.word()))
        }
        Status::Pending | Status::Uploading | Status::Processing => None,
    }
}

fn session_told(
    session: &str,
    state: &str,
    conversation: Option<&ConversationId>,
    fallback_fired: bool,
) -> Option<String> {
    let conversation = conversation.map_or("a conversation", |conversation| conversation.as_str());
    Some(match state {
        "awaiting_conversation" => {
            format!("{session} waits until {conversation} is ready, 30 s at most")
        }
        "syncing" if fallback_fired => format!(
            "FALLBACK: 30 s after ProcessingStarted no ConversationEvent of {conversation} came; \
             {session} is uploaded without it"
        ),
        "syncing" => format!("{conversation} is ready; {session} is uploaded"),
        "settled" => format!("{session} is settled"),
        _ => return None,
    })
}
