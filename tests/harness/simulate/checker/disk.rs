//! What the process does with its disk.

use std::collections::{BTreeMap, BTreeSet};

use earmark_core::RecordingId;
use earmark_core::invariant::durability::{self, Acknowledgement, FileUse, Unlink};
use earmark_core::invariant::environment::{self, Touched};
use earmark_core::invariant::{Check, Invariant};
use earmark_sim::witness::DiskCall;
use earmark_store::DiskOp;

/// The folders of a store.
const FOLDERS: [&str; 5] = ["journal", "quarantine", "recordings", "snapshots", "sums"];
/// Its files beside them.
const FILES: [&str; 3] = ["lock", "store.json", "store.tmp"];

/// What is known of the process's files.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// Files of which a write or a sync has failed.
    dead: BTreeSet<String>,
    /// Files whose names are not synced.
    unnamed: BTreeSet<String>,
    /// The journal's file that was written or synced last.
    journal: String,
    /// Whether the last sync of the journal succeeded.
    synced: bool,
    /// Recordings that are to go; `true` once that is durable.
    pub(super) going: BTreeMap<RecordingId, bool>,
    /// Errors since the last opening began.
    pub(super) errors: u64,
    /// Whether a read has failed at all: then what is there may count as damaged.
    pub(super) unreadable: bool,
    /// Whether anything has failed at all.
    pub(super) failed: bool,
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
    pub(super) fn hear(&mut self, call: &DiskCall<'_>) -> (Step, [Check; 3]) {
        let touched = Touched {
            path: call.path,
            inside: is_of_store(call.path) && call.from.is_none_or(is_of_store),
            mode: 0,
            has_token: false,
        };
        let checks = [environment::sandbox(&touched), self.use_of(call), self.change(call)];
        (self.follow(call), checks)
    }

    /// A file of the journal that has failed is not used again.
    fn use_of(&self, call: &DiskCall<'_>) -> Check {
        let uses = matches!(call.op, DiskOp::Write | DiskOp::Sync) && !call.is_dir;
        if !uses || !is_journal(call.path) {
            return Ok(Invariant::FailedFileIsDead);
        }
        let what = if call.op == DiskOp::Write { "an append" } else { "a sync" };
        let failed_before = self.dead.contains(call.path);
        durability::failed_file_is_dead(&FileUse { file: call.path, what, failed_before })
    }

    /// A sealed recording is not written, and is unlinked last of all.
    fn change(&self, call: &DiskCall<'_>) -> Check {
        let sealed =
            call.path.strip_prefix("recordings/").and_then(|name| name.strip_suffix(".bin"));
        let Some(id) = sealed.and_then(|id| id.parse::<RecordingId>().ok()) else {
            return Ok(Invariant::DeleteLast);
        };
        if call.op == DiskOp::Write {
            let file = durability::SealedFile { sealed: call.path, now: "written", rotted: false };
            return durability::sealed_is_immutable(&file);
        }
        if call.op != DiskOp::Remove || call.error.is_some() {
            return Ok(Invariant::DeleteLast);
        }
        let removal_is_durable = self.going.get(&id).copied().unwrap_or(false);
        durability::delete_last(&Unlink { removal_is_durable })
    }

    fn follow(&mut self, call: &DiskCall<'_>) -> Step {
        if let Some(error) = call.error {
            let is_fault = error.raw_os_error().is_some();
            self.errors += u64::from(is_fault);
            self.failed |= is_fault;
            self.unreadable |= is_fault && call.op == DiskOp::Read;
            if matches!(call.op, DiskOp::Write | DiskOp::Sync) && !call.is_dir {
                self.dead.insert(call.path.to_owned());
                self.synced &= !is_journal(call.path);
            }
            return Step::Nothing;
        }
        match call.op {
            DiskOp::Create if !call.is_dir => self.anew(call.path),
            DiskOp::Rename => self.anew(call.path),
            DiskOp::Remove => {
                self.dead.remove(call.path);
            }
            DiskOp::Sync if call.is_dir => {
                let folder = call.path;
                self.unnamed.retain(|path| path.split_once('/').is_none_or(|it| it.0 != folder));
            }
            DiskOp::Write if is_journal(call.path) => return Step::Written,
            DiskOp::Sync if is_journal(call.path) => {
                call.path.clone_into(&mut self.journal);
                self.synced = true;
                self.going.values_mut().for_each(|durable| *durable = true);
                return Step::Synced;
            }
            DiskOp::Create | DiskOp::Write | DiskOp::Sync | DiskOp::Read => {}
        }
        Step::Nothing
    }

    fn anew(&mut self, path: &str) {
        self.dead.remove(path);
        self.unnamed.insert(path.to_owned());
    }

    /// Frames are acknowledged now.
    pub(super) fn acknowledged(&self, covered: bool) -> Check {
        durability::acknowledge_after_sync(&Acknowledgement {
            synced: covered && self.synced,
            named: !self.unnamed.contains(&self.journal),
            failed_before: self.dead.contains(&self.journal),
        })
    }

    /// Another life begins; what it opens is new to it.
    pub(super) fn opening(&mut self) {
        self.dead.clear();
        self.unnamed.clear();
        self.synced = false;
        self.errors = 0;
    }
}
