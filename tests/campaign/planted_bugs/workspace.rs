//! A copy of the workspace with all bugs in it, each behind a switch, and the program built of it.
//!
//! What ships has no switches: they stand in the copy alone, which lies beside the other things
//! that were built.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::patch::{Change, Unfit, patched};

/// The copy's own program, so that it replaces nothing that was built of the original.
const PROGRAM: &str = "campaign-planted";
/// Where the switches are, in the copy.
const SWITCHES: &str = "crates/earmark-core/src/planted.rs";
/// The switches: one bug at a time.
const SWITCHES_TEXT: &str = "\
//! Which bug is planted in this process.

use core::sync::atomic::{AtomicU32, Ordering};

static PLANTED: AtomicU32 = AtomicU32::new(0);

/// Plants a bug from here on.
pub fn plant(number: u32) {
    PLANTED.store(number, Ordering::Relaxed);
}

/// Whether a bug is planted.
pub fn is(number: u32) -> bool {
    PLANTED.load(Ordering::Relaxed) == number
}
";

/// What the copy needs beside the bugs: the switches, a way to them, and names of its own. With
/// another version nothing that is built of it takes the place of what is built of the original.
const FITTINGS: [[&str; 3]; 4] = [
    [
        "crates/earmark-core/src/lib.rs",
        "pub mod connectivity;",
        "pub mod planted;\npub mod connectivity;",
    ],
    [
        "tests/campaign/planted_bugs/hunt.rs",
        "= None; // The copy",
        "= Some(earmark_core::planted::plant); // The copy",
    ],
    ["tests/Cargo.toml", "name = \"campaign\"", "name = \"campaign-planted\""],
    ["Cargo.toml", "\nversion = \"0.1.0\"\n", "\nversion = \"0.1.0-planted\"\n"],
];

/// Why there is no program with the bugs in it.
#[derive(Debug, thiserror::Error)]
pub(super) enum BuildError {
    /// A bug does not fit the source any more.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// The source with the bugs in it is none.
    #[error("the source with the bugs in it does not build:\n{0}")]
    Broken(String),
    /// Something that the build needs is not there.
    #[error("{what}: {error}")]
    Missing {
        what: String,
        #[source]
        error: io::Error,
    },
}

impl BuildError {
    fn missing(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |error| Self::Missing { what, error }
    }
}

/// Where things are built, and how.
struct Place {
    target: PathBuf,
    /// The folder of the profile with which the running program was built.
    profile: OsString,
}

impl Place {
    fn find() -> Result<Self, BuildError> {
        let own = std::env::current_exe().map_err(BuildError::missing("this program's path"))?;
        let profile = own.parent().and_then(Path::file_name).map(OsString::from);
        let target = own.ancestors().nth(2).map(Path::to_path_buf);
        let odd = || io::Error::other(format!("{} is in no folder of cargo's", own.display()));
        let (profile, target) = profile
            .zip(target)
            .ok_or_else(odd)
            .map_err(BuildError::missing("the build's folder"))?;
        Ok(Self { target, profile })
    }

    fn copy(&self) -> PathBuf {
        self.target.join("planted").join("source")
    }
}

/// Makes the copy, builds it with the profile of the running program, and says where its program
/// is.
pub(super) fn build(changes: &[Change]) -> Result<PathBuf, BuildError> {
    let place = Place::find()?;
    let changes = [changes, &fittings()].concat();
    copy(&place.copy(), &changes)?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    // The program is built along with a test, for then it needs what all tests have had built.
    command.args(["test", "--workspace", "--test", "tidy", "--no-run", "--quiet", "--offline"]);
    command.current_dir(place.copy());
    command.arg("--target-dir").arg(&place.target);
    if place.profile != "debug" {
        command.arg("--profile").arg(&place.profile);
    }
    let built = command.output().map_err(BuildError::missing("cargo"))?;
    if !built.status.success() {
        return Err(BuildError::Broken(String::from_utf8_lossy(&built.stderr).into_owned()));
    }
    Ok(place.target.join(&place.profile).join(PROGRAM))
}

fn fittings() -> Vec<Change> {
    let name = || String::from("the fittings of the copy");
    let change = |[file, text, with]: [&str; 3]| Change {
        name: name(),
        file: file.to_owned(),
        text: text.to_owned(),
        with: with.to_owned(),
    };
    FITTINGS.into_iter().map(change).collect()
}

/// Copies every file that git tracks. What is the same already stays untouched, so that it is not
/// built again.
fn copy(to: &Path, changes: &[Change]) -> Result<(), BuildError> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let files = tracked(root)?;
    for file in &files {
        let from = root.join(file);
        let bytes = fs::read(&from).map_err(BuildError::missing(file.as_str()))?;
        let bytes = match String::from_utf8(bytes) {
            Ok(text) => patched(file, &text, changes)?.into_bytes(),
            Err(binary) => binary.into_bytes(),
        };
        write(&to.join(file), &bytes)?;
    }
    if let Some(lost) = changes.iter().find(|change| !files.contains(&change.file)) {
        let (name, file) = (lost.name.clone(), lost.file.clone());
        return Err(Unfit::Place { name, file, found: 0 }.into());
    }
    write(&to.join(SWITCHES), SWITCHES_TEXT.as_bytes())?;
    remove_others(to, to, &files)
}

/// The files that git tracks and that are there.
fn tracked(root: &Path) -> Result<BTreeSet<String>, BuildError> {
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(root).output();
    let listed = listed.map_err(BuildError::missing("git"))?;
    if !listed.status.success() {
        let error = io::Error::other(String::from_utf8_lossy(&listed.stderr).into_owned());
        return Err(BuildError::missing("git ls-files")(error));
    }
    let text = String::from_utf8_lossy(&listed.stdout);
    let files = text.split('\0').filter(|file| root.join(file).is_file());
    Ok(files.map(String::from).collect())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    if fs::read(path).is_ok_and(|before| before == bytes) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, bytes))
        .map_err(BuildError::missing(path.display().to_string()))
}

/// Removes what an earlier copy has left and the original has no more: a feed that is gone would
/// be played.
fn remove_others(top: &Path, folder: &Path, files: &BTreeSet<String>) -> Result<(), BuildError> {
    let at_folder = || BuildError::missing(folder.display().to_string());
    for entry in fs::read_dir(folder).map_err(at_folder())? {
        let path = entry.map_err(at_folder())?.path();
        let name = path.strip_prefix(top).unwrap_or(&path).to_string_lossy().into_owned();
        if path.is_dir() {
            remove_others(top, &path, files)?;
        } else if !files.contains(&name) && name != SWITCHES {
            fs::remove_file(&path).map_err(BuildError::missing(name))?;
        }
    }
    Ok(())
}
