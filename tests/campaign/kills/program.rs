//! The program that is killed: the real one, as it is built.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command as Build;

use tokio::process::{Child, Command};

use crate::outcome::CannotRun;

/// Names a program that is to be used instead of the one that is built.
const VARIABLE: &str = "EARMARK_BIN";

/// The program `earmark`.
pub(crate) struct Program(PathBuf);

impl Program {
    /// Builds the program in the profile of this one, unless the environment names another.
    pub(crate) fn find() -> Result<Self, CannotRun> {
        if let Some(named) = env::var_os(VARIABLE) {
            return Self::at(PathBuf::from(named));
        }
        let own = env::current_exe().map_err(|error| CannotRun(error.to_string()))?;
        let folder = own.parent().unwrap_or(Path::new("."));
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Build::new(cargo);
        build.args(["build", "--quiet", "-p", "earmark-cli", "--bin", "earmark"]);
        build.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        if folder.ends_with("release") {
            build.arg("--release");
        }
        eprintln!("building the program");
        let built = build.status().map_err(|error| {
            CannotRun(format!("cargo does not run: {error}; name the program in {VARIABLE}"))
        })?;
        if !built.success() {
            return Err(CannotRun(String::from("the program does not build")));
        }
        Self::at(folder.join("earmark"))
    }

    /// Where it lies.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    fn at(path: PathBuf) -> Result<Self, CannotRun> {
        if path.is_file() {
            return Ok(Self(path));
        }
        Err(CannotRun(format!("{} is no program; {VARIABLE} may name one", path.display())))
    }

    /// Starts it; it dies with whoever waits for it.
    pub(super) fn start(&self, arguments: &[&str], log: &Path) -> std::io::Result<Child> {
        let log = std::fs::File::options().create(true).append(true).open(log)?;
        Command::new(&self.0)
            .args(arguments)
            .env("RUST_LOG", "warn")
            .env_remove("EARMARK_TOKEN")
            .stdin(std::process::Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
    }
}
