//! The store's machine beside a disk that does what it is asked to, or not.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::*;
use crate::ingest::Refusal;
use crate::{Effects, Machine, Moment, RecordingId, Step};

mod diagram;
mod failures;
mod orders;
mod reserve;
mod syncs;
mod tasks;

const SEAL: DiskTask = DiskTask::Seal(RecordingId::new(1, 1));
const REMOVE: DiskTask = DiskTask::Remove(RecordingId::new(1, 2));

/// More deadlines than any test of this machine lets pass.
const DEADLINES_MAX: u32 = 10_000;

#[derive(Clone, Debug)]
struct Bench {
    machine: Machine<Journal>,
    now: Moment,
    staged: u64,
    written: u64,
    /// What the disk was asked for and has not answered, and how much of the journal it takes.
    flying: BTreeMap<DiskTask, u64>,
    /// When each place was staged, of those that are not durable.
    staged_at: BTreeMap<u64, Moment>,
    /// Since when the journal has had no file of its own that takes anything.
    failing_since: Option<Moment>,
    /// Whether it has one, and that is the reserve.
    on_reserve: bool,
    /// How many deadlines were told.
    told: u32,
}

impl Bench {
    fn new() -> Self {
        let machine = Machine::new(Journal::new(Ticket(0)));
        let now = Moment::from_micros(1_000_000_000);
        Self {
            machine,
            now,
            staged: 0,
            written: 0,
            flying: BTreeMap::new(),
            staged_at: BTreeMap::new(),
            failing_since: None,
            on_reserve: false,
            told: 0,
        }
    }

    /// Something is written and nothing is under way.
    fn written() -> Self {
        let mut bench = Self::new();
        bench.stage(false);
        bench.finish(DiskTask::Write);
        bench
    }

    /// A write has failed, and the new file is under way.
    fn failing() -> Self {
        let mut bench = Self::new();
        bench.stage(false);
        bench.fail(DiskTask::Write);
        bench
    }

    /// There was no room for a new file, and the reserve has become it.
    fn on_reserve() -> Self {
        let mut bench = Self::failing();
        bench.spend_reserve();
        bench
    }

    fn hear(&mut self, event: &Event) -> Vec<Effect> {
        let mut effects = Effects::new();
        self.machine.step(event, &mut Step { now: self.now, effects: &mut effects });
        let orders: Vec<Effect> = effects.drain().collect();
        let started = orders.iter().filter_map(started);
        for task in started.collect::<Vec<_>>() {
            let up_to = if task == DiskTask::Sync { self.written } else { self.staged };
            assert_eq!(self.flying.insert(task, up_to), None, "{task:?} is under way already");
        }
        orders
    }

    fn stage(&mut self, urgent: bool) -> Vec<Effect> {
        self.staged += 1;
        self.staged_at.insert(self.staged, self.now);
        self.hear(&Event::Staged { ticket: Ticket(self.staged), urgent })
    }

    /// Queues a task that needs all that is staged.
    fn queue(&mut self, task: DiskTask) -> Vec<Effect> {
        self.hear(&Event::TaskQueued { task, after: Ticket(self.staged) })
    }

    /// The replacement is done, with the reserve.
    fn spend_reserve(&mut self) -> Vec<Effect> {
        let through = Ticket(self.take(DiskTask::Replace));
        self.on_reserve = true;
        self.hear(&Event::ReserveSpent { through })
    }

    fn finish(&mut self, task: DiskTask) -> Vec<Effect> {
        let through = Ticket(self.take(task));
        if task == DiskTask::Replace || (task == DiskTask::Refill && self.on_reserve) {
            self.failing_since = None;
            self.on_reserve = false;
        }
        self.hear(&Event::DiskFinished { task, through })
    }

    /// The disk did it; up to where that goes.
    fn take(&mut self, task: DiskTask) -> u64 {
        let up_to = self.flying.remove(&task).expect("the disk was asked for it");
        if task.is_journal() {
            self.written = self.written.max(up_to);
        }
        if matches!(task, DiskTask::Sync | DiskTask::Replace) {
            self.staged_at.retain(|ticket, _| *ticket > up_to);
        }
        up_to
    }

    fn fail(&mut self, task: DiskTask) -> Vec<Effect> {
        self.flying.remove(&task).expect("the disk was asked for it");
        if task.is_journal() {
            self.failing_since.get_or_insert(self.now);
            self.on_reserve = false;
        }
        self.hear(&Event::DiskFailed { task, reason: String::from("EIO") })
    }

    /// Time passes, and every deadline on the way is told.
    fn pass(&mut self, wait: Duration) -> Vec<Effect> {
        let (end, mut orders) = (self.now + wait, Vec::new());
        while let Some(at) = self.deadline().filter(|at| *at <= end) {
            self.told += 1;
            assert!(self.told < DEADLINES_MAX, "a deadline passed and did not move");
            self.now = self.now.max(at);
            orders.extend(self.hear(&Event::TimerFired));
        }
        self.now = end;
        orders
    }

    fn deadline(&self) -> Option<Moment> {
        self.machine.shared().deadline(self.machine.state())
    }

    /// How long the oldest of what is staged has waited until it is durable.
    fn oldest(&self) -> Duration {
        self.staged_at.values().next().map_or(Duration::ZERO, |at| self.now.since(*at))
    }

    fn fails_for(&self) -> Duration {
        self.failing_since.map_or(Duration::ZERO, |since| self.now.since(since))
    }

    fn durable(&self) -> u64 {
        self.machine.shared().durable().0
    }

    fn state(&self) -> &'static str {
        self.machine.state().name()
    }
}

fn started(order: &Effect) -> Option<DiskTask> {
    match order {
        Effect::Start(task) => Some(*task),
        Effect::RefuseFrames(_)
        | Effect::TakeFrames
        | Effect::ReportTaskFailed { .. }
        | Effect::ReportUnexpected { .. } => None,
    }
}

fn failed() -> Effect {
    Effect::RefuseFrames(Refusal::DiskFailed(String::from("EIO")))
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
