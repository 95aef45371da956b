//! Real files of Linux and macOS.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};

use super::{DirEntry, Disk, DiskFile, DiskLock, split, write_all_at};
use crate::layout::LOCK;

const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);
const DIR_MODE: Mode = Mode::RWXU;

/// Files under one folder, which is held open: a folder that is swapped for a link later changes
/// nothing.
#[derive(Debug)]
pub struct FsDisk {
    root: OwnedFd,
    writable: bool,
}

impl FsDisk {
    /// Opens the folder, and creates it with its parents where they are missing, each one synced.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn create(root: &Path) -> io::Result<Self> {
        create_dirs(root)?;
        Self::at(root, true)
    }

    /// Opens a folder that exists; nothing is ever written to it.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is none; else what the operating system says.
    pub fn read_only(root: &Path) -> io::Result<Self> {
        Self::at(root, false)
    }

    fn at(root: &Path, writable: bool) -> io::Result<Self> {
        // The root itself may be a link: a person chose it. Everything below is ours.
        let root = rustix::fs::open(root, dir_flags(), Mode::empty())?;
        Ok(Self { root, writable })
    }

    fn dir(&self, dir: &str) -> io::Result<OwnedFd> {
        if dir.is_empty() {
            return Ok(rustix::fs::openat(&self.root, ".", dir_flags(), Mode::empty())?);
        }
        split(dir)?;
        let flags = dir_flags() | OFlags::NOFOLLOW;
        Ok(rustix::fs::openat(&self.root, dir, flags, Mode::empty())?)
    }

    fn place<'a>(&self, path: &'a str) -> io::Result<(OwnedFd, &'a str)> {
        let (dir, name) = split(path)?;
        Ok((self.dir(dir)?, name))
    }

    fn place_to_write<'a>(&self, path: &'a str) -> io::Result<(OwnedFd, &'a str)> {
        if !self.writable {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        self.place(path)
    }
}

impl Disk for FsDisk {
    fn create_new(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        let (dir, name) = self.place_to_write(path)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let file = rustix::fs::openat(dir, name, flags | OFlags::CLOEXEC, FILE_MODE)?;
        Ok(Arc::new(FsFile(File::from(file))))
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        let (dir, name) = self.place(path)?;
        let access = if self.writable { OFlags::RDWR } else { OFlags::RDONLY };
        // Without NONBLOCK a pipe that somebody put there would hold the store up for ever.
        let flags = access | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = File::from(rustix::fs::openat(dir, name, flags, Mode::empty())?);
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{path} is no plain file"),
            ));
        }
        Ok(Arc::new(FsFile(file)))
    }

    fn create_dir(&self, path: &str) -> io::Result<()> {
        let (dir, name) = self.place_to_write(path)?;
        match rustix::fs::mkdirat(dir, name, DIR_MODE) {
            Ok(()) => Ok(()),
            // What is there must be a folder, not a link to one.
            Err(rustix::io::Errno::EXIST) => self.dir(path).map(drop),
            Err(error) => Err(error.into()),
        }
    }

    fn list(&self, dir: &str) -> io::Result<Vec<DirEntry>> {
        let dir = self.dir(dir)?;
        let mut entries = Vec::new();
        for entry in rustix::fs::Dir::read_from(&dir)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else {
                continue;
            };
            if name == "." || name == ".." {
                continue;
            }
            // Not every file system tells the kind with the name.
            let told = Some(entry.file_type()).filter(|kind| *kind != FileType::Unknown);
            let kind = match told {
                Some(kind) => Some(kind),
                None => kind_of(&dir, name)?,
            };
            if let Some(kind) = kind {
                entries.push(DirEntry { name: name.to_owned(), is_dir: kind.is_dir() });
            }
        }
        entries.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Ok(entries)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (from_dir, from) = self.place_to_write(from)?;
        let (to_dir, to) = self.place_to_write(to)?;
        Ok(rustix::fs::renameat(from_dir, from, to_dir, to)?)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let (dir, name) = self.place_to_write(path)?;
        Ok(rustix::fs::unlinkat(dir, name, AtFlags::empty())?)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        if !self.writable {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        sync_dir(self.dir(dir)?)
    }

    fn lock(&self) -> io::Result<Option<DiskLock>> {
        let (dir, name) = self.place_to_write(LOCK)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::openat(dir, name, flags, FILE_MODE)?);
        match file.try_lock() {
            Ok(()) => Ok(Some(DiskLock::new(file))),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }
}

/// Zeros are written in pages: larger writes leave larger folios in the page cache, which every
/// small write and sync then walks.
const PAGE_BYTES: usize = 4_096;

struct FsFile(File);

impl DiskFile for FsFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        FileExt::write_at(&self.0, bytes, offset)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        FileExt::read_at(&self.0, buf, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn len(&self) -> io::Result<u64> {
        self.0.metadata().map(|data| data.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn fill(&self, len: u64) -> io::Result<()> {
        let mut at = self.len()?;
        let space = rustix::fs::fstatvfs(&self.0)?;
        if space.f_bavail.saturating_mul(space.f_frsize) < len.saturating_sub(at) {
            // Found out by writing, it would take all room from others for a moment.
            return Err(rustix::io::Errno::NOSPC.into());
        }
        while at < len {
            // The first one is short where the file ends within a page.
            let room = PAGE_BYTES as u64 - at % PAGE_BYTES as u64;
            let bytes = room.min(len - at);
            write_all_at(self, at, &[0; PAGE_BYTES][..bytes as usize])?;
            at += bytes;
        }
        Ok(())
    }
}

/// What a name stands for; none when it has gone meanwhile.
fn kind_of(dir: &OwnedFd, name: &str) -> io::Result<Option<FileType>> {
    match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode))),
        Err(rustix::io::Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn dir_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC
}

fn sync_dir(dir: impl AsFd) -> io::Result<()> {
    Ok(rustix::fs::fsync(dir)?)
}

/// Creates what is missing of a path, outermost first, and syncs the parent of each new folder.
fn create_dirs(root: &Path) -> io::Result<()> {
    let missing: Vec<PathBuf> = root
        .ancestors()
        .take_while(|path| !path.as_os_str().is_empty() && !path.is_dir())
        .map(Path::to_path_buf)
        .collect();
    for path in missing.iter().rev() {
        match rustix::fs::mkdirat(CWD, path, DIR_MODE) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        sync_dir(rustix::fs::open(parent, dir_flags(), Mode::empty())?)?;
    }
    Ok(())
}
