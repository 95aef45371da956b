//! What a process holds: memory, and open files.

use std::fs;

use serde_json::{Value, json};

/// What a process holds at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) memory_kib: u64,
    /// What of it is no file's: the heap, and the stacks.
    pub(super) heap_kib: u64,
    /// Nothing when it may not be looked at: a host hides its files from all but root.
    pub(super) files: Option<u64>,
}

impl Usage {
    pub(super) fn of(process: u32) -> Result<Self, String> {
        let status = fs::read_to_string(format!("/proc/{process}/status"));
        let status = status.map_err(|error| format!("/proc/{process}/status: {error}"))?;
        let value = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|text| text.split_whitespace().next()?.parse().ok());
            number.ok_or_else(|| format!("/proc tells no {name}"))
        };
        let files = fs::read_dir(format!("/proc/{process}/fd")).ok();
        Ok(Self {
            memory_kib: value("VmRSS:")?,
            heap_kib: value("RssAnon:")?,
            files: files.map(|files| files.count() as u64),
        })
    }

    /// Whether this is at most 5 % more than at the start.
    pub(super) fn is_that_of(&self, start: &Self) -> bool {
        let fits = |now: u64, start: u64| now * 100 <= start * 105;
        let files = self.files.zip(start.files).is_none_or(|(now, start)| fits(now, start));
        fits(self.memory_kib, start.memory_kib) && files
    }

    pub(super) fn to_json(self) -> Value {
        json!({ "memory_kib": self.memory_kib, "heap_kib": self.heap_kib, "files": self.files })
    }
}
