//! Where is measured: a folder on a real file system.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::outcome::CannotRun;

/// Names the folder to measure in; without it that of the program serves.
const FOLDER: &str = "EARMARK_BENCH_DIR";

/// A folder of our own on the file system that is measured; it goes when this is dropped.
pub(super) struct Place {
    folder: TempDir,
    /// What the system calls the file system, and its options.
    pub(super) file_system: String,
    /// How many threads of the whole machine wanted a core lately, before anything was measured.
    pub(super) load: f64,
}

impl Place {
    pub(super) fn new() -> Result<Self, CannotRun> {
        let parent = parent().map_err(|error| CannotRun(error.to_string()))?;
        let unusable = |error| CannotRun(format!("{} cannot be used: {error}", parent.display()));
        let folder = TempDir::with_prefix_in("earmark-speed-", &parent).map_err(unusable)?;
        let file_system = file_system(folder.path()).map_err(unusable)?;
        if file_system.starts_with("tmpfs") {
            let why = "is in memory, where nothing is ever synced; name another folder in";
            return Err(CannotRun(format!("{} {why} {FOLDER}", parent.display())));
        }
        Ok(Self { folder, file_system, load: load() })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

fn parent() -> io::Result<PathBuf> {
    if let Some(folder) = env::var_os(FOLDER) {
        return Ok(PathBuf::from(folder));
    }
    let program = env::current_exe()?;
    Ok(program.parent().unwrap_or(Path::new(".")).to_path_buf())
}

fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(f64::NAN)
}

/// The kind and the options of the file system that a path is on.
fn file_system(path: &Path) -> io::Result<String> {
    let path = path.canonicalize()?;
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let mount = |line: &str| {
        let mut fields = line.split(' ').skip(1);
        let (point, kind, options) = (fields.next()?, fields.next()?, fields.next()?);
        path.starts_with(point).then(|| (point.len(), format!("{kind} ({options})")))
    };
    // Of two that cover the path, the later one lies on top.
    let found = mounts.lines().filter_map(mount).max_by_key(|found| found.0);
    Ok(found.map_or_else(|| String::from("unknown"), |found| found.1))
}
