//! The audio of one source: which frames make which recordings and sessions, and which conversation
//! each belongs to.

use bytes::Bytes;
use earmark_core::session::{
    Announcement, CONVERSATION_GAP, CONVERSATION_WAIT, LINK_WAIT, RECORDING_AGE_MAX,
    RECORDING_GAP_MAX,
};
use earmark_core::{ConversationId, Encoding, Moment, RecordingId, WallTime};

use super::observation::At;
use super::recording::{Decision, Frame, Link, Recording, Session};
use super::stretches::{Audio, Stretches};

/// The capture that runs.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) encoding: Encoding,
    /// When its last frame came, or when it began.
    last_at: Moment,
    /// Its session, once it has a frame.
    session: Option<usize>,
    /// The recording that takes frames.
    open: Option<usize>,
}

/// The live socket.
#[derive(Clone, Debug)]
struct Socket {
    number: u64,
    /// The captures that it has carried, the latest last.
    captures: Vec<u64>,
}

/// The recordings and sessions of one source.
#[derive(Clone, Debug, Default)]
pub(super) struct Track {
    pub(super) recordings: Vec<Recording>,
    pub(super) sessions: Vec<Session>,
    pub(super) stretches: Stretches<usize>,
    pub(super) running: Option<Running>,
    /// The number of the latest capture, and of its next frame.
    capture: u64,
    next: u64,
    socket: Option<Socket>,
    sockets: u64,
}

/// How many captures' deliveries one connection follows.
const CAPTURES_CARRIED_MAX: usize = 4;

impl Track {
    pub(super) fn start(&mut self, encoding: Encoding, at: At) {
        self.stop();
        self.capture += 1;
        self.next = 0;
        let (last_at, session, open) = (at.moment, None, None);
        self.running = Some(Running { encoding, last_at, session, open });
        let capture = self.capture;
        if let Some(socket) = &mut self.socket {
            socket.captures.push(capture);
        }
    }

    pub(super) fn stop(&mut self) {
        self.end_session();
        self.running = None;
    }

    /// Takes a frame of the capture that runs.
    pub(super) fn take(&mut self, bytes: Bytes, at: At) {
        let Some(running) = &self.running else {
            return;
        };
        let (encoding, silence) = (running.encoding, at.moment.since(running.last_at));
        if running.session.is_some() && silence >= CONVERSATION_GAP {
            self.end_session();
        } else if silence > RECORDING_GAP_MAX {
            self.cut();
        }
        let place = self.open_recording(at);
        let sent_on = self.socket.as_ref().map(|socket| socket.number);
        let (capture, number) = (self.capture, self.next);
        let (wall, delivered) = (at.wall, false);
        let frame = Frame { bytes, capture, number, wall, sent_on, delivered };
        self.next += 1;
        let recording = &mut self.recordings[place];
        recording.frames.push(frame);
        recording.at.1 = at.moment;
        let is_full = recording.is_full(encoding);
        self.stretches.extend(place, at.moment, at.wall);
        if let Some(running) = &mut self.running {
            running.last_at = at.moment;
        }
        if is_full {
            self.cut();
        }
    }

    fn open_recording(&mut self, at: At) -> usize {
        let running = self.running.as_mut().expect("a frame was taken from a capture");
        if let Some(open) = running.open {
            return open;
        }
        let session = *running.session.get_or_insert_with(|| {
            self.sessions.push(Session::default());
            self.sessions.len() - 1
        });
        let place = self.recordings.len();
        running.open = Some(place);
        self.recordings.push(Recording::opened(session, at.moment));
        let (moments, walls) = ((at.moment, at.moment), (at.wall, at.wall));
        self.stretches.open(Audio { recording: place, at: moments, walls });
        place
    }

    /// The recording that takes frames takes no more.
    fn cut(&mut self) {
        if let Some(open) = self.running.as_mut().and_then(|running| running.open.take()) {
            self.recordings[open].is_open = false;
        }
    }

    fn end_session(&mut self) {
        self.cut();
        if let Some(running) = &mut self.running {
            running.session = None;
        }
    }

    /// What has fallen due by now.
    pub(super) fn pass(&mut self, now: Moment) {
        if let Some(running) = &self.running {
            let (last_at, session) = (running.last_at, running.session);
            let first_at = running.open.map(|open| self.recordings[open].at.0);
            if first_at.is_some_and(|at| at + RECORDING_AGE_MAX <= now) {
                self.cut();
            }
            if session.is_some() && last_at + CONVERSATION_GAP <= now {
                self.end_session();
            }
        }
        let session = self.running.as_ref().and_then(|running| running.session);
        let recordings = &self.recordings;
        let is_captured = |place: usize| Some(recordings[place].session) == session;
        for place in self.stretches.pass(now, is_captured) {
            let session = self.recordings[place].session;
            self.sessions[session].has_waited = true;
        }
    }

    /// When something may fall due by itself.
    pub(super) fn deadlines(&self) -> Vec<Moment> {
        let running = self.running.iter();
        let captures = running.flat_map(|running| {
            let first_at = running.open.map(|open| self.recordings[open].at.0);
            let age = first_at.map(|at| at + RECORDING_AGE_MAX);
            age.into_iter().chain([running.last_at + CONVERSATION_GAP])
        });
        let stretches = self.stretches.list.iter().map(|one| one.last_at + LINK_WAIT);
        let links = self.sessions.iter().filter_map(|one| one.link.as_ref());
        let proofs = self.recordings.iter().flat_map(|one| one.upload.asked.iter().copied());
        let all = captures.chain(stretches).chain(links.map(|link| link.deadline));
        all.chain(proofs).collect()
    }

