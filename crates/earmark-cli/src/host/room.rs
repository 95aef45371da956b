//! How much room there is: what the store holds, what the disk has left, and whether new frames are
//! taken. What was taken is never removed to make room.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use earmark_store::DIRS;

use crate::config::StoreConfig;

/// What a look at the disk has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// What the store's files hold.
    pub(crate) store_bytes: u64,
    /// What an ordinary user may still write.
    pub(crate) free_bytes: u64,
    /// What the file system holds in all.
    pub(crate) disk_bytes: u64,
}

/// How full it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fullness {
    /// There is room.
    Roomy,
    /// It will be full before long; in words.
    Nearly(String),
    /// New frames are refused; in words.
    Full(String),
}

/// The room that is left, as the sources see it.
#[derive(Debug)]
pub(crate) struct Room {
    bytes_max: Option<u64>,
    free_bytes_min: u64,
    warn_percent: u64,
    found: Mutex<Usage>,
    /// Bytes of frames that were taken since the last look.
    taken: AtomicU64,
    /// The bytes of the largest frame that was offered.
    largest: AtomicU64,
}

impl Room {
    pub(crate) fn new(config: &StoreConfig) -> Self {
        let nothing_known = Usage { free_bytes: u64::MAX, ..Usage::default() };
        Self {
            bytes_max: config.bytes_max,
            free_bytes_min: config.free_bytes_min,
            warn_percent: config.warn_percent,
            found: Mutex::new(nothing_known),
            taken: AtomicU64::new(0),
            largest: AtomicU64::new(1),
        }
    }

    /// Whether a frame of so many bytes may be taken; if not, why.
    pub(crate) fn admit(&self, bytes: u64) -> Result<(), String> {
        self.largest.fetch_max(bytes, Ordering::Relaxed);
        let usage = self.usage();
        let taken = self.taken.load(Ordering::Relaxed) + bytes;
        if let Some(max) = self.bytes_max
            && usage.store_bytes + taken > max
        {
            return Err(format!(
                "the store holds as much as it may, {max} bytes (store.bytes_max)"
            ));
        }
        let min = self.free_bytes_min;
        if usage.free_bytes.saturating_sub(taken) < min {
            return Err(format!("the disk has less than {min} bytes free (store.free_bytes_min)"));
        }
        Ok(())
    }

    pub(crate) fn took(&self, bytes: u64) {
        self.taken.fetch_add(bytes, Ordering::Relaxed);
    }

    /// What the latest look has found.
    pub(crate) fn usage(&self) -> Usage {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what a look has found. Frames that were taken while it went on count once more, until
    /// the next one: too much rather than too little.
    pub(crate) fn found(&self, usage: Usage, taken_before: u64) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = usage;
        self.taken.fetch_sub(taken_before, Ordering::Relaxed);
    }

    /// A look has failed: what could not be counted is what it was, and what was taken since.
    pub(crate) fn not_found(&self, folder: &Path, taken_before: u64) {
        let before = self.usage();
        let free_bytes = before.free_bytes.saturating_sub(taken_before);
        let space = space(folder).unwrap_or(Usage { free_bytes, ..before });
        let store_bytes = before.store_bytes.saturating_add(taken_before);
        self.found(Usage { store_bytes, ..space }, taken_before);
    }

    /// What a look that begins now will find on the disk already.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// How full it is: full when not every frame is taken that is offered.
    pub(crate) fn fullness(&self) -> Fullness {
        if let Err(why) = self.admit(self.largest.load(Ordering::Relaxed)) {
            return Fullness::Full(why);
        }
        let usage = self.usage();
        let (used, all, what) = match self.bytes_max {
            Some(max) => (usage.store_bytes, max, "the store's limit"),
            None => {
                (usage.disk_bytes.saturating_sub(usage.free_bytes), usage.disk_bytes, "the disk")
            }
        };
        let percent = u64::try_from(u128::from(used) * 100 / u128::from(all.max(1)));
        match percent {
            Ok(percent) if all > 0 && percent >= self.warn_percent => {
                Fullness::Nearly(format!("{percent} % of {what} is used: {used} of {all} bytes"))
            }
            Ok(_) | Err(_) => Fullness::Roomy,
        }
    }

    /// Whether frames are refused.
    pub(crate) fn is_full(&self) -> bool {
        matches!(self.fullness(), Fullness::Full(_))
    }
}

/// Looks at the disk.
pub(crate) fn look(folder: &Path) -> io::Result<Usage> {
    Ok(Usage { store_bytes: size(folder)?, ..space(folder)? })
}

