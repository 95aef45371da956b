//! The machine that decides when the disk is asked.

use alloc::collections::VecDeque;
use alloc::string::String;
use core::time::Duration;

use statig::Outcome;
use statig::blocking::{IntoStateMachine, State};

use super::{DiskTask, Effect, Event, Ticket};
use crate::ingest::Refusal;
use crate::{Moment, Step};

/// How long something may stay written and not durable. A sync takes time of its own, so it begins
/// before the second is over that a power cut may cost.
pub const SYNC_AFTER: Duration = Duration::from_millis(900);
/// After this time without a success frames are refused.
pub const UNSAFE_AFTER: Duration = Duration::from_secs(1);
/// How long the store waits at first before it tries a new journal file again.
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
    is_writing: bool,
    syncing_since: Option<Moment>,
    tasks: VecDeque<Queued>,
    running: Option<Queued>,
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
}

/// A failure of the journal's file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Failure {
    since: Moment,
    reason: String,
    is_replacing: bool,
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
        journal.note(event, step);
        let next = match self {
            Self::Sound => journal.sound(event, step),
            Self::Stalled => journal.stalled(event, step),
            Self::Failing(failure) | Self::Refusing(failure) => {
                let mut failure = failure.clone();
                let was_refusing = matches!(self, Self::Refusing(_));
                journal.failing(event, step, &mut failure, was_refusing)
            }
        };
        match next {
            Some(next) if next == *self => Outcome::Handled,
            Some(next) => Outcome::Transition(next),
            None => Outcome::Handled,
        }
    }
}

