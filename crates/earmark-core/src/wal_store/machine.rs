//! The machine that decides when the disk is asked.

use alloc::collections::VecDeque;
use alloc::string::String;
use core::time::Duration;

use statig::Outcome;
use statig::blocking::{IntoStateMachine, State};

use super::{DiskTask, Effect, Event, Ticket};
use crate::ingest::Refusal;
use crate::{Moment, Step};

mod reserve;

/// How long something may stay written and not durable. A sync takes time of its own, so it begins
/// before the second is over that a power cut may cost.
pub const SYNC_AFTER: Duration = Duration::from_millis(900);
/// After this time without a success frames are refused.
pub const UNSAFE_AFTER: Duration = Duration::from_secs(1);
/// How long the store waits at first before it tries a new journal file or reserve again.
pub const REPLACE_WAIT_MIN: Duration = Duration::from_millis(50);
/// How long it waits at most.
pub const REPLACE_WAIT_MAX: Duration = Duration::from_millis(500);
/// How long a failed seal, removal, snapshot or pruning waits at first.
pub const TASK_WAIT_MIN: Duration = Duration::from_millis(500);
/// How long it waits at most.
pub const TASK_WAIT_MAX: Duration = Duration::from_secs(30);

const _: () = assert!(REPLACE_WAIT_MAX.as_millis() < UNSAFE_AFTER.as_millis());

/// What the machine knows in every state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Journal {
    staged: Ticket,
    written: Ticket,
    durable: Ticket,
    /// Somebody waits for everything up to here.
    urgent: Ticket,
    /// Since when something is staged that is not durable.
    undurable_since: Option<Moment>,
    /// Since when something is staged that no write has taken.
    unwritten_since: Option<Moment>,
    /// Since when the oldest of what is being written is staged.
    writing: Option<Moment>,
    syncing: Option<Covering>,
    replacing: Option<Covering>,
    refilling: bool,
    tasks: VecDeque<Queued>,
    running: Option<Queued>,
}

/// A sync or a replacement that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Covering {
    /// Nothing that it leaves out was staged before this.
    rest_since: Moment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Queued {
    task: DiskTask,
    after: Ticket,
    not_before: Moment,
    wait: Duration,
}

/// Whether the journal can be trusted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Health {
    /// It can.
    Sound,
    /// A sync does not return; frames are refused.
    Stalled,
    /// A write or a sync failed; what was taken is kept in memory.
    Failing(Failure),
    /// That lasts for too long; frames are refused.
    Refusing(Failure),
    /// The disk is full and the journal lives on its reserve: decisions go on.
    OnReserve {
        /// What came of the disk last.
        failure: Failure,
        /// Whether that lasts for too long, and frames are refused.
        refuses: bool,
    },
}

/// A failure of the journal's file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Failure {
    since: Moment,
    reason: String,
    retry_at: Moment,
    wait: Duration,
}

impl Health {
    /// The state's name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Sound => "sound",
            Self::Stalled => "stalled",
            Self::Failing(_) => "failing",
            Self::Refusing(_) => "refusing",
            Self::OnReserve { .. } => "on_reserve",
        }
    }
}

type Context<'a> = Step<'a, Effect>;

impl IntoStateMachine for Journal {
    type Event<'evt> = Event;
    type Context<'ctx> = Context<'ctx>;
    type State = Health;
    type Superstate<'sub> = ();

    fn initial() -> Health {
        Health::Sound
    }
}

impl State<Journal> for Health {
    fn call_handler(
        &mut self,
        journal: &mut Journal,
        event: &Event,
        step: &mut Context<'_>,
    ) -> Outcome<Self> {
        if journal.is_out_of_turn(event) {
            step.order(Effect::ReportUnexpected { state: self.name(), event: event.name() });
            return Outcome::Handled;
        }
        journal.note(event, step);
        let next = match self {
            Self::Sound => journal.sound(event, step),
            Self::Stalled => journal.stalled(event, step),
            Self::Failing(failure) | Self::Refusing(failure) => {
                let (failure, was_refusing) = (failure.clone(), matches!(self, Self::Refusing(_)));
                journal.failing(event, step, failure, was_refusing)
            }
            Self::OnReserve { failure, refuses } => {
                let (failure, refuses) = (failure.clone(), *refuses);
                Some(journal.on_reserve(event, step, failure, refuses))
            }
        };
        next.map_or(Outcome::Handled, Outcome::Transition)
    }
}

