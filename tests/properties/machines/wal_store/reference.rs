//! The journal's rules in plain words: what is staged is written at once, synced when somebody
//! waits or after 900 ms, replaced when its file has failed; frames are refused after a second.

use std::time::Duration;

use earmark_core::wal_store::DiskTask;
use earmark_core::{Moment, RecordingId};
use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

const SYNC_AFTER: Duration = Duration::from_millis(900);
const UNSAFE_AFTER: Duration = Duration::from_secs(1);
/// The first and the longest wait before another new file, and before a task.
const FILE_WAITS: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(500)];
const TASK_WAITS: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(30)];

/// What is asked of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Write,
    Sync,
    Replace,
    Task,
}

impl Kind {
    pub(super) const fn of(task: DiskTask) -> Self {
        match task {
            DiskTask::Write => Self::Write,
            DiskTask::Sync => Self::Sync,
            DiskTask::Replace => Self::Replace,
            DiskTask::Refill
            | DiskTask::Seal(_)
            | DiskTask::Remove(_)
            | DiskTask::Snapshot
            | DiskTask::Prune => Self::Task,
        }
    }
}

/// One thing that happens at the store.
#[derive(Clone, Copy, Debug)]
pub(super) enum Transition {
    /// Something is staged; whether somebody waits for it.
    Stage(bool),
    /// A recording is to be sealed, once all that is staged is durable, or at once.
    Queue {
        at_once: bool,
    },
    /// The disk answers, well or not.
    Answer(Kind, bool),
    Pass(Duration),
}

/// A write, a sync or a new file that is under way: up to where it goes, and since when the oldest
/// is staged that it leaves out; for a write, that it takes.
#[derive(Clone, Copy, Debug)]
struct Flight {
    through: u64,
    since: Moment,
}

#[derive(Clone, Copy, Debug)]
struct Task {
    task: DiskTask,
    after: u64,
    not_before: Moment,
    wait: Duration,
}

/// The journal's file has failed.
#[derive(Clone, Copy, Debug)]
struct Failing {
    since: Moment,
    retry_at: Moment,
    wait: Duration,
    refuses: bool,
}

/// The rules, and where everything stands.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    pub(super) now: Moment,
    pub(super) staged: u64,
    written: u64,
    pub(super) durable: u64,
    urgent: u64,
    undurable_since: Option<Moment>,
    unwritten_since: Option<Moment>,
    write: Option<Flight>,
    sync: Option<Flight>,
    replace: Option<Flight>,
    failing: Option<Failing>,
    stalls: bool,
    tasks: Vec<Task>,
    running: Option<Task>,
    /// What was queued last, and behind what.
    pub(super) queued: Option<(DiskTask, u64)>,
    seals: u32,
}

impl Reference {
    /// What the disk must be busy with.
    pub(super) fn flying(&self) -> Vec<DiskTask> {
        let journal = [
            self.write.map(|_| DiskTask::Write),
            self.sync.map(|_| DiskTask::Sync),
            self.replace.map(|_| DiskTask::Replace),
        ];
        let task = self.running.map(|one| one.task);
        journal.into_iter().chain([task]).flatten().collect()
    }

    pub(super) fn refuses(&self) -> bool {
        self.stalls || self.failing.is_some_and(|failing| failing.refuses)
    }

    fn is_busy(&self) -> bool {
        self.write.is_some() || self.sync.is_some() || self.replace.is_some()
    }

    fn hear(&mut self, transition: Transition) {
        match transition {
            Transition::Stage(urgent) => self.stage(urgent),
            Transition::Queue { at_once } => self.queue(at_once),
            Transition::Answer(kind, true) => self.succeed(kind),
            Transition::Answer(kind, false) => self.fail(kind),
            Transition::Pass(wait) => self.pass(wait),
        }
    }

    fn stage(&mut self, urgent: bool) {
        self.staged += 1;
        self.undurable_since.get_or_insert(self.now);
        self.unwritten_since.get_or_insert(self.now);
        if urgent {
            self.urgent = self.staged;
        }
        self.go_on();
    }

    fn queue(&mut self, at_once: bool) {
        self.seals += 1;
        let task = DiskTask::Seal(RecordingId::new(1, self.seals));
        let after = if at_once { self.durable } else { self.staged };
        self.queued = Some((task, after));
        self.urgent = self.urgent.max(after);
        self.tasks.push(Task { task, after, not_before: self.now, wait: TASK_WAITS[0] });
        self.go_on();
    }

    fn succeed(&mut self, kind: Kind) {
        match kind {
            Kind::Write => {
                let Some(write) = self.write.take() else { return };
                self.written = self.written.max(write.through);
            }
            Kind::Sync => {
                let Some(sync) = self.sync.take() else { return };
                self.make_durable(sync);
            }
            Kind::Replace => {
                let Some(replace) = self.replace.take() else { return };
                self.unwritten_since = Some(replace.since);
                self.make_durable(replace);
                self.failing = None;
                self.ask();
                return self.start_task();
            }
            Kind::Task => {
                if self.running.take().is_none() {
                    return;
                }
            }
        }
        self.go_on();
    }

    fn make_durable(&mut self, flight: Flight) {
        self.durable = self.durable.max(flight.through);
        self.written = self.written.max(self.durable);
        let is_left = self.durable < self.staged;
        self.undurable_since = is_left.then_some(flight.since);
        self.unwritten_since = self.unwritten_since.filter(|_| self.written < self.staged);
    }

