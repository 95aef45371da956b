//! Conversations that are heard live, and what is said about them.

use std::collections::BTreeMap;
use std::time::Duration;

use earmark_core::{Moment, Stamp, WallTime};

use super::report::ConversationReport;
use super::socket::DeviceHash;

/// The most conversations that are remembered; the oldest that is over is forgotten for a new one.
pub const CONVERSATIONS_MAX: usize = 10_000;

/// Whose audio a conversation is: one account and one of its devices.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Source {
    pub(super) account: String,
    pub(super) device: Option<DeviceHash>,
}

/// One conversation.
#[derive(Clone, Debug)]
pub(super) struct Conversation {
    pub(super) id: String,
    pub(super) source: Source,
    pub(super) started_at: WallTime,
    pub(super) finished_at: WallTime,
    live_frames: u64,
    /// When anything but silence was heard last.
    last_sound: Option<Moment>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    InProgress,
    /// Until the moment when it is ready; until somebody says so, without one.
    Processing(Option<Moment>),
    Completed,
}

#[derive(Debug)]
pub(super) struct Conversations {
    seed: u32,
    given: u64,
    all: BTreeMap<u64, Conversation>,
    current: BTreeMap<Source, u64>,
}

impl Conversations {
    pub(super) const fn new(seed: u32) -> Self {
        Self { seed, given: 0, all: BTreeMap::new(), current: BTreeMap::new() }
    }

    /// An id that was never given before.
    pub(super) fn new_id(&mut self) -> String {
        self.given += 1;
        format!("conversation-{:08x}-{}", self.seed, self.given)
    }

    /// Counts a frame into the conversation of its source, and begins one when there is none.
    pub(super) fn hear(&mut self, source: &Source, sound: bool, now: Stamp) {
        let number = match self.current.get(source) {
            Some(number) => *number,
            None => self.begin(source, now),
        };
        let Some(conversation) = self.all.get_mut(&number) else {
            return;
        };
        conversation.live_frames += 1;
        conversation.finished_at = now.wall;
        if sound {
            conversation.last_sound = Some(now.moment);
        }
    }

    fn begin(&mut self, source: &Source, now: Stamp) -> u64 {
        self.make_room();
        let id = self.new_id();
        let conversation = Conversation {
            id,
            source: source.clone(),
            started_at: now.wall,
            finished_at: now.wall,
            live_frames: 0,
            last_sound: None,
            state: State::InProgress,
        };
        self.all.insert(self.given, conversation);
        self.current.insert(source.clone(), self.given);
        self.given
    }

    fn make_room(&mut self) {
        if self.all.len() < CONVERSATIONS_MAX {
            return;
        }
        let is_over =
            |(_, conversation): &(&u64, &Conversation)| conversation.state != State::InProgress;
        let oldest = self.all.iter().find(is_over).or_else(|| self.all.iter().next());
        if let Some((number, source)) = oldest.map(|(number, found)| (*number, &found.source)) {
            if self.current.get(source) == Some(&number) {
                self.current.remove(&source.clone());
            }
            self.all.remove(&number);
        }
    }

    /// Ends the conversation that is in progress for a source; its event is due after `processing`,
    /// or never.
    pub(super) fn end(
        &mut self,
        source: &Source,
        processing: Option<Duration>,
        now: Stamp,
    ) -> Option<Conversation> {
        let number = self.current.remove(source)?;
        let conversation = self.all.get_mut(&number)?;
        conversation.state = State::Processing(processing.map(|wait| now.moment + wait));
        Some(conversation.clone())
    }

    /// Forgets the conversations that are in progress or not ready.
    pub(super) fn forget_unended(&mut self) {
        self.current.clear();
        self.all.retain(|_, conversation| conversation.state == State::Completed);
    }

    /// Completes the conversations that are ready by now.
    pub(super) fn complete(&mut self, now: Moment) -> Vec<Conversation> {
        let mut ready = Vec::new();
        for conversation in self.all.values_mut() {
            if matches!(conversation.state, State::Processing(Some(at)) if at <= now) {
                conversation.state = State::Completed;
                ready.push(conversation.clone());
            }
        }
        ready
    }

    /// When the next conversation is ready.
    pub(super) fn next_ready(&self) -> Option<Moment> {
        let ready = |conversation: &Conversation| match conversation.state {
            State::Processing(at) => at,
            State::InProgress | State::Completed => None,
        };
        self.all.values().filter_map(ready).min()
    }

    /// When anything but silence was heard last in the conversation of a source.
    pub(super) fn last_sound(&self, source: &Source) -> Option<Moment> {
        self.all.get(self.current.get(source)?)?.last_sound
    }

    /// The sources that have a conversation in progress.
    pub(super) fn sources(&self) -> impl Iterator<Item = &Source> {
        self.current.keys()
    }

    pub(super) fn reports(&self) -> impl Iterator<Item = ConversationReport> {
        self.all.values().map(Conversation::report)
    }
}

impl Conversation {
    pub(super) const fn state_name(&self) -> &'static str {
        match self.state {
            State::InProgress => "in_progress",
            State::Processing(_) => "processing",
            State::Completed => "completed",
        }
    }

    fn report(&self) -> ConversationReport {
        ConversationReport {
            id: Some(self.id.clone()),
            device: self.source.device.as_ref().map(ToString::to_string),
            state: Some(String::from(self.state_name())),
            live_frames: self.live_frames,
            ..ConversationReport::default()
        }
    }
}
