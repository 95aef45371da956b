//! The state of everything, and what can happen in it.

use std::hash::{BuildHasher as _, Hash};
use std::sync::Arc;

use earmark_core::CaptureId;
use earmark_core::invariant::Violation;
use earmark_core::invariant::progress::never_stuck;
use earmark_core::wal_store::DiskTask;
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use super::checks;
use super::judge::Judge;
use super::memo::{AllNumbers, Memo, Sent};
use super::search::{Broken, Model};
use super::server::Server;
use super::source::Source;
use super::store::Store;
use super::sync::Worker;
use super::track::Supervisor;
use super::words::{
    Answer, Now, Said, ToJudge, ToServer, ToSource, ToStore, ToSync, ToTrack, forget_ledgers,
};

mod enabled;
mod faults;
mod happen;
pub(super) mod progress;

pub(super) use faults::Limits;

/// The state of the pieces, as numbers; what is on its way between them; the time; and what may
/// still happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    store: u32,
    track: u32,
    sync: u32,
    source: u32,
    server: u32,
    /// What the actors have not handled yet.
    to_store: u32,
    to_track: u32,
    to_sync: u32,
    now: Now,
    judge: u32,
    is_offline: bool,
    is_alive: bool,
    is_connected: bool,
    /// Seconds that passed one at a time since the last coarse step.
    fine: u8,
    left: Limits,
}

/// What happened, for a person to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Label {
    Store,
    Track,
    Sync,
    Disk(DiskTask, bool),
    StoreTimer,
    TrackTimer,
    UploadTimer(earmark_core::RecordingId),
    Start,
    Stop,
    Frame,
    Connect,
    Said(Said),
    Answer(earmark_core::RecordingId, Answer),
    Offline,
    Online,
    Wait(u16),
    Kill,
    PowerCut(usize),
    Open { healthy: bool },
}

/// One thread's view of the world.
pub(super) struct World {
    all: Arc<AllNumbers>,
    limits: Limits,
    store: Memo<Store>,
    track: Memo<Supervisor>,
    sync: Memo<Worker>,
    source: Memo<Source>,
    server: Memo<Server>,
    judge: Memo<Judge>,
    pushed: FxHashMap<(u32, u32), u32>,
    popped: FxHashMap<u32, Option<(u32, u32)>>,
}

/// No course of the world takes longer: six hours for a job that does not end, and some more.
const SECONDS_MAX: u16 = 60_000;

type Went = Result<State, Violation>;

impl World {
    pub(super) fn new(all: Arc<AllNumbers>, limits: Limits) -> Self {
        Self {
            all,
            limits,
            store: Memo::new(),
            track: Memo::new(),
            sync: Memo::new(),
            source: Memo::new(),
            server: Memo::new(),
            judge: Memo::new(),
            pushed: FxHashMap::default(),
            popped: FxHashMap::default(),
        }
    }

    /// A queue with one message more.
    fn push(&mut self, queue: u32, message: u32) -> u32 {
        let all = &self.all;
        *self.pushed.entry((queue, message)).or_insert_with(|| {
            let mut longer = Vec::clone(&*all.queues.value(queue));
            longer.push(message);
            all.queues.number(longer)
        })
    }

    /// The first message of a queue, and the rest.
    fn pop(&mut self, queue: u32) -> Option<(u32, u32)> {
        let all = &self.all;
        *self.popped.entry(queue).or_insert_with(|| {
            let messages = all.queues.value(queue);
            let (first, rest) = messages.split_first()?;
            Some((*first, all.queues.number(rest.to_vec())))
        })
    }

    /// The store handles a message, and a swift journal what comes of it.
    fn step_store(&mut self, state: State, message: u32) -> Went {
        let state = self.hear_store(state, message)?;
        match self.journal_task(&state).filter(|_| self.limits.swift_journal) {
            Some(task) => self.tell_store(state, ToStore::DiskEnded { task, well: true }),
            None => Ok(state),
        }
    }

