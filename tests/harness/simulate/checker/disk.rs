//! What the process does with its disk.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use earmark_core::RecordingId;
use earmark_core::invariant::durability::{self, Acknowledgement, FileUse, Unlink};
use earmark_core::invariant::environment::{self, Touched};
use earmark_core::invariant::{Check, Invariant};
use earmark_sim::witness::DiskCall;
use earmark_store::{DiskOp, Past, SimDisk, inspect};

/// The folders of a store.
const FOLDERS: [&str; 5] = ["journal", "quarantine", "recordings", "snapshots", "sums"];
/// Its files beside them.
const FILES: [&str; 3] = ["lock", "store.json", "store.tmp"];

/// The executor's timers ring at whole milliseconds.
const TIMER_STEP: Duration = Duration::from_millis(1);

/// The bytes of a journal file before its records.
const HEADER_BYTES: u64 = 1_024;

/// What is known of the process's files.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// What each open file is called by now.
    names: BTreeMap<u64, String>,
    /// Open files of which a write or a sync has failed.
    dead: BTreeMap<u64, Known>,
    /// Files whose names are not synced.
    unnamed: BTreeSet<String>,
    /// Open files of the journal that hold records.
    filled: BTreeSet<u64>,
    /// The one of them that was synced last, …
    journal: u64,
    /// … and whether that was known to have failed before.
    has_failed: bool,
    /// Errors since the last opening began.
    pub(super) errors: u64,
    /// Whether a read has failed at all: then what is there may count as damaged.
    pub(super) unreadable: bool,
    /// Whether anything has failed at all.
    pub(super) failed: bool,
    /// Whether durable bytes were changed.
    pub(super) rotted: bool,
}

/// When the process hears of a failure.
#[derive(Clone, Copy, Debug)]
struct Known {
    at: Duration,
    /// Whether it takes time: then what happens at that very moment may come before.
    is_late: bool,
}

impl Known {
    fn is_known(self, now: Duration) -> bool {
        if self.is_late { now > self.at } else { now >= self.at }
    }
}

fn is_journal(path: &str) -> bool {
    path.starts_with("journal/") && path.ends_with(".log")
}

fn is_of_store(path: &str) -> bool {
    let (folder, name) = path.split_once('/').unwrap_or(("", path));
    let in_folder = FOLDERS.contains(&folder) && !name.contains('/') && !name.starts_with('.');
    in_folder || path.is_empty() || FILES.contains(&path) || FOLDERS.contains(&path)
}

/// What a call did for the frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Nothing,
    Written,
    Synced,
}

impl Files {
    pub(super) fn hear(&mut self, at: Duration, call: &DiskCall<'_>) -> (Step, [Check; 3]) {
        let touched = Touched {
            path: call.path,
            inside: is_of_store(call.path) && call.from.is_none_or(is_of_store),
            mode: 0,
            has_token: false,
        };
        let checks = [environment::sandbox(&touched), self.use_of(at, call), self.change(call)];
        (self.follow(at, call), checks)
    }

