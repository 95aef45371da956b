//! Which files a store has, and the numbers in their names.

use earmark_core::RecordingId;

pub(crate) const JOURNAL: &str = "journal";
pub(crate) const RECORDINGS: &str = "recordings";
pub(crate) const SNAPSHOTS: &str = "snapshots";
pub(crate) const QUARANTINE: &str = "quarantine";
pub(crate) const SUMS: &str = "sums";
/// The folders of a store.
pub const DIRS: [&str; 5] = [JOURNAL, QUARANTINE, RECORDINGS, SNAPSHOTS, SUMS];
pub(crate) const IDENTITY: &str = "store.json";
/// The file that the owner of a store holds locked.
pub const LOCK: &str = "lock";
pub(crate) const IDENTITY_TEMP: &str = "store.tmp";
/// A file that is ready to become the next one of the journal; it says nothing.
pub(crate) const SPARE: &str = "journal/spare";
/// A file that becomes the next one of the journal when the disk has no room for another; it says
/// nothing.
pub(crate) const RESERVE: &str = "journal/reserve";
pub(crate) const SNAPSHOT_TEMP: &str = "snapshots/new.tmp";

const JOURNAL_SUFFIX: &str = ".log";
const SNAPSHOT_SUFFIX: &str = ".snap";
const RECORDING_SUFFIX: &str = ".bin";
const PART_SUFFIX: &str = ".part";
const SUMS_SUFFIX: &str = ".crc";

pub(crate) fn journal_path(number: u64) -> String {
    format!("{JOURNAL}/{number:016x}{JOURNAL_SUFFIX}")
}

pub(crate) fn journal_number(name: &str) -> Option<u64> {
    hex_name(name, JOURNAL_SUFFIX)
}

pub(crate) fn snapshot_path(covered: u64) -> String {
    format!("{SNAPSHOTS}/{covered:016x}{SNAPSHOT_SUFFIX}")
}

pub(crate) fn snapshot_covered(name: &str) -> Option<u64> {
    hex_name(name, SNAPSHOT_SUFFIX)
}

/// Where the file of a sealed recording lies, relative to the store's root.
pub fn recording_path(recording: RecordingId) -> String {
    format!("{RECORDINGS}/{recording}{RECORDING_SUFFIX}")
}

pub(crate) fn part_path(recording: RecordingId) -> String {
    format!("{RECORDINGS}/{recording}{PART_SUFFIX}")
}

/// Where the checksums of a recording's blocks lie.
pub(crate) fn sums_path(recording: RecordingId) -> String {
    format!("{SUMS}/{recording}{SUMS_SUFFIX}")
}

/// The recording that a file in `sums/` is of.
pub(crate) fn sums_of(name: &str) -> Option<RecordingId> {
    name.strip_suffix(SUMS_SUFFIX)?.parse().ok()
}

/// The recording that a file in `recordings/` is of.
pub(crate) fn recording_of(name: &str) -> Option<RecordingId> {
    name.strip_suffix(RECORDING_SUFFIX)?.parse().ok()
}

/// The recording that an unfinished file in `recordings/` is of.
pub(crate) fn part_of(name: &str) -> Option<RecordingId> {
    name.strip_suffix(PART_SUFFIX)?.parse().ok()
}

/// Where a file goes that nobody may lose and nobody can use.
pub(crate) fn quarantine_path(path: &str, nonce: u64) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    format!("{QUARANTINE}/{name}.{nonce:016x}")
}

fn hex_name(name: &str, suffix: &str) -> Option<u64> {
    let digits = name.strip_suffix(suffix)?;
    let plain = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (digits.len() == 16 && digits.bytes().all(plain))
        .then(|| u64::from_str_radix(digits, 16).ok())
        .flatten()
}
