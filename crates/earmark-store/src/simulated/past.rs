//! The log of operations, and the disk as it was after any of them: from there a power cut can be
//! tried in every way there is.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::fate::{All, Dice, Fate, Odometer};
use super::names::{File, Names};
use super::{DiskOp, Inode, SimDisk, lock, mix};

/// One operation, as the log keeps it; a write that failed is there with the part that it wrote,
/// and a sync that failed too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// What was done.
    pub op: DiskOp,
    /// To which path; the new one of a rename.
    pub path: String,
    /// Where in the file.
    pub offset: u64,
    /// How many bytes.
    pub len: u64,
    pub(super) change: Change,
}

/// What an operation changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing, since the disk lied.
    Nothing,
    CreateFile {
        file: u64,
    },
    CreateDir,
    Rename {
        from: String,
    },
    Remove,
    SyncNames,
    Write {
        file: u64,
        bytes: Vec<u8>,
    },
    SetLen {
        file: u64,
    },
    Sync {
        file: u64,
    },
    /// What the file had unsynced will never be.
    FailSync {
        file: u64,
    },
}

/// How many of the states that a cut may leave are built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutLimits {
    /// All of them, if they are at most so many.
    pub every: u64,
    /// Else so many: nothing came through, everything did, and what the dice say.
    pub sampled: u64,
}

/// A disk as it was at some moment.
pub struct Past {
    names: Names,
    files: BTreeMap<u64, File>,
    next_file: u64,
}

impl std::fmt::Debug for Past {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Past").field("files", &self.files.len()).finish_non_exhaustive()
    }
}

impl Past {
    /// The disk as it is now.
    pub fn of(disk: &SimDisk) -> Self {
        let state = disk.state();
        let (names, files) = state.names.copy();
        let next_file = state.next_file;
        Self { names, files, next_file }
    }

    /// The same once more.
    pub fn copy(&self) -> Self {
        let (names, files) = self.names.copy();
        Self { names, files, next_file: self.next_file }
    }

    /// The disk when everything came through, as after a kill.
    pub fn kept(&self) -> SimDisk {
        self.after(&mut All(true), 0)
    }

    /// The disk when nothing came through but what was synced.
    pub fn lost(&self) -> SimDisk {
        self.after(&mut All(false), 0)
    }

    /// Lets the next operation of a log happen.
    ///
    /// # Panics
    ///
    /// When the log is not that of this disk.
    pub fn advance(&mut self, operation: &Operation) {
        let Operation { path, offset, .. } = operation;
        let fits = "the log is that of this disk";
        match &operation.change {
            Change::Nothing => {}
            Change::CreateFile { file } => {
                let inode = Inode::new(*file).shared();
                self.next_file = self.next_file.max(file + 1);
                self.files.insert(*file, Arc::clone(&inode));
                self.names.create(path, inode).expect(fits);
            }
            Change::CreateDir => {
                self.names.create_dir(path, false).expect(fits);
            }
            Change::Rename { from } => self.names.rename(from, path).expect(fits),
            Change::Remove => self.names.remove(path).expect(fits),
            Change::SyncNames => self.names.sync(path).expect(fits),
            Change::Write { file, bytes } => self.with(*file, |inode| inode.write(*offset, bytes)),
            Change::SetLen { file } => self.with(*file, |inode| inode.set_len(*offset)),
            Change::Sync { file } => self.with(*file, Inode::sync),
            Change::FailSync { file } => self.with(*file, Inode::fail_sync),
        }
    }

    fn with(&self, file: u64, act: impl FnOnce(&mut Inode)) {
        act(&mut lock(self.files.get(&file).expect("the log is that of this disk")));
    }

    /// The disk after a power cut at this moment, as the seed says; sectors may be torn too.
    pub fn cut(&self, seed: u64) -> SimDisk {
        self.after(&mut Dice::with_tears(seed), seed)
    }

    /// The disks that a power cut at this moment could leave.
    pub fn cuts(&self, limits: CutLimits, seed: u64) -> Cuts<'_> {
        let way = match self.every(limits.every, seed) {
            Some(disks) => Way::Every { disks: disks.into_iter() },
            None => Way::Sampled { count: limits.sampled },
        };
        Cuts { past: self, way, made: 0, seed }
    }

    /// All disks that a cut could leave; none when there are more than so many.
    fn every(&self, limit: u64, seed: u64) -> Option<Vec<SimDisk>> {
        let mut top = Odometer::at_the_top();
        self.after(&mut top, seed);
        if top.combinations() > limit {
            return None;
        }
        let (mut odometer, mut disks) = (Odometer::new(seed), Vec::new());
        loop {
            disks.push(self.after(&mut odometer, seed));
            if !odometer.turn() {
                return Some(disks);
            }
            if disks.len() as u64 >= limit {
                return None;
            }
        }
    }

    fn after(&self, fate: &mut dyn Fate, seed: u64) -> SimDisk {
        let disk = SimDisk::new(seed);
        let mut state = disk.state();
        state.names = self.names.after_cut(fate);
        state.next_file = self.next_file;
        drop(state);
        disk
    }
}

/// The disks that a power cut could leave.
#[derive(Debug)]
pub struct Cuts<'a> {
    past: &'a Past,
    way: Way,
    made: u64,
    seed: u64,
}

#[derive(Debug)]
enum Way {
    Every { disks: std::vec::IntoIter<SimDisk> },
    Sampled { count: u64 },
}

impl Cuts<'_> {
    /// Whether no state is left out.
    pub const fn is_exhaustive(&self) -> bool {
        matches!(self.way, Way::Every { .. })
    }
}

impl Iterator for Cuts<'_> {
    type Item = SimDisk;

    fn next(&mut self) -> Option<SimDisk> {
        let (number, seed) = (self.made, mix(self.seed ^ mix(self.made)));
        let disk = match &mut self.way {
            Way::Every { disks } => return disks.next(),
            Way::Sampled { count } if number >= *count => return None,
            Way::Sampled { .. } => match number {
                0 | 1 => self.past.after(&mut All(number == 1), seed),
                2.. => self.past.cut(seed),
            },
        };
        self.made += 1;
        Some(disk)
    }
}
