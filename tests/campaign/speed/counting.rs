//! A disk that counts what is asked of it, and that can be made slow on purpose.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use earmark_store::{DirEntry, Disk, DiskFile, DiskLock};

use crate::locked::locked;
use crate::speed::index;

/// What the page cache holds a file in, and what a sync sends at least.
pub(super) const PAGE_BYTES: u64 = 4_096;
const PIECE_BYTES: usize = 512;
const JOURNAL: &str = "journal/";

/// A way to be slow, planted to see whether the counts notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sabotage {
    /// Each sync is done twice.
    SyncTwice,
    /// Each write is taken in small pieces.
    WriteInPieces,
    /// With each sync an index of so many entries is written anew.
    RewriteIndex(usize),
}

/// What was done on a disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) writes: u64,
    pub(super) bytes: u64,
    pub(super) syncs: u64,
    /// Distinct pages that each sync had to send, over all syncs.
    pub(super) pages: u64,
    /// Syncs of journal files for what was written to them.
    pub(super) journal_syncs: u64,
    /// Journal files that a spare became.
    pub(super) new_files: u64,
}

impl Counts {
    pub(super) const fn since(self, before: Self) -> Self {
        Self {
            writes: self.writes - before.writes,
            bytes: self.bytes - before.bytes,
            syncs: self.syncs - before.syncs,
            pages: self.pages - before.pages,
            journal_syncs: self.journal_syncs - before.journal_syncs,
            new_files: self.new_files - before.new_files,
        }
    }
}

#[derive(Debug, Default)]
struct Tally {
    writes: AtomicU64,
    bytes: AtomicU64,
    syncs: AtomicU64,
    pages: AtomicU64,
    journal_syncs: AtomicU64,
    new_files: AtomicU64,
}

pub(super) struct CountingDisk {
    inner: Arc<dyn Disk>,
    tally: Arc<Tally>,
    sabotage: Option<Sabotage>,
}

impl CountingDisk {
    pub(super) fn new(inner: impl Disk, sabotage: Option<Sabotage>) -> Self {
        Self { inner: Arc::new(inner), tally: Arc::default(), sabotage }
    }

    pub(super) fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            writes: read(&self.tally.writes),
            bytes: read(&self.tally.bytes),
            syncs: read(&self.tally.syncs),
            pages: read(&self.tally.pages),
            journal_syncs: read(&self.tally.journal_syncs),
            new_files: read(&self.tally.new_files),
        }
    }

    fn wrap(&self, path: &str, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(CountingFile {
            inner: file,
            disk: Arc::clone(&self.inner),
            tally: Arc::clone(&self.tally),
            sabotage: self.sabotage,
            is_journal: path.starts_with(JOURNAL),
            dirty: Mutex::default(),
        })
    }
}

impl Disk for CountingDisk {
    fn create_new(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.inner.create_new(path).map(|file| self.wrap(path, file))
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.inner.open(path).map(|file| self.wrap(path, file))
    }

    fn create_dir(&self, path: &str) -> io::Result<()> {
        self.inner.create_dir(path)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<DirEntry>> {
        self.inner.list(dir)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let is_new_file = to.starts_with(JOURNAL) && to.ends_with(".log");
        self.tally.new_files.fetch_add(u64::from(is_new_file), Ordering::Relaxed);
        self.inner.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.inner.remove(path)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.inner.sync_dir(dir)
    }

    fn lock(&self) -> io::Result<Option<DiskLock>> {
        self.inner.lock()
    }
}

struct CountingFile {
    inner: Arc<dyn DiskFile>,
    disk: Arc<dyn Disk>,
    tally: Arc<Tally>,
    sabotage: Option<Sabotage>,
    is_journal: bool,
    /// Pages that were written since the last sync.
    dirty: Mutex<BTreeSet<u64>>,
}

impl CountingFile {
    fn note_write(&self, offset: u64, count: usize) {
        let end = offset + count as u64;
        self.tally.writes.fetch_add(1, Ordering::Relaxed);
        self.tally.bytes.fetch_add(count as u64, Ordering::Relaxed);
        let mut dirty = locked(&self.dirty);
        dirty.extend(offset / PAGE_BYTES..end.div_ceil(PAGE_BYTES));
    }

    fn sync_once(&self) -> io::Result<()> {
        let dirty = std::mem::take(&mut *locked(&self.dirty));
        self.tally.syncs.fetch_add(1, Ordering::Relaxed);
        self.tally.pages.fetch_add(dirty.len() as u64, Ordering::Relaxed);
        let is_commit = self.is_journal && !dirty.is_empty();
        self.tally.journal_syncs.fetch_add(u64::from(is_commit), Ordering::Relaxed);
        self.inner.sync()
    }
}

impl DiskFile for CountingFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let taken = match self.sabotage {
            Some(Sabotage::WriteInPieces) => &bytes[..bytes.len().min(PIECE_BYTES)],
            Some(Sabotage::SyncTwice | Sabotage::RewriteIndex(_)) | None => bytes,
        };
        let count = self.inner.write_at(offset, taken)?;
        self.note_write(offset, count);
        Ok(count)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.inner.read_at(offset, buf)
    }

    fn sync(&self) -> io::Result<()> {
        match self.sabotage {
            Some(Sabotage::SyncTwice) => self.sync_once()?,
            Some(Sabotage::RewriteIndex(entries)) => {
                let bytes = index::rewrite_on(self.disk.as_ref(), entries)?;
                self.tally.bytes.fetch_add(bytes, Ordering::Relaxed);
                self.tally.pages.fetch_add(bytes.div_ceil(PAGE_BYTES), Ordering::Relaxed);
            }
            Some(Sabotage::WriteInPieces) | None => {}
        }
        self.sync_once()
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.inner.set_len(len)
    }

    fn fill(&self, len: u64) -> io::Result<()> {
        self.inner.fill(len)
    }
}