impl Journal {
    /// The journal of a store that was just opened.
    pub fn new(durable: Ticket) -> Self {
        Self { staged: durable, written: durable, durable, ..Self::default() }
    }

    /// Everything up to here is durable.
    pub const fn durable(&self) -> Ticket {
        self.durable
    }

    /// Everything up to here was staged.
    pub const fn staged(&self) -> Ticket {
        self.staged
    }

    /// Whether nothing is under way, staged or queued.
    pub fn is_idle(&self) -> bool {
        self.durable == self.staged && self.tasks.is_empty() && self.running.is_none()
    }

    /// When something falls due by itself in a state, if anything does.
    pub fn deadline(&self, health: &Health) -> Option<Moment> {
        let own = match health {
            Health::Sound => [self.sync_due(), self.overdue_at()].into_iter().flatten().min(),
            Health::Stalled => None,
            Health::Failing(failure) => {
                let unsafe_at = Some(failure.since + UNSAFE_AFTER);
                [self.replace_due(failure), unsafe_at].into_iter().flatten().min()
            }
            Health::Refusing(failure) => self.replace_due(failure),
            Health::OnReserve { failure, refuses } => {
                let unsafe_at = (!refuses).then(|| failure.since + UNSAFE_AFTER);
                let own = [self.sync_due(), self.refill_due(failure), unsafe_at];
                own.into_iter().flatten().min()
            }
        };
        let can_run = self.running.is_none();
        let runnable = |queued: &&Queued| can_run && queued.after <= self.durable;
        let tasks = self.tasks.iter().filter(runnable).map(|queued| queued.not_before).min();
        own.into_iter().chain(tasks).min()
    }

    /// Whether it answers something that the disk was not asked for: nothing may count as durable
    /// by it.
    fn is_out_of_turn(&self, event: &Event) -> bool {
        match event {
            Event::DiskFinished { task, .. } | Event::DiskFailed { task, .. } => match task {
                DiskTask::Write => self.writing.is_none(),
                DiskTask::Sync => self.syncing.is_none(),
                DiskTask::Replace => self.replacing.is_none(),
                DiskTask::Refill => !self.refilling,
                DiskTask::Seal(_) | DiskTask::Remove(_) | DiskTask::Snapshot | DiskTask::Prune => {
                    self.running.is_none_or(|running| running.task != *task)
                }
            },
            Event::ReserveSpent { .. } => self.replacing.is_none(),
            Event::Staged { .. } | Event::TaskQueued { .. } | Event::TimerFired => false,
        }
    }

    /// Keeps the books, which are the same in every state.
    fn note(&mut self, event: &Event, step: &mut Context<'_>) {
        match event {
            Event::Staged { ticket, urgent } => {
                if *ticket > self.staged {
                    self.staged = *ticket;
                    self.undurable_since.get_or_insert(step.now);
                    self.unwritten_since.get_or_insert(step.now);
                }
                if *urgent {
                    self.urgent = self.urgent.max(*ticket);
                }
            }
            Event::TaskQueued { task, after } => self.queue(*task, *after, step.now),
            Event::DiskFinished { task, through } => self.finished(*task, *through),
            Event::ReserveSpent { through } => self.finished(DiskTask::Replace, *through),
            Event::DiskFailed { task, reason } => self.failed(*task, reason, step),
            Event::TimerFired => {}
        }
    }

