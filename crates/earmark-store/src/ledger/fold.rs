//! How each record changes the ledger.
//!
//! A record about something that the ledger does not know changes nothing: damage to one record
//! must not make the next one dangerous.

use std::collections::btree_map::Entry;
use std::sync::Arc;

use earmark_core::sync::UploadFacts;
use earmark_core::{CaptureId, ConversationId, FrameSeq, RecordingId, SessionId, Stamp};

use super::{CaptureFacts, Delivered, Ledger, RecordingFacts, SESSIONS_KEPT_MAX, SessionFacts};
use crate::record::{FrameSpan, Record, Removal, Seal};

impl Ledger {
    /// Folds one record in.
    pub fn apply(&mut self, record: &Record) {
        self.note_ids(record);
        match record {
            Record::CaptureOpened { .. }
            | Record::CaptureClosed { .. }
            | Record::MuteSet { .. }
            | Record::Frames(_)
            | Record::Delivered { .. } => self.apply_to_capture(record),
            Record::SessionOpened { .. }
            | Record::SessionClosed { .. }
            | Record::SyncStarted { .. } => self.apply_to_session(record),
            Record::SessionMoved { .. }
            | Record::RecordingOpened { .. }
            | Record::RecordingCut { .. }
            | Record::Sealed { .. }
            | Record::Linked { .. }
            | Record::Relinked { .. }
            | Record::Upload { .. }
            | Record::Removing { .. }
            | Record::Removed { .. } => self.apply_to_recording(record),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "`apply` has the full list")]
    fn apply_to_capture(&mut self, record: &Record) {
        match record {
            Record::CaptureOpened { capture, device, account, encoding, at } => {
                let facts = CaptureFacts {
                    device: device.clone(),
                    account: account.clone(),
                    encoding: *encoding,
                    opened: *at,
                    closed: None,
                    next_seq: FrameSeq(0),
                    last_at: None,
                    covered: FrameSeq(0),
                    open: Vec::new(),
                    delivered: Delivered::default(),
                };
                self.captures.entry(*capture).or_insert(facts);
            }
            Record::CaptureClosed { capture, at } => {
                if let Some(facts) = self.captures.get_mut(capture) {
                    facts.closed.get_or_insert(*at);
                }
                self.forget_capture(*capture);
            }
            Record::MuteSet { device, muted: true } => {
                self.muted.insert(device.clone());
            }
            Record::MuteSet { device, muted: false } => {
                self.muted.remove(device);
            }
            Record::Frames(span) => self.take(span),
            Record::Delivered { capture, from, to } => {
                if let Some(facts) = self.captures.get_mut(capture) {
                    facts.delivered.insert(*from, *to);
                }
            }
            _ => {}
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "`apply` has the full list")]
    fn apply_to_session(&mut self, record: &Record) {
        match record {
            Record::SessionOpened { session, capture, first, at } => {
                let Some(owner) = self.captures.get(capture) else {
                    return;
                };
                let facts = SessionFacts {
                    capture: *capture,
                    device: owner.device.clone(),
                    account: owner.account.clone(),
                    first: *first,
                    opened: *at,
                    closed: None,
                    sync_started: None,
                    conversation: None,
                };
                self.sessions.entry(*session).or_insert_with(|| Arc::new(facts));
            }
            Record::SessionClosed { session, end, at } => {
                if let Some(facts) = self.session(*session) {
                    facts.closed.get_or_insert((*at, *end));
                }
                if self.sessions.contains_key(session) {
                    self.index.closed(*session);
                }
                self.forget_sessions();
            }
            Record::SyncStarted { session, fallback } => {
                if let Some(facts) = self.session(*session) {
                    facts.sync_started = Some(*fallback);
                }
            }
            _ => {}
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "`apply` has the full list")]
    fn apply_to_recording(&mut self, record: &Record) {
        match record {
            Record::RecordingOpened { recording, session, capture, first } => {
                self.open(*recording, *session, *capture, *first);
            }
            Record::RecordingCut { recording, end } => self.cut(*recording, *end),
            Record::Sealed { recording, seal } => self.seal(*recording, seal),
            Record::Linked { conversation, recordings, seals, at } => {
                seals.iter().for_each(|(recording, seal)| self.seal(*recording, seal));
                recordings.iter().for_each(|one| self.link(*one, conversation, *at));
            }
            Record::SessionMoved { recording, session } => {
                self.move_to(*recording, *session);
            }
            Record::Relinked { recording, old, reason } => {
                if let Some(facts) = self.facts(*recording)
                    && facts.conversation.as_ref() == Some(old)
                {
                    facts.conversation = None;
                    facts.relinked = Some((old.clone(), reason.clone()));
                }
            }
            Record::Upload { recording, facts } => self.upload(*recording, facts),
            Record::Removing { recording, why } => self.removing(*recording, *why),
            Record::Removed { recording } => self.removed(*recording),
            _ => {}
        }
    }

    fn take(&mut self, span: &FrameSpan) {
        let Some(capture) = self.captures.get_mut(&span.capture) else {
            return;
        };
        capture.next_seq = capture.next_seq.max(span.end());
        capture.last_at = Some(span.last_at);
        for id in &capture.open {
            let facts = self.recordings.get_mut(id);
            if let Some(facts) = facts.filter(|facts| facts.first < span.end()) {
                let facts = Arc::make_mut(facts);
                facts.started_at.get_or_insert(span.first_at);
                facts.ended_at = Some(span.last_at);
            }
        }
    }

