//! Where a store lies.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use earmark_store::{FsDisk, is_store};

use crate::exit::Failure;

/// The folder that was named, or else the platform's own.
pub(crate) fn chosen(named: Option<PathBuf>) -> Result<PathBuf, Failure> {
    match named {
        Some(folder) if folder.as_os_str().is_empty() => {
            Err(Failure::unusable("--data-dir is empty; expected a folder"))
        }
        Some(folder) => Ok(folder),
        None => platform(|name| env::var_os(name)).ok_or_else(|| {
            Failure::unusable(
                "neither HOME nor XDG_DATA_HOME is set; name a folder with --data-dir",
            )
        }),
    }
}

/// The folder that a configuration names, or else the platform's own.
pub(crate) fn of_config(named: Option<PathBuf>) -> Result<PathBuf, &'static str> {
    let folder = named.or_else(|| platform(|name| env::var_os(name)));
    folder.ok_or("neither HOME nor XDG_DATA_HOME is set; name a folder")
}

/// The platform's folder for a program's data. The specification of `XDG_DATA_HOME` has relative
/// paths ignored.
fn platform(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let folder = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if cfg!(target_os = "macos") {
        return Some(folder("HOME")?.join("Library/Application Support/earmark"));
    }
    let data = folder("XDG_DATA_HOME").or_else(|| Some(folder("HOME")?.join(".local/share")))?;
    Some(data.join("earmark"))
}

/// A store to look at, or an empty folder, in which none was made yet; nothing is ever written to
/// it. Somebody else's folder is refused: whoever mistyped it would take its silence for good news.
pub(crate) fn read_only(folder: &Path) -> Result<FsDisk, Failure> {
    let disk = open(folder)?;
    let is_empty = std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    if is_empty || is_store(&disk).map_err(|error| Failure::read(folder, &error))? {
        return Ok(disk);
    }
    Err(Failure::store(folder, "there is no store; name the folder of one with --data-dir"))
}

fn open(folder: &Path) -> Result<FsDisk, Failure> {
    FsDisk::read_only(folder).map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            Failure::store(folder, "there is no such folder")
        } else {
            Failure::store(folder, error)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Option<PathBuf> {
        platform(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_platforms_folder_is_where_the_environment_says() {
        let both = [("XDG_DATA_HOME", "/data"), ("HOME", "/home/anna")];
        assert_eq!(of(&both), Some(PathBuf::from("/data/earmark")));
        assert_eq!(of(&both[1..]), Some(PathBuf::from("/home/anna/.local/share/earmark")));
        assert_eq!(of(&[]), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_relative_folder_of_the_environment_is_none() {
        assert_eq!(of(&[("XDG_DATA_HOME", "data")]), None);
    }
}
