//! A restart of the process on what the store holds.

use std::collections::BTreeMap;

use earmark_core::session::{
    LINK_WAIT, RecoveredRecording, RecoveredSession, RecoveredUpload, SessionEnd, Track,
};
use earmark_core::{Effects, RecordingId, SessionId};

use super::store::Kept;
use super::{EARLY_RECOVERY, LINK_IN_MEMORY, Token, World, wall};

impl World {
    pub(super) fn crash(&mut self) -> Result<(), String> {
        self.story.at(self.now).crash();
        (self.running, self.is_up) = (None, false);
        self.model.crash();
        self.store.crash(self.now);
        self.uploads.crash();
        let sessions = if self.has_bug(EARLY_RECOVERY) { Vec::new() } else { self.found() };
        let mut effects = Effects::new();
        self.track = Track::recover(LINK_WAIT, sessions, self.now, &mut self.ids, &mut effects);
        self.obey(&mut effects).map_err(|why| format!("recovery: {why}"))
    }

    fn found(&self) -> Vec<RecoveredSession<Token>> {
        let mut by_session: BTreeMap<SessionId, Vec<RecoveredRecording<Token>>> = BTreeMap::new();
        for (id, kept) in &self.store.recordings {
            by_session.entry(kept.session).or_default().push(self.recording(*id, kept));
        }
        let mut sessions: Vec<_> = by_session
            .into_iter()
            .filter_map(|(id, recordings)| self.session(id, recordings))
            .collect();
        sessions.sort_by_key(|session| session.recordings.first().map(|one| one.recording));
        sessions
    }

    fn session(
        &self,
        id: SessionId,
        recordings: Vec<RecoveredRecording<Token>>,
    ) -> Option<RecoveredSession<Token>> {
        let kept = self.store.sessions.get(&id)?;
        let own = |one: &&RecoveredRecording<Token>| one.linked;
        let linked = recordings.iter().find(own).map(|one| one.recording);
        let conversation = linked.and_then(|id| self.store.recordings.get(&id));
        Some(RecoveredSession {
            session: id,
            capture: kept.capture,
            end: kept.end.unwrap_or(SessionEnd::Recovered),
            conversation: conversation.and_then(|kept| kept.conversation.clone()),
            sync_started: kept.sync_started,
            recordings,
        })
    }

    fn recording(&self, id: RecordingId, kept: &Kept) -> RecoveredRecording<Token> {
        let upload = match (kept.is_settled, kept.has_left) {
            (true, _) => RecoveredUpload::Settled,
            (false, true) => RecoveredUpload::Left,
            (false, false) => RecoveredUpload::Fresh,
        };
        RecoveredRecording {
            recording: id,
            first: kept.first,
            token: kept.is_sealed.then_some(Token(id)),
            linked: kept.conversation.is_some() && !self.has_bug(LINK_IN_MEMORY),
            upload,
            walls: (wall(kept.times.0), wall(kept.times.1)),
            last_at: kept.times.1.max(self.now - LINK_WAIT),
        }
    }
}
