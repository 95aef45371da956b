//! Which operations fail, and how.

use std::collections::BTreeMap;
use std::io;

use super::DiskOp;

/// What a fault says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DiskError {
    /// Input or output error.
    Eio,
    /// No space left.
    Enospc,
    /// Permission denied.
    Eacces,
    /// Too many open files.
    Emfile,
    /// The quota is used up.
    Edquot,
    /// The file system is read-only.
    Erofs,
    /// A signal came in between.
    Eintr,
}

impl DiskError {
    pub(super) fn to_io(self) -> io::Error {
        let number = match self {
            Self::Eintr => 4,
            Self::Eio => 5,
            Self::Eacces => 13,
            Self::Emfile => 24,
            Self::Enospc => 28,
            Self::Erofs => 30,
            Self::Edquot => 122,
        };
        io::Error::from_raw_os_error(number)
    }
}

/// How an operation goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// It fails.
    Error(DiskError),
    /// A write takes half of its bytes; anything else is as it would be.
    ShortWrite,
}

/// Operations that are a part of a kind, for faults that hit no others of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Narrow {
    /// Of reads: the opening of a file.
    Open,
    /// Of syncs: those of folders.
    SyncDir,
}

/// A fault of single operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aim {
    /// The kind of operation.
    pub op: DiskOp,
    /// How its path begins.
    pub prefix: String,
    /// So many of them go well before.
    pub skip: u64,
    /// So many of them do not; −1 is for ever.
    pub times: i64,
    /// What happens to them.
    pub fault: Fault,
}

/// The faults that are due.
#[derive(Debug, Default)]
pub(super) struct Faults {
    any: BTreeMap<DiskOp, (DiskError, i64)>,
    narrow: BTreeMap<Narrow, (DiskError, i64)>,
    aims: Vec<Aim>,
    /// How many operations went wrong by an aim.
    pub(super) hits: u64,
}

impl Faults {
    pub(super) fn set(&mut self, op: DiskOp, error: DiskError, times: i64) {
        self.any.insert(op, (error, times));
    }

    pub(super) fn set_narrow(&mut self, op: Narrow, error: DiskError, times: i64) {
        self.narrow.insert(op, (error, times));
    }

    /// Whether any fault can still come.
    pub(super) fn any_is_due(&self) -> bool {
        let any = self.any.values().chain(self.narrow.values()).any(|(_, times)| *times != 0);
        any || self.aims.iter().any(|aim| aim.times != 0)
    }

    pub(super) fn aim(&mut self, aim: Aim) {
        self.aims.push(aim);
    }

    pub(super) fn clear(&mut self) {
        self.any.clear();
        self.narrow.clear();
        self.aims.clear();
    }

    /// What happens to an operation; whether it is a short write.
    pub(super) fn meet(
        &mut self,
        (op, narrow): (DiskOp, Option<Narrow>),
        path: &str,
    ) -> io::Result<bool> {
        let narrow = narrow.and_then(|narrow| self.narrow.get_mut(&narrow));
        let set = self.any.get_mut(&op).into_iter().chain(narrow);
        for (error, times) in set {
            if is_due(times) {
                return Err(error.to_io());
            }
        }
        let mut short = false;
        for aim in &mut self.aims {
            if aim.op != op || !path.starts_with(&aim.prefix) {
                continue;
            }
            if aim.skip > 0 {
                aim.skip -= 1;
                continue;
            }
            if !is_due(&mut aim.times) {
                continue;
            }
            self.hits += 1;
            match aim.fault {
                Fault::Error(error) => return Err(error.to_io()),
                Fault::ShortWrite => short = true,
            }
        }
        Ok(short)
    }
}

/// Takes one of the times, if there is one.
const fn is_due(times: &mut i64) -> bool {
    if *times > 0 {
        *times -= 1;
        return true;
    }
    *times < 0
}