    /// A task that waits already is not queued twice: it only waits for more.
    fn queue(&mut self, task: DiskTask, after: Ticket, now: Moment) {
        self.urgent = self.urgent.max(after);
        match self.tasks.iter_mut().find(|queued| queued.task == task) {
            Some(queued) => queued.after = queued.after.max(after),
            None => {
                self.tasks.push_back(Queued { task, after, not_before: now, wait: TASK_WAIT_MIN })
            }
        }
    }

    fn finished(&mut self, task: DiskTask, through: Ticket) {
        match task {
            DiskTask::Write => {
                self.writing = None;
                self.written = self.written.max(through);
            }
            DiskTask::Sync => {
                let sync = self.syncing.take();
                self.durable_through(through, sync);
            }
            DiskTask::Replace => {
                let replacement = self.replacing.take();
                self.unwritten_since = replacement.map(|covering| covering.rest_since);
                self.durable_through(through, replacement);
            }
            DiskTask::Refill => self.refilling = false,
            DiskTask::Seal(_) | DiskTask::Remove(_) | DiskTask::Snapshot | DiskTask::Prune => {
                self.running = None;
            }
        }
    }

    fn durable_through(&mut self, through: Ticket, ended: Option<Covering>) {
        self.durable = self.durable.max(through);
        self.written = self.written.max(self.durable);
        if self.durable == self.staged {
            self.undurable_since = None;
        } else if let Some(Covering { rest_since }) = ended {
            self.undurable_since = Some(rest_since);
        }
        if self.written == self.staged {
            self.unwritten_since = None;
        }
    }

    fn failed(&mut self, task: DiskTask, reason: &str, step: &mut Context<'_>) {
        match task {
            // What was being written is unwritten again.
            DiskTask::Write => self.unwritten_since = self.writing.take().or(self.unwritten_since),
            DiskTask::Sync => self.syncing = None,
            DiskTask::Replace => self.replacing = None,
            DiskTask::Refill => self.refilling = false,
            DiskTask::Seal(_) | DiskTask::Remove(_) | DiskTask::Snapshot | DiskTask::Prune => {
                if let Some(mut queued) = self.running.take() {
                    queued.not_before = step.now + queued.wait;
                    queued.wait = (queued.wait * 2).min(TASK_WAIT_MAX);
                    self.tasks.push_back(queued);
                }
                step.order(Effect::ReportTaskFailed { task, reason: String::from(reason) });
            }
        }
    }

    fn sound(&mut self, event: &Event, step: &mut Context<'_>) -> Option<Health> {
        if let Event::DiskFailed { task, reason } = event
            && task.is_journal()
        {
            let failure = Failure::new(step.now, reason);
            self.replace(&failure, step);
            return Some(Health::Failing(failure));
        }
        self.advance(step);
        if self.is_overdue(step.now) {
            step.order(Effect::RefuseFrames(Refusal::DiskStalled));
            return Some(Health::Stalled);
        }
        None
    }

    fn stalled(&mut self, event: &Event, step: &mut Context<'_>) -> Option<Health> {
        if let Event::DiskFailed { task, reason } = event
            && task.is_journal()
        {
            step.order(Effect::RefuseFrames(Refusal::DiskFailed(reason.clone())));
            let failure = Failure::new(step.now, reason);
            self.replace(&failure, step);
            return Some(Health::Refusing(failure));
        }
        self.advance(step);
        if self.is_overdue(step.now) {
            return None;
        }
        step.order(Effect::TakeFrames);
        Some(Health::Sound)
    }

    fn failing(
        &mut self,
        event: &Event,
        step: &mut Context<'_>,
        mut failure: Failure,
        was_refusing: bool,
    ) -> Option<Health> {
        if let Event::DiskFinished { task: DiskTask::Replace, .. } = event {
            return Some(self.mended(was_refusing, step));
        }
        if let Event::ReserveSpent { .. } = event {
            failure.wait_longer(step.now);
            return Some(self.on_reserve(event, step, failure, was_refusing));
        }
        if let Event::DiskFailed { task: DiskTask::Replace, reason } = event {
            failure.again(step.now, reason);
        }
        self.replace(&failure, step);
        self.start_task(step);
        if was_refusing {
            return Some(Health::Refusing(failure));
        }
        if step.now.since(failure.since) < UNSAFE_AFTER {
            return Some(Health::Failing(failure));
        }
        let reason = failure.reason.clone();
        step.order(Effect::RefuseFrames(Refusal::DiskFailed(reason)));
        Some(Health::Refusing(failure))
    }

