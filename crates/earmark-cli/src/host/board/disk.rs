//! What the disk fails at, beside taking frames: it is tried again by itself, without end.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use earmark::{RecordingId, Status};

/// So often in a row a task must fail until a person is told.
const FAILURES_MIN: u32 = 3;
/// A task that fails is tried again at least twice in this time; one that did not fail again in it
/// has succeeded, which nothing else tells of most tasks.
const FAILS_NO_MORE: Duration = Duration::from_secs(90);
/// How many tasks are kept apart at most.
const TASKS_MAX: usize = 1_024;

/// The tasks that failed of late.
#[derive(Clone, Default)]
pub(crate) struct DiskTasks(BTreeMap<Task, Failures>);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Task {
    /// The writing of a recording's file.
    Seal(RecordingId),
    /// Any other, in the runtime's words.
    Other(String),
}

#[derive(Clone)]
struct Failures {
    count: u32,
    last: Instant,
    reason: String,
}

impl Failures {
    fn are_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) > FAILS_NO_MORE
    }
}

impl DiskTasks {
    /// A recording's file could not be written.
    pub(crate) fn seal_failed(&mut self, recording: RecordingId, reason: &str, now: Instant) {
        self.failed(Task::Seal(recording), reason, now);
    }

    /// Something else failed. What fails at a recording's file is told as that as well.
    pub(crate) fn task_failed(&mut self, task: &str, reason: &str, now: Instant) {
        if !task.starts_with("Seal(") {
            self.failed(Task::Other(task.to_owned()), reason, now);
        }
    }

    fn failed(&mut self, task: Task, reason: &str, now: Instant) {
        self.0.retain(|_, failures| !failures.are_over(now));
        if self.0.len() >= TASKS_MAX && !self.0.contains_key(&task) {
            return;
        }
        let fresh = Failures { count: 0, last: now, reason: String::new() };
        let failures = self.0.entry(task).or_insert(fresh);
        failures.count = failures.count.saturating_add(1);
        (failures.last, failures.reason) = (now, reason.to_owned());
    }

    /// A file that is there, or that nobody wants any more, fails no more.
    pub(crate) fn saw(&mut self, status: &Status) {
        let is_unsealed = |id: &RecordingId| {
            let found = status.recordings.iter().find(|one| one.id == *id);
            found.is_some_and(|one| one.sha256.is_none())
        };
        self.0.retain(|task, _| match task {
            Task::Seal(recording) => is_unsealed(recording),
            Task::Other(_) => true,
        });
    }

    /// What a person should do something about.
    pub(crate) fn troubles(&self, now: Instant) -> Vec<String> {
        let (mut seals, mut others) = (Vec::new(), Vec::new());
        for (task, failures) in &self.0 {
            if failures.count < FAILURES_MIN || failures.are_over(now) {
                continue;
            }
            let reason = failures.reason.as_str();
            match task {
                Task::Seal(_) => seals.push(reason),
                Task::Other(task) => {
                    others.push(format!("the disk fails at the task {task}: {reason}"));
                }
            }
        }
        let count = seals.len();
        let first =
            seals.first().map(|why| format!("recordings that cannot be sealed: {count}: {why}"));
        first.into_iter().chain(others).collect()
    }
}

#[cfg(test)]
mod tests {
    use earmark_store::Sha256Sum;

    use super::*;
    use crate::host::recording;

    const NOTHING: [&str; 0] = [];

    #[test]
    fn a_task_that_fails_again_and_again_is_a_trouble_until_it_fails_no_more() {
        let (mut tasks, start) = (DiskTasks::default(), crate::clock::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        tasks.task_failed("Prune", "EIO", start);
        tasks.task_failed("Prune", "EIO", start);
        assert_eq!(tasks.troubles(start), NOTHING, "twice may be chance");
        tasks.task_failed("Prune", "EIO", start);
        assert_eq!(tasks.troubles(start), ["the disk fails at the task Prune: EIO"]);
        tasks.task_failed("Prune", "EACCES", after(30));
        assert_eq!(tasks.troubles(after(120)), ["the disk fails at the task Prune: EACCES"]);
        assert_eq!(tasks.troubles(after(121)), NOTHING);
        tasks.task_failed("Prune", "EIO", after(200));
        assert_eq!(tasks.troubles(after(200)), NOTHING, "it begins anew");
    }

    #[test]
    fn recordings_that_cannot_be_sealed_are_a_trouble_until_they_are_sealed_or_gone() {
        let (mut tasks, now) = (DiskTasks::default(), crate::clock::now());
        let mut recordings = vec![recording(1, "pending"), recording(2, "pending")];
        for id in [recordings[0].id, recordings[1].id].repeat(3) {
            tasks.seal_failed(id, "EACCES", now);
            tasks.task_failed(&format!("Seal({id})"), "EACCES", now);
        }
        let saw =
            |recordings: &[_]| Status { recordings: recordings.to_vec(), ..Status::default() };
        tasks.saw(&saw(&recordings));
        assert_eq!(tasks.troubles(now), ["recordings that cannot be sealed: 2: EACCES"]);
        recordings[0].sha256 = Some(Sha256Sum([0; 32]));
        tasks.saw(&saw(&recordings));
        assert_eq!(tasks.troubles(now), ["recordings that cannot be sealed: 1: EACCES"]);
        tasks.saw(&saw(&[]));
        assert_eq!(tasks.troubles(now), NOTHING);
    }

    #[test]
    fn tasks_without_end_are_not_remembered() {
        let (mut tasks, now) = (DiskTasks::default(), crate::clock::now());
        for number in 0..2 * TASKS_MAX {
            tasks.task_failed(&format!("Remove({number})"), "EIO", now);
        }
        assert_eq!(tasks.0.len(), TASKS_MAX);
    }
}
