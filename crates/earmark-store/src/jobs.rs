//! The disk side of each kind of work but the seal.

use std::io;
use std::sync::Arc;

use earmark_core::RecordingId;

use crate::disk::{Disk, DiskFile, create_anew, read_what_can_be, write_all_at};
use crate::format::{FILE_HEADER_BYTES, FileId};
use crate::journal::{Files, Target, Write};
use crate::layout::{
    self, JOURNAL, QUARANTINE, RECORDINGS, RESERVE, SNAPSHOTS, SPARE, SUMS, journal_path,
};
use crate::recovery::JOURNAL_FILE_BYTES_READ_MAX;
use crate::scan::Scan;
use crate::work::{Fault, Output};

pub(crate) fn write(write: Write) -> Result<Output, Fault> {
    let (file, opened) = match write.target {
        Target::Active(file) => (file, None),
        Target::New { disk, id, from_spare } => {
            let spare = if from_spare { open_spare(disk.as_ref())? } else { None };
            let file = match spare {
                Some(spare) => rename(disk.as_ref(), SPARE, id, spare)?,
                None => create(disk.as_ref(), id)?,
            };
            (Arc::clone(&file), Some((id, file)))
        }
    };
    write_all_at(file.as_ref(), write.offset, &write.bytes)
        .map_err(|error| Fault::new(JOURNAL, error))?;
    Ok(Output::Written { opened })
}

pub(crate) fn sync(target: u64, files: Files) -> Result<Output, Fault> {
    for (number, file) in files {
        file.sync().map_err(|error| Fault::new(&journal_path(number), error))?;
    }
    Ok(Output::Synced { target })
}

/// Cuts torn tails off. A file that is missing has been pruned meanwhile.
pub(crate) fn cut(disk: &dyn Disk, cuts: &[(u64, u64)]) -> Result<(), Fault> {
    cuts.iter().try_for_each(|(number, len)| {
        let path = journal_path(*number);
        let cut = disk.open(&path).and_then(|file| file.set_len(*len).and_then(|()| file.sync()));
        accept_missing(&path, cut)
    })
}

pub(crate) fn replace(
    disk: &dyn Disk,
    id: FileId,
    chunks: &[Arc<Vec<u8>>],
    has_reserve: bool,
) -> Result<Output, Fault> {
    // Nothing in a file that fails was acknowledged. Without the removal a disk that stays full
    // would gather files.
    let removed = |fault| {
        let _ = disk.remove(&journal_path(id.number));
        fault
    };
    let replaced = |file, from_reserve| Output::Replaced { id, file, from_reserve };
    match create(disk, id).and_then(|file| fill(file, id, chunks)).map_err(removed) {
        Ok(file) => Ok(replaced(file, false)),
        Err(fault) if has_reserve && fault.is_full() => {
            let reserve = open_reserve(disk, chunks)?.ok_or(fault)?;
            let filled = rename(disk, RESERVE, id, reserve).and_then(|file| fill(file, id, chunks));
            filled.map_err(|fault| spent(disk, removed(fault))).map(|file| replaced(file, true))
        }
        Err(fault) => Err(fault),
    }
}

/// What has met an error serves no more: the reserve goes too, whichever name it has by now.
fn spent(disk: &dyn Disk, fault: Fault) -> Fault {
    let _ = disk.remove(RESERVE);
    Fault::new(RESERVE, fault.error)
}

/// The reserve; none when all that is not durable does not fit into it.
fn open_reserve(
    disk: &dyn Disk,
    chunks: &[Arc<Vec<u8>>],
) -> Result<Option<Arc<dyn DiskFile>>, Fault> {
    let at_reserve = |error| Fault::new(RESERVE, error);
    let reserve = disk.open(RESERVE).map_err(at_reserve)?;
    let bytes = chunks.iter().map(|chunk| chunk.len() as u64).sum::<u64>();
    let fits = FILE_HEADER_BYTES + bytes <= reserve.len().map_err(at_reserve)?;
    Ok(fits.then_some(reserve))
}

/// Makes the reserve anew; its name is durable then.
pub(crate) fn refill(disk: &dyn Disk, len: u64) -> Result<Output, Fault> {
    make(disk, RESERVE, len).map_err(|error| Fault::new(RESERVE, error))?;
    disk.sync_dir(JOURNAL).map_err(|error| Fault::new(JOURNAL, error))?;
    Ok(Output::Refilled)
}

fn fill(
    file: Arc<dyn DiskFile>,
    id: FileId,
    chunks: &[Arc<Vec<u8>>],
) -> Result<Arc<dyn DiskFile>, Fault> {
    let at_path = |error| Fault::new(&journal_path(id.number), error);
    let mut offset = FILE_HEADER_BYTES;
    for chunk in chunks {
        write_all_at(file.as_ref(), offset, chunk).map_err(at_path)?;
        offset += chunk.len() as u64;
    }
    file.sync().map_err(at_path)?;
    Ok(file)
}

/// A journal file whose header and name are durable.
fn create(disk: &dyn Disk, id: FileId) -> Result<Arc<dyn DiskFile>, Fault> {
    let path = journal_path(id.number);
    let at_path = |error| Fault::new(&path, error);
    let file = disk.create_new(&path).map_err(at_path)?;
    write_all_at(file.as_ref(), 0, &id.header()).map_err(at_path)?;
    file.sync().map_err(at_path)?;
    disk.sync_dir(JOURNAL).map_err(|error| Fault::new(JOURNAL, error))?;
    Ok(file)
}

