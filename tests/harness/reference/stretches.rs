//! Which audio an event of the server speaks of, kept as plain lists.

use std::collections::BTreeSet;

use earmark_core::session::{CONNECT_GRACE, CONVERSATION_GAP, LINK_WAIT};
use earmark_core::{ConversationId, Moment, WallTime};

/// A recording, and when its first and its last frame came, by both clocks.
#[derive(Clone, Debug)]
pub struct Audio<R> {
    /// The recording.
    pub recording: R,
    /// When its first and its last frame came.
    pub at: (Moment, Moment),
    /// When they were captured.
    pub walls: (WallTime, WallTime),
}

/// Audio between two boundaries.
#[derive(Clone, Debug)]
pub struct Stretch<R> {
    /// Its recordings that nobody spoke of yet and for which no request has left.
    pub audio: Vec<Audio<R>>,
    /// When its last frame came, that of a recording included which has left it since.
    pub last_at: Moment,
    /// Whether a person ended the conversation here.
    pub finished: bool,
    /// The conversation that the server said it belongs to.
    pub announced: Option<ConversationId>,
    /// Whether it has waited for its link in vain.
    pub wait_ended: bool,
}

impl<R: Copy + PartialEq> Stretch<R> {
    /// The recordings that are left in it.
    pub fn recordings(&self) -> Vec<R> {
        self.audio.iter().map(|audio| audio.recording).collect()
    }
}

/// A boundary that was found between recordings.
#[derive(Clone, Debug)]
pub struct Split<R> {
    /// The last recording before it.
    pub before: R,
    /// Those behind it.
    pub behind: Vec<R>,
    /// Whether these have waited for their link in vain.
    pub wait_ended: bool,
}

/// The live socket since it last came up.
#[derive(Clone, Debug)]
struct Connection {
    up_at: Moment,
    /// How many recordings were opened before.
    opened_before: u64,
    announced: Option<ConversationId>,
}

/// The audio of one device and account that no conversation is known for.
#[derive(Clone, Debug)]
pub struct Stretches<R> {
    /// From the oldest to the latest.
    pub list: Vec<Stretch<R>>,
    /// Whether the next frame may go on in the last one.
    pub is_open: bool,
    /// Boundaries that were found between recordings. Whoever keeps sessions takes them out.
    pub splits: Vec<Split<R>>,
    /// Whether a boundary was found here and now, which ends the running session.
    pub ends_session: bool,
    /// Every recording so far, in the order in which they were opened.
    opened: Vec<R>,
    connection: Option<Connection>,
    last_announced: Option<ConversationId>,
    linked: BTreeSet<ConversationId>,
    ready: BTreeSet<ConversationId>,
}

impl<R> Default for Stretches<R> {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            is_open: false,
            splits: Vec::new(),
            ends_session: false,
            opened: Vec::new(),
            connection: None,
            last_announced: None,
            linked: BTreeSet::new(),
            ready: BTreeSet::new(),
        }
    }
}

impl<R: Copy + PartialEq> Stretches<R> {
    /// A frame opened a recording: it goes on in the last stretch, or begins one.
    pub fn open(&mut self, audio: Audio<R>) {
        let (recording, first_at) = (audio.recording, audio.at.0);
        let goes_on = self.goes_on(first_at);
        if !goes_on {
            let announced = self.connection.as_ref().and_then(|now| now.announced.clone());
            self.begin(audio.at.1, announced);
        }
        self.opened.push(recording);
        if let Some(last) = self.list.last_mut() {
            last.last_at = audio.at.1;
            last.audio.push(audio);
        }
    }

    /// Begins a stretch behind all others.
    pub fn begin(&mut self, last_at: Moment, announced: Option<ConversationId>) {
        let (audio, finished, wait_ended) = (Vec::new(), false, false);
        self.list.push(Stretch { audio, last_at, finished, announced, wait_ended });
        self.is_open = true;
    }

    /// The latest recording has got another frame.
    pub fn extend(&mut self, recording: R, at: Moment, wall: WallTime) {
        for stretch in &mut self.list {
            for audio in &mut stretch.audio {
                if audio.recording == recording {
                    (audio.at.1, audio.walls.1, stretch.last_at) = (at, wall, at);
                }
            }
        }
    }

    /// Conversations are known to be linked, and so nothing is linked to them again.
    pub fn remember_linked(&mut self, conversation: &ConversationId) {
        self.linked.insert(conversation.clone());
    }

    /// The live socket came up.
    pub fn connect(&mut self, up_at: Moment) {
        let opened_before = self.opened.len() as u64;
        self.connection = Some(Connection { up_at, opened_before, announced: None });
    }

    /// A person ended the conversation; whether there was one to end.
    pub fn finish(&mut self) -> bool {
        let last = self.list.last_mut().filter(|_| self.is_open);
        let is_there = last.is_some();
        if let Some(last) = last {
            last.finished = true;
        }
        self.is_open &= !is_there;
        is_there
    }

    /// Time has come so far: what has now waited for its link in vain. Audio that is still being
    /// captured has not ended.
    pub fn pass(&mut self, now: Moment, is_captured: impl Fn(R) -> bool) -> Vec<R> {
        let mut ended = Vec::new();
        for stretch in &mut self.list {
            let goes_on = stretch.audio.iter().any(|audio| is_captured(audio.recording));
            if !stretch.wait_ended && !goes_on && stretch.last_at + LINK_WAIT <= now {
                stretch.wait_ended = true;
                ended.extend(stretch.recordings());
            }
        }
        ended
    }

