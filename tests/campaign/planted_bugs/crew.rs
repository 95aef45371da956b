//! Hunts on all cores, each in a process of its own.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::hunt::{Caught, HUNG, TASK, Task, parse};
use crate::locked::locked;

/// How a hunt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Something was caught.
    Caught(Caught),
    /// Everything was as it should be.
    Nothing,
    /// The process did not come so far, in words.
    Broken(String),
}

/// Who hunts.
pub(super) struct Crew {
    program: PathBuf,
    /// Whether what a hunt writes to standard error is shown.
    loud: bool,
}

impl Crew {
    pub(super) const fn new(program: PathBuf, loud: bool) -> Self {
        Self { program, loud }
    }

    /// Does all tasks, and gives their ends in the order of the tasks.
    pub(super) fn hunt(&self, tasks: &[Task], tell: impl Fn(Task, &End) + Sync) -> Vec<End> {
        let next = AtomicUsize::new(0);
        let ends = Mutex::new(vec![End::Nothing; tasks.len()]);
        let work = || {
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some(task) = tasks.get(place) else { return };
                let end = self.hunt_one(*task);
                tell(*task, &end);
                locked(&ends)[place] = end;
            }
        };
        thread::scope(|scope| {
            (0..thread::available_parallelism().map_or(1, usize::from)).for_each(|_| {
                scope.spawn(work);
            });
        });
        std::mem::take(&mut *locked(&ends))
    }

    fn hunt_one(&self, task: Task) -> End {
        let mut command = Command::new(&self.program);
        command.arg("planted-bugs").env(TASK, task.to_text()).stdout(Stdio::piped());
        command.stderr(if self.loud { Stdio::inherit() } else { Stdio::null() });
        let output = command.spawn().and_then(std::process::Child::wait_with_output);
        let output = match output {
            Ok(output) => output,
            Err(error) => return End::Broken(format!("it does not start: {error}")),
        };
        if output.status.code() == Some(HUNG) {
            return End::Broken(String::from("it goes on for ever"));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let said = text.lines().last().and_then(|line| serde_json::from_str(line).ok());
        let Some(report) = said else {
            return End::Broken(format!("it ended with {}", output.status));
        };
        parse(&report).map_or(End::Nothing, End::Caught)
    }
}
