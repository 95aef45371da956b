//! Which audio an event of the server speaks of, kept as plain lists.

use std::collections::{BTreeMap, BTreeSet};

use earmark_core::session::{
    CONNECT_GRACE, CONVERSATION_GAP, LINK_WAIT, Position, RECORDING_AGE_MAX, RECORDING_GAP_MAX, Run,
};
use earmark_core::{CaptureId, ConversationId, FrameSeq, Moment, RecordingId};

/// A recording, and when its first and last frames came.
#[derive(Clone, Debug)]
struct Audio {
    recording: RecordingId,
    capture: CaptureId,
    first: FrameSeq,
    first_at: Moment,
    last_at: Moment,
}

/// Audio between two boundaries.
#[derive(Clone, Debug)]
struct Group {
    audio: Vec<Audio>,
    finished: bool,
    wait_ended: bool,
}

impl Group {
    fn last_at(&self) -> Moment {
        self.audio.last().map_or(Moment::ZERO, |audio| audio.last_at)
    }

    fn recordings(&self) -> Vec<RecordingId> {
        self.audio.iter().map(|audio| audio.recording).collect()
    }
}

/// What the audio of one device is to conversations.
#[derive(Debug, Default)]
pub(super) struct Model {
    groups: Vec<Group>,
    /// Whether the next frame may go on in the last group.
    is_open: bool,
    /// Whether the last recording takes frames, and those that are on their way.
    is_taking: bool,
    latest: Option<RecordingId>,
    /// When the first and the last frame of each recording came.
    times: BTreeMap<RecordingId, (Moment, Moment)>,
    run: Option<Run>,
    connected: Option<(Moment, Option<Position>)>,
    linked: BTreeSet<ConversationId>,
    ready: BTreeSet<ConversationId>,
    /// How long each recording's audio waited: until when nobody may start its upload unlinked.
    waits: BTreeMap<RecordingId, Moment>,
    /// After a restart the groups are the store's affair, and only the rules are checked.
    is_unsure: bool,
}

impl Model {
    /// Frames are about to be taken.
    pub(super) fn hear_frames(&mut self, run: &Run) {
        self.run = Some(*run);
    }

    /// They were, and whatever is open now has the last of them.
    pub(super) fn frames_were_taken(&mut self) {
        if let Some(run) = self.run.take().filter(|_| self.is_taking) {
            self.extend(run.at.1);
        }
        self.keep_wait();
    }

    fn extend(&mut self, last_at: Moment) {
        let Some(latest) = self.latest else { return };
        self.times.entry(latest).and_modify(|times| times.1 = last_at);
        let audio = self.groups.iter_mut().flat_map(|group| &mut group.audio);
        audio.filter(|audio| audio.recording == latest).for_each(|audio| audio.last_at = last_at);
    }

    /// A frame opened a recording: it goes on in the last group, or begins one.
    pub(super) fn open(&mut self, recording: RecordingId, capture: CaptureId, first: FrameSeq) {
        let (first_at, last_at) = self.run.map_or((Moment::ZERO, Moment::ZERO), |run| run.at);
        let audio = Audio { recording, capture, first, first_at, last_at };
        let last_at = self.groups.last().map_or(Moment::ZERO, Group::last_at);
        let goes_on = self.is_open && first_at.since(last_at) < CONVERSATION_GAP;
        match self.groups.last_mut().filter(|_| goes_on) {
            Some(group) => group.audio.push(audio),
            None => {
                self.groups.push(Group { audio: vec![audio], finished: false, wait_ended: false })
            }
        }
        self.is_open = true;
        self.is_taking = true;
        self.latest = Some(recording);
        self.times.insert(recording, (first_at, last_at));
        self.keep_wait();
    }

    /// A recording took its last frame; when its first and its last one came.
    pub(super) fn cut(
        &mut self,
        recording: RecordingId,
        end: FrameSeq,
    ) -> Result<(Moment, Moment), String> {
        if let Some(run) = self.run.filter(|run| end > run.first) {
            self.extend(run.at.1);
        }
        self.is_taking = false;
        let times = self.times.get(&recording).copied();
        let times = times.ok_or_else(|| format!("{recording} is cut, and was never opened"))?;
        let age = times.1.since(times.0);
        if age > RECORDING_AGE_MAX + RECORDING_GAP_MAX {
            return Err(format!("{recording} spans {age:?}"));
        }
        Ok(times)
    }

