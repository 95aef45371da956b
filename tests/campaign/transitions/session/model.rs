//! What the model knows of a track's audio: when each recording's frames came, and which of it an
//! event of the server speaks of.

use std::collections::BTreeMap;

use earmark_core::session::{LINK_WAIT, RECORDING_AGE_MAX, RECORDING_GAP_MAX, Run};
use earmark_core::{ConversationId, FrameSeq, Moment, RecordingId, WallTime};
use earmark_tests::reference::{Audio, Stretches};

/// What the audio of one device is to conversations.
#[derive(Debug, Default)]
pub(super) struct Model {
    stretches: Stretches<RecordingId>,
    /// Whether the last recording takes frames, and those that are on their way.
    is_taking: bool,
    latest: Option<RecordingId>,
    /// When the first and the last frame of each recording came.
    times: BTreeMap<RecordingId, (Moment, Moment)>,
    run: Option<Run>,
    /// How long each recording's audio waited: until when nobody may start its upload unlinked.
    waits: BTreeMap<RecordingId, Moment>,
    /// After a restart the stretches are the store's affair, and only the rules are checked.
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
            self.extend(run.at.1, run.walls.1);
        }
        self.keep_wait();
    }

    fn extend(&mut self, last_at: Moment, last_wall: WallTime) {
        let Some(latest) = self.latest else { return };
        self.times.entry(latest).and_modify(|times| times.1 = last_at);
        self.stretches.extend(latest, last_at, last_wall);
    }

    /// A frame opened a recording: it goes on in the last stretch, or begins one.
    pub(super) fn open(&mut self, recording: RecordingId) {
        let nothing = (Default::default(), Default::default());
        let (at, walls) = self.run.map_or(nothing, |run| (run.at, run.walls));
        self.stretches.open(Audio { recording, at, walls });
        self.is_taking = true;
        self.latest = Some(recording);
        self.times.insert(recording, at);
        self.keep_wait();
    }

    /// A recording took its last frame; when its first and its last one came.
    pub(super) fn cut(
        &mut self,
        recording: RecordingId,
        end: FrameSeq,
    ) -> Result<(Moment, Moment), String> {
        if let Some(run) = self.run.filter(|run| end > run.first) {
            self.extend(run.at.1, run.walls.1);
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
        for stretch in &self.stretches.list {
            for recording in stretch.recordings() {
                self.waits.insert(recording, stretch.last_at + LINK_WAIT);
            }
        }
    }

    /// Time has come so far. What is captured goes on for less than the wait.
    pub(super) fn pass(&mut self, now: Moment) {
        self.keep_wait();
        self.stretches.pass(now, |_| false);
    }

    pub(super) fn connect(&mut self, now: Moment) {
        self.stretches.connect(now);
    }

    pub(super) fn finish(&mut self) {
        self.stretches.finish();
    }

    pub(super) fn make_ready(&mut self, conversation: &ConversationId) {
        self.stretches.claim(conversation, None);
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
        let linked = self.stretches.end(conversation, now);
        Some(linked.map_or_else(Vec::new, |(recordings, _)| recordings))
    }

    /// Nobody may speak of a recording any more: a request has left for it, or it has ended.
    pub(super) fn forget(&mut self, recording: RecordingId) {
        self.stretches.forget(recording);
    }

    /// Whether audio that nobody spoke of has waited for so long that it may go without a link.
    pub(super) fn has_waited(&self, recording: RecordingId, now: Moment) -> bool {
        self.is_unsure || self.waits.get(&recording).is_some_and(|until| *until <= now)
    }

    /// The process died.
    pub(super) fn crash(&mut self) {
        (self.is_unsure, self.is_taking) = (true, false);
        self.stretches = Stretches::default();
    }

    /// What has waited for its link in vain, as far as that can be told.
    pub(super) fn overdue(&self) -> Vec<RecordingId> {
        let all = self.stretches.list.iter();
        let ended = all.filter(|stretch| stretch.wait_ended && !self.is_unsure);
        ended.flat_map(earmark_tests::reference::Stretch::recordings).collect()
    }
}