    /// Nobody may speak of a recording any more: a request has left for it, or it has ended.
    pub fn forget(&mut self, recording: R) {
        for stretch in &mut self.list {
            stretch.audio.retain(|audio| audio.recording != recording);
        }
        self.is_open &= self.list.last().is_some_and(|last| !last.audio.is_empty());
        self.list.retain(|stretch| !stretch.audio.is_empty());
    }

    /// The server ended a conversation: which recordings are its own, and whether it was said to be
    /// ready before; nothing when the event means nothing.
    pub fn end(&mut self, conversation: &ConversationId, now: Moment) -> Option<(Vec<R>, bool)> {
        if self.linked.contains(conversation) {
            return None;
        }
        let is_own = |one: &Stretch<R>| one.announced.as_ref() == Some(conversation);
        let announced = self.list.iter().rposition(is_own);
        let place = announced
            .or_else(|| self.before_the_connect(now))
            .or_else(|| self.list.iter().position(|one| one.finished && !one.wait_ended))
            .or_else(|| self.list.iter().rposition(|one| one.announced.is_none()))?;
        let ready = self.ready.remove(conversation);
        Some((self.link(place, conversation), ready))
    }

    /// A conversation is ready that nobody waits for: which recordings it claims, if any. One that
    /// claims none is remembered.
    pub fn claim(
        &mut self,
        conversation: &ConversationId,
        span: Option<(WallTime, WallTime)>,
    ) -> Option<Vec<R>> {
        if self.linked.contains(conversation) {
            return None;
        }
        let place = span.and_then(|(from, to)| self.isolate(from, to));
        if place.is_none() {
            self.ready.insert(conversation.clone());
        }
        place.map(|place| self.link(place, conversation))
    }

    /// Whether a frame that comes now goes on in the last stretch.
    fn goes_on(&self, now: Moment) -> bool {
        let is_near = |last: &Stretch<R>| now.since(last.last_at) < CONVERSATION_GAP;
        self.is_open && self.list.last().is_some_and(|last| !last.wait_ended && is_near(last))
    }

    /// The server said which conversation this connection carries; whether that means anything.
    pub fn announce(
        &mut self,
        conversation: &ConversationId,
        is_capturing: bool,
        now: Moment,
    ) -> bool {
        let Some(connection) = &mut self.connection else {
            return false;
        };
        let is_first = connection.announced.replace(conversation.clone()).is_none();
        let before = self.last_announced.replace(conversation.clone());
        let is_other = before.is_some_and(|before| before != *conversation);
        if is_other && is_first {
            self.split_at_connect();
        } else if is_other && is_capturing {
            self.close();
        }
        let goes_on = self.goes_on(now);
        if let Some(last) = self.list.last_mut().filter(|_| goes_on) {
            last.announced = Some(conversation.clone());
        }
        true
    }

    /// Right after a connect the server speaks of what it heard before, unless it has said which
    /// conversation the connection carries.
    fn before_the_connect(&mut self, now: Moment) -> Option<usize> {
        let connection = self.connection.as_ref()?;
        if now.since(connection.up_at) > CONNECT_GRACE || connection.announced.is_some() {
            return None;
        }
        self.split_at_connect();
        let has_before = |one: &Stretch<R>| one.audio.iter().any(|audio| !self.is_after(audio));
        self.list.iter().rposition(has_before)
    }

    /// Whether a recording was opened since the socket came up.
    fn is_after(&self, audio: &Audio<R>) -> bool {
        let before = self.connection.as_ref().map_or(0, |now| now.opened_before);
        let place = self.opened.iter().position(|opened| *opened == audio.recording);
        place.is_some_and(|place| place as u64 >= before)
    }

    fn split_at_connect(&mut self) {
        let Some(last) = self.list.last() else {
            return;
        };
        match last.audio.iter().position(|audio| self.is_after(audio)) {
            Some(place) => self.split(self.list.len() - 1, place),
            None => self.close(),
        }
    }

    fn close(&mut self) {
        (self.is_open, self.ends_session) = (false, true);
    }

    /// Makes a stretch of what was captured at least in part between two instants.
    fn isolate(&mut self, from: WallTime, to: WallTime) -> Option<usize> {
        let is_within = |audio: &Audio<R>| audio.walls.0 < to && from < audio.walls.1;
        let place = self.list.iter().rposition(|one| one.audio.iter().any(is_within))?;
        let audio = &self.list[place].audio;
        let first = audio.iter().position(is_within)?;
        let behind = audio.iter().rposition(is_within)? + 1;
        self.split(place, behind);
        self.split(place, first);
        Some(if first > 0 { place + 1 } else { place })
    }

    /// Makes two stretches of one, if recordings are left on both sides.
    fn split(&mut self, place: usize, at: usize) {
        let head = &mut self.list[place];
        if at == 0 || at >= head.audio.len() {
            return;
        }
        let audio = head.audio.split_off(at);
        let before = head.audio[at - 1].recording;
        let tail = Stretch { audio, announced: None, ..head.clone() };
        let (behind, wait_ended) = (tail.recordings(), tail.wait_ended);
        self.splits.push(Split { before, behind, wait_ended });
        head.finished = false;
        head.last_at = head.audio.last().map_or(head.last_at, |audio| audio.at.1);
        self.list.insert(place + 1, tail);
    }

    fn link(&mut self, place: usize, conversation: &ConversationId) -> Vec<R> {
        let stretch = self.list.remove(place);
        self.is_open &= place < self.list.len();
        self.linked.insert(conversation.clone());
        self.last_announced = None;
        if let Some(connection) = &mut self.connection
            && connection.announced.as_ref() == Some(conversation)
        {
            connection.announced = None;
        }
        stretch.recordings()
    }
}