/// The spare file; none when somebody has taken it away.
fn open_spare(disk: &dyn Disk) -> Result<Option<Arc<dyn DiskFile>>, Fault> {
    match disk.open(SPARE) {
        Ok(spare) => Ok(Some(spare)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Fault::new(SPARE, error)),
    }
}

/// Makes a journal file of the spare one or of the reserve, whose bytes say nothing under the new
/// header. The header is durable before the name is.
fn rename(
    disk: &dyn Disk,
    from: &str,
    id: FileId,
    file: Arc<dyn DiskFile>,
) -> Result<Arc<dyn DiskFile>, Fault> {
    let at_path = |error| Fault::new(from, error);
    write_all_at(file.as_ref(), 0, &id.header()).map_err(at_path)?;
    file.sync().map_err(at_path)?;
    disk.rename(from, &journal_path(id.number)).map_err(at_path)?;
    disk.sync_dir(JOURNAL).map_err(|error| Fault::new(JOURNAL, error))?;
    Ok(file)
}

/// Where a journal file goes that nothing needs.
pub(crate) enum Farewell {
    Remove,
    /// It becomes the spare, if one is wanted.
    Reuse,
    /// It is damaged, and only moved.
    Quarantine(String),
    /// Nobody has looked whether it is damaged.
    Examine(String),
}

/// What is to go.
pub(crate) struct Pruning {
    pub(crate) files: Vec<(u64, Farewell)>,
    pub(crate) snapshots: Vec<u64>,
    /// The length of the spare file, if one is wanted.
    pub(crate) spare_bytes: Option<u64>,
    /// The length of the reserve, if one is wanted.
    pub(crate) reserve_bytes: Option<u64>,
}

pub(crate) fn prune(disk: &dyn Disk, pruning: Pruning) -> Result<Output, Fault> {
    let mut spare_wanted = pruning.spare_bytes;
    for (number, farewell) in &pruning.files {
        let path = journal_path(*number);
        let gone = match farewell {
            Farewell::Quarantine(to) => disk.rename(&path, to),
            Farewell::Examine(to) if !is_whole(disk, *number) => disk.rename(&path, to),
            Farewell::Reuse if spare_wanted.is_some() && len_of(disk, &path) == spare_wanted => {
                spare_wanted = None;
                disk.rename(&path, SPARE)
            }
            Farewell::Examine(_) | Farewell::Reuse | Farewell::Remove => disk.remove(&path),
        };
        accept_missing(&path, gone)?;
    }
    let has_reserve = pruning.reserve_bytes.is_some_and(|len| keep_reserve(disk, len));
    // A spare is a comfort: without one the next file is made when it is needed.
    let has_spare = spare_wanted.is_none_or(|len| make(disk, SPARE, len).is_ok());
    for covered in &pruning.snapshots {
        let path = layout::snapshot_path(*covered);
        accept_missing(&path, disk.remove(&path))?;
    }
    for dir in [JOURNAL, QUARANTINE, SNAPSHOTS] {
        disk.sync_dir(dir).map_err(|error| Fault::new(dir, error))?;
    }
    let files = pruning.files.into_iter().map(|(number, _)| number).collect();
    let has_spare = has_spare && pruning.spare_bytes.is_some();
    Ok(Output::Pruned { files, snapshots: pruning.snapshots, has_spare, has_reserve })
}

/// Whether a journal file holds nothing but whole records up to its end.
fn is_whole(disk: &dyn Disk, number: u64) -> bool {
    let path = journal_path(number);
    let read = disk
        .open(&path)
        .and_then(|file| read_what_can_be(file.as_ref(), JOURNAL_FILE_BYTES_READ_MAX));
    let Ok((bytes, unreadable)) = read else {
        return false;
    };
    FileId::parse(&bytes).is_ok_and(|id| {
        let scan = Scan::of(id, &bytes, u64::MAX);
        unreadable.is_empty()
            && scan.odd.is_empty()
            && scan.holes.iter().all(|hole| hole.behind.is_none())
    })
}

fn len_of(disk: &dyn Disk, path: &str) -> Option<u64> {
    disk.open(path).and_then(|file| file.len()).ok()
}

/// Whether a reserve of that length lies ready, left by an earlier process.
pub(crate) fn has_reserve(disk: &dyn Disk, len: u64) -> bool {
    len_of(disk, RESERVE) == Some(len)
}

fn keep_reserve(disk: &dyn Disk, len: u64) -> bool {
    has_reserve(disk, len) || make(disk, RESERVE, len).is_ok()
}

/// Makes a file that is as long as it will ever be, so that no commit into it changes its length or
/// needs room.
fn make(disk: &dyn Disk, path: &str, len: u64) -> io::Result<()> {
    // One that is there was left half made.
    let file = create_anew(disk, path)?;
    let filled = file.fill(len).and_then(|()| file.sync());
    if filled.is_err() {
        // On a full disk it would take the room that others need.
        let _ = disk.remove(path);
    }
    filled
}

/// Unlinks a recording's file. One that is missing is fine: an earlier try may have come so far.
pub(crate) fn remove(disk: &dyn Disk, recording: RecordingId) -> Result<Output, Fault> {
    let paths = [layout::recording_path, layout::part_path, layout::sums_path];
    for path in paths.map(|path| path(recording)) {
        accept_missing(&path, disk.remove(&path))?;
    }
    for dir in [RECORDINGS, SUMS] {
        disk.sync_dir(dir).map_err(|error| Fault::new(dir, error))?;
    }
    Ok(Output::Removed)
}

fn accept_missing(path: &str, result: io::Result<()>) -> Result<(), Fault> {
    match result {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Fault::new(path, error)),
    }
}
