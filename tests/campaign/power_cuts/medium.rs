//! A real file system on a loop device, whose power can be cut.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Small, for it is made anew all the time; a store of the writer needs a hundredth of it.
const IMAGE_BYTES: u64 = 64 << 20;
/// A folder of memory, where the medium itself lies.
const MEMORY: &str = "/dev/shm";
/// What is called for, and which package of Debian has it.
const TOOLS: [(&str, &str); 5] = [
    ("losetup", "mount"),
    ("mkfs.ext4", "e2fsprogs"),
    ("mount", "mount"),
    ("umount", "mount"),
    ("xfs_io", "xfsprogs"),
];

/// A loop device, and where it is mounted.
pub(super) struct Medium {
    device: String,
    is_mounted: bool,
    folder: TempDir,
}

impl Medium {
    /// Says what this machine lacks, if it does.
    pub(super) fn check() -> Result<(), String> {
        if !rustix::process::geteuid().is_root() {
            return Err(String::from("only root may attach and mount a loop device"));
        }
        for (tool, package) in TOOLS {
            let mut version = Command::new(tool);
            version.arg("-V").stdout(Stdio::null()).stderr(Stdio::null());
            found_or(version.status(), tool, package)?;
        }
        let mut medium = Self::new()?;
        medium.format()?;
        medium.mount()?;
        medium.cut()?;
        medium.unmount()
    }

    pub(super) fn new() -> Result<Self, String> {
        let folder = TempDir::with_prefix_in("earmark-power-", MEMORY);
        let folder = folder.or_else(|_| TempDir::with_prefix("earmark-power-"));
        let folder = folder.map_err(|error| error.to_string())?;
        let image = folder.path().join("image");
        let file = File::create(&image).and_then(|file| file.set_len(IMAGE_BYTES));
        file.map_err(|error| error.to_string())?;
        std::fs::create_dir(folder.path().join("mount")).map_err(|error| error.to_string())?;
        let device = run("losetup", &["-f", "--show", &image.display().to_string()])?;
        Ok(Self { device: device.trim().to_owned(), is_mounted: false, folder })
    }

    fn place(&self) -> PathBuf {
        self.folder.path().join("mount")
    }

    /// Where the store lies, once it is mounted.
    pub(super) fn store(&self) -> PathBuf {
        self.place().join("store")
    }

    /// Makes it empty.
    pub(super) fn format(&self) -> Result<(), String> {
        run("mkfs.ext4", &["-q", "-F", &self.device]).map(drop)
    }

    /// Mounts it; the file system repairs itself from its journal.
    pub(super) fn mount(&mut self) -> Result<(), String> {
        run("mount", &["-t", "ext4", &self.device, &text(&self.place())])?;
        self.is_mounted = true;
        Ok(())
    }

    /// Cuts the power: from here on nothing reaches the medium, the file system's own log
    /// included. `xfs_io` speaks of XFS, but the request has the same number on ext4.
    pub(super) fn cut(&self) -> Result<(), String> {
        run("xfs_io", &["-x", "-c", "shutdown", &text(&self.place())]).map(drop)
    }

    pub(super) fn unmount(&mut self) -> Result<(), String> {
        run("umount", &[&text(&self.place())])?;
        self.is_mounted = false;
        Ok(())
    }
}

impl Drop for Medium {
    fn drop(&mut self) {
        if self.is_mounted {
            let _ = self.unmount();
        }
        let _ = run("losetup", &["-d", &self.device]);
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn found_or<T>(found: std::io::Result<T>, tool: &str, package: &str) -> Result<(), String> {
    let missing = |error| format!("{tool} cannot be run: {error}; Debian has it in {package}");
    found.map(drop).map_err(missing)
}

/// Runs a tool; what it printed.
pub(crate) fn run(tool: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(tool).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{tool} cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!("{tool} {}: {said}", arguments.join(" ")))
}
