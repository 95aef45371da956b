//! A disk in memory that forgets what was not synced, tears writes, fills up and fails on demand.
//!
//! What is written is kept apart from what is synced, and names apart from contents. A kill leaves
//! everything that was written; a power cut leaves what was synced, and of the rest whatever the
//! seed says, sector by sector and name by name. The same seed and the same calls give the same
//! disk.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::disk::{DirEntry, Disk, DiskFile, DiskLock, split};
use crate::journal::mix;

mod fate;
mod faults;
mod inode;
mod names;
mod past;
mod slips;

use fate::Dice;
pub use fate::Toll;
use faults::Faults;
pub use faults::{Aim, DiskError, Fault, Narrow};
use inode::Inode;
use names::Names;
use past::Change;
pub use past::{CutLimits, Cuts, Operation, Past};
use slips::Slips;
pub use slips::{Slip, Slipped};

/// The sector in which writes are torn.
pub const SECTOR_BYTES: usize = 512;

/// What a fault can hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DiskOp {
    /// The creation of a file or a folder.
    Create,
    /// A write, and a cut or growth of a file.
    Write,
    /// The sync of a file or a folder.
    Sync,
    /// A change of name.
    Rename,
    /// A removal.
    Remove,
    /// A read, an opening of a file and a listing of a folder.
    Read,
}

/// A way in which the disk deceives the store; what a store on such a disk loses is what a store
/// would lose that forgot the step itself, so that a checker can show that it would notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lie {
    /// Syncs of files do nothing and succeed.
    FileSyncs,
    /// Syncs of files that fail say that they succeeded.
    FileSyncErrors,
    /// Syncs of folders do nothing and succeed.
    NameSyncs,
}

/// A handle on a simulated disk. Clones share it; each handle belongs to the process that was alive
/// when it was given out.
#[derive(Clone)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
    life: u64,
    /// Whether it looks from the side: nothing that it does meets a fault, counts or changes
    /// anything.
    is_aside: bool,
}

struct State {
    names: Names,
    faults: Faults,
    slips: Slips,
    /// Whether the write that has begun takes half of its bytes.
    shortens: bool,
    lies: BTreeSet<Lie>,
    full: bool,
    capacity: u64,
    life: u64,
    locked: bool,
    dice: u64,
    operations: u64,
    log: Option<Vec<Operation>>,
    /// What was asked for since the log began, what failed and what only reads included.
    asked: Vec<(DiskOp, String)>,
    next_file: u64,
    stop_after: Option<u64>,
}

impl std::fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SimDisk").field("life", &self.life).finish_non_exhaustive()
    }
}

impl SimDisk {
    /// An empty disk without limits.
    pub fn new(seed: u64) -> Self {
        let state = State {
            names: Names::default(),
            faults: Faults::default(),
            slips: Slips::default(),
            shortens: false,
            lies: BTreeSet::new(),
            full: false,
            capacity: u64::MAX,
            life: 0,
            locked: false,
            dice: mix(seed),
            operations: 0,
            log: None,
            asked: Vec::new(),
            next_file: 0,
            stop_after: None,
        };
        Self { state: Arc::new(Mutex::new(state)), life: 0, is_aside: false }
    }

    /// Lets the next `times` operations of a kind fail; −1 is for ever, 0 ends it.
    pub fn set_fault(&self, op: DiskOp, error: DiskError, times: i64) {
        self.state().faults.set(op, error, times);
    }

    /// The same for operations that are a part of a kind.
    pub fn set_narrow_fault(&self, op: Narrow, error: DiskError, times: i64) {
        self.state().faults.set_narrow(op, error, times);
    }

    /// Lets the next `times` writes to files whose paths begin so go wrong without an error.
    pub fn slip(&self, slip: Slip, prefix: &str, times: u64) {
        self.state().slips.add(slip, prefix, times);
    }

    /// Takes what has slipped since the last time.
    pub fn take_slipped(&self) -> Vec<Slipped> {
        self.state().slips.take()
    }

    /// Lets single operations go wrong.
    pub fn aim(&self, aim: Aim) {
        self.state().faults.aim(aim);
    }