    /// The journal has its own room again.
    fn mended(&mut self, was_refusing: bool, step: &mut Context<'_>) -> Health {
        if was_refusing {
            step.order(Effect::TakeFrames);
        }
        self.advance(step);
        Health::Sound
    }

    /// Begins a new file once nothing is under way on the dead one.
    fn replace(&mut self, failure: &Failure, step: &mut Context<'_>) {
        if self.replace_due(failure).is_some_and(|at| at <= step.now) {
            let rest_since = step.now;
            self.replacing = Some(Covering { rest_since });
            step.order(Effect::Start(DiskTask::Replace));
        }
    }

    /// When a new file is to begin; not while something is under way on the dead one.
    fn replace_due(&self, failure: &Failure) -> Option<Moment> {
        let is_under_way =
            self.writing.is_some() || self.syncing.is_some() || self.replacing.is_some();
        (!is_under_way).then_some(failure.retry_at)
    }

    /// Starts all that can be started.
    fn advance(&mut self, step: &mut Context<'_>) {
        if self.writing.is_none() && self.staged > self.written {
            self.writing = Some(self.unwritten_since.take().unwrap_or(step.now));
            step.order(Effect::Start(DiskTask::Write));
        }
        let is_due = self.urgent > self.durable || self.sync_due().is_some_and(|at| at <= step.now);
        if self.syncing.is_none() && self.written > self.durable && is_due {
            let rest_since = self.writing.or(self.unwritten_since).unwrap_or(step.now);
            self.syncing = Some(Covering { rest_since });
            step.order(Effect::Start(DiskTask::Sync));
        }
        self.start_task(step);
    }

    /// Tasks need the journal's durable part only, so they go on while its file is dead: what they
    /// remove may be the room that it lacks.
    fn start_task(&mut self, step: &mut Context<'_>) {
        let can_start =
            |queued: &Queued| queued.after <= self.durable && queued.not_before <= step.now;
        if self.running.is_none()
            && let Some(index) = self.tasks.iter().position(can_start)
            && let Some(queued) = self.tasks.remove(index)
        {
            self.running = Some(queued);
            step.order(Effect::Start(queued.task));
        }
    }

    /// When a sync is to begin: only if none is under way and something is written.
    fn sync_due(&self) -> Option<Moment> {
        let can_begin = self.syncing.is_none() && self.written > self.durable;
        self.undurable_since.filter(|_| can_begin).map(|since| since + SYNC_AFTER)
    }

    /// When what waits for the disk has waited for a second longer than it should.
    fn overdue_at(&self) -> Option<Moment> {
        let is_under_way = self.writing.is_some() || self.syncing.is_some();
        self.undurable_since.filter(|_| is_under_way).map(|at| at + SYNC_AFTER + UNSAFE_AFTER)
    }

    fn is_overdue(&self, now: Moment) -> bool {
        self.overdue_at().is_some_and(|at| at <= now)
    }
}

impl Failure {
    fn new(now: Moment, reason: &str) -> Self {
        Self { since: now, reason: String::from(reason), retry_at: now, wait: REPLACE_WAIT_MIN }
    }

    fn again(&mut self, now: Moment, reason: &str) {
        self.reason = String::from(reason);
        self.wait_longer(now);
    }

    fn wait_longer(&mut self, now: Moment) {
        self.retry_at = now + self.wait;
        self.wait = (self.wait * 2).min(REPLACE_WAIT_MAX);
    }
}
