//! What the runtime tells, as lines of the log with the ids that they are about.

use std::collections::BTreeMap;
use std::sync::Arc;

use earmark::{Device, Event, Outcome, RecordingId, Runtime, SessionId};
use tokio::sync::broadcast::{self, error::RecvError};
use tracing::{debug, error, info, warn};

use super::board::Board;
use crate::clock;

/// Logs events, and notes what health and metrics speak of, until the runtime is gone.
pub(crate) async fn run(
    mut events: broadcast::Receiver<earmark::Numbered>,
    runtime: Runtime,
    board: Arc<Board>,
) {
    let mut told = Told::default();
    loop {
        match events.recv().await {
            Ok(numbered) => {
                note(&board, &numbered.event);
                if told.knew(&numbered.event) {
                    continue;
                }
                log(&numbered.event, &runtime, &board).await;
            }
            Err(RecvError::Lagged(missed)) => warn!(missed, "events were too many to be logged"),
            Err(RecvError::Closed) => return,
        }
    }
}

/// What was last said of each upload that has not ended.
#[derive(Default)]
struct Told(BTreeMap<RecordingId, (&'static str, Option<String>, u32)>);

impl Told {
    /// Whether an event says nothing but what was said before. A server that works on an upload is
    /// asked again and again; that is said once.
    fn knew(&mut self, event: &Event) -> bool {
        if let Event::RecordingRemoved { recording, .. } = event {
            self.0.remove(recording);
        }
        let Event::UploadChanged { recording, report } = event else {
            return false;
        };
        let word = report.status.word();
        if matches!(word, "synced" | "failed" | "corrupted") {
            self.0.remove(recording);
            return false;
        }
        let reason = report.reason.clone().filter(|_| word != "processing");
        let said = (word, reason, report.attempts);
        self.0.insert(*recording, said.clone()) == Some(said)
    }
}

fn note(board: &Board, event: &Event) {
    board.note(|facts| match event {
        Event::FramesRefused { reason } => facts.refusal = Some(reason.clone()),
        Event::FramesTakenAgain => facts.refusal = None,
        Event::NetworkChanged { online } => facts.is_offline = !online,
        Event::SocketChanged { device, account, closed } => {
            let key = (device.clone(), account.clone());
            let (downs, is_up) = facts.sockets.entry(key).or_default();
            *is_up = closed.is_none();
            *downs += u64::from(closed.is_some());
            if *is_up {
                facts.silence.was_answered();
            }
        }
        Event::UploadEnded { outcome, .. } => {
            *facts.requests.entry(class(*outcome)).or_default() += 1;
            match outcome {
                Outcome::Status(_) => facts.silence.was_answered(),
                Outcome::Fault(fault) => facts.silence.went_unanswered(fault, clock::now()),
            }
        }
        Event::NotSaved { recording, reason } => {
            facts.disk.seal_failed(*recording, reason, clock::now());
        }
        Event::DiskTaskFailed { task, reason } => {
            facts.disk.task_failed(task, reason, clock::now());
        }
        Event::SessionChanged { .. }
        | Event::RecordingLinked { .. }
        | Event::RecordingSealed { .. }
        | Event::UploadChanged { .. }
        | Event::UploadStarted { .. }
        | Event::RecordingRemoved { .. }
        | Event::LiveChanged { .. }
        | Event::Ignored { .. }
        | Event::Unexpected { .. }
        | Event::Panicked { .. } => {}
    });
}

/// What came of a request, in so few words that a metric may count them.
const fn class(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Status(200..=299) => "2xx",
        Outcome::Status(300..=399) => "3xx",
        Outcome::Status(400..=499) => "4xx",
        Outcome::Status(500..=599) => "5xx",
        Outcome::Status(_) => "other",
        Outcome::Fault(fault) => fault,
    }
}

/// The session and device of a recording. One that is younger than the latest look is asked for.
async fn whose(
    recording: RecordingId,
    runtime: &Runtime,
    board: &Board,
) -> Option<(SessionId, Device)> {
    if let Some(found) = board.whose(recording) {
        return Some(found);
    }
    let status = runtime.status_now().await.ok()?;
    let found = status.recordings.iter().find(|one| one.id == recording)?;
    Some((found.session, found.device.clone()))
}

async fn log(event: &Event, runtime: &Runtime, board: &Board) {
    match event {
        Event::RecordingLinked { recording, .. }
        | Event::RecordingSealed { recording, .. }
        | Event::NotSaved { recording, .. }
        | Event::UploadChanged { recording, .. }
        | Event::UploadStarted { recording, .. }
        | Event::UploadEnded { recording, .. }
        | Event::RecordingRemoved { recording, .. } => {
            let whose = whose(*recording, runtime, board).await;
            log_recording(event, *recording, whose);
        }
        Event::SessionChanged { session, device, state, conversation, fallback_fired } => {
            let conversation = conversation.as_ref().map(tracing::field::display);
            info!(
                %session, %device, conversation, state, fallback_fired,
                "the session is {state}"
            );
        }
        Event::FramesRefused { reason } => error!(reason, "frames are refused"),
        // The runtime says that itself.
        Event::FramesTakenAgain => {}
        Event::DiskTaskFailed { task, reason } => error!(task, reason, "the disk failed"),
        Event::SocketChanged { device, account, closed: None } => {
            info!(%device, %account, "the live socket is up");
        }
        Event::SocketChanged { device, account, closed: Some(code) } => {
            info!(%device, %account, code, "the live socket is down");
        }
        Event::LiveChanged { device, account, state: "stopped", reason } => {
            error!(%device, %account, reason, "the live socket stays down");
        }
        Event::LiveChanged { device, account, state, reason } => {
            info!(%device, %account, state, reason, "the live socket is {state}");
        }
        Event::NetworkChanged { online: true } => info!("the network is usable"),
        Event::NetworkChanged { online: false } => warn!("the network is not usable"),
        Event::Ignored { why } => debug!(why, "a message had no effect"),
        Event::Unexpected { state, event } => error!(state, event, "a defect: no state answers"),
        Event::Panicked { actor } => error!(actor, "a defect: an actor panicked"),
    }
}

fn log_recording(event: &Event, recording: RecordingId, whose: Option<(SessionId, Device)>) {
    let session = whose.as_ref().map(|(session, _)| tracing::field::display(session));
    let device = whose.as_ref().map(|(_, device)| tracing::field::display(device));
    match event {
        Event::RecordingSealed { frames, .. } => {
            info!(%recording, session, device, frames, "the recording is sealed");
        }
        Event::RecordingLinked { conversation, .. } => {
            info!(%recording, session, device, %conversation, "the recording is linked");
        }
        Event::NotSaved { reason, .. } => {
            warn!(%recording, session, device, reason, "the recording is not sealed yet");
        }
        Event::UploadStarted { conversation, attempt, frames, .. } => {
            let conversation = conversation.as_ref().map(tracing::field::display);
            info!(%recording, session, device, conversation, attempt, frames, "an upload begins");
        }
        Event::UploadEnded { attempt, outcome: Outcome::Status(status), .. } => {
            info!(%recording, session, device, attempt, status, "the server has answered");
        }
        Event::UploadEnded { attempt, outcome: Outcome::Fault(fault), .. } => {
            warn!(%recording, session, device, attempt, fault, "an upload got no answer");
        }
        Event::UploadChanged { report, .. } => {
            let (status, reason) = (report.status.word(), report.reason.as_deref());
            let attempts = report.attempts;
            if matches!(status, "failed" | "corrupted") {
                error!(%recording, session, device, status, reason, attempts, "needs a person");
            } else {
                info!(
                    %recording, session, device, status, reason, attempts,
                    "the upload is {status}"
                );
            }
        }
        Event::RecordingRemoved { why, .. } => {
            info!(%recording, session, device, why, "the recording is removed");
        }
        Event::SessionChanged { .. }
        | Event::FramesRefused { .. }
        | Event::FramesTakenAgain
        | Event::DiskTaskFailed { .. }
        | Event::SocketChanged { .. }
        | Event::LiveChanged { .. }
        | Event::NetworkChanged { .. }
        | Event::Ignored { .. }
        | Event::Unexpected { .. }
        | Event::Panicked { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use earmark_core::sync::{Report, Status};

    use super::*;

    #[test]
    fn a_server_that_works_on_an_upload_is_told_of_once() {
        let mut told = Told::default();
        let recording: RecordingId = "r-00000001-1".parse().expect("an id");
        let mut knew = |status, reason: Option<&str>| {
            let reason = reason.map(String::from);
            let (next_attempt_at, needs_person, attempts) = (None, false, 0);
            let report = Report { status, reason, attempts, next_attempt_at, needs_person };
            told.knew(&Event::UploadChanged { recording, report })
        };
        assert!(!knew(Status::Processing, Some("the server works on it")));
        assert!(knew(Status::Processing, Some("its turn comes next")));
        assert!(!knew(Status::Pending, Some("the network is down")));
        assert!(!knew(Status::Pending, Some("its turn comes next")));
        assert!(!knew(Status::Synced, None));
        assert!(told.0.is_empty());
    }
}
