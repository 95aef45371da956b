//! What the runtime says of itself, told to the model.

use earmark::{Event, Outcome, RecordingStatus};
use earmark_core::RecordingId;
use earmark_tests::reference::{At, Disagreement, Ending, Held, Listed, Observation, SourceName};

use super::host::Host;

impl Host {
    /// Lets the instant end, and tells the model what came of it.
    pub(super) async fn observe(&mut self) -> Result<(), Disagreement> {
        self.settle().await;
        let status = self.status().await;
        let list: Vec<Listed> = status.recordings.iter().map(listed).collect();
        let heard = self.heard;
        let events = self.setting.happened.look(|events| events[heard..].to_vec());
        self.heard += events.len();
        self.name(&list, events.iter().filter_map(|one| recording_of(&one.event)))?;
        for one in events {
            let at = At { moment: one.at.moment, wall: one.at.wall };
            if let Some(observation) = observation(&one.event)? {
                self.model.hear(at, &observation)?;
            }
        }
        self.hear(&Observation::InMemory(status.frames.in_memory))?;
        self.hear(&Observation::Listed(list))
    }

    /// Tells the ids that are new, in their order. What is gone already was the subject's.
    fn name(
        &mut self,
        list: &[Listed],
        others: impl Iterator<Item = RecordingId>,
    ) -> Result<(), Disagreement> {
        let mut ids: Vec<RecordingId> = list.iter().map(|one| one.id).chain(others).collect();
        ids.sort_unstable();
        ids.dedup();
        for recording in ids.into_iter().filter(|id| Some(*id) > self.latest).collect::<Vec<_>>() {
            let known = list.iter().find(|one| one.id == recording);
            let source = known.map_or(&self.subject, |one| &one.source).clone();
            self.hear(&Observation::Opened { recording, source })?;
            self.latest = Some(recording);
        }
        Ok(())
    }

    /// What the server holds.
    pub(super) fn held(&self) -> Vec<Held> {
        let uploads = self.setting.network.state().uploads;
        let held = uploads.into_iter().map(|one| Held {
            conversation: one.conversation,
            frames: one.frames,
            sha256: one.sha256,
        });
        held.collect()
    }
}

fn listed(one: &RecordingStatus) -> Listed {
    Listed {
        id: one.id,
        source: SourceName { device: one.device.clone(), account: one.account.clone() },
        session: one.session,
        conversation: one.conversation.clone(),
        started_at: one.started_at,
        frames: one.frames,
        sha256: one.sha256.map(|sum| sum.to_string()),
        status: one.status,
        attempts: one.attempts,
    }
}

const fn recording_of(event: &Event) -> Option<RecordingId> {
    match event {
        Event::RecordingLinked { recording, .. }
        | Event::RecordingSealed { recording, .. }
        | Event::NotSaved { recording, .. }
        | Event::UploadChanged { recording, .. }
        | Event::UploadStarted { recording, .. }
        | Event::UploadEnded { recording, .. }
        | Event::RecordingRemoved { recording, .. } => Some(*recording),
        Event::SessionChanged { .. }
        | Event::FramesRefused { .. }
        | Event::FramesTakenAgain
        | Event::DiskTaskFailed { .. }
        | Event::SocketChanged { .. }
        | Event::LiveChanged { .. }
        | Event::NetworkChanged { .. }
        | Event::Ignored { .. }
        | Event::Unexpected { .. }
        | Event::Panicked { .. } => None,
    }
}

/// What an event is to the model; nothing when it says nothing new.
fn observation(event: &Event) -> Result<Option<Observation>, Disagreement> {
    Ok(Some(match event {
        Event::RecordingLinked { recording, conversation } => {
            Observation::Linked { recording: *recording, conversation: conversation.clone() }
        }
        Event::RecordingSealed { recording, frames } => {
            Observation::Sealed { recording: *recording, frames: u64::from(*frames) }
        }
        Event::UploadChanged { recording, report } => Observation::Reported {
            recording: *recording,
            status: report.status.word(),
            attempts: report.attempts,
        },
        Event::UploadStarted { recording, conversation, attempt, frames } => {
            Observation::RequestLeft {
                recording: *recording,
                conversation: conversation.clone(),
                ordinal: *attempt,
                frames: u64::from(*frames),
            }
        }
        Event::UploadEnded { recording, outcome, .. } => {
            let ending = match outcome {
                Outcome::Status(status) => Ending::Status(*status),
                Outcome::Fault(_) => Ending::Fault,
            };
            Observation::RequestEnded { recording: *recording, ending }
        }
        Event::RecordingRemoved { recording, why } => {
            Observation::Removed { recording: *recording, why }
        }
        Event::FramesRefused { reason } => Observation::FramesRefused(reason.clone()),
        Event::FramesTakenAgain => Observation::FramesTakenAgain,
        Event::Unexpected { .. } | Event::Panicked { .. } => return Err(format!("{event:?}")),
        Event::SessionChanged { .. }
        | Event::NotSaved { .. }
        | Event::DiskTaskFailed { .. }
        | Event::SocketChanged { .. }
        | Event::LiveChanged { .. }
        | Event::NetworkChanged { .. }
        | Event::Ignored { .. } => return Ok(None),
    }))
}
