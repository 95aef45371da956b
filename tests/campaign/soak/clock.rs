//! A wall clock for the host alone, which jumps while the machine's own stays as it is.
//!
//! A small library that is loaded into the host moves what it reads as the time of day. It is
//! compiled when the campaign begins.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCE: &str = include_str!("clock.c");

/// Names the file with the seconds that the clock is off.
pub(super) const VARIABLE: &str = "EARMARK_SOAK_CLOCK";

/// The clock.
pub(super) struct Clock {
    pub(super) library: PathBuf,
    pub(super) path: PathBuf,
    file: File,
}

impl Clock {
    /// Compiles it; the error says what the machine lacks.
    pub(super) fn new(folder: &Path) -> Result<Self, String> {
        let (source, library) = (folder.join("clock.c"), folder.join("clock.so"));
        std::fs::write(&source, SOURCE).map_err(|error| error.to_string())?;
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let mut compile = Command::new(compiler);
        compile.args(["-O2", "-shared", "-fPIC", "-o"]).arg(&library).arg(&source).arg("-ldl");
        let compiled = compile.output().map_err(|error| format!("no C compiler: {error}"))?;
        if !compiled.status.success() {
            let said = String::from_utf8_lossy(&compiled.stderr).into_owned();
            return Err(format!("the clock does not compile: {said}"));
        }
        let path = folder.join("clock.off");
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(true).read(true).write(true).open(&path);
        let clock = Self { library, path, file: file.map_err(|error| error.to_string())? };
        clock.set(0)?;
        Ok(clock)
    }

    /// Sets how many seconds it is off.
    pub(super) fn set(&self, seconds: i64) -> Result<(), String> {
        let bytes = seconds.to_ne_bytes();
        self.file.write_all_at(&bytes, 0).map_err(|error| error.to_string())
    }
}
