//! The ledger in one file, so that the journal behind it can go. All numbers are little-endian.
//!
//! ```text
//! 0 magic "EARMARKS" · 8 version u32 · 12 CRC32C u32 of the payload
//! 16 covered u64, the highest seq that is folded in · 24 payload length u64 · 32 zeros
//! 60 CRC32C u32 of bytes 0..60 · 64 the ledger in pieces: for each its length u32, then postcard
//! ```
//!
//! It is written and read piece by piece: what it takes in memory does not grow with the ledger.

use std::io;

use crc32c::{crc32c, crc32c_append};

use crate::disk::{Disk, DiskFile, create_anew, read_full_at, write_all_at};
use crate::format::{NUMBER_MAX, VERSION, long, word};
use crate::layout::{SNAPSHOT_TEMP, SNAPSHOTS, snapshot_path};
use crate::ledger::{Item, Ledger};
use crate::work::{Fault, Output};

const MAGIC: &[u8; 8] = b"EARMARKS";
const HEADER_BYTES: usize = 64;
const LENGTH_BYTES: usize = 4;
/// So much is written or read at once, if no piece is larger.
const BUFFER_BYTES: usize = 64 << 10;
/// The longest piece that is believed; one is as long as a record of the journal at most.
const ITEM_BYTES_MAX: usize = crate::format::PAYLOAD_BYTES_MAX;

/// Why a snapshot says nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SnapshotFault {
    #[error("it is of version {0}")]
    Newer(u32),
    #[error("its checksum does not match")]
    Damaged,
    #[error("it cannot be understood: {0}")]
    Odd(#[from] postcard::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What a header says.
struct Header {
    crc: u32,
    covered: u64,
    len: u64,
}

impl Header {
    fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.crc.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.covered.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.len.to_le_bytes());
        let crc = crc32c(&bytes[..60]);
        bytes[60..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<Self, SnapshotFault> {
        let header = bytes.get(..HEADER_BYTES).ok_or(SnapshotFault::Damaged)?;
        if !header.starts_with(MAGIC) || crc32c(&header[..60]) != word(header, 60) {
            return Err(SnapshotFault::Damaged);
        }
        if word(header, 8) != VERSION {
            return Err(SnapshotFault::Newer(word(header, 8)));
        }
        let covered = long(header, 16);
        if covered > NUMBER_MAX {
            return Err(SnapshotFault::Damaged);
        }
        Ok(Self { crc: word(header, 12), covered, len: long(header, 24) })
    }
}

/// The payload as it is read.
struct Source<'a> {
    file: &'a dyn DiskFile,
    at: u64,
    end: u64,
    crc: u32,
    buffer: Vec<u8>,
    /// Where in the buffer the next piece begins.
    start: usize,
}

impl Source<'_> {
    fn next(&mut self) -> Result<Option<Item>, SnapshotFault> {
        if self.at == self.end && self.start == self.buffer.len() {
            return Ok(None);
        }
        self.have(LENGTH_BYTES)?;
        let len = word(&self.buffer, self.start) as usize;
        if len > ITEM_BYTES_MAX {
            return Err(SnapshotFault::Damaged);
        }
        self.have(LENGTH_BYTES + len)?;
        let start = self.start + LENGTH_BYTES;
        self.start = start + len;
        Ok(Some(postcard::from_bytes(&self.buffer[start..start + len])?))
    }

    /// Has so many bytes stand in the buffer.
    fn have(&mut self, wanted: usize) -> Result<(), SnapshotFault> {
        let held = self.buffer.len() - self.start;
        if held >= wanted {
            return Ok(());
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let room = wanted.max(BUFFER_BYTES).saturating_sub(held).min(left);
        if held + room < wanted {
            return Err(SnapshotFault::Damaged);
        }
        self.buffer.resize(held + room, 0);
        if read_full_at(self.file, self.at, &mut self.buffer[held..])? < room {
            return Err(SnapshotFault::Damaged);
        }
        self.crc = crc32c_append(self.crc, &self.buffer[held..]);
        self.at += room as u64;
        Ok(())
    }
}

