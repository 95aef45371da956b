//! Files in a store's folders that are none of a store's, and those that make it one.

use crate::damage::{Damage, Harm};
use crate::disk::{Disk, split};
use crate::layout::{self, IDENTITY, JOURNAL, LOCK, RECORDINGS, SNAPSHOT_TEMP, SNAPSHOTS, SUMS};
use crate::recovery::{ReadError, names};

/// The folders whose files a store names.
const OWN: [&str; 4] = [JOURNAL, RECORDINGS, SNAPSHOTS, SUMS];

/// Whether a store is there, or what damage has left of one; anything else is somebody's folder.
///
/// # Errors
///
/// [`ReadError`] when the folder cannot be looked at.
pub fn is_store(disk: &dyn Disk) -> Result<bool, ReadError> {
    if files(disk, "")?.iter().any(|path| [IDENTITY, LOCK].contains(&path.as_str())) {
        return Ok(true);
    }
    for dir in OWN {
        if files(disk, dir)?.iter().any(|path| is_known(path)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What lies in the store's own folders under names that it does not give. The top is left out: a
/// host may keep things of its own there. So are names that the store's disk does not take, which
/// nothing here could move.
pub(super) fn find(disk: &dyn Disk) -> Result<Vec<Damage>, ReadError> {
    let mut found = Vec::new();
    let mut is_used = false;
    for dir in OWN {
        for path in files(disk, dir)? {
            let known = is_known(&path);
            is_used |= known;
            if !known && split(&path).is_ok() {
                found.push(Damage::new(path, None, Harm::Stranger));
            }
        }
    }
    if is_used && !files(disk, "")?.iter().any(|path| path == IDENTITY) {
        found.push(Damage::new(IDENTITY, None, Harm::IdentityMissing));
    }
    Ok(found)
}

fn is_known(path: &str) -> bool {
    let (dir, name) = path.split_once('/').unwrap_or(("", path));
    match dir {
        JOURNAL => {
            [layout::SPARE, layout::RESERVE].contains(&path)
                || layout::journal_number(name).is_some()
        }
        SNAPSHOTS => path == SNAPSHOT_TEMP || layout::snapshot_covered(name).is_some(),
        RECORDINGS => layout::recording_of(name).or_else(|| layout::part_of(name)).is_some(),
        SUMS => layout::sums_of(name).is_some(),
        _ => true,
    }
}

fn files(disk: &dyn Disk, dir: &str) -> Result<Vec<String>, ReadError> {
    let path = |name: String| if dir.is_empty() { name } else { format!("{dir}/{name}") };
    Ok(names(disk, dir)?.into_iter().map(path).collect())
}
