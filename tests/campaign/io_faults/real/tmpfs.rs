//! A small file system in memory, mounted for a while.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::power_cuts::run_tool;

/// The size of a page: room is given by it.
const PAGE: [u8; 4_096] = [1; 4_096];

/// The mounted file system; it goes when this is dropped.
pub(crate) struct Tmpfs(TempDir);

impl Tmpfs {
    /// Mounts one of so many MiB.
    pub(crate) fn mount(mebibytes: u64) -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err(String::from("only root may mount a file system"));
        }
        let folder = TempDir::with_prefix("earmark-full-").map_err(|error| error.to_string())?;
        let place = folder.path().display().to_string();
        let options = format!("size={mebibytes}m,mode=0700");
        run_tool("mount", &["-t", "tmpfs", "-o", &options, "tmpfs", &place])?;
        Ok(Self(folder))
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.0.path().join("store")
    }

    /// Somebody else's file takes all the room but this.
    pub(crate) fn fill_up_to(&self, bytes: u64) -> std::io::Result<Ballast> {
        let path = self.0.path().join("ballast");
        let mut file = File::create(&path)?;
        while file.write_all(&PAGE).is_ok() {}
        file.set_len(file.metadata()?.len().saturating_sub(bytes))?;
        Ok(Ballast(path))
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = run_tool("umount", &["-l", &path(self.0.path())]);
    }
}

/// A file that takes the room.
pub(crate) struct Ballast(PathBuf);

impl Ballast {
    pub(crate) fn remove(self) -> std::io::Result<()> {
        std::fs::remove_file(self.0)
    }
}

fn path(path: &Path) -> String {
    path.display().to_string()
}
