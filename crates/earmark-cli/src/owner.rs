//! Which process owns a store.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use earmark_store::LOCK;

/// Where Linux lists who holds which lock.
const LOCKS: &str = "/proc/locks";

/// A process that owns a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    process: u32,
    name: Option<String>,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.process)?;
        match &self.name {
            Some(name) => write!(f, " ({name})"),
            None => Ok(()),
        }
    }
}

/// The owner of the store in a folder, where the system tells; the lock itself is not touched, for
/// a process that starts at this moment would find it taken.
pub(crate) fn of(folder: &Path) -> Option<Owner> {
    let lock = fs::metadata(folder.join(LOCK)).ok()?;
    let process = holder(&fs::read_to_string(LOCKS).ok()?, lock.dev(), lock.ino())?;
    let name = fs::read_to_string(format!("/proc/{process}/comm")).ok();
    let name = name.map(|name| name.trim_end().escape_debug().to_string());
    Some(Owner { process, name })
}

/// The process that holds a whole-file lock on a file, in the words of the kernel:
/// `1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF`.
fn holder(locks: &str, device: u64, inode: u64) -> Option<u32> {
    let file = format!("{:02x}:{:02x}:{inode}", major(device), minor(device));
    let held = locks.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_it = words.get(1) == Some(&"FLOCK") && words.get(5) == Some(&file.as_str());
        is_it.then(|| words.get(4).and_then(|process| process.parse().ok()))
    });
    // A process of another container is listed as 0.
    held.flatten().filter(|process| *process != 0)
}

const fn major(device: u64) -> u64 {
    ((device >> 8) & 0xfff) | ((device >> 32) & !0xfff)
}

const fn minor(device: u64) -> u64 {
    (device & 0xff) | ((device >> 12) & !0xff & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTED: &str = "1: POSIX  ADVISORY  WRITE 11 08:01:77 0 EOF\n\
                          2: FLOCK  ADVISORY  WRITE 22 08:02:77 0 EOF\n\
                          2: -> FLOCK  ADVISORY  WRITE 44 08:01:77 0 EOF\n\
                          3: FLOCK  ADVISORY  WRITE 33 08:01:77 0 EOF\n\
                          4: FLOCK  ADVISORY  WRITE 0 08:01:78 0 EOF\n";

    #[test]
    fn the_holder_of_a_file_is_found_by_device_and_inode() {
        assert_eq!(holder(LISTED, 0x801, 77), Some(33));
        assert_eq!(holder(LISTED, 0x802, 77), Some(22));
        assert_eq!(holder(LISTED, 0x803, 77), None);
    }

    #[test]
    fn a_process_that_cannot_be_seen_is_not_named() {
        assert_eq!(holder(LISTED, 0x801, 78), None);
    }
}
