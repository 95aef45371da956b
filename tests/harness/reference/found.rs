//! What a start has found, read out of a ledger.

use earmark_core::RecordingId;
use earmark_core::sync::UploadStage;
use earmark_store::{Ledger, RecordingFacts, SessionEnd};

use super::observation::{Boundary, Found, FoundRecording, FoundStage, FoundUpload, SourceName};

impl From<&Ledger> for Found {
    fn from(ledger: &Ledger) -> Self {
        let there = ledger.recordings.iter().filter(|(_, facts)| facts.removing.is_none());
        Self {
            recordings: there.map(|(id, facts)| recording(ledger, *id, facts)).collect(),
            muted: ledger.muted.iter().cloned().collect(),
        }
    }
}

fn recording(ledger: &Ledger, id: RecordingId, facts: &RecordingFacts) -> FoundRecording {
    let session = ledger.sessions.get(&facts.session);
    let frames = ledger.frames(id);
    let first = facts.started_at.unwrap_or_default();
    let played = facts.encoding.codec.frame_duration();
    let last = first + played * u32::try_from(frames).unwrap_or(u32::MAX);
    FoundRecording {
        id,
        source: SourceName { device: facts.device.clone(), account: facts.account.clone() },
        session: facts.session,
        ended_at: session.and_then(|one| one.closed).and_then(|(_, end)| boundary(end)),
        sync_started: session.and_then(|one| one.sync_started),
        conversation: facts.conversation.clone(),
        walls: (first, facts.ended_at.unwrap_or(last)),
        frames,
        undelivered: ledger.undelivered(id),
        is_sealed: facts.sealed.is_some(),
        upload: FoundUpload {
            requests: facts.upload.requests,
            attempts: facts.upload.attempts,
            swallowed: facts.upload.swallowed,
            stage: stage(&facts.upload.stage),
        },
    }
}

const fn boundary(end: SessionEnd) -> Option<Boundary> {
    match end {
        SessionEnd::Boundary => Some(Boundary::Server),
        SessionEnd::Finished => Some(Boundary::Person),
        SessionEnd::Stopped | SessionEnd::Gap | SessionEnd::Recovered => None,
    }
}

const fn stage(stage: &UploadStage) -> FoundStage {
    match stage {
        UploadStage::Pending { .. } => FoundStage::Pending,
        UploadStage::Uploading => FoundStage::Uploading,
        UploadStage::Accepted { .. } => FoundStage::Accepted,
        UploadStage::Synced { .. } => FoundStage::Synced,
        UploadStage::Failed { .. } => FoundStage::Failed,
        UploadStage::Corrupted { .. } => FoundStage::Corrupted,
    }
}