impl Journal {
    /// The journal of a store that was just opened.
    pub fn new(durable: Ticket) -> Self {
        Self {
            staged: durable,
            written: durable,
            durable,
            ..Self::default()
        }
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
            Health::Sound => [self.sync_due(), self.overdue_at()]
                .into_iter()
                .flatten()
                .min(),
            Health::Stalled => None,
            Health::Failing(failure) => Some(failure.next().min(failure.since + UNSAFE_AFTER)),
            Health::Refusing(failure) => Some(failure.next()),
        };
        let can_run = self.running.is_none() && matches!(health, Health::Sound);
        let runnable = |queued: &&Queued| can_run && queued.after <= self.durable;
        let tasks = self
            .tasks
            .iter()
            .filter(runnable)
            .map(|queued| queued.not_before)
            .min();
        own.into_iter().chain(tasks).min()
    }

    /// Keeps the books, which are the same in every state.
    fn note(&mut self, event: &Event, step: &mut Context<'_>) {
        match event {
            Event::Staged { ticket, urgent } => {
                self.staged = *ticket;
                self.undurable_since.get_or_insert(step.now);
                if *urgent {
                    self.urgent = *ticket;
                }
            }
            Event::TaskQueued { task, after } => {
                self.urgent = self.urgent.max(*after);
                let (task, after, not_before) = (*task, *after, step.now);
                self.tasks.push_back(Queued {
                    task,
                    after,
                    not_before,
                    wait: TASK_WAIT_MIN,
                });
            }
            Event::DiskFinished { task, through } => self.finished(*task, *through),
            Event::DiskFailed { task, reason } => self.failed(*task, reason, step),
            Event::TimerFired => {}
        }
    }

    fn finished(&mut self, task: DiskTask, through: Ticket) {
        match task {
            DiskTask::Write => {
                self.is_writing = false;
                self.written = self.written.max(through);
            }
            DiskTask::Sync => {
                let began = self.syncing_since.take();
                self.durable_through(through, began);
            }
            DiskTask::Replace => self.durable_through(through, None),
            DiskTask::Seal(_) | DiskTask::Remove(_) | DiskTask::Snapshot | DiskTask::Prune => {
                self.running = None;
            }
        }
    }

    fn durable_through(&mut self, through: Ticket, began: Option<Moment>) {
        self.durable = self.durable.max(through);
        self.written = self.written.max(self.durable);
        if self.durable == self.staged {
            self.undurable_since = None;
        } else if began.is_some() {
            // Whatever is not durable now was staged after the sync began.
            self.undurable_since = began;
        }
    }

    fn failed(&mut self, task: DiskTask, reason: &str, step: &mut Context<'_>) {
        match task {
            DiskTask::Write => self.is_writing = false,
            DiskTask::Sync => self.syncing_since = None,
            DiskTask::Replace => {}
            DiskTask::Seal(_) | DiskTask::Remove(_) | DiskTask::Snapshot | DiskTask::Prune => {
                if let Some(mut queued) = self.running.take() {
                    queued.not_before = step.now + queued.wait;
                    queued.wait = (queued.wait * 2).min(TASK_WAIT_MAX);
                    self.tasks.push_back(queued);
                }
                step.order(Effect::ReportTaskFailed {
                    task,
                    reason: String::from(reason),
                });
            }
        }
    }

    fn sound(&mut self, event: &Event, step: &mut Context<'_>) -> Option<Health> {
        if let Event::DiskFailed { task, reason } = event
            && task.is_journal()
        {
            let mut failure = Failure::new(step.now, reason);
            self.replace(&mut failure, step);
            return Some(Health::Failing(failure));
        }
        if self.overdue_at().is_some_and(|at| at <= step.now) {
            step.order(Effect::RefuseFrames(Refusal::DiskStalled));
            return Some(Health::Stalled);
        }
        self.advance(step);
        None
    }

    fn stalled(&mut self, event: &Event, step: &mut Context<'_>) -> Option<Health> {
        match event {
            Event::DiskFailed { task, reason } if task.is_journal() => {
                step.order(Effect::RefuseFrames(Refusal::DiskFailed(reason.clone())));
                let mut failure = Failure::new(step.now, reason);
                self.replace(&mut failure, step);
                Some(Health::Refusing(failure))
            }
            Event::DiskFinished { .. } if self.overdue_at().is_none_or(|at| at > step.now) => {
                step.order(Effect::TakeFrames);
                self.advance(step);
                Some(Health::Sound)
            }
            Event::Staged { .. }
            | Event::TaskQueued { .. }
            | Event::DiskFinished { .. }
            | Event::DiskFailed { .. }
            | Event::TimerFired => {
                self.advance(step);
                None
            }
        }
    }

    fn failing(
        &mut self,
        event: &Event,
        step: &mut Context<'_>,
        failure: &mut Failure,
        was_refusing: bool,
    ) -> Option<Health> {
        match event {
            Event::DiskFinished {
                task: DiskTask::Replace,
                ..
            } => {
                if was_refusing {
                    step.order(Effect::TakeFrames);
                }
                self.advance(step);
                return Some(Health::Sound);
            }
            Event::DiskFailed {
                task: DiskTask::Replace,
                reason,
            } => failure.again(step.now, reason),
            Event::Staged { .. }
            | Event::TaskQueued { .. }
            | Event::DiskFinished { .. }
            | Event::DiskFailed { .. }
            | Event::TimerFired => {}
        }
        self.replace(failure, step);
        let refuses = was_refusing || step.now.since(failure.since) >= UNSAFE_AFTER;
        if refuses && !was_refusing {
            step.order(Effect::RefuseFrames(Refusal::DiskFailed(
                failure.reason.clone(),
            )));
        }
        let failure = failure.clone();
        Some(if refuses {
            Health::Refusing(failure)
        } else {
            Health::Failing(failure)
        })
    }

    /// Begins a new file once nothing is under way on the dead one.
    fn replace(&self, failure: &mut Failure, step: &mut Context<'_>) {
        let is_quiet = !self.is_writing && self.syncing_since.is_none();
        if is_quiet && !failure.is_replacing && failure.retry_at <= step.now {
            failure.is_replacing = true;
            step.order(Effect::Start(DiskTask::Replace));
        }
    }

    /// Starts all that can be started.
    fn advance(&mut self, step: &mut Context<'_>) {
        if !self.is_writing && self.staged > self.written {
            self.is_writing = true;
            step.order(Effect::Start(DiskTask::Write));
        }
        let is_due = self.urgent > self.durable || self.sync_due().is_some_and(|at| at <= step.now);
        if self.syncing_since.is_none() && self.written > self.durable && is_due {
            self.syncing_since = Some(step.now);
            step.order(Effect::Start(DiskTask::Sync));
        }
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
        let can_begin = self.syncing_since.is_none() && self.written > self.durable;
        self.undurable_since
            .filter(|_| can_begin)
            .map(|since| since + SYNC_AFTER)
    }

    /// When what waits for the disk has waited for a second longer than it should.
    fn overdue_at(&self) -> Option<Moment> {
        let is_under_way = self.is_writing || self.syncing_since.is_some();
        self.undurable_since
            .filter(|_| is_under_way)
            .map(|at| at + SYNC_AFTER + UNSAFE_AFTER)
    }
}

impl Failure {
    fn new(now: Moment, reason: &str) -> Self {
        Self {
            since: now,
            reason: String::from(reason),
            is_replacing: false,
            retry_at: now,
            wait: REPLACE_WAIT_MIN,
        }
    }

    fn again(&mut self, now: Moment, reason: &str) {
        self.reason = String::from(reason);
        self.is_replacing = false;
        self.retry_at = now + self.wait;
        self.wait = (self.wait * 2).min(REPLACE_WAIT_MAX);
    }

    /// When the next replacement is due; far away while one is under way.
    fn next(&self) -> Moment {
        if self.is_replacing {
            Moment::from_micros(u64::MAX)
        } else {
            self.retry_at
        }
    }
}