    fn keep_wait(&mut self) {
        for group in &self.groups {
            let until = group.last_at() + LINK_WAIT;
            for audio in &group.audio {
                self.waits.insert(audio.recording, until);
            }
        }
    }

    pub(super) fn pass(&mut self, now: Moment) {
        self.keep_wait();
        for group in &mut self.groups {
            group.wait_ended |= group.last_at() + LINK_WAIT <= now;
        }
    }

    pub(super) fn connect(&mut self, now: Moment, position: Option<Position>) {
        self.connected = Some((now, position));
    }

    pub(super) fn finish(&mut self) {
        let last = self.groups.last_mut().filter(|_| self.is_open);
        if let Some(last) = last {
            last.finished = true;
            self.is_open = false;
        }
    }

    pub(super) fn make_ready(&mut self, conversation: &ConversationId) {
        if !self.linked.contains(conversation) {
            self.ready.insert(conversation.clone());
        }
    }

    /// The server ended a conversation: which recordings are its own; nothing when that cannot be
    /// told any more, and an empty list when there are none.
    pub(super) fn end(
        &mut self,
        conversation: &ConversationId,
        now: Moment,
    ) -> Option<Vec<RecordingId>> {
        if self.is_unsure {
            return None;
        }
        if self.linked.contains(conversation) {
            return Some(Vec::new());
        }
        let before = self.before_the_connect(now);
        let finished = |group: &Group| group.finished && !group.wait_ended;
        let chosen = before
            .or_else(|| self.groups.iter().position(finished))
            .or_else(|| self.groups.len().checked_sub(1));
        let Some(chosen) = chosen else {
            return Some(Vec::new());
        };
        self.is_open &= chosen + 1 < self.groups.len();
        self.linked.insert(conversation.clone());
        let group = self.groups.remove(chosen);
        Some(group.recordings())
    }

    /// Right after a connect the server speaks of what it heard before.
    fn before_the_connect(&mut self, now: Moment) -> Option<usize> {
        let (up_at, position) = self.connected?;
        if now.since(up_at) > CONNECT_GRACE {
            return None;
        }
        let is_after = |audio: &Audio| match position {
            Some(position) if position.capture == audio.capture => audio.first >= position.next,
            Some(_) | None => audio.first_at >= up_at,
        };
        if let Some(last) = self.groups.last_mut() {
            match last.audio.iter().position(is_after) {
                Some(0) => {}
                None => self.is_open = false,
                Some(place) => {
                    let (finished, wait_ended) = (last.finished, last.wait_ended);
                    last.finished = false;
                    let audio = last.audio.split_off(place);
                    self.groups.push(Group { audio, finished, wait_ended });
                }
            }
        }
        let has_before = |group: &Group| group.audio.iter().any(|audio| !is_after(audio));
        self.groups.iter().rposition(has_before)
    }

    /// Nobody may speak of a recording any more: a request has left for it, or it has ended.
    pub(super) fn forget(&mut self, recording: RecordingId) {
        for group in &mut self.groups {
            group.audio.retain(|audio| audio.recording != recording);
        }
        self.is_open &= self.groups.last().is_some_and(|group| !group.audio.is_empty());
        self.groups.retain(|group| !group.audio.is_empty());
    }

    /// Whether audio that nobody spoke of has waited for so long that it may go without a link.
    pub(super) fn has_waited(&self, recording: RecordingId, now: Moment) -> bool {
        self.is_unsure || self.waits.get(&recording).is_some_and(|until| *until <= now)
    }

    /// The process died.
    pub(super) fn crash(&mut self) {
        self.is_unsure = true;
        self.groups.clear();
        (self.is_open, self.is_taking, self.connected) = (false, false, None);
    }

    /// What has waited for its link in vain, as far as that can be told.
    pub(super) fn overdue(&self) -> Vec<RecordingId> {
        let ended = self.groups.iter().filter(|group| group.wait_ended && !self.is_unsure);
        ended.flat_map(Group::recordings).collect()
    }
}
