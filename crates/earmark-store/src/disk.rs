//! What the store asks of a disk, and what a disk owes the store.

use std::any::Any;
use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

mod fs;

pub use fs::FsDisk;

/// A folder on some medium, with nothing between the store and what the medium really promises.
///
/// Paths are relative to the store's root, at most one folder deep, and made only from the store's
/// own ids and numbers. An implementation **must** refuse any other path, and **must not** follow
/// symbolic links. No operation is durable until the sync that covers it has returned success.
pub trait Disk: Send + Sync + 'static {
    /// Creates a file that **must not** exist yet, readable by its owner alone.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` when the name is taken; else what the medium says.
    fn create_new(&self, path: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// Opens a file that exists, for reading and, on a disk that takes writes, for writing.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is none; else what the medium says.
    fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// Creates a folder that only its owner may enter; one that exists is no error. The caller
    /// syncs the parent.
    ///
    /// # Errors
    ///
    /// What the medium says.
    fn create_dir(&self, path: &str) -> io::Result<()>;

    /// What a folder holds, sorted by name; the empty path is the root.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is no such folder; else what the medium says.
    fn list(&self, dir: &str) -> io::Result<Vec<DirEntry>>;

    /// Gives a file another name, atomically for whoever looks; a file of the new name is replaced.
    ///
    /// # Errors
    ///
    /// What the medium says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is none; else what the medium says.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// Makes the names in a folder durable. After an error what holds is unknown.
    ///
    /// # Errors
    ///
    /// What the medium says.
    fn sync_dir(&self, dir: &str) -> io::Result<()>;

    /// Takes the store for this process, or says that another one has it. The lock **must** be let
    /// go when it is dropped and when the process ends in whatever way.
    ///
    /// # Errors
    ///
    /// What the medium says.
    fn lock(&self) -> io::Result<Option<DiskLock>>;
}

/// An open file.
pub trait DiskFile: Send + Sync {
    /// Writes at a position and says how many of the bytes it took, which **may** be fewer than
    /// given.
    ///
    /// # Errors
    ///
    /// What the medium says; then the file **must not** be trusted beyond what was synced before.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize>;

    /// Reads at a position; 0 is the end of the file.
    ///
    /// # Errors
    ///
    /// What the medium says.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize>;

    /// Makes what was written before this call began durable, its length included. The file's name
    /// is durable only after [`Disk::sync_dir`].
    ///
    /// # Errors
    ///
    /// What the medium says; a later success **must not** be taken as proof for what this one
    /// covered.
    fn sync(&self) -> io::Result<()>;

    /// The length in bytes.
    ///
    /// # Errors
    ///
    /// What the medium says.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file holds nothing.
    ///
    /// # Errors
    ///
    /// What the medium says.
    fn is_empty(&self) -> io::Result<bool> {
        self.len().map(|len| len == 0)
    }

    /// Cuts or lengthens the file.
    ///
    /// # Errors
    ///
    /// What the medium says.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Writes zeros from the end of the file up to a length, so that what is written there later
    /// changes neither the length nor where the bytes lie.
    ///
    /// # Errors
    ///
    /// What the medium says.
    fn fill(&self, len: u64) -> io::Result<()> {
        let from = self.len()?;
        let zeros = vec![0; usize::try_from(len.saturating_sub(from)).unwrap_or(usize::MAX)];
        write_all_at(self, from, &zeros)
    }
}

/// One name in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirEntry {
    /// The name, without its folder.
    pub name: String,
    /// Whether it is a folder.
    pub is_dir: bool,
}

/// The proof that this process owns the store; dropping it lets the store go.
pub struct DiskLock(#[expect(dead_code, reason = "held for its drop")] Box<dyn Any + Send + Sync>);

impl DiskLock {
    /// A lock that is let go when the guard is dropped.
    pub fn new(guard: impl Any + Send + Sync) -> Self {
        Self(Box::new(guard))
    }
}

impl fmt::Debug for DiskLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DiskLock")
    }
}

/// Splits a path of the store into folder and name, and refuses what the store would never name.
pub(crate) fn split(path: &str) -> io::Result<(&str, &str)> {
    let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
    let plain = |part: &str| {
        part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
            && !part.starts_with('.')
    };
    if name.is_empty() || path.len() > 200 || !plain(name) || !plain(dir) || path.starts_with('/') {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{path:?} is no path of a store"),
        ));
    }
    Ok((dir, name))
}

/// Creates a file; one of an earlier try that has its name goes first.
pub(crate) fn create_anew(disk: &dyn Disk, path: &str) -> io::Result<Arc<dyn DiskFile>> {
    match disk.remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => disk.create_new(path),
    }
}

/// Writes all of the bytes, however short the single writes are.
pub(crate) fn write_all_at<F: DiskFile + ?Sized>(
    file: &F,
    mut offset: u64,
    bytes: &[u8],
) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match file.write_at(offset, rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                rest = rest.get(count..).unwrap_or_default();
                offset += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes a whole file durably in the place of an earlier one: whoever looks sees the one or the
/// other. `temp` is a name in the same folder for what is not whole yet; a file of that name goes.
///
/// # Errors
///
/// What the medium says; then the earlier file is still there, or the new one is.
pub fn replace_whole(disk: &dyn Disk, temp: &str, path: &str, bytes: &[u8]) -> io::Result<()> {
    let file = create_anew(disk, temp)?;
    write_all_at(file.as_ref(), 0, bytes)?;
    file.sync()?;
    disk.rename(temp, path)?;
    disk.sync_dir(split(path)?.0)
}

/// Fills the buffer as far as the file goes and says how many bytes it held.
pub(crate) fn read_full_at(file: &dyn DiskFile, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buf.len() {
        match file.read_at(offset + filled as u64, &mut buf[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The whole file, when it is not longer than `limit` bytes.
///
/// # Errors
///
/// `InvalidData` when it is longer; else what the medium says.
pub fn read_whole(file: &dyn DiskFile, limit: u64) -> io::Result<Vec<u8>> {
    let len = file.len()?;
    if len > limit {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("the file has {len} bytes; at most {limit} are read"),
        ));
    }
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
    let filled = read_full_at(file, 0, &mut bytes)?;
    bytes.truncate(filled);
    Ok(bytes)
}

/// How often a spot that cannot be read is tried.
const READ_TRIES: u32 = 3;
/// The piece in which a file is read that cannot be read as a whole.
const PIECE_BYTES: usize = 4_096;

/// The whole file, with zeros where the medium gives nothing even after some tries, and those
/// ranges.
pub(crate) fn read_what_can_be(
    file: &dyn DiskFile,
    limit: u64,
) -> io::Result<(Vec<u8>, Vec<Range<u64>>)> {
    match read_whole(file, limit) {
        Ok(bytes) => return Ok((bytes, Vec::new())),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(error),
        Err(_) => {}
    }
    let len = file.len()?;
    let mut bytes = vec![0; usize::try_from(len.min(limit)).unwrap_or(usize::MAX)];
    let mut unreadable = Vec::new();
    for (piece, place) in bytes.chunks_mut(PIECE_BYTES).zip((0..).step_by(PIECE_BYTES)) {
        let read = (0..READ_TRIES).any(|_| read_full_at(file, place, piece).is_ok());
        if !read {
            piece.fill(0);
            unreadable.push(place..place + piece.len() as u64);
        }
    }
    Ok((bytes, unreadable))
}
