//! The machine that decides when the disk is asked.

mod replay;

use std::collections::BTreeMap;
use std::time::Duration;

use earmark_core::wal_store::{
    DiskTask, Effect, Event, Health, Journal, SYNC_AFTER, Ticket, UNSAFE_AFTER,
};
use earmark_core::{Effects, Machine, Moment, RecordingId, Step};

use super::story::Story;
use super::{Bench, Choice, ensure};

const LIE: &str = "a failed write is told as a success";
const WIDE: &str = "a sync covers what was written after it began";
const BLIND: &str = "a reserve is taken for a file like any other";

pub(super) const BENCH: Bench =
    Bench { name: "wal_store", run, bugs: &[LIE, WIDE, BLIND], share: 0.2, replay: replay::replay };

const KINDS: u32 = 13;
/// Deadlines that may pass in one stretch of time; more is a deadline that does not move.
const DEADLINES_MAX: usize = 10_000;
const ROUNDS_MAX: usize = 200;

/// The disk as it is, and what was promised of it.
struct World {
    machine: Machine<Journal>,
    now: Moment,
    bug: Option<String>,
    staged: Ticket,
    /// What the present file holds, and what of it survives.
    written: Ticket,
    durable: Ticket,
    /// What is in flight, and up to where it goes.
    flying: BTreeMap<DiskTask, Ticket>,
    /// When each place was staged, of those that are not durable.
    staged_at: BTreeMap<Ticket, Moment>,
    /// Tasks that were queued, the place each waits for, and how often each was done.
    tasks: BTreeMap<DiskTask, (Ticket, u32)>,
    failing_since: Option<Moment>,
    /// Whether the journal's file is the reserve, and there is no other.
    on_reserve: bool,
    refused: bool,
    story: Story,
}

fn run(choices: &[u32], bug: Option<&str>) -> Result<(), String> {
    World::new(bug).live(choices)
}

impl World {
    fn new(bug: Option<&str>) -> Self {
        let now = Moment::from_micros(1_000_000);
        Self {
            machine: Machine::new(Journal::new(Ticket(0))),
            now,
            bug: bug.map(str::to_owned),
            staged: Ticket(0),
            written: Ticket(0),
            durable: Ticket(0),
            flying: BTreeMap::new(),
            staged_at: BTreeMap::new(),
            tasks: BTreeMap::new(),
            failing_since: None,
            on_reserve: false,
            refused: false,
            story: Story::beginning(now),
        }
    }

    fn live(&mut self, choices: &[u32]) -> Result<(), String> {
        for choice in choices {
            self.take(&Choice::of(*choice, KINDS))?;
        }
        self.end_well()
    }

    fn take(&mut self, choice: &Choice) -> Result<(), String> {
        match choice.kind {
            0 | 1 => self.stage(false),
            2 => self.stage(true),
            3 => self.queue(choice),
            4..=6 => self.finish(choice),
            7 | 8 => self.fail(choice),
            9 => self.hear(Event::TimerFired),
            10 => self.spend_reserve(),
            _ => {
                let waits = [1, 20, 50, 500, 900, 1_000, 2_000, 30_000];
                self.pass(Duration::from_millis(choice.one_of(&waits)))
            }
        }
    }

    fn stage(&mut self, urgent: bool) -> Result<(), String> {
        self.staged = Ticket(self.staged.0 + 1);
        self.staged_at.insert(self.staged, self.now);
        self.tell_staged(urgent);
        self.hear(Event::Staged { ticket: self.staged, urgent })
    }

    fn queue(&mut self, choice: &Choice) -> Result<(), String> {
        let recording = RecordingId::new(1, self.tasks.len() as u32);
        let task = match choice.rest % 2 {
            0 => DiskTask::Seal(recording),
            _ => DiskTask::Remove(recording),
        };
        let after = if choice.rest.is_multiple_of(3) { self.durable } else { self.staged };
        self.tasks.insert(task, (after, 0));
        self.tell_queued(task);
        self.hear(Event::TaskQueued { task, after })
    }