    fn fail(&mut self, kind: Kind) {
        let since = match kind {
            Kind::Write => self.write.take(),
            Kind::Sync => self.sync.take(),
            Kind::Replace => self.replace.take(),
            Kind::Task => return self.fail_task(),
        };
        let Some(flight) = since else { return };
        if kind == Kind::Write {
            self.unwritten_since = Some(flight.since);
        }
        let (now, refuses) = (self.now, std::mem::take(&mut self.stalls));
        match &mut self.failing {
            None => {
                let wait = FILE_WAITS[0];
                self.failing = Some(Failing { since: now, retry_at: now, wait, refuses });
                self.ask_for_file();
            }
            Some(failing) => {
                if kind == Kind::Replace {
                    failing.retry_at = now + failing.wait;
                    failing.wait = (failing.wait * 2).min(FILE_WAITS[1]);
                }
                self.go_on();
            }
        }
    }

    fn fail_task(&mut self) {
        let Some(mut task) = self.running.take() else {
            return;
        };
        task.not_before = self.now + task.wait;
        task.wait = (task.wait * 2).min(TASK_WAITS[1]);
        self.tasks.push(task);
        self.go_on();
    }

    /// Asks for whatever is due, and refuses what cannot be kept.
    fn go_on(&mut self) {
        if self.failing.is_some() {
            self.ask_for_file();
            self.start_task();
            if let Some(failing) = &mut self.failing {
                failing.refuses |= self.now.since(failing.since) >= UNSAFE_AFTER;
            }
            return;
        }
        self.ask();
        self.start_task();
        self.stalls = self.overdue_at().is_some_and(|at| at <= self.now);
    }

    fn ask(&mut self) {
        if self.write.is_none() && self.written < self.staged {
            let since = self.unwritten_since.take().unwrap_or(self.now);
            self.write = Some(Flight { through: self.staged, since });
        }
        let is_due = self.sync_due().is_some_and(|at| at <= self.now);
        let is_wanted = self.urgent > self.durable && self.written > self.durable;
        if self.sync.is_none() && (is_due || is_wanted) {
            let written = self.write.map(|write| write.since);
            let since = written.or(self.unwritten_since).unwrap_or(self.now);
            self.sync = Some(Flight { through: self.written, since });
        }
    }

    fn ask_for_file(&mut self) {
        if !self.is_busy() && self.failing.is_some_and(|failing| failing.retry_at <= self.now) {
            self.replace = Some(Flight { through: self.staged, since: self.now });
        }
    }

    fn start_task(&mut self) {
        let is_due = |one: &Task| one.after <= self.durable && one.not_before <= self.now;
        if self.running.is_none()
            && let Some(place) = self.tasks.iter().position(is_due)
        {
            self.running = Some(self.tasks.remove(place));
        }
    }

    fn sync_due(&self) -> Option<Moment> {
        let can_begin = self.sync.is_none() && self.written > self.durable;
        self.undurable_since.filter(|_| can_begin).map(|since| since + SYNC_AFTER)
    }

    fn overdue_at(&self) -> Option<Moment> {
        let is_busy = self.write.is_some() || self.sync.is_some();
        self.undurable_since.filter(|_| is_busy).map(|at| at + SYNC_AFTER + UNSAFE_AFTER)
    }

    fn pass(&mut self, wait: Duration) {
        let end = self.now + wait;
        while let Some(at) = self.deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.go_on();
        }
        self.now = end;
    }

    fn deadline(&self) -> Option<Moment> {
        let journal = match self.failing {
            Some(failing) => {
                let retry = (!self.is_busy()).then_some(failing.retry_at);
                let refusal = (!failing.refuses).then(|| failing.since + UNSAFE_AFTER);
                [retry, refusal]
            }
            None if self.stalls => [None, None],
            None => [self.sync_due(), self.overdue_at()],
        };
        let is_runnable = |one: &&Task| self.running.is_none() && one.after <= self.durable;
        let tasks = self.tasks.iter().filter(is_runnable).map(|one| one.not_before);
        journal.into_iter().flatten().chain(tasks).min()
    }
}

impl ReferenceStateMachine for Reference {
    type State = Self;
    type Transition = Transition;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self {
            now: Moment::from_micros(1_000_000),
            staged: 0,
            written: 0,
            durable: 0,
            urgent: 0,
            undurable_since: None,
            unwritten_since: None,
            write: None,
            sync: None,
            replace: None,
            failing: None,
            stalls: false,
            tasks: Vec::new(),
            running: None,
            queued: None,
            seals: 0,
        })
        .boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Transition> {
        let kinds = vec![Kind::Write, Kind::Sync, Kind::Replace, Kind::Task];
        let kind = proptest::sample::select(kinds);
        let waits = vec![1, 20, 50, 500, 899, 900, 1_000, 2_000, 31_000];
        let wait = proptest::sample::select(waits).prop_map(Duration::from_millis);
        let well = proptest::bool::weighted(0.7);
        prop_oneof![
            3 => any::<bool>().prop_map(Transition::Stage),
            1 => any::<bool>().prop_map(|at_once| Transition::Queue { at_once }),
            6 => (kind, well).prop_map(|(kind, well)| Transition::Answer(kind, well)),
            3 => wait.prop_map(Transition::Pass),
        ]
        .boxed()
    }

    fn apply(mut state: Self, transition: &Transition) -> Self {
        state.hear(*transition);
        state
    }
}
