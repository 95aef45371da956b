//! A piece of the model, and what its steps came to.
//!
//! A piece is a value with one function, `step`, that runs the production code. Its states and
//! messages are numbers outside of it. What a step in a state came to is remembered, so the
//! production code runs once for each state of a piece, message and time, and the search over all
//! combinations of the pieces' states goes at the speed of a lookup.

use std::hash::Hash;
use std::sync::Arc;

use earmark_core::invariant::Violation;
use rustc_hash::FxHashMap;

use super::intern::Interner;
use super::judge::Judge;
use super::server::Server;
use super::source::Source;
use super::store::Store;
use super::sync::Worker;
use super::track::Supervisor;
use super::words::{Held, Now, Out, ToJudge, ToServer, ToSource, ToStore, ToSync, ToTrack};

/// A part of the runtime or of its world.
pub(super) trait Piece: Clone + Hash {
    type Message: Clone + Eq + Hash;

    fn step(&mut self, message: &Self::Message, now: Now, outs: &mut Vec<Out>) -> Held;
}

macro_rules! pieces {
    ($($piece:ty, $message:ty);+ $(;)?) => { $(
        impl Piece for $piece {
            type Message = $message;

            fn step(&mut self, message: &$message, now: Now, outs: &mut Vec<Out>) -> Held {
                self.step(message, now, outs)
            }
        }
    )+ };
}

pieces!(
    Store, ToStore;
    Supervisor, ToTrack;
    Worker, ToSync;
    Source, ToSource;
    Server, ToServer;
    Judge, ToJudge;
);

/// The numbers of a piece's states and messages, for all threads.
pub(super) struct Numbers<P: Piece> {
    pub(super) states: Interner<P>,
    pub(super) messages: Interner<P::Message>,
}

impl<P: Piece> Numbers<P> {
    pub(super) fn new() -> Self {
        Self { states: Interner::new(), messages: Interner::new() }
    }
}

/// The numbers of all pieces.
pub(super) struct AllNumbers {
    pub(super) store: Numbers<Store>,
    pub(super) track: Numbers<Supervisor>,
    pub(super) sync: Numbers<Worker>,
    pub(super) source: Numbers<Source>,
    pub(super) server: Numbers<Server>,
    pub(super) judge: Numbers<Judge>,
    pub(super) queues: Interner<Vec<u32>>,
}

impl AllNumbers {
    pub(super) fn new() -> Self {
        Self {
            store: Numbers::new(),
            track: Numbers::new(),
            sync: Numbers::new(),
            source: Numbers::new(),
            server: Numbers::new(),
            judge: Numbers::new(),
            queues: Interner::new(),
        }
    }
}

/// Something that was said, as a number for whom it concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    Store(u32),
    Track(u32),
    Sync(u32),
    Source(u32),
    Server(u32),
    Judge(u32),
}

fn sent(out: Out, all: &AllNumbers) -> Sent {
    match out {
        Out::Store(message) => Sent::Store(all.store.messages.number(message)),
        Out::Track(message) => Sent::Track(all.track.messages.number(message)),
        Out::Sync(message) => Sent::Sync(all.sync.messages.number(message)),
        Out::Source(message) => Sent::Source(all.source.messages.number(message)),
        Out::Server(message) => Sent::Server(all.server.messages.number(message)),
        Out::Judge(message) => Sent::Judge(all.judge.messages.number(message)),
    }
}

/// What a step came to: the next state, and what was said.
type Came = (u32, Arc<[Sent]>);

/// One thread's memory of a piece.
pub(super) struct Memo<P: Piece> {
    came: FxHashMap<(u32, u32, Now), Came>,
    states: FxHashMap<u32, Arc<P>>,
    messages: FxHashMap<P::Message, u32>,
}

impl<P: Piece> Memo<P> {
    pub(super) fn new() -> Self {
        Self {
            came: FxHashMap::default(),
            states: FxHashMap::default(),
            messages: FxHashMap::default(),
        }
    }

    /// Forgets everything; it can be found out again.
    pub(super) fn clear(&mut self) {
        self.came.clear();
        self.states.clear();
    }

    /// The state with a number.
    pub(super) fn state(&mut self, number: u32, numbers: &Numbers<P>) -> &Arc<P> {
        self.states.entry(number).or_insert_with(|| numbers.states.value(number))
    }

    /// The number of a message that the world itself sends.
    pub(super) fn message(&mut self, message: P::Message, numbers: &Numbers<P>) -> u32 {
        if let Some(number) = self.messages.get(&message) {
            return *number;
        }
        let number = numbers.messages.number(message.clone());
        self.messages.insert(message, number);
        number
    }

    /// One step: from memory, or by the production code.
    pub(super) fn step(
        &mut self,
        (state, message, now): (u32, u32, Now),
        numbers: &Numbers<P>,
        all: &AllNumbers,
    ) -> Result<Came, Violation> {
        if let Some(came) = self.came.get(&(state, message, now)) {
            return Ok(came.clone());
        }
        let mut next = P::clone(&*numbers.states.value(state));
        let mut outs = Vec::new();
        next.step(&numbers.messages.value(message), now, &mut outs)?;
        let sent: Arc<[Sent]> = outs.into_iter().map(|out| sent(out, all)).collect();
        let came = (numbers.states.number(next), sent);
        self.came.insert((state, message, now), came.clone());
        Ok(came)
    }
}