    pub(super) fn connect(&mut self, at: At) {
        self.cut();
        self.sockets += 1;
        let captures = self.running.iter().map(|_| self.capture).collect();
        self.socket = Some(Socket { number: self.sockets, captures });
        self.stretches.connect(at.moment);
    }

    pub(super) fn disconnect(&mut self) {
        self.socket = None;
    }

    pub(super) fn finish(&mut self) {
        self.end_session();
        self.stretches.finish();
    }

    /// The other end has proven what it read of the latest capture.
    pub(super) fn deliver(&mut self, up_to: u64) {
        let Some(socket) = &self.socket else {
            return;
        };
        let (capture, number) = (self.capture, socket.number);
        let frames = self.recordings.iter_mut().flat_map(|one| &mut one.frames);
        for frame in frames {
            let is_carried = frame.sent_on == Some(number) && frame.capture == capture;
            frame.delivered |= is_carried && frame.number < up_to;
        }
    }

    /// Whether the present connection may still prove that it delivered a recording.
    pub(super) fn is_proof_due(&self, place: usize) -> bool {
        let (Some(socket), Some(last)) = (&self.socket, self.recordings[place].frames.last())
        else {
            return false;
        };
        let followed = socket.captures.iter().rev().take(CAPTURES_CARRIED_MAX);
        let is_followed = followed.into_iter().any(|capture| *capture == last.capture);
        let frames = self.recordings.iter().flat_map(|one| &one.frames);
        is_followed
            && frames.into_iter().any(|frame| {
                let is_before = frame.capture == last.capture && frame.number <= last.number;
                is_before && frame.sent_on == Some(socket.number) && !frame.delivered
            })
    }

    pub(super) fn hear(&mut self, announcement: &Announcement, at: At) {
        match announcement {
            Announcement::ProcessingStarted(Some(conversation)) => {
                if let Some((linked, is_ready)) = self.stretches.end(conversation, at.moment) {
                    self.split_sessions();
                    self.link(linked, conversation, is_ready, at.moment);
                }
            }
            Announcement::ConversationEvent { conversation: Some(conversation), span } => {
                self.make_ready(conversation, *span, at.moment);
            }
            Announcement::ConversationSession(Some(conversation)) => {
                let is_capturing = self.running.is_some();
                self.stretches.announce(conversation, is_capturing, at.moment);
            }
            Announcement::ProcessingStarted(None)
            | Announcement::ConversationEvent { conversation: None, .. }
            | Announcement::ConversationSession(None) => {}
        }
        self.split_sessions();
    }

    fn make_ready(
        &mut self,
        conversation: &ConversationId,
        span: Option<(WallTime, WallTime)>,
        now: Moment,
    ) {
        let mut is_awaited = false;
        for session in &mut self.sessions {
            if session.awaits(conversation, now)
                && let Some(link) = &mut session.link
            {
                (link.is_ready, is_awaited) = (true, true);
            }
        }
        if is_awaited {
            return;
        }
        if let Some(linked) = self.stretches.claim(conversation, span) {
            self.split_sessions();
            self.link(linked, conversation, true, now);
        }
    }

    /// A session that lies on both sides of a boundary becomes two, and the second goes on.
    fn split_sessions(&mut self) {
        for split in std::mem::take(&mut self.stretches.splits) {
            let old = self.recordings[split.before].session;
            if self.recordings[split.behind[0]].session != old {
                continue;
            }
            let has_waited = split.wait_ended;
            self.sessions.push(Session { has_waited, ..Session::default() });
            let new = self.sessions.len() - 1;
            for place in split.behind {
                let session = &mut self.recordings[place].session;
                *session = if *session == old { new } else { *session };
            }
            if let Some(running) = self.running.as_mut().filter(|now| now.session == Some(old)) {
                running.session = Some(new);
            }
        }
        if std::mem::take(&mut self.stretches.ends_session) {
            self.end_session();
        }
    }

    /// All this belongs to a conversation.
    fn link(
        &mut self,
        linked: Vec<usize>,
        conversation: &ConversationId,
        is_ready: bool,
        now: Moment,
    ) {
        let sessions: Vec<usize> = linked.iter().map(|one| self.recordings[*one].session).collect();
        let session = self.running.as_ref().and_then(|running| running.session);
        if session.is_some_and(|session| sessions.contains(&session)) {
            self.end_session();
        }
        for session in sessions {
            let (conversation, deadline) = (conversation.clone(), now + CONVERSATION_WAIT);
            self.sessions[session].link = Some(Link { conversation, deadline, is_ready });
        }
        for place in linked {
            let recording = &mut self.recordings[place];
            recording.conversation = Some(conversation.clone());
            recording.upload.was_due = std::mem::take(&mut recording.upload.is_due);
            recording.upload.decision = Decision::Open;
        }
    }

    /// The place of a recording.
    pub(super) fn place(&self, id: RecordingId) -> Option<usize> {
        self.recordings.iter().rposition(|one| one.id == Some(id))
    }
}