    /// How many operations went wrong by an aim.
    pub fn hits(&self) -> u64 {
        self.state().faults.hits
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        let mut state = self.state();
        state.faults.clear();
        state.slips.clear();
    }

    /// Whether nothing is going to fail and there is room.
    pub fn is_healthy(&self) -> bool {
        let state = self.state();
        !state.faults.any_is_due() && state.room() > 0 && state.stop_after.is_none()
    }

    /// Lets the disk lie from here on.
    pub fn tell(&self, lie: Lie) {
        self.state().lies.insert(lie);
    }

    /// Whether nothing may grow and nothing be created; what is there can still be rewritten.
    pub fn set_full(&self, full: bool) {
        self.state().full = full;
    }

    /// How many bytes all files together may have.
    pub fn set_capacity(&self, bytes: u64) {
        self.state().capacity = bytes;
    }

    /// The process dies: its handles fail from here on and change nothing, its lock is free, what
    /// it has written stays.
    pub fn kill(&self) {
        let mut state = self.state();
        state.life += 1;
        state.locked = false;
        state.stop_after = None;
    }

    /// The machine dies: a kill, and what was not synced is lost, torn or kept as the seed says.
    /// Tells how much of each there was.
    pub fn power_cut(&self, seed: u64) -> Toll {
        self.kill();
        let mut state = self.state();
        let mut dice = Dice::new(seed);
        state.names = state.names.after_cut(&mut dice);
        dice.toll
    }

    /// The process dies by itself, as by [`SimDisk::kill`], before the operation after the next
    /// `count`.
    pub fn kill_after(&self, count: u64) {
        let mut state = self.state();
        state.stop_after = Some(state.operations + count);
    }

    /// Whether the process of this handle is still alive.
    pub fn is_alive(&self) -> bool {
        self.state().life == self.life
    }

    /// A handle for the process that lives now.
    pub fn life(&self) -> Self {
        Self { state: Arc::clone(&self.state), life: self.state().life, is_aside: false }
    }

    /// A handle that reads the disk from the side: it meets no fault, counts nothing, and writes
    /// nothing.
    pub fn aside(&self) -> Self {
        Self { is_aside: true, ..self.life() }
    }

    /// The medium damages one bit, synced or not, behind everybody's back; whether there is such a
    /// bit.
    pub fn flip_bit(&self, path: &str, bit: u64) -> bool {
        let state = self.state();
        let inode = state.names.file(path);
        inode.is_some_and(|inode| lock(&inode).flip(bit))
    }

    /// Somebody else removes a file, durably; whether there was one.
    pub fn remove_file(&self, path: &str) -> bool {
        self.state().names.forget(path)
    }

    /// The bytes of a file as a process sees them.
    pub fn contents(&self, path: &str) -> Option<Vec<u8>> {
        let inode = self.state().names.file(path)?;
        let contents = lock(&inode).bytes().to_vec();
        Some(contents)
    }

    /// Puts a file there, durably, as somebody else might.
    pub fn plant(&self, path: &str, bytes: &[u8]) {
        let mut state = self.state();
        let inode = Inode::synced(state.new_file(), bytes).shared();
        state.names.plant(path, inode);
    }

    /// Every file that a process sees, in order.
    pub fn paths(&self) -> Vec<String> {
        self.state().names.paths()
    }

    /// Bytes of all files, those that only a power cut would bring back included.
    pub fn bytes_held(&self) -> u64 {
        self.state().names.bytes_held()
    }

    /// How many operations have succeeded.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Begins to keep a log of all operations that change something; [`Past`] can replay it.
    pub fn start_log(&self) {
        self.state().log.get_or_insert_default();
    }

    /// How many operations the log has.
    pub fn log_len(&self) -> usize {
        self.state().log.as_ref().map_or(0, Vec::len)
    }

