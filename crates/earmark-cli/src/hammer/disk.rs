//! Real files, with a trap before and after whatever changes them, and with planted faults.

use std::io;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use earmark_store::{DirEntry, Disk, DiskFile, DiskLock, FsDisk};

use super::Sabotage;
use super::trap::{Trap, When, die};

const SPARE: &str = "journal/spare";
/// Stands for any file of the journal.
const JOURNAL_FILE: &str = "journal/file";

/// The disk of a writer that dies.
pub(super) struct TrappedDisk {
    disk: FsDisk,
    means: Arc<Means>,
}

/// What all files of a disk share.
struct Means {
    trap: Trap,
    sabotage: Option<Sabotage>,
    /// Syncs of journal files until the one that fails.
    fail_sync: Option<u64>,
    syncs: AtomicU64,
}

impl TrappedDisk {
    pub(super) fn new(
        disk: FsDisk,
        trap: Trap,
        fail_sync: Option<u64>,
        sabotage: Option<Sabotage>,
    ) -> Self {
        let means = Means { trap, sabotage, fail_sync, syncs: AtomicU64::new(0) };
        Self { disk, means: Arc::new(means) }
    }

    fn wrap(&self, path: &str, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        // The spare file keeps its handle when it becomes a file of the journal.
        let path = if path == SPARE { JOURNAL_FILE } else { path };
        let means = Arc::clone(&self.means);
        Arc::new(TrappedFile { file, path: path.to_owned(), means, unsynced: Mutex::default() })
    }
}

impl Means {
    fn around<T>(
        &self,
        operation: &str,
        path: &str,
        act: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        self.trap.pass(operation, path, When::Before);
        let result = act();
        self.trap.pass(operation, path, When::After);
        result
    }

    fn syncs_nothing(&self) -> bool {
        self.sabotage == Some(Sabotage::NoSync)
    }

    /// Whether this sync is the one that fails.
    fn fails(&self, path: &str) -> bool {
        let Some(fail_sync) = self.fail_sync.filter(|_| path.starts_with("journal/")) else {
            return false;
        };
        self.syncs.fetch_add(1, Ordering::Relaxed) + 1 == fail_sync
    }
}

impl Disk for TrappedDisk {
    fn create_new(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.means.around("create", path, || self.disk.create_new(path))?;
        Ok(self.wrap(path, file))
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.means.around("open", path, || self.disk.open(path))?;
        Ok(self.wrap(path, file))
    }

    fn create_dir(&self, path: &str) -> io::Result<()> {
        self.means.around("create_dir", path, || self.disk.create_dir(path))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<DirEntry>> {
        self.disk.list(dir)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.means.around("rename", from, || self.disk.rename(from, to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.means.around("remove", path, || self.disk.remove(path))
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        if self.means.syncs_nothing() {
            return Ok(());
        }
        self.means.around("sync_dir", dir, || self.disk.sync_dir(dir))
    }

    fn lock(&self) -> io::Result<Option<DiskLock>> {
        self.means.around("lock", "lock", || self.disk.lock())
    }
}

struct TrappedFile {
    file: Arc<dyn DiskFile>,
    path: String,
    means: Arc<Means>,
    /// What was written since the last sync, as far as a sync may yet fail.
    unsynced: Mutex<Vec<(u64, usize)>>,
}

impl TrappedFile {
    fn unsynced(&self) -> std::sync::MutexGuard<'_, Vec<(u64, usize)>> {
        self.unsynced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fails as the kernel does after the medium refused: the pages are dropped, and a later sync
    /// says nothing of them.
    fn fail(&self, covered: &[(u64, usize)]) -> io::Result<()> {
        for (offset, len) in covered {
            self.file.write_at(*offset, &vec![0; *len])?;
        }
        if self.means.sabotage == Some(Sabotage::IgnoreSyncError) {
            return Ok(());
        }
        Err(io::Error::other("the medium refused; the pages were dropped"))
    }

    fn die_in_the_middle(&self, offset: u64, bytes: &[u8]) {
        let half = bytes.get(..bytes.len() / 2).unwrap_or_default();
        let _ = self.file.write_at(offset, half);
        die();
    }
}

impl DiskFile for TrappedFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        if self.means.trap.falls("write", &self.path, When::Mid) {
            self.die_in_the_middle(offset, bytes);
        }
        let written = self.means.around("write", &self.path, || self.file.write_at(offset, bytes));
        if let (Ok(len), Some(_)) = (&written, self.means.fail_sync) {
            self.unsynced().push((offset, *len));
        }
        written
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(offset, buf)
    }

    fn sync(&self) -> io::Result<()> {
        if self.means.syncs_nothing() {
            return Ok(());
        }
        let covered = mem::take(&mut *self.unsynced());
        if self.means.fails(&self.path) {
            return self.fail(&covered);
        }
        self.means.around("sync", &self.path, || self.file.sync())
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn fill(&self, len: u64) -> io::Result<()> {
        self.means.around("fill", SPARE, || self.file.fill(len))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.means.around("set_len", &self.path, || self.file.set_len(len))
    }
}
