//! What the sessions' machines are made anew from.

use std::collections::BTreeMap;

use earmark_core::session::{
    LINK_WAIT, RecoveredRecording, RecoveredSession, RecoveredUpload, SessionEnd as End,
};
use earmark_core::{Account, Device, Moment, RecordingId, SessionId, Stamp, WallTime};

use super::{Ledger, RecordingFacts, SessionFacts};
use crate::record::SessionEnd;

/// The sessions of each device and account, in the order of their audio.
pub type FoundSessions<R> = BTreeMap<(Device, Account), Vec<RecoveredSession<R>>>;

impl Ledger {
    /// The sessions that have recordings. `sealed` gives the proof that a recording is sealed,
    /// where there is one.
    pub fn found_sessions<R>(
        &self,
        sealed: impl Fn(RecordingId) -> Option<R>,
        now: Stamp,
    ) -> FoundSessions<R> {
        let mut found = FoundSessions::new();
        for (id, facts) in &self.sessions {
            let session = self.found_session(*id, facts, &sealed, now);
            if !session.recordings.is_empty() {
                let key = (facts.device.clone(), facts.account.clone());
                found.entry(key).or_default().push(session);
            }
        }
        for sessions in found.values_mut() {
            sessions.sort_by_key(|session| session.recordings.first().map(|one| one.recording));
        }
        found
    }

    fn found_session<R>(
        &self,
        id: SessionId,
        facts: &SessionFacts,
        sealed: &impl Fn(RecordingId) -> Option<R>,
        now: Stamp,
    ) -> RecoveredSession<R> {
        let own = |facts: &RecordingFacts| facts.session == id && facts.removing.is_none();
        let recordings = || self.recordings.iter().filter(|(_, one)| own(one));
        RecoveredSession {
            session: id,
            capture: facts.capture,
            end: facts.closed.map_or(End::Recovered, |(_, end)| known(end)),
            conversation: recordings().find_map(|(_, one)| one.conversation.clone()),
            sync_started: facts.sync_started,
            recordings: recordings()
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

const fn known(end: SessionEnd) -> End {
    match end {
        SessionEnd::Stopped => End::Stopped,
        SessionEnd::Gap => End::Gap,
        SessionEnd::Boundary => End::Boundary,
        SessionEnd::Finished => End::Finished,
        SessionEnd::Recovered => End::Recovered,
    }
}
