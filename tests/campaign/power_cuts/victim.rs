//! A writer that is stopped in the middle of whatever it does.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::kills::{Program, Told, complaint, start};

/// How long a process may take until it stands still: it may be in the middle of a sync.
const STOP_MAX: Duration = Duration::from_secs(20);
/// How long a writer may take until it acknowledges something.
const ACKNOWLEDGE_MAX: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(1);

/// A running writer and what it tells.
pub(super) struct Victim {
    child: Child,
    reader: JoinHandle<String>,
    /// Lines that say that something is durable, after it was ready.
    acknowledged: Arc<AtomicU64>,
}

impl Victim {
    pub(super) fn start(program: &Program, arguments: &[String]) -> Result<Self, String> {
        let mut child = start(program, arguments).map_err(|error| error.to_string())?;
        let stdout = child.stdout.take().ok_or("the writer has no output")?;
        let acknowledged = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&acknowledged);
        let reader = thread::spawn(move || read(stdout, &counter));
        Ok(Self { child, reader, acknowledged })
    }

    /// Waits until so many syncs were acknowledged.
    pub(super) fn wait_for(&mut self, syncs: u64) -> Result<(), String> {
        let since = Instant::now();
        while self.acknowledged.load(Ordering::Relaxed) < syncs {
            let is_over = self.child.try_wait().map_err(|error| error.to_string())?.is_some();
            if is_over || since.elapsed() > ACKNOWLEDGE_MAX {
                return Err(String::from("the writer acknowledges nothing"));
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Stops it, and comes back when all of its threads stand still.
    pub(super) fn stop(&mut self) -> Result<(), String> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let id = id.ok_or("the writer has no id")?;
        kill_process(id, Signal::STOP).map_err(|error| error.to_string())?;
        let since = Instant::now();
        while !self.stands_still() {
            if since.elapsed() > STOP_MAX {
                return Err(String::from("the writer does not stop"));
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    fn stands_still(&self) -> bool {
        let Ok(threads) = fs::read_dir(format!("/proc/{}/task", self.child.id())) else {
            return true;
        };
        threads.flatten().all(|thread| {
            let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
            // The name stands in parentheses and may hold anything; the state is behind it.
            let state = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next());
            matches!(state, Some("T" | "Z" | "X") | None)
        })
    }

    /// Kills it; what it has told, or what it complained of if it had ended before.
    pub(super) fn kill(mut self) -> Result<String, String> {
        // It may have ended by itself.
        let _ = self.child.kill();
        let status = self.child.wait().map_err(|error| error.to_string())?;
        let text = self.reader.join().map_err(|_| "the reader panicked")?;
        if status.code().is_some_and(|code| code != 0) {
            return Err(format!("the writer ended with {status}: {}", complaint(self.child)));
        }
        Ok(text)
    }

    /// Waits until it ends by itself.
    pub(super) fn finish(mut self) -> Result<Told, String> {
        self.child.wait().map_err(|error| error.to_string())?;
        Told::read(&self.kill()?)
    }
}

fn read(stdout: ChildStdout, acknowledged: &AtomicU64) -> String {
    let (mut text, mut is_ready) = (String::new(), false);
    let mut lines = BufReader::new(stdout);
    let mut line = String::new();
    while lines.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
        is_ready |= line == "ready\n";
        if is_ready && line.starts_with('=') {
            acknowledged.fetch_add(1, Ordering::Relaxed);
        }
        text.push_str(&line);
        line.clear();
    }
    text
}