    /// What the file of a call is called by now.
    fn name<'a>(&'a self, call: &'a DiskCall<'_>) -> &'a str {
        self.names.get(&call.file).map_or(call.path, String::as_str)
    }

    /// A file of the journal that has failed is not used again.
    fn use_of(&self, at: Duration, call: &DiskCall<'_>) -> Check {
        let uses = matches!(call.op, DiskOp::Write | DiskOp::Sync) && !call.is_dir;
        let file = self.name(call);
        if !uses || !is_journal(file) {
            return Ok(Invariant::FailedFileIsDead);
        }
        let what = if call.op == DiskOp::Write { "an append" } else { "a sync" };
        let failed_before = self.is_dead(at, call.file);
        durability::failed_file_is_dead(&FileUse { file, what, failed_before })
    }

    /// A sealed recording is not written, and is unlinked last of all.
    fn change(&self, call: &DiskCall<'_>) -> Check {
        let name = self.name(call);
        let sealed = name.strip_prefix("recordings/").and_then(|name| name.strip_suffix(".bin"));
        let Some(id) = sealed.and_then(|id| id.parse::<RecordingId>().ok()) else {
            return Ok(Invariant::DeleteLast);
        };
        if call.op == DiskOp::Write {
            let file = durability::SealedFile { sealed: name, now: "written", rotted: false };
            return durability::sealed_is_immutable(&file);
        }
        if call.op != DiskOp::Remove || call.error.is_some() {
            return Ok(Invariant::DeleteLast);
        }
        let removal_is_durable = self.rotted || is_going(call.disk, id);
        durability::delete_last(&Unlink { removal_is_durable })
    }

    fn follow(&mut self, at: Duration, call: &DiskCall<'_>) -> Step {
        let is_journal = is_journal(self.name(call));
        if let Some(error) = call.error {
            let is_fault = error.raw_os_error().is_some();
            self.errors += u64::from(is_fault);
            self.failed |= is_fault;
            self.unreadable |= is_fault && call.op == DiskOp::Read;
            if matches!(call.op, DiskOp::Write | DiskOp::Sync) && !call.is_dir {
                self.dead.insert(call.file, Known { at, is_late: false });
            }
            return Step::Nothing;
        }
        match call.op {
            DiskOp::Create | DiskOp::Read
                if call.file != 0 && !self.names.contains_key(&call.file) =>
            {
                self.names.insert(call.file, call.path.to_owned());
                if call.op == DiskOp::Create {
                    self.unnamed.insert(call.path.to_owned());
                }
            }
            DiskOp::Rename => self.renamed(call),
            DiskOp::Sync if call.is_dir => {
                let folder = call.path;
                self.unnamed.retain(|path| path.split_once('/').is_none_or(|it| it.0 != folder));
            }
            DiskOp::Write if is_journal && call.offset >= HEADER_BYTES => {
                self.filled.insert(call.file);
                return Step::Written;
            }
            DiskOp::Sync if is_journal && self.filled.contains(&call.file) => {
                self.journal = call.file;
                self.has_failed = self.is_dead(at, call.file);
                return Step::Synced;
            }
            DiskOp::Create | DiskOp::Write | DiskOp::Sync | DiskOp::Read | DiskOp::Remove => {}
        }
        Step::Nothing
    }

    fn renamed(&mut self, call: &DiskCall<'_>) {
        for name in self.names.values_mut().filter(|name| Some(name.as_str()) == call.from) {
            call.path.clone_into(name);
        }
        self.unnamed.insert(call.path.to_owned());
    }

    fn is_dead(&self, at: Duration, file: u64) -> bool {
        self.dead.get(&file).is_some_and(|known| known.is_known(at))
    }

    /// What was just done is heard of only after a while.
    pub(super) fn takes(&mut self, at: Duration, takes: Duration) {
        for known in self.dead.values_mut().filter(|known| known.at == at && !known.is_late) {
            *known = Known { at: at + takes + TIMER_STEP, is_late: true };
        }
    }

    /// Frames are acknowledged now.
    pub(super) fn acknowledged(&self, covered: bool) -> Check {
        let name = self.names.get(&self.journal);
        durability::acknowledge_after_sync(&Acknowledgement {
            synced: covered,
            named: name.is_none_or(|name| !self.unnamed.contains(name)),
            failed_before: self.has_failed,
        })
    }

    /// Another life begins; what it opens is new to it.
    pub(super) fn opening(&mut self) {
        self.dead.clear();
        self.names.clear();
        self.filled.clear();
        self.has_failed = false;
        self.unnamed.clear();
        self.errors = 0;
    }
}

/// Whether it is durable that a recording is to go.
fn is_going(disk: &SimDisk, recording: RecordingId) -> bool {
    let durable = Past::of(disk).lost();
    let found = inspect(&durable.aside());
    let facts = found.ok().and_then(|found| found.ledger.recordings.get(&recording).cloned());
    facts.is_some_and(|facts| facts.removing.is_some())
}
