//! The file that is written: as a whole, under its name, or not at all.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::cannot_write;
use crate::exit::Failure;

/// A file that is being written under another name, beside the one that it will have.
pub(super) struct Target {
    pub(super) file: BufWriter<NamedTempFile>,
    folder: PathBuf,
    path: PathBuf,
    force: bool,
}

/// Why the file did not get its name.
pub(super) enum NotKept {
    /// Another file has the name.
    Taken,
    Io(io::Error),
    /// It has, but the name may not outlive a power cut.
    Unsynced(io::Error),
}

impl NotKept {
    pub(super) fn failure(self, path: &Path) -> Failure {
        match self {
            Self::Taken => taken(path),
            Self::Io(error) => cannot_write(path, &error),
            Self::Unsynced(error) => Failure::wrong(format!(
                "{} is written; its folder cannot be synced: {error}",
                path.display()
            )),
        }
    }
}

impl Target {
    /// Begins a file outside of the store.
    pub(super) fn new(path: &Path, store: &Path, force: bool) -> Result<Self, Failure> {
        let folder = match path.parent() {
            Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
            Some(parent) => parent,
            None => Path::new("."),
        };
        let refused = |error| Failure::named("the folder", folder, &error);
        let folder = folder.canonicalize().map_err(refused)?;
        refuse_inside(store, &folder, path)?;
        if path.is_dir() {
            return Err(Failure::unusable(format!("{} is a folder", path.display())));
        }
        if !force && path.symlink_metadata().is_ok() {
            return Err(taken(path));
        }
        let mut named = tempfile::Builder::new();
        let file = named.prefix(".earmark-").suffix(".part").tempfile_in(&folder);
        let file = file.map_err(refused)?;
        Ok(Self { file: BufWriter::new(file), folder, path: path.to_owned(), force })
    }

    /// Makes the file durable, and gives it its name.
    pub(super) fn keep(self) -> Result<(), NotKept> {
        let file = self.file.into_inner().map_err(|error| NotKept::Io(error.into_error()))?;
        file.as_file().sync_all().map_err(NotKept::Io)?;
        let named =
            if self.force { file.persist(&self.path) } else { file.persist_noclobber(&self.path) };
        named.map_err(|error| {
            if error.error.kind() == io::ErrorKind::AlreadyExists {
                return NotKept::Taken;
            }
            NotKept::Io(error.error)
        })?;
        File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(NotKept::Unsynced)
    }
}

/// Refuses to write to a folder that lies in the store, or would when it is made; `path` is what
/// was named.
pub(crate) fn refuse_inside(store: &Path, folder: &Path, path: &Path) -> Result<(), Failure> {
    let there = folder.ancestors().find_map(|one| match one.as_os_str().is_empty() {
        true => Path::new(".").canonicalize().ok(),
        false => one.canonicalize().ok(),
    });
    let store = store.canonicalize().ok();
    if store.zip(there).is_some_and(|(store, there)| there.starts_with(store)) {
        let path = path.display();
        return Err(Failure::unusable(format!(
            "{path} lies in the store, which an export only reads; name a place elsewhere"
        )));
    }
    Ok(())
}

fn taken(path: &Path) -> Failure {
    let path = path.display();
    Failure::unusable(format!("{path} is there already; name another file, or add --force"))
}
