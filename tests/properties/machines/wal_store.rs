//! When the disk is asked, and when frames are refused.

mod reference;

use std::collections::BTreeMap;

use earmark_core::wal_store::{DiskTask, Effect, Event, Journal, Ticket};
use earmark_core::{Effects, Machine, Moment, Step};
use proptest_state_machine::{StateMachineTest, prop_state_machine};

use reference::{Kind, Reference, Transition};

/// Deadlines that may pass in one stretch of time; more is a deadline that does not move.
const DEADLINES_MAX: usize = 10_000;

/// The machine, with what it has asked of the disk and not heard of yet.
struct Asked {
    machine: Machine<Journal>,
    now: Moment,
    written: Ticket,
    flying: BTreeMap<DiskTask, Ticket>,
    refuses: bool,
}

impl Asked {
    fn hear(&mut self, event: &Event) {
        let mut effects = Effects::new();
        self.machine.step(event, &mut Step { now: self.now, effects: &mut effects });
        for effect in effects.drain() {
            match effect {
                Effect::Start(task) => {
                    let through = match task {
                        DiskTask::Sync => self.written,
                        DiskTask::Write
                        | DiskTask::Replace
                        | DiskTask::Refill
                        | DiskTask::Seal(_)
                        | DiskTask::Remove(_)
                        | DiskTask::Snapshot
                        | DiskTask::Prune => self.machine.shared().staged(),
                    };
                    let before = self.flying.insert(task, through);
                    assert_eq!(before, None, "{task:?} is asked for twice");
                }
                Effect::RefuseFrames(_) => self.refuses = true,
                Effect::TakeFrames => {
                    assert!(self.refuses, "frames are taken again that always were");
                    self.refuses = false;
                }
                Effect::ReportTaskFailed { .. } => {}
                Effect::ReportUnexpected { state, event } => panic!("{event} in {state}"),
            }
        }
    }

    fn answer(&mut self, kind: Kind, well: bool) {
        let task = self.flying.keys().find(|task| Kind::of(**task) == kind).copied();
        let Some((task, through)) = task.and_then(|task| self.flying.remove_entry(&task)) else {
            return;
        };
        if !well {
            let reason = String::from("EIO");
            return self.hear(&Event::DiskFailed { task, reason });
        }
        if kind == Kind::Write || kind == Kind::Replace {
            self.written = self.written.max(through);
        }
        self.hear(&Event::DiskFinished { task, through });
    }

    fn pass(&mut self, end: Moment) {
        for _ in 0..DEADLINES_MAX {
            let deadline = self.machine.shared().deadline(self.machine.state());
            match deadline.filter(|at| *at <= end) {
                Some(at) => {
                    self.now = self.now.max(at);
                    self.hear(&Event::TimerFired);
                }
                None => return self.now = end,
            }
        }
        panic!("a deadline passed and did not move");
    }
}

struct Test;

impl StateMachineTest for Test {
    type SystemUnderTest = Asked;
    type Reference = Reference;

    fn init_test(reference: &Reference) -> Asked {
        Asked {
            machine: Machine::new(Journal::new(Ticket(0))),
            now: reference.now,
            written: Ticket(0),
            flying: BTreeMap::new(),
            refuses: false,
        }
    }

    fn apply(mut asked: Asked, reference: &Reference, transition: Transition) -> Asked {
        match transition {
            Transition::Stage(urgent) => {
                let ticket = Ticket(reference.staged);
                asked.hear(&Event::Staged { ticket, urgent });
            }
            Transition::Queue { .. } => {
                let (task, after) = reference.queued.expect("one was queued just now");
                asked.hear(&Event::TaskQueued { task, after: Ticket(after) });
            }
            Transition::Answer(kind, well) => asked.answer(kind, well),
            Transition::Pass(_) => asked.pass(reference.now),
        }
        asked
    }

    fn check_invariants(asked: &Asked, reference: &Reference) {
        let flying: Vec<DiskTask> = asked.flying.keys().copied().collect();
        assert_eq!(flying, reference.flying(), "left: asked of the disk; right: to be asked");
        assert_eq!(asked.machine.shared().durable(), Ticket(reference.durable));
        assert_eq!(asked.refuses, reference.refuses(), "left: refuses; right: is to");
    }
}

prop_state_machine! {
    #![proptest_config(crate::config())]

    #[test]
    fn the_disk_is_asked_as_the_reference_asks_it(sequential 1..80 => Test);
}