    fn chosen(&self, choice: &Choice) -> Option<(DiskTask, Ticket)> {
        let count = self.flying.len();
        let place = (count > 0).then(|| choice.rest as usize % count)?;
        self.flying.iter().nth(place).map(|(task, through)| (*task, *through))
    }

    fn finish(&mut self, choice: &Choice) -> Result<(), String> {
        match self.chosen(choice) {
            Some((task, through)) => self.succeed(task, through),
            None => Ok(()),
        }
    }

    fn succeed(&mut self, task: DiskTask, through: Ticket) -> Result<(), String> {
        self.flying.remove(&task);
        let mut told = through;
        match task {
            DiskTask::Write => self.written = self.written.max(through),
            DiskTask::Sync => {
                self.make_durable(through);
                if self.bug.as_deref() == Some(WIDE) {
                    told = self.written;
                }
            }
            DiskTask::Replace => {
                self.make_durable(through);
                self.mend();
            }
            DiskTask::Refill if self.on_reserve => self.mend(),
            DiskTask::Refill => {}
            DiskTask::Seal(_) | DiskTask::Remove(_) | DiskTask::Snapshot | DiskTask::Prune => {
                if let Some((_, done)) = self.tasks.get_mut(&task) {
                    *done += 1;
                }
            }
        }
        self.hear(Event::DiskFinished { task, through: told })
    }

    /// The disk is full, and a replacement that is in flight takes the reserve.
    fn spend_reserve(&mut self) -> Result<(), String> {
        let Some(through) = self.flying.remove(&DiskTask::Replace) else {
            return Ok(());
        };
        self.make_durable(through);
        self.on_reserve = true;
        if self.bug.as_deref() == Some(BLIND) {
            return self.hear(Event::DiskFinished { task: DiskTask::Replace, through });
        }
        self.hear(Event::ReserveSpent { through })
    }

    fn mend(&mut self) {
        (self.failing_since, self.on_reserve) = (None, false);
    }

    fn make_durable(&mut self, through: Ticket) {
        self.durable = self.durable.max(through);
        self.written = self.written.max(self.durable);
        self.staged_at.retain(|ticket, _| *ticket > through);
    }

    fn fail(&mut self, choice: &Choice) -> Result<(), String> {
        let Some((task, through)) = self.chosen(choice) else {
            return Ok(());
        };
        self.flying.remove(&task);
        if task == DiskTask::Write && self.bug.as_deref() == Some(LIE) {
            return self.hear(Event::DiskFinished { task, through });
        }
        if task.is_journal() {
            self.failing_since.get_or_insert(self.now);
            self.on_reserve = false;
        }
        self.tell_fault(task);
        self.hear(Event::DiskFailed { task, reason: String::from("EIO") })
    }

    fn pass(&mut self, wait: Duration) -> Result<(), String> {
        let end = self.now + wait;
        for _ in 0..DEADLINES_MAX {
            match self.deadline().filter(|at| *at <= end) {
                Some(at) => {
                    self.now = self.now.max(at);
                    self.hear(Event::TimerFired)?;
                }
                None => {
                    self.now = end;
                    return Ok(());
                }
            }
        }
        Err(String::from("a deadline passed and did not move"))
    }

    fn deadline(&self) -> Option<Moment> {
        self.machine.shared().deadline(self.machine.state())
    }

    /// One event, one step, all effects; then everything that must hold is held against the model.
    fn hear(&mut self, event: Event) -> Result<(), String> {
        let mut effects = Effects::new();
        self.machine.step(&event, &mut Step { now: self.now, effects: &mut effects });
        for effect in effects.drain() {
            self.obey(&effect)?;
        }
        let shared = self.machine.shared();
        let durable = shared.durable();
        ensure(durable == self.durable, || {
            format!("{event:?}: {durable:?} counts as durable, and {:?} is", self.durable)
        })?;
        ensure(shared.staged() == self.staged, || format!("{event:?}: staged is lost"))?;
        let waits = !shared.is_idle() || self.on_reserve;
        ensure(!waits || !self.flying.is_empty() || self.deadline().is_some(), || {
            format!("{event:?}: something waits, and nothing will happen")
        })?;
        match event {
            Event::TimerFired => self.is_in_time(),
            Event::Staged { .. }
            | Event::TaskQueued { .. }
            | Event::DiskFinished { .. }
            | Event::ReserveSpent { .. }
            | Event::DiskFailed { .. } => Ok(()),
        }
    }

