//! A disk in memory that can be read and nothing else, so that a look at it costs little.

use std::io;
use std::sync::Arc;

use earmark_store::{DirEntry, Disk, DiskFile, DiskLock};

/// Files by their paths, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct MemoryDisk(pub(super) Vec<(String, Arc<Vec<u8>>)>);

impl MemoryDisk {
    /// The same disk with other bytes in one file.
    pub(super) fn with(&self, path: &str, bytes: &[u8]) -> Self {
        let mut files = self.0.clone();
        let file = files.iter_mut().find(|(file, _)| file == path);
        file.expect("the file is there").1 = Arc::new(bytes.to_vec());
        Self(files)
    }
}

struct MemoryFile(Arc<Vec<u8>>);

fn refuse<T>() -> io::Result<T> {
    Err(io::ErrorKind::ReadOnlyFilesystem.into())
}

impl Disk for MemoryDisk {
    fn create_new(&self, _path: &str) -> io::Result<Arc<dyn DiskFile>> {
        refuse()
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.0.iter().find(|(file, _)| file == path);
        let (_, bytes) = file.ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(MemoryFile(Arc::clone(bytes))))
    }

    fn create_dir(&self, _path: &str) -> io::Result<()> {
        refuse()
    }

    fn list(&self, dir: &str) -> io::Result<Vec<DirEntry>> {
        let in_dir = |(path, _): &(String, Arc<Vec<u8>>)| {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            (folder == dir).then(|| DirEntry { name: name.to_owned(), is_dir: false })
        };
        Ok(self.0.iter().filter_map(in_dir).collect())
    }

    fn rename(&self, _from: &str, _to: &str) -> io::Result<()> {
        refuse()
    }

    fn remove(&self, _path: &str) -> io::Result<()> {
        refuse()
    }

    fn sync_dir(&self, _dir: &str) -> io::Result<()> {
        refuse()
    }

    fn lock(&self) -> io::Result<Option<DiskLock>> {
        refuse()
    }
}

impl DiskFile for MemoryFile {
    fn write_at(&self, _offset: u64, _bytes: &[u8]) -> io::Result<usize> {
        refuse()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = self.0.get(from..).unwrap_or_default();
        let len = bytes.len().min(buf.len());
        buf[..len].copy_from_slice(&bytes[..len]);
        Ok(len)
    }

    fn sync(&self) -> io::Result<()> {
        refuse()
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn set_len(&self, _len: u64) -> io::Result<()> {
        refuse()
    }
}
