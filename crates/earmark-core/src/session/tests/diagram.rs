//! The diagram of the module doc, held against the machine of one session.

use alloc::collections::BTreeMap;

use super::machine::{Phase, Session};
use super::*;
use crate::graph::{Walk, assert_same, edges_in_doc};
use crate::session::{SessionEffect, SessionEvent};
use crate::{Machine, Step};

/// A session of the walk has no more recordings than this.
const RECORDINGS_MAX: u32 = 2;

/// How far a recording is, as the session has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Open,
    Cut,
    Sealed,
    Handed,
    Settled { gone: bool },
}

/// One session, and what its track knows of it.
#[derive(Clone, Debug)]
struct Life {
    machine: Machine<Session<Token>>,
    stages: BTreeMap<RecordingId, Stage>,
    /// Its recordings are linked, or the link is on its way to the disk.
    is_linked: bool,
    is_linking: bool,
}

/// State, what it remembers, how far its recordings are, and how far its link is.
type Key = (&'static str, [bool; 3], Vec<(RecordingId, Stage)>, [bool; 2]);

#[test]
fn the_diagram_shows_the_edges_that_the_machine_has() {
    let walk = Walk {
        step: &|life: &Life, event: &SessionEvent<Token>| {
            let mut life = life.clone();
            life.happen(event);
            life
        },
        events: &Life::possible,
        state: &|life| life.machine.state().name(),
        event: &SessionEvent::name,
        key: &Life::key,
    };
    let real = walk.edges(&[Life::new(), Life::parted()]);
    assert_same(&edges_in_doc(include_str!("../../session.rs")), &real);
}

impl Life {
    fn new() -> Self {
        let (machine, stages) = (Machine::new(Session::new()), BTreeMap::new());
        Self { machine, stages, is_linked: false, is_linking: false }
    }

    /// The session of what a split moved out of one whose wait was over.
    fn parted() -> Self {
        let mut life = Self::new();
        let (first, second) = (recording(1), recording(2));
        life.happen(&SessionEvent::RecordingOpened(first));
        life.happen(&SessionEvent::RecordingCut(first));
        life.happen(&SessionEvent::RecordingOpened(second));
        life.happen(&SessionEvent::RecordingCut(second));
        life.happen(&SessionEvent::RecordingSealed(Token(first)));
        life.happen(&SessionEvent::RecordingSealed(Token(second)));
        life.happen(&SessionEvent::CaptureEnded);
        life.happen(&SessionEvent::LinkWaitEnded);
        let machine = Machine::new(life.machine.shared().only(&[second]));
        let stages = [(second, Stage::Handed)].into();
        let mut parted = Self { machine, stages, ..Self::new() };
        parted.happen(&SessionEvent::CaptureEnded);
        parted
    }

    fn key(&self) -> Key {
        let remembers = match self.machine.state() {
            Phase::Sealing { awaited: Some(awaited), .. }
            | Phase::AwaitingConversation { awaited } => [true, awaited.ready, awaited.overdue],
            Phase::Sealing { awaited: None, wait_ended } => [false, *wait_ended, false],
            Phase::Capturing | Phase::AwaitingLink | Phase::Syncing | Phase::Settled => [false; 3],
        };
        let stages = self.stages.iter().map(|(recording, stage)| (*recording, *stage));
        let link = [self.is_linked, self.is_linking];
        (self.machine.state().name(), remembers, stages.collect(), link)
    }

    fn happen(&mut self, event: &SessionEvent<Token>) {
        self.note(event);
        let mut effects = Effects::new();
        let mut step = Step { now: Moment::ZERO, effects: &mut effects };
        self.machine.step(event, &mut step);
        for effect in effects.drain() {
            match effect {
                SessionEffect::StartUpload { recording: Token(id), .. } => {
                    let before = self.stages.insert(id, Stage::Handed);
                    assert_eq!(before, Some(Stage::Sealed), "{id} is not sealed");
                }
                SessionEffect::NoteSyncStarted { .. } | SessionEffect::ReportNotSaved { .. } => {}
                SessionEffect::ReportUnexpected { state, event } => panic!("{event} in {state}"),
            }
        }
    }

    fn note(&mut self, event: &SessionEvent<Token>) {
        let stages = &mut self.stages;
        match event {
            SessionEvent::RecordingOpened(id) => drop(stages.insert(*id, Stage::Open)),
            SessionEvent::RecordingCut(id) => drop(stages.insert(*id, Stage::Cut)),
            SessionEvent::RecordingSealed(Token(id)) => drop(stages.insert(*id, Stage::Sealed)),
            SessionEvent::UploadSettled { recording, gone } => {
                stages.insert(*recording, Stage::Settled { gone: *gone });
            }
            SessionEvent::UploadReopened(id) => drop(stages.insert(*id, Stage::Handed)),
            SessionEvent::RecordingsMoved(moved) => stages.retain(|id, _| !moved.contains(id)),
            SessionEvent::ProcessingStarted { .. } => {
                (self.is_linked, self.is_linking) = (true, true);
            }
            SessionEvent::LinkRecorded { recordings } => {
                self.is_linking = false;
                stages.extend(recordings.iter().map(|Token(id)| (*id, Stage::Sealed)));
            }
            SessionEvent::SealFailed { .. }
            | SessionEvent::CaptureEnded
            | SessionEvent::ConversationReady
            | SessionEvent::DeadlinePassed
            | SessionEvent::LinkWaitEnded => {}
        }
    }

    /// Each event that a track can tell this session now.
    fn possible(&self) -> Vec<SessionEvent<Token>> {
        if matches!(self.machine.state(), Phase::Settled) && self.machine.shared().is_gone() {
            return Vec::new();
        }
        let stages = self.stages.iter();
        let mut events: Vec<_> = stages.flat_map(|(id, stage)| of_recording(*id, *stage)).collect();
        if matches!(self.machine.state(), Phase::Capturing) {
            events.extend(self.while_capturing());
        }
        if self.is_linking {
            events.extend(self.links());
        }
        if self.machine.state().deadline().is_some() {
            events.extend([SessionEvent::ConversationReady, SessionEvent::DeadlinePassed]);
        }
        if self.machine.state().deadline().is_none() && self.is_awaiting() {
            events.push(SessionEvent::ConversationReady);
        }
        events.extend(self.of_its_audio());
        events
    }

    /// The conversation is overdue and not ready: its event may still come.
    fn is_awaiting(&self) -> bool {
        match self.machine.state() {
            Phase::Sealing { awaited: Some(awaited), .. }
            | Phase::AwaitingConversation { awaited } => !awaited.ready,
            Phase::Sealing { awaited: None, .. }
            | Phase::Capturing
            | Phase::AwaitingLink
            | Phase::Syncing
            | Phase::Settled => false,
        }
    }

    fn has(&self, stage: Stage) -> bool {
        self.stages.values().any(|own| *own == stage)
    }

    fn while_capturing(&self) -> Vec<SessionEvent<Token>> {
        let mut events = Vec::new();
        let count = self.stages.len() as u32;
        if self.has(Stage::Open) || count == 0 {
            events.extend((count == 0).then(|| SessionEvent::RecordingOpened(recording(1))));
            return events;
        }
        let next = recording(count + 1);
        events.extend((count < RECORDINGS_MAX).then_some(SessionEvent::RecordingOpened(next)));
        events.push(SessionEvent::CaptureEnded);
        events
    }

    /// What a conversation may still claim: no request has left for it, and it is not gone.
    fn unclaimed(&self) -> Vec<RecordingId> {
        let may = |stage: &Stage| !matches!(stage, Stage::Settled { .. }) && !self.is_linked;
        self.stages.iter().filter(|(_, stage)| may(stage)).map(|(id, _)| *id).collect()
    }

    /// The link becomes durable, with or without that for which a request has left meanwhile.
    fn links(&self) -> [SessionEvent<Token>; 2] {
        let covers = |also: &[Stage]| {
            let is_covered =
                |stage: &Stage| matches!(stage, Stage::Cut | Stage::Sealed) || also.contains(stage);
            let covered = self.stages.iter().filter(|(_, stage)| is_covered(stage));
            let recordings = covered.map(|(id, _)| Token(*id)).collect();
            SessionEvent::LinkRecorded { recordings }
        };
        [covers(&[Stage::Handed]), covers(&[])]
    }

    /// Links, waits and splits come to a session whose audio no conversation has claimed.
    fn of_its_audio(&self) -> Vec<SessionEvent<Token>> {
        let (unclaimed, mut events) = (self.unclaimed(), Vec::new());
        if unclaimed.is_empty() {
            return events;
        }
        if !self.has(Stage::Open) {
            events.extend([false, true].map(|ready| SessionEvent::ProcessingStarted {
                conversation: conversation("C"),
                deadline: Moment::ZERO,
                ready,
            }));
        }
        if !matches!(self.machine.state(), Phase::Capturing) {
            events.push(SessionEvent::LinkWaitEnded);
        }
        if let [_, last] = unclaimed[..] {
            events.push(SessionEvent::RecordingsMoved(alloc::vec![last]));
        }
        events
    }
}

fn of_recording(id: RecordingId, stage: Stage) -> Vec<SessionEvent<Token>> {
    let settled = |gone| SessionEvent::UploadSettled { recording: id, gone };
    match stage {
        Stage::Open => alloc::vec![SessionEvent::RecordingCut(id)],
        // Its seal may be on its way to the disk when a person deletes it.
        Stage::Cut => alloc::vec![
            SessionEvent::RecordingSealed(Token(id)),
            SessionEvent::SealFailed { recording: id, reason: String::from("EIO") },
            settled(true),
        ],
        Stage::Sealed => alloc::vec![settled(true)],
        Stage::Handed => alloc::vec![settled(true), settled(false)],
        Stage::Settled { gone: false } => {
            alloc::vec![settled(true), SessionEvent::UploadReopened(id)]
        }
        Stage::Settled { gone: true } => Vec::new(),
    }
}
