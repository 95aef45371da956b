//! The disk as the process has it: the simulated one, with a witness of each operation.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use earmark_store::{DirEntry, Disk, DiskFile, DiskLock, DiskOp, SimDisk};

use crate::witness::{DiskCall, Ears, Heard};

/// A simulated disk that tells what is done to it while its process lives.
#[derive(Clone)]
pub(super) struct WatchedDisk {
    disk: SimDisk,
    ears: Ears,
    /// How many files were opened.
    opened: Arc<AtomicU64>,
}

struct WatchedFile {
    disk: WatchedDisk,
    path: Arc<str>,
    number: u64,
    file: Arc<dyn DiskFile>,
}

impl WatchedDisk {
    pub(super) fn new(disk: SimDisk, ears: Ears) -> Self {
        Self { disk, ears, opened: Arc::new(AtomicU64::new(0)) }
    }

    fn told<T>(
        &self,
        op: DiskOp,
        path: &str,
        done: io::Result<T>,
        more: impl FnOnce(&mut DiskCall<'_>, Option<&T>),
    ) -> io::Result<T> {
        if !self.ears.is_listening() || (done.is_err() && !self.disk.is_alive()) {
            return done;
        }
        let (from, offset, len, wanted) = (None, 0, 0, 0);
        let (is_dir, error) = (false, done.as_ref().err());
        let (disk, file) = (&self.disk, 0);
        let mut call = DiskCall { disk, op, path, file, from, offset, len, wanted, is_dir, error };
        more(&mut call, done.as_ref().ok());
        self.ears.tell(&Heard::Disk(&call));
        let slipped = self.disk.take_slipped();
        if !slipped.is_empty() {
            self.ears.tell(&Heard::Slipped(&slipped));
        }
        done
    }

    fn file(
        &self,
        op: DiskOp,
        path: &str,
        opened: io::Result<Arc<dyn DiskFile>>,
    ) -> io::Result<Arc<dyn DiskFile>> {
        let number = self.opened.fetch_add(1, Ordering::Relaxed) + 1;
        let file = self.told(op, path, opened, |call, _| call.file = number)?;
        if !self.ears.is_listening() {
            return Ok(file);
        }
        Ok(Arc::new(WatchedFile { disk: self.clone(), path: path.into(), number, file }))
    }
}

impl Disk for WatchedDisk {
    fn create_new(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.file(DiskOp::Create, path, self.disk.create_new(path))
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.file(DiskOp::Read, path, self.disk.open(path))
    }

    fn create_dir(&self, path: &str) -> io::Result<()> {
        self.told(DiskOp::Create, path, self.disk.create_dir(path), |call, _| call.is_dir = true)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<DirEntry>> {
        self.told(DiskOp::Read, dir, self.disk.list(dir), |call, _| call.is_dir = true)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let done = self.disk.rename(from, to);
        if !self.ears.is_listening() || (done.is_err() && !self.disk.is_alive()) {
            return done;
        }
        let (op, path, from, error) = (DiskOp::Rename, to, Some(from), done.as_ref().err());
        let (offset, len, wanted, is_dir) = (0, 0, 0, false);
        let (disk, file) = (&self.disk, 0);
        let call = DiskCall { disk, op, path, file, from, offset, len, wanted, is_dir, error };
        self.ears.tell(&Heard::Disk(&call));
        done
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.told(DiskOp::Remove, path, self.disk.remove(path), |_, _| {})
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.told(DiskOp::Sync, dir, self.disk.sync_dir(dir), |call, _| call.is_dir = true)
    }

    fn lock(&self) -> io::Result<Option<DiskLock>> {
        self.disk.lock()
    }
}

impl DiskFile for WatchedFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let done = self.file.write_at(offset, bytes);
        self.disk.told(DiskOp::Write, &self.path, done, |call, len| {
            (call.offset, call.len) = (offset, len.map_or(0, |len| *len as u64));
            call.file = self.number;
            call.wanted = bytes.len() as u64;
        })
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let done = self.file.read_at(offset, buf);
        self.disk.told(DiskOp::Read, &self.path, done, |call, len| {
            (call.offset, call.len) = (offset, len.map_or(0, |len| *len as u64));
            call.file = self.number;
        })
    }

    fn sync(&self) -> io::Result<()> {
        let done = self.file.sync();
        self.disk.told(DiskOp::Sync, &self.path, done, |call, _| call.file = self.number)
    }

    fn len(&self) -> io::Result<u64> {
        let done = self.file.len();
        self.disk.told(DiskOp::Read, &self.path, done, |call, _| call.file = self.number)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let done = self.file.set_len(len);
        self.disk.told(DiskOp::Write, &self.path, done, |call, _| {
            (call.offset, call.file) = (len, self.number);
        })
    }
}