/// Opens a snapshot for reading.
fn begin(file: &dyn DiskFile) -> Result<(Header, Source<'_>), SnapshotFault> {
    let mut bytes = [0; HEADER_BYTES];
    let filled = read_full_at(file, 0, &mut bytes)?;
    let header = Header::decode(&bytes[..filled])?;
    let (at, end) = (HEADER_BYTES as u64, file.len()?);
    if end.checked_sub(at) != Some(header.len) {
        return Err(SnapshotFault::Damaged);
    }
    Ok((header, Source { file, at, end, crc: 0, buffer: Vec::new(), start: 0 }))
}

/// Reads a snapshot: the ledger, and the highest seq that is folded in.
pub(crate) fn read(file: &dyn DiskFile) -> Result<(Ledger, u64), SnapshotFault> {
    let (header, mut source) = begin(file)?;
    let mut ledger = Ledger::default();
    while let Some(item) = source.next()? {
        ledger.take_item(item);
    }
    if source.crc != header.crc {
        return Err(SnapshotFault::Damaged);
    }
    ledger.complete();
    Ok((ledger, header.covered))
}

/// Whether a snapshot is whole, and what it covers.
pub(crate) fn check(file: &dyn DiskFile) -> Result<u64, SnapshotFault> {
    let (header, mut source) = begin(file)?;
    while source.at < source.end {
        source.start = source.buffer.len();
        source.have(1)?;
    }
    if source.crc == header.crc { Ok(header.covered) } else { Err(SnapshotFault::Damaged) }
}

/// The payload as it is written.
struct Sink<'a> {
    file: &'a dyn DiskFile,
    at: u64,
    crc: u32,
    buffer: Vec<u8>,
}

impl Sink<'_> {
    fn put(&mut self, item: &Item) -> io::Result<()> {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(&[0; LENGTH_BYTES]);
        let buffer = std::mem::take(&mut self.buffer);
        self.buffer = postcard::to_extend(item, buffer).map_err(io::Error::other)?;
        let len = u32::try_from(self.buffer.len() - start - LENGTH_BYTES);
        let len = len.map_err(io::Error::other)?;
        self.buffer[start..start + LENGTH_BYTES].copy_from_slice(&len.to_le_bytes());
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        write_all_at(self.file, self.at, &self.buffer)?;
        self.crc = crc32c_append(self.crc, &self.buffer);
        self.at += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

fn fill(file: &dyn DiskFile, ledger: &Ledger, covered: u64) -> io::Result<u64> {
    let mut sink = Sink { file, at: HEADER_BYTES as u64, crc: 0, buffer: Vec::new() };
    ledger.items().try_for_each(|item| sink.put(&item))?;
    sink.flush()?;
    let header = Header { crc: sink.crc, covered, len: sink.at - HEADER_BYTES as u64 };
    write_all_at(file, 0, &header.encode())?;
    file.sync()?;
    Ok(sink.at)
}

/// Writes the snapshot beside the older ones, which stay until a later pruning.
pub(crate) fn write(disk: &dyn Disk, ledger: &Ledger, covered: u64) -> Result<Output, Fault> {
    let at_temp = |error| Fault::new(SNAPSHOT_TEMP, error);
    let file = create_anew(disk, SNAPSHOT_TEMP).map_err(at_temp)?;
    let bytes = fill(file.as_ref(), ledger, covered).map_err(at_temp)?;
    let path = snapshot_path(covered);
    disk.rename(SNAPSHOT_TEMP, &path).map_err(|error| Fault::new(&path, error))?;
    disk.sync_dir(SNAPSHOTS).map_err(|error| Fault::new(SNAPSHOTS, error))?;
    Ok(Output::Snapshotted { covered, bytes })
}
