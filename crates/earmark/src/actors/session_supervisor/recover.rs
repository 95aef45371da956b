//! The tracks are made anew from what the store held at its opening.

use std::collections::BTreeMap;

use earmark_core::session::{
    LINK_WAIT, RecoveredRecording, RecoveredSession, RecoveredUpload, SessionEnd, Track,
};
use earmark_core::{Effects, Moment, RecordingId, SessionId, Stamp, WallTime};
use earmark_store::{Ledger, RecordingFacts, SealedRecording, SessionFacts};

use super::{Opened, SessionSupervisor};
use crate::source::SourceKey;

impl SessionSupervisor {
    pub(super) fn recover(&mut self, opened: &Opened) {
        let now = self.shared.stamp();
        let mut found: BTreeMap<SourceKey, Vec<RecoveredSession<SealedRecording>>> =
            BTreeMap::new();
        for (id, facts) in &opened.ledger.sessions {
            let key = SourceKey { device: facts.device.clone(), account: facts.account.clone() };
            found.entry(key).or_default().push(session(*id, facts, opened, now));
        }
        for (key, mut sessions) in found {
            sessions.retain(|session| !session.recordings.is_empty());
            sessions.sort_by_key(|session| session.recordings.first().map(|one| one.recording));
            let mut effects = Effects::new();
            let (wait, ids) = (self.link_wait, &mut self.ids);
            let track = Track::recover(wait, sessions, now.moment, ids, &mut effects);
            self.tracks.insert(key.clone(), track);
            self.obey(&key, effects);
        }
    }
}

fn session(
    id: SessionId,
    facts: &SessionFacts,
    opened: &Opened,
    now: Stamp,
) -> RecoveredSession<SealedRecording> {
    let own = |facts: &RecordingFacts| facts.session == id && facts.removing.is_none();
    let ledger = &opened.ledger;
    let recordings = || ledger.recordings.iter().filter(|(_, one)| own(one));
    RecoveredSession {
        session: id,
        capture: facts.capture,
        end: facts.closed.map_or(SessionEnd::Recovered, |(_, end)| known(end)),
        conversation: recordings().find_map(|(_, one)| one.conversation.clone()),
        sync_started: facts.sync_started,
        recordings: recordings().map(|(id, one)| recording(*id, one, opened, now)).collect(),
    }
}

fn recording(
    id: RecordingId,
    facts: &RecordingFacts,
    opened: &Opened,
    now: Stamp,
) -> RecoveredRecording<SealedRecording> {
    let upload = match (facts.upload.is_final(), facts.upload.requests) {
        (true, _) => RecoveredUpload::Settled,
        (false, 0) => RecoveredUpload::Fresh,
        (false, _) => RecoveredUpload::Left,
    };
    let walls = walls(&opened.ledger, id, facts);
    RecoveredRecording {
        recording: id,
        first: facts.first,
        token: opened.sealed.get(&id).cloned(),
        linked: facts.conversation.is_some(),
        upload,
        walls,
        last_at: moment_of(walls.1, now),
    }
}

fn walls(ledger: &Ledger, id: RecordingId, facts: &RecordingFacts) -> (WallTime, WallTime) {
    let frames = u32::try_from(ledger.frames(id)).unwrap_or(u32::MAX);
    let first = facts.started_at.unwrap_or_default();
    let played = facts.encoding.codec.frame_duration() * frames;
    (first, facts.ended_at.unwrap_or(first + played))
}

/// When something happened by this boot's clock, as well as the wall clock can tell. Nothing is
/// decided by more than the longest wait, so a clock that was set cannot stretch one.
fn moment_of(wall: WallTime, now: Stamp) -> Moment {
    now.moment - now.wall.since(wall).min(LINK_WAIT)
}

fn known(end: earmark_store::SessionEnd) -> SessionEnd {
    match end {
        earmark_store::SessionEnd::Stopped => SessionEnd::Stopped,
        earmark_store::SessionEnd::Gap => SessionEnd::Gap,
        earmark_store::SessionEnd::Boundary => SessionEnd::Boundary,
        earmark_store::SessionEnd::Finished => SessionEnd::Finished,
        earmark_store::SessionEnd::Recovered => SessionEnd::Recovered,
    }
}
