//! The page cache of the operating system.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use rustix::fs::Advice;

/// Has the cache forget what the files of a folder hold.
pub(super) fn forget(folder: &Path) -> io::Result<()> {
    each_file(folder, &mut |path| {
        let file = File::open(path)?;
        file.sync_all()?;
        Ok(rustix::fs::fadvise(&file, 0, None, Advice::DontNeed)?)
    })
}

/// The bytes of all files below a folder.
pub(super) fn bytes(folder: &Path) -> io::Result<u64> {
    let mut sum = 0;
    each_file(folder, &mut |path| {
        sum += fs::metadata(path)?.len();
        Ok(())
    })?;
    Ok(sum)
}

fn each_file(folder: &Path, act: &mut dyn FnMut(&Path) -> io::Result<()>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { each_file(&path, act)? } else { act(&path)? }
    }
    Ok(())
}