    /// Takes what the log has gathered.
    pub fn take_log(&self) -> Vec<Operation> {
        self.state().log.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Takes what was asked for since the log began: kind and path, reads and failures included.
    pub fn take_asked(&self) -> Vec<(DiskOp, String)> {
        std::mem::take(&mut self.state().asked)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Lets an operation begin, if the process lives and no fault is due.
    fn enter(&self, op: DiskOp, path: &str) -> io::Result<MutexGuard<'_, State>> {
        self.enter_as(op, None, path)
    }

    fn enter_as(
        &self,
        op: DiskOp,
        narrow: Option<Narrow>,
        path: &str,
    ) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        if self.is_aside {
            let reads = op == DiskOp::Read;
            return if reads { Ok(state) } else { Err(DiskError::Erofs.to_io()) };
        }
        if state.stop_after.is_some_and(|stop| state.operations >= stop) && state.life == self.life
        {
            state.life += 1;
            state.locked = false;
            state.stop_after = None;
        }
        if state.life != self.life {
            return Err(io::Error::other("the process of this handle is dead"));
        }
        if state.log.is_some() {
            state.asked.push((op, path.to_owned()));
        }
        state.shortens = state.faults.meet((op, narrow), path)?;
        Ok(state)
    }
}

impl State {
    fn done(&mut self, op: DiskOp, path: &str, (offset, len): (u64, u64), change: Change) {
        self.operations += 1;
        self.note(op, path, (offset, len), change);
    }

    fn note(&mut self, op: DiskOp, path: &str, (offset, len): (u64, u64), change: Change) {
        if let Some(log) = &mut self.log {
            log.push(Operation { op, path: path.to_owned(), offset, len, change });
        }
    }

    const fn new_file(&mut self) -> u64 {
        self.next_file += 1;
        self.next_file
    }

    fn roll(&mut self) -> u64 {
        roll(&mut self.dice)
    }

    /// How many more bytes the files may get.
    fn room(&self) -> u64 {
        if self.full {
            return 0;
        }
        if self.capacity == u64::MAX {
            return u64::MAX;
        }
        self.capacity.saturating_sub(self.names.bytes_seen())
    }
}

impl Disk for SimDisk {
    fn create_new(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        split(path)?;
        let mut state = self.enter(DiskOp::Create, path)?;
        if state.room() == 0 {
            return Err(DiskError::Enospc.to_io());
        }
        let file = state.new_file();
        let inode = Inode::new(file).shared();
        state.names.create(path, Arc::clone(&inode))?;
        state.done(DiskOp::Create, path, (0, 0), Change::CreateFile { file });
        Ok(Arc::new(SimFile { disk: self.clone(), path: path.to_owned(), inode }))
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        split(path)?;
        let state = self.enter_as(DiskOp::Read, Some(Narrow::Open), path)?;
        let inode = state.names.file(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(SimFile { disk: self.clone(), path: path.to_owned(), inode }))
    }

    fn create_dir(&self, path: &str) -> io::Result<()> {
        split(path)?;
        let mut state = self.enter(DiskOp::Create, path)?;
        let full = state.room() == 0;
        if state.names.create_dir(path, full)? {
            state.done(DiskOp::Create, path, (0, 0), Change::CreateDir);
        }
        Ok(())
    }

    fn list(&self, dir: &str) -> io::Result<Vec<DirEntry>> {
        let state = self.enter(DiskOp::Read, dir)?;
        state.names.list(dir)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        split(from)?;
        split(to)?;
        let mut state = self.enter(DiskOp::Rename, to)?;
        state.names.rename(from, to)?;
        let from = from.to_owned();
        state.done(DiskOp::Rename, to, (0, 0), Change::Rename { from });
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        split(path)?;
        let mut state = self.enter(DiskOp::Remove, path)?;
        state.names.remove(path)?;
        state.done(DiskOp::Remove, path, (0, 0), Change::Remove);
        Ok(())
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        let mut state = self.enter_as(DiskOp::Sync, Some(Narrow::SyncDir), dir)?;
        let mut change = Change::Nothing;
        if !state.lies.contains(&Lie::NameSyncs) {
            state.names.sync(dir)?;
            change = Change::SyncNames;
        }
        state.done(DiskOp::Sync, dir, (0, 0), change);
        Ok(())
    }

    fn lock(&self) -> io::Result<Option<DiskLock>> {
        let mut state = self.enter(DiskOp::Create, "lock")?;
        if state.locked {
            return Ok(None);
        }
        state.locked = true;
        drop(state);
        Ok(Some(DiskLock::new(SimLock(self.clone()))))
    }
}

