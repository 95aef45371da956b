//! What the process has used: time of the processor, and how often its threads were woken.

use std::collections::BTreeMap;
use std::fs;
use std::io;

use rustix::time::{ClockId, clock_gettime};

/// Seconds of processor time of the whole process.
pub(super) fn process_seconds() -> f64 {
    seconds(ClockId::ProcessCPUTime)
}

/// Seconds of processor time of this thread.
pub(super) fn thread_seconds() -> f64 {
    seconds(ClockId::ThreadCPUTime)
}

fn seconds(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// How often each thread has gone to sleep by itself.
pub(super) struct Sleeps(BTreeMap<String, u64>);

impl Sleeps {
    pub(super) fn now() -> io::Result<Self> {
        let mut sleeps = BTreeMap::new();
        for task in fs::read_dir("/proc/self/task")? {
            let task = task?;
            // A thread may end between the two looks.
            let status = fs::read_to_string(task.path().join("status")).unwrap_or_default();
            let field =
                |line: &str| line.strip_prefix("voluntary_ctxt_switches:")?.trim().parse().ok();
            let count = status.lines().find_map(field).unwrap_or(0);
            sleeps.insert(task.file_name().to_string_lossy().into_owned(), count);
        }
        Ok(Self(sleeps))
    }

    /// How often the threads other than these have slept since then, as far as they still run.
    pub(super) fn since(&self, before: &Self, but: &[String]) -> u64 {
        let others = self.0.iter().filter(|(task, _)| !but.contains(task));
        others.map(|(task, now)| now - before.0.get(task).copied().unwrap_or(0)).sum()
    }
}

/// The number by which the system knows this thread.
pub(super) fn this_task() -> io::Result<String> {
    let link = fs::read_link("/proc/thread-self")?;
    Ok(link.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()))
}
