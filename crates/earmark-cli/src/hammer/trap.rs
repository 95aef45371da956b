//! A point at which the writer kills itself.
//!
//! A point is an operation on a kind of path, before it, after it, or for a write in its middle:
//! `sync.journal.before`, `write.part.mid`.

use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Signal, getpid, kill_process};

/// When a point is passed, seen from its operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Before,
    /// After half of the bytes.
    Mid,
    After,
}

/// A point, and at which of its passages to die.
#[derive(Clone, Debug)]
pub(crate) struct DieAt {
    operation: String,
    kind: String,
    when: When,
    passage: u64,
}

impl FromStr for DieAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = || {
            let (point, passage) = text.split_once(':')?;
            let [operation, kind, when] = point.split('.').collect::<Vec<_>>().try_into().ok()?;
            let when = match when {
                "before" => When::Before,
                "mid" => When::Mid,
                "after" => When::After,
                _ => return None,
            };
            let passage = passage.parse().ok().filter(|passage| *passage > 0)?;
            Some(Self { operation: operation.to_owned(), kind: kind.to_owned(), when, passage })
        };
        parsed().ok_or_else(|| String::from("a point reads `sync.journal.before:7`"))
    }
}

/// Waits for the point.
pub(super) struct Trap {
    die_at: Option<DieAt>,
    passed: AtomicU64,
}

impl Trap {
    pub(super) const fn new(die_at: Option<DieAt>) -> Self {
        Self { die_at, passed: AtomicU64::new(0) }
    }

    /// Whether this is the passage; each call is one.
    pub(super) fn falls(&self, operation: &str, path: &str, when: When) -> bool {
        let Some(die_at) = &self.die_at else {
            return false;
        };
        let is_point =
            die_at.when == when && die_at.operation == operation && die_at.kind == kind_of(path);
        is_point && self.passed.fetch_add(1, Ordering::Relaxed) + 1 == die_at.passage
    }

    /// Passes a point, and does not come back from the one that is waited for.
    pub(super) fn pass(&self, operation: &str, path: &str, when: When) {
        if self.falls(operation, path, when) {
            die();
        }
    }
}

/// Ends the process as a kill from outside does.
pub(super) fn die() -> ! {
    let _ = kill_process(getpid(), Signal::KILL);
    loop {
        std::thread::park();
    }
}

/// What a path of the store is; a folder goes by its name, the store's own by `root`.
fn kind_of(path: &str) -> &str {
    match path {
        "" => "root",
        "store.json" => "identity",
        "store.tmp" => "identity-temp",
        "snapshots/new.tmp" => "snapshot-temp",
        "journal/spare" => "spare",
        _ => match (path.split_once('/'), path.ends_with(".part")) {
            (Some(("recordings", _)), true) => "part",
            (Some(("recordings", _)), false) => "recording",
            (Some(("snapshots", _)), _) => "snapshot",
            // A folder, or a file that is named as its folder is.
            (Some((folder, _)), _) => folder,
            (None, _) => path,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trap_falls_at_the_passage_that_was_named_and_at_no_other() {
        let trap = Trap::new("write.part.mid:2".parse().ok());
        let pass = |path, when| trap.falls("write", path, when);
        assert!(!pass("recordings/r-1f3a9c2e-7.part", When::Mid));
        assert!(!pass("recordings/r-1f3a9c2e-7.part", When::After));
        assert!(!pass("recordings/r-1f3a9c2e-7.bin", When::Mid));
        assert!(pass("recordings/r-1f3a9c2e-8.part", When::Mid));
        assert!(!pass("recordings/r-1f3a9c2e-8.part", When::Mid));
    }

    #[test]
    fn what_is_no_point_is_refused() {
        for text in ["", "sync", "sync.journal:1", "sync.journal.late:1", "sync.journal.mid:0"] {
            assert!(text.parse::<DieAt>().is_err(), "{text}");
        }
    }
}
