//! A disk in memory that forgets what was not synced, tears writes, fills up and fails on demand.
//!
//! What is written is kept apart from what is synced, and names apart from contents. A kill leaves
//! everything that was written; a power cut leaves what was synced, and of the rest whatever the
//! seed says, sector by sector and name by name. The same seed and the same calls give the same
//! disk.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::disk::{DirEntry, Disk, DiskFile, DiskLock, split};
use crate::journal::mix;

mod inode;
mod names;

use inode::Inode;
use names::Names;

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
}

impl DiskError {
    fn to_io(self) -> io::Error {
        let number = match self {
            Self::Eio => 5,
            Self::Eacces => 13,
            Self::Emfile => 24,
            Self::Enospc => 28,
        };
        io::Error::from_raw_os_error(number)
    }
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

/// One operation that succeeded, as the log keeps it.
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
}

/// A handle on a simulated disk. Clones share it; each handle belongs to the process that was alive
/// when it was given out.
#[derive(Clone)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
    life: u64,
}

struct State {
    names: Names,
    faults: BTreeMap<DiskOp, (DiskError, i64)>,
    lies: BTreeSet<Lie>,
    full: bool,
    capacity: u64,
    life: u64,
    locked: bool,
    dice: u64,
    operations: u64,
    log: Option<Vec<Operation>>,
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
            faults: BTreeMap::new(),
            lies: BTreeSet::new(),
            full: false,
            capacity: u64::MAX,
            life: 0,
            locked: false,
            dice: mix(seed),
            operations: 0,
            log: None,
            stop_after: None,
        };
        Self { state: Arc::new(Mutex::new(state)), life: 0 }
    }

    /// Lets the next `times` operations of a kind fail; −1 is for ever, 0 ends it.
    pub fn set_fault(&self, op: DiskOp, error: DiskError, times: i64) {
        self.state().faults.insert(op, (error, times));
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
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
    pub fn power_cut(&self, seed: u64) {
        self.kill();
        let mut state = self.state();
        let mut dice = mix(seed ^ 0x706f_7765_7263_7574);
        state.names.power_cut(&mut || roll(&mut dice));
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
        Self { state: Arc::clone(&self.state), life: self.state().life }
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
        let inode = Arc::new(Mutex::new(Inode::synced(bytes)));
        self.state().names.plant(path, inode);
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

    /// Begins to keep a log of all operations that succeed.
    pub fn start_log(&self) {
        self.state().log.get_or_insert_default();
    }

    /// Takes what the log has gathered.
    pub fn take_log(&self) -> Vec<Operation> {
        self.state().log.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Lets an operation begin, if the process lives and no fault is due.
    fn enter(&self, op: DiskOp) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        if state.stop_after.is_some_and(|stop| state.operations >= stop) && state.life == self.life
        {
            state.life += 1;
            state.locked = false;
            state.stop_after = None;
        }
        if state.life != self.life {
            return Err(io::Error::other("the process of this handle is dead"));
        }
        state.fault(op)?;
        Ok(state)
    }
}

impl State {
    fn fault(&mut self, op: DiskOp) -> io::Result<()> {
        let Some((error, times)) = self.faults.get_mut(&op) else {
            return Ok(());
        };
        if *times == 0 {
            return Ok(());
        }
        *times = if *times > 0 { *times - 1 } else { -1 };
        Err(error.to_io())
    }

    fn done(&mut self, op: DiskOp, path: &str, offset: u64, len: u64) {
        self.operations += 1;
        if let Some(log) = &mut self.log {
            log.push(Operation { op, path: path.to_owned(), offset, len });
        }
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
        let mut state = self.enter(DiskOp::Create)?;
        if state.room() == 0 {
            return Err(DiskError::Enospc.to_io());
        }
        let inode = Arc::new(Mutex::new(Inode::default()));
        state.names.create(path, Arc::clone(&inode))?;
        state.done(DiskOp::Create, path, 0, 0);
        Ok(Arc::new(SimFile { disk: self.clone(), path: path.to_owned(), inode }))
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        split(path)?;
        let state = self.enter(DiskOp::Read)?;
        let inode = state.names.file(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(SimFile { disk: self.clone(), path: path.to_owned(), inode }))
    }

    fn create_dir(&self, path: &str) -> io::Result<()> {
        split(path)?;
        let mut state = self.enter(DiskOp::Create)?;
        let full = state.room() == 0;
        if state.names.create_dir(path, full)? {
            state.done(DiskOp::Create, path, 0, 0);
        }
        Ok(())
    }

    fn list(&self, dir: &str) -> io::Result<Vec<DirEntry>> {
        let state = self.enter(DiskOp::Read)?;
        state.names.list(dir)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        split(from)?;
        split(to)?;
        let mut state = self.enter(DiskOp::Rename)?;
        state.names.rename(from, to)?;
        state.done(DiskOp::Rename, to, 0, 0);
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        split(path)?;
        let mut state = self.enter(DiskOp::Remove)?;
        state.names.remove(path)?;
        state.done(DiskOp::Remove, path, 0, 0);
        Ok(())
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        let mut state = self.enter(DiskOp::Sync)?;
        if !state.lies.contains(&Lie::NameSyncs) {
            state.names.sync(dir)?;
        }
        state.done(DiskOp::Sync, dir, 0, 0);
        Ok(())
    }

    fn lock(&self) -> io::Result<Option<DiskLock>> {
        let mut state = self.enter(DiskOp::Create)?;
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
        let mut state = match self.disk.enter(DiskOp::Write) {
            Ok(state) => state,
            Err(error) => {
                self.tear(offset, bytes);
                return Err(error);
            }
        };
        let mut inode = lock(&self.inode);
        let wanted = match state.roll() % 16 {
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
        inode = lock(&self.inode);
        inode.write(offset, &bytes[..taken]);
        drop(inode);
        state.done(DiskOp::Write, &self.path, offset, taken as u64);
        Ok(taken)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let _state = self.disk.enter(DiskOp::Read)?;
        Ok(lock(&self.inode).read(offset, buf))
    }

    fn sync(&self) -> io::Result<()> {
        match self.disk.enter(DiskOp::Sync) {
            Ok(mut state) => {
                if !state.lies.contains(&Lie::FileSyncs) {
                    lock(&self.inode).sync();
                }
                state.done(DiskOp::Sync, &self.path, 0, 0);
                Ok(())
            }
            Err(error) => {
                if !self.disk.is_alive() {
                    return Err(error);
                }
                lock(&self.inode).fail_sync();
                let hidden = self.disk.state().lies.contains(&Lie::FileSyncErrors);
                if hidden { Ok(()) } else { Err(error) }
            }
        }
    }

    fn len(&self) -> io::Result<u64> {
        let _state = self.disk.enter(DiskOp::Read)?;
        Ok(lock(&self.inode).len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.disk.enter(DiskOp::Write)?;
        let growth = len.saturating_sub(lock(&self.inode).len());
        if growth > state.room() {
            return Err(DiskError::Enospc.to_io());
        }
        lock(&self.inode).set_len(len);
        state.done(DiskOp::Write, &self.path, len, 0);
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