    /// What the disk does for the journal.
    fn journal_task(&mut self, state: &State) -> Option<DiskTask> {
        let all = &self.all;
        let store = self.store.state(state.store, &all.store);
        store.in_flight().find(|task| task.is_journal())
    }

    /// What was said to an actor lines up; what was said to the source, the server and the
    /// judgement about the network is heard at once.
    fn send(&mut self, mut state: State, sent: &[Sent]) -> Went {
        for one in sent {
            match *one {
                Sent::Store(message) => state.to_store = self.push(state.to_store, message),
                Sent::Track(message) => state.to_track = self.push(state.to_track, message),
                Sent::Sync(message) => state.to_sync = self.push(state.to_sync, message),
                Sent::Source(message) => state = self.step_source(state, message)?,
                Sent::Server(message) => state = self.step_server(state, message)?,
                Sent::Judge(message) => state = self.step_judge(state, message)?,
            }
        }
        Ok(state)
    }
}

/// A step of each piece, and a message of the world's own to each, by the way that is named.
macro_rules! pieces {
    ($($piece:ident: $step:ident, $tell:ident by $way:ident, $message:ty);+ $(;)?) => {
        impl World { $(
            fn $step(&mut self, mut state: State, message: u32) -> Went {
                let at = (state.$piece, message, state.now);
                let (next, sent) = self.$piece.step(at, &self.all.$piece, &self.all)?;
                state.$piece = next;
                self.send(state, &sent)
            }

            fn $tell(&mut self, state: State, message: $message) -> Went {
                let message = self.$piece.message(message, &self.all.$piece);
                self.$way(state, message)
            }
        )+ }
    };
}

pieces!(
    store: hear_store, tell_store by step_store, ToStore;
    track: step_track, tell_track by step_track, ToTrack;
    sync: step_sync, tell_sync by step_sync, ToSync;
    source: step_source, tell_source by step_source, ToSource;
    server: step_server, tell_server by step_server, ToServer;
    judge: step_judge, tell_judge by step_judge, ToJudge;
);

impl Model for World {
    type State = State;
    type Label = Label;

    fn initial(&mut self) -> State {
        let empty = self.all.queues.number(Vec::new());
        let first = State {
            store: self.all.store.states.number(Store::new()),
            track: self.all.track.states.number(Supervisor::new(0)),
            sync: self.all.sync.states.number(Worker::new()),
            source: self.all.source.states.number(Source::new(CaptureId::new(1, 1))),
            server: self.all.server.states.number(Server::default()),
            to_store: empty,
            to_track: empty,
            to_sync: empty,
            now: Now { seconds: 0, boot: 1 },
            judge: self.all.judge.states.number(Judge::new()),
            is_offline: false,
            is_alive: true,
            is_connected: false,
            fine: 0,
            left: self.limits,
        };
        self.reconnect(first).unwrap_or(first)
    }

    fn fingerprint(&self, state: &State) -> u64 {
        FxBuildHasher.hash_one(state)
    }

    fn successors(
        &mut self,
        state: &State,
        found: &mut Vec<(Label, State)>,
    ) -> Result<(), Broken<Label>> {
        for label in self.enabled(state) {
            match self.take(*state, &label) {
                Ok(next) => found.push((label, next)),
                Err(violation) => return Err(Broken { by: Some(label), violation }),
            }
        }
        Ok(())
    }

    /// The stores are by far the most, and hold by far the most.
    fn forget(&mut self, layer: &[State]) {
        self.store.clear();
        self.track.clear();
        self.sync.clear();
        let wanted: FxHashSet<u32> = layer.iter().map(|state| state.store).collect();
        self.all.store.states.forget(|number| wanted.contains(&number));
        forget_ledgers();
    }

    fn progress(&mut self, state: &State) -> Result<Option<State>, Violation> {
        if state.now.seconds > SECONDS_MAX {
            return checks::note(never_stuck(Some("it goes on for ever"))).map(|()| None);
        }
        match self.next_without_fault(state) {
            Some(label) => self.take(*state, &label).map(Some),
            None => checks::note(never_stuck(self.restless(state))).map(|()| None),
        }
    }
}