/// What the file system has.
fn space(folder: &Path) -> io::Result<Usage> {
    let system = rustix::fs::statvfs(folder)?;
    Ok(Usage {
        store_bytes: 0,
        free_bytes: system.f_bavail.saturating_mul(system.f_frsize),
        disk_bytes: system.f_blocks.saturating_mul(system.f_frsize),
    })
}

/// The bytes of the files of a store: those in its own folders, and those beside them. Other
/// folders, such as a file system's `lost+found`, are somebody else's; links are not followed.
fn size(folder: &Path) -> io::Result<u64> {
    let own = DIRS.iter().map(|own| bytes_in(&folder.join(own)));
    std::iter::once(bytes_in(folder)).chain(own).sum()
}

/// The bytes of the files in a folder, but not of those below; what is not there, or vanishes
/// meanwhile, counts nothing.
fn bytes_in(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    for entry in entries {
        match entry?.metadata() {
            Ok(found) if found.is_dir() => {}
            Ok(found) => bytes += found.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(bytes_max: Option<u64>, free_bytes_min: u64) -> Room {
        Room {
            bytes_max,
            free_bytes_min,
            warn_percent: 80,
            found: Mutex::default(),
            taken: AtomicU64::new(0),
            largest: AtomicU64::new(1),
        }
    }

    #[test]
    fn frames_are_taken_up_to_the_limit_and_no_further() {
        let room = room(Some(1_000), 0);
        room.found(Usage { store_bytes: 900, free_bytes: 10_000, disk_bytes: 20_000 }, 0);
        assert_eq!(room.admit(100), Ok(()));
        room.took(100);
        let refused = room.admit(1).expect_err("it is full");
        assert!(refused.contains("store.bytes_max"), "{refused}");
        assert!(matches!(room.fullness(), Fullness::Full(_)));
        room.found(Usage { store_bytes: 500, free_bytes: 10_000, disk_bytes: 20_000 }, 100);
        assert_eq!(room.admit(500), Ok(()));
    }

    #[test]
    fn what_a_frame_is_refused_for_is_full_though_a_smaller_one_would_fit() {
        let room = room(Some(1_000), 0);
        room.found(Usage { store_bytes: 950, free_bytes: 10_000, disk_bytes: 20_000 }, 0);
        assert!(room.admit(80).is_err());
        assert!(matches!(room.fullness(), Fullness::Full(_)));
    }

    /// F128.
    #[test]
    fn a_warning_comes_before_it_is_full() {
        let room = room(Some(1_000), 0);
        let found = |store_bytes| Usage { store_bytes, free_bytes: 10_000, disk_bytes: 20_000 };
        room.found(found(799), 0);
        assert_eq!(room.fullness(), Fullness::Roomy);
        room.found(found(800), 0);
        assert!(matches!(room.fullness(), Fullness::Nearly(_)));
    }

    #[test]
    fn what_is_not_the_stores_own_is_not_counted() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write = |path: &str, bytes: &[u8]| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("it is made");
            fs::write(path, bytes).expect("it is written");
        };
        write("store.json", &[0; 10]);
        write("recordings/r-1.bin", &[0; 200]);
        write("quarantine/old", &[0; 3_000]);
        write("lost+found/deep/thing", &[0; 50_000]);
        assert_eq!(size(folder.path()).expect("it can be read"), 3_210);
    }

    #[test]
    fn a_look_that_fails_counts_what_was_taken_once_and_asks_the_disk_for_its_room() {
        let room = room(Some(1_000), 0);
        room.found(Usage { store_bytes: 100, free_bytes: 1, disk_bytes: 1 }, 0);
        room.took(300);
        let folder = tempfile::tempdir().expect("a temporary folder");
        room.not_found(folder.path(), room.taken());
        let usage = room.usage();
        assert_eq!((room.taken(), usage.store_bytes), (0, 400));
        assert!(usage.free_bytes > 1 && usage.disk_bytes > 1, "{usage:?}");
        room.took(300);
        room.not_found(Path::new("/nowhere"), room.taken());
        assert_eq!(
            room.usage(),
            Usage { store_bytes: 700, free_bytes: usage.free_bytes - 300, ..usage }
        );
    }

    #[test]
    fn a_disk_that_is_nearly_full_takes_nothing_new() {
        let room = room(None, 5_000);
        room.found(Usage { store_bytes: 1, free_bytes: 5_100, disk_bytes: 20_000 }, 0);
        assert_eq!(room.admit(100), Ok(()));
        assert!(room.admit(101).expect_err("too little").contains("store.free_bytes_min"));
    }
}