    fn open(&mut self, id: RecordingId, session: SessionId, capture: CaptureId, first: FrameSeq) {
        let Some(owner) = self.captures.get_mut(&capture) else {
            return;
        };
        let last = FrameSeq(owner.next_seq.0.saturating_sub(1));
        let facts = RecordingFacts {
            session,
            capture,
            device: owner.device.clone(),
            account: owner.account.clone(),
            encoding: owner.encoding,
            first,
            end: None,
            started_at: owner.time_of(first),
            ended_at: owner.time_of(last).filter(|_| first <= last),
            sealed: None,
            conversation: None,
            linked_at: None,
            relinked: None,
            upload: UploadFacts::new(),
            removing: None,
            counted: false,
        };
        if let Entry::Vacant(place) = self.recordings.entry(id) {
            self.index.opened(id, &facts);
            place.insert(Arc::new(facts));
            owner.open.push(id);
        }
    }

    /// What is known of a recording, to be changed.
    fn facts(&mut self, id: RecordingId) -> Option<&mut RecordingFacts> {
        self.recordings.get_mut(&id).map(Arc::make_mut)
    }

    /// What is known of a session, to be changed.
    fn session(&mut self, id: SessionId) -> Option<&mut SessionFacts> {
        self.sessions.get_mut(&id).map(Arc::make_mut)
    }

    fn move_to(&mut self, id: RecordingId, session: SessionId) {
        let Some(facts) = self.facts(id) else {
            return;
        };
        let old = std::mem::replace(&mut facts.session, session);
        self.index.entered(session);
        self.index.left(old, self.has_ended(old));
    }

    /// Whether a session is known and has ended.
    fn has_ended(&self, session: SessionId) -> bool {
        self.sessions.get(&session).is_some_and(|facts| facts.closed.is_some())
    }

    fn cut(&mut self, id: RecordingId, end: FrameSeq) {
        let Some(facts) = self.recordings.get_mut(&id) else {
            return;
        };
        if facts.end.is_some() {
            return;
        }
        let facts = Arc::make_mut(facts);
        facts.end = Some(end.max(facts.first));
        let Some(capture) = self.captures.get_mut(&facts.capture) else {
            return;
        };
        capture.open.retain(|open| *open != id);
        capture.covered = capture.covered.max(end);
        // The frames up to there were taken, even if damage has taken the record that holds them.
        capture.next_seq = capture.next_seq.max(end);
        if end < capture.next_seq {
            facts.ended_at = capture.time_of(FrameSeq(end.0.saturating_sub(1)));
        }
    }

    fn seal(&mut self, id: RecordingId, seal: &Arc<Seal>) {
        let Some(facts) = self.recordings.get_mut(&id) else {
            return;
        };
        if facts.sealed.is_none() {
            let facts = Arc::make_mut(facts);
            facts.started_at = Some(seal.started_at);
            facts.ended_at = Some(seal.ended_at);
            facts.sealed = Some(Arc::clone(seal));
            self.index.sealed(id, facts);
        }
    }

    fn link(&mut self, id: RecordingId, conversation: &ConversationId, at: Stamp) {
        let Some(facts) = self.facts(id) else {
            return;
        };
        if facts.conversation.is_none() && facts.relinked.is_none() {
            facts.conversation = Some(conversation.clone());
            facts.linked_at = Some(at);
            let session = facts.session;
            if let Some(session) = self.session(session) {
                session.conversation = Some(conversation.clone());
            }
        }
    }

    fn upload(&mut self, id: RecordingId, upload: &UploadFacts) {
        let frames = self.frames(id);
        let Some(facts) = self.facts(id) else {
            return;
        };
        facts.upload = upload.clone();
        if facts.is_synced() && !facts.counted {
            facts.counted = true;
            self.totals.uploaded_frames += frames;
        }
    }

    fn removing(&mut self, id: RecordingId, why: Removal) {
        let frames = self.frames(id);
        let Some(facts) = self.facts(id) else {
            return;
        };
        if facts.removing.is_some() {
            return;
        }
        facts.removing = Some(why);
        match (facts.counted, why) {
            (true, _) => {}
            (false, Removal::Released) => self.totals.released_frames += frames,
            (false, Removal::Deleted | Removal::Expired) => self.totals.deleted_frames += frames,
        }
    }

    fn removed(&mut self, id: RecordingId) {
        let Some(facts) = self.recordings.remove(&id) else {
            return;
        };
        self.index.removed(id, &facts, self.has_ended(facts.session));
        let floor = self.index.first_of(facts.capture);
        if let Some(capture) = self.captures.get_mut(&facts.capture) {
            capture.open.retain(|open| *open != id);
            capture.covered = capture.covered.max(facts.end.unwrap_or(facts.first));
            capture.delivered.forget_below(floor.unwrap_or(capture.covered));
        }
        self.forget_capture(facts.capture);
        self.forget_sessions();
    }

    fn forget_capture(&mut self, id: CaptureId) {
        let closed = self.captures.get(&id).is_some_and(|facts| facts.closed.is_some());
        let bare = |capture: &CaptureFacts| capture.covered >= capture.next_seq;
        let covered = self.captures.get(&id).is_some_and(bare);
        if closed && covered && self.index.first_of(id).is_none() {
            self.captures.remove(&id);
        }
    }

    fn forget_sessions(&mut self) {
        while let Some(id) = self.index.surplus(SESSIONS_KEPT_MAX) {
            self.sessions.remove(&id);
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "only what opens something brings an id")]
    pub(crate) fn note_ids(&mut self, record: &Record) {
        let number = match record {
            Record::CaptureOpened { capture, .. } => capture.number(),
            Record::SessionOpened { session, .. } => session.number(),
            Record::RecordingOpened { recording, .. } => recording.number(),
            _ => 0,
        };
        self.highest_id = self.highest_id.max(number);
    }
}