    fn obey(&mut self, effect: &Effect) -> Result<(), String> {
        match effect {
            Effect::Start(task) => self.start(*task),
            Effect::RefuseFrames(_) => {
                self.refused = true;
                Ok(())
            }
            Effect::TakeFrames => {
                let was_refused = std::mem::replace(&mut self.refused, false);
                ensure(was_refused, || String::from("frames are taken again that always were"))
            }
            Effect::ReportTaskFailed { .. } => Ok(()),
            Effect::ReportUnexpected { state, event } => Err(format!("{event} in {state}")),
        }
    }

    fn start(&mut self, task: DiskTask) -> Result<(), String> {
        let flies = |task| self.flying.contains_key(&task);
        let is_other = |one: &DiskTask| !one.is_journal() && *one != DiskTask::Refill;
        let other = self.flying.keys().any(is_other);
        let replaces = flies(DiskTask::Replace);
        let (may, through) = match task {
            DiskTask::Write => {
                (!flies(task) && !replaces && self.staged > self.written, self.staged)
            }
            DiskTask::Sync => {
                (!flies(task) && !replaces && self.written > self.durable, self.written)
            }
            DiskTask::Replace => {
                let journal = self.flying.keys().any(|one| one.is_journal());
                let is_dead = self.failing_since.is_some() && !self.on_reserve;
                (!journal && is_dead, self.staged)
            }
            DiskTask::Refill => (!flies(task) && self.on_reserve, self.staged),
            DiskTask::Seal(_) | DiskTask::Remove(_) | DiskTask::Snapshot | DiskTask::Prune => {
                let queued = self.tasks.get(&task);
                let may = queued.is_some_and(|(after, done)| *after <= self.durable && *done == 0);
                (may && !other, self.staged)
            }
        };
        let flying = &self.flying;
        ensure(may, || format!("{task:?} may not start while {flying:?} is in flight"))?;
        self.flying.insert(task, through);
        Ok(())
    }

    /// What a deadline has to bring about.
    fn is_in_time(&self) -> Result<(), String> {
        let oldest = self.staged_at.values().next();
        let age = oldest.map_or(Duration::ZERO, |at| self.now.since(*at));
        let journal_flies = self.flying.keys().any(|task| task.is_journal());
        let takes = matches!(self.machine.state(), Health::Sound | Health::OnReserve { .. });
        ensure(!takes || journal_flies || age < SYNC_AFTER, || {
            format!("something is staged for {age:?} and the disk was not asked")
        })?;
        let stalls = journal_flies && self.failing_since.is_none();
        ensure(!stalls || age < SYNC_AFTER + UNSAFE_AFTER || self.refused, || {
            format!("the disk does not answer for {age:?} and frames are taken")
        })?;
        let failing = self.failing_since.map_or(Duration::ZERO, |since| self.now.since(since));
        ensure(failing < UNSAFE_AFTER || self.refused, || {
            format!("the disk fails for {failing:?} and frames are taken")
        })
    }

    /// From now on the disk does what it is asked to: then everything becomes durable.
    fn end_well(&mut self) -> Result<(), String> {
        for _ in 0..ROUNDS_MAX {
            let flying: Vec<_> = self.flying.iter().map(|(task, at)| (*task, *at)).collect();
            for (task, through) in flying {
                self.succeed(task, through)?;
            }
            let rests = self.flying.is_empty() && !self.on_reserve;
            if rests && self.machine.shared().is_idle() {
                break;
            }
            self.pass(Duration::from_secs(31))?;
        }
        ensure(self.machine.shared().is_idle(), || String::from("it never comes to rest"))?;
        ensure(self.durable == self.staged, || String::from("something never became durable"))?;
        ensure(!self.refused, || String::from("frames are refused by a sound disk"))?;
        let undone = self.tasks.iter().find(|(_, (_, done))| *done != 1);
        ensure(undone.is_none(), || format!("{undone:?} was not done once"))
    }
}