struct SimLock(SimDisk);

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut state = self.0.state();
        // A dead process has lost its lock already, and the next one may have it.
        if state.life == self.0.life {
            state.locked = false;
        }
    }
}

struct SimFile {
    disk: SimDisk,
    path: String,
    inode: Arc<Mutex<Inode>>,
}

impl DiskFile for SimFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let mut state = match self.disk.enter(DiskOp::Write, &self.path) {
            Ok(state) => state,
            Err(error) => {
                self.tear(offset, bytes);
                return Err(error);
            }
        };
        let mut inode = lock(&self.inode);
        let wanted = match state.roll() % 16 {
            _ if state.shortens => bytes.len().div_ceil(2),
            0 if bytes.len() > 1 => 1 + (state.roll() % (bytes.len() as u64 - 1)) as usize,
            _ => bytes.len(),
        };
        let growth = (offset + wanted as u64).saturating_sub(inode.len());
        drop(inode);
        let room = state.room();
        let taken =
            wanted - usize::try_from(growth.saturating_sub(room)).unwrap_or(wanted).min(wanted);
        if taken == 0 && wanted > 0 {
            return Err(DiskError::Enospc.to_io());
        }
        let (at, part) = state.slips.meet(&self.path, offset, &bytes[..taken]);
        inode = lock(&self.inode);
        inode.write(at, part);
        let file = inode.id();
        drop(inode);
        let change = |bytes: &[u8]| Change::Write { file, bytes: bytes.to_vec() };
        // The copy is only for a log that somebody keeps.
        let change = if state.log.is_some() { change(part) } else { Change::Nothing };
        state.done(DiskOp::Write, &self.path, (at, part.len() as u64), change);
        Ok(taken)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let _state = self.disk.enter(DiskOp::Read, &self.path)?;
        Ok(lock(&self.inode).read(offset, buf))
    }

    fn sync(&self) -> io::Result<()> {
        match self.disk.enter(DiskOp::Sync, &self.path) {
            Ok(mut state) => {
                let mut change = Change::Nothing;
                if !state.lies.contains(&Lie::FileSyncs) {
                    lock(&self.inode).sync();
                    change = Change::Sync { file: lock(&self.inode).id() };
                }
                state.done(DiskOp::Sync, &self.path, (0, 0), change);
                Ok(())
            }
            Err(error) => {
                if !self.disk.is_alive() {
                    return Err(error);
                }
                lock(&self.inode).fail_sync();
                let change = Change::FailSync { file: lock(&self.inode).id() };
                let mut state = self.disk.state();
                state.note(DiskOp::Sync, &self.path, (0, 0), change);
                let hidden = state.lies.contains(&Lie::FileSyncErrors);
                if hidden { Ok(()) } else { Err(error) }
            }
        }
    }

    fn len(&self) -> io::Result<u64> {
        let _state = self.disk.enter(DiskOp::Read, &self.path)?;
        Ok(lock(&self.inode).len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.disk.enter(DiskOp::Write, &self.path)?;
        let growth = len.saturating_sub(lock(&self.inode).len());
        if growth > state.room() {
            return Err(DiskError::Enospc.to_io());
        }
        lock(&self.inode).set_len(len);
        let change = Change::SetLen { file: lock(&self.inode).id() };
        state.done(DiskOp::Write, &self.path, (len, 0), change);
        Ok(())
    }
}

impl SimFile {
    /// A write that fails may have taken a part all the same.
    fn tear(&self, offset: u64, bytes: &[u8]) {
        if !self.disk.is_alive() {
            return;
        }
        let mut state = self.disk.state();
        let part = (state.roll() % (bytes.len() as u64 + 1)) as usize;
        if state.roll().is_multiple_of(2) && part as u64 <= state.room() {
            lock(&self.inode).write(offset, &bytes[..part]);
            let change =
                Change::Write { file: lock(&self.inode).id(), bytes: bytes[..part].to_vec() };
            state.note(DiskOp::Write, &self.path, (offset, part as u64), change);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere leaves the disk as it was between two operations.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn roll(dice: &mut u64) -> u64 {
    *dice = dice.wrapping_add(1);
    mix(*dice)
}
