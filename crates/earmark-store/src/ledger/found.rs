//! What the sessions' machines are made anew from.

use std::collections::BTreeMap;

use earmark_core::session::{
    LINK_WAIT, RecoveredRecording, RecoveredSession, RecoveredUpload, SessionEnd as End,
};
use earmark_core::{Account, CaptureId, Device, Moment, RecordingId, SessionId, Stamp, WallTime};

use super::{Ledger, RecordingFacts, SessionFacts};

/// The sessions of each device and account, in the order of their audio.
pub type FoundSessions<R> = BTreeMap<(Device, Account), Vec<RecoveredSession<R>>>;

/// The recordings of a session that are not going.
type Own<'a> = Vec<(RecordingId, &'a RecordingFacts)>;

impl Ledger {
    /// The sessions that have recordings. `sealed` gives the proof that a recording is sealed,
    /// where there is one. A session of which damage left nothing but its recordings is among them,
    /// for they must come to an end as well.
    pub fn found_sessions<R>(
        &self,
        sealed: impl Fn(RecordingId) -> Option<R>,
        now: Stamp,
    ) -> FoundSessions<R> {
        let mut found = FoundSessions::new();
        for (id, own) in self.recordings_by_session() {
            let Some((_, first)) = own.first() else { continue };
            let key = (first.device.clone(), first.account.clone());
            let facts = self.sessions.get(&id).map(AsRef::as_ref);
            let capture = facts.map_or(first.capture, |facts| facts.capture);
            let session = self.found_session((id, capture), facts, &own, &sealed, now);
            found.entry(key).or_default().push(session);
        }
        for sessions in found.values_mut() {
            sessions.sort_by_key(|session| session.recordings.first().map(|one| one.recording));
        }
        found
    }

    fn recordings_by_session(&self) -> BTreeMap<SessionId, Own<'_>> {
        let mut owners: BTreeMap<SessionId, Own<'_>> = BTreeMap::new();
        for (id, facts) in self.recordings.iter().filter(|(_, one)| one.removing.is_none()) {
            owners.entry(facts.session).or_default().push((*id, facts));
        }
        owners
    }

    fn found_session<R>(
        &self,
        (id, capture): (SessionId, CaptureId),
        facts: Option<&SessionFacts>,
        own: &Own<'_>,
        sealed: &impl Fn(RecordingId) -> Option<R>,
        now: Stamp,
    ) -> RecoveredSession<R> {
        RecoveredSession {
            session: id,
            capture,
            end: facts.and_then(|one| one.closed).map_or(End::Recovered, |(_, end)| end.into()),
            conversation: own.iter().find_map(|(_, one)| one.conversation.clone()),
            sync_started: facts.and_then(|one| one.sync_started),
            recordings: own
                .iter()
                .map(|(id, one)| self.found_recording(*id, one, sealed(*id), now))
                .collect(),
        }
    }

    fn found_recording<R>(
        &self,
        id: RecordingId,
        facts: &RecordingFacts,
        token: Option<R>,
        now: Stamp,
    ) -> RecoveredRecording<R> {
        let upload = match (facts.upload.is_final(), facts.upload.requests) {
            (true, _) => RecoveredUpload::Settled,
            (false, 0) => RecoveredUpload::Fresh,
            (false, _) => RecoveredUpload::Left,
        };
        let walls = self.walls(id, facts);
        RecoveredRecording {
            recording: id,
            first: facts.first,
            token,
            linked: facts.conversation.is_some(),
            upload,
            walls,
            last_at: moment_of(walls.1, now),
        }
    }

    fn walls(&self, id: RecordingId, facts: &RecordingFacts) -> (WallTime, WallTime) {
        let frames = u32::try_from(self.frames(id)).unwrap_or(u32::MAX);
        let first = facts.started_at.unwrap_or_default();
        let played = facts.encoding.codec.frame_duration() * frames;
        (first, facts.ended_at.unwrap_or(first + played))
    }
}

/// When something happened by this boot's clock, as well as the wall clock can tell. Nothing is
/// decided by more than the longest wait, so a clock that was set cannot stretch one.
fn moment_of(wall: WallTime, now: Stamp) -> Moment {
    now.moment - now.wall.since(wall).min(LINK_WAIT)
}
