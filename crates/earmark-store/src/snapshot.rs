//! The ledger in one file, so that the journal behind it can go. All numbers are little-endian.
//!
//! ```text
//! 0 magic "EARMARKS" · 8 version u32 · 12 CRC32C u32 of the payload
//! 16 covered u64, the highest seq that is folded in · 24 payload length u64 · 32 zeros
//! 60 CRC32C u32 of bytes 0..60 · 64 the ledger as JSON
//! ```

use std::io;

use crc32c::crc32c;

use crate::disk::{Disk, DiskFile, read_whole, write_all_at};
use crate::format::{VERSION, long, word};
use crate::layout::{SNAPSHOT_TEMP, SNAPSHOTS, snapshot_path};
use crate::ledger::Ledger;
use crate::work::{Fault, Output};

const MAGIC: &[u8; 8] = b"EARMARKS";
const HEADER_BYTES: usize = 64;
const SNAPSHOT_BYTES_MAX: u64 = 1 << 30;

/// Why a snapshot says nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SnapshotFault {
    #[error("it is of version {0}")]
    Newer(u32),
    #[error("its checksum does not match")]
    Damaged,
    #[error("it cannot be understood: {0}")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
}

pub(crate) fn encode(ledger: &Ledger, covered: u64) -> Result<Vec<u8>, serde_json::Error> {
    let payload = serde_json::to_vec(ledger)?;
    let mut bytes = vec![0; HEADER_BYTES];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[12..16].copy_from_slice(&crc32c(&payload).to_le_bytes());
    bytes[16..24].copy_from_slice(&covered.to_le_bytes());
    bytes[24..32].copy_from_slice(&(payload.len() as u64).to_le_bytes());
    let crc = crc32c(&bytes[..60]);
    bytes[60..].copy_from_slice(&crc.to_le_bytes());
    bytes.extend_from_slice(&payload);
    Ok(bytes)
}

pub(crate) fn decode(bytes: &[u8]) -> Result<(Ledger, u64), SnapshotFault> {
    let header = bytes.get(..HEADER_BYTES).ok_or(SnapshotFault::Damaged)?;
    if !header.starts_with(MAGIC) || crc32c(&header[..60]) != word(header, 60) {
        return Err(SnapshotFault::Damaged);
    }
    if word(header, 8) != VERSION {
        return Err(SnapshotFault::Newer(word(header, 8)));
    }
    let payload = &bytes[HEADER_BYTES..];
    if payload.len() as u64 != long(header, 24) || crc32c(payload) != word(header, 12) {
        return Err(SnapshotFault::Damaged);
    }
    Ok((serde_json::from_slice(payload)?, long(header, 16)))
}

pub(crate) fn read(file: &dyn DiskFile) -> Result<(Ledger, u64), SnapshotFault> {
    decode(&read_whole(file, SNAPSHOT_BYTES_MAX)?)
}

/// Writes the snapshot beside the older ones, which stay until a later pruning.
pub(crate) fn write(disk: &dyn Disk, ledger: &Ledger, covered: u64) -> Result<Output, Fault> {
    let at_temp = |error| Fault::new(SNAPSHOT_TEMP, error);
    let bytes = encode(ledger, covered).map_err(|error| at_temp(error.into()))?;
    match disk.remove(SNAPSHOT_TEMP) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(at_temp(error)),
    }
    let file = disk.create_new(SNAPSHOT_TEMP).map_err(at_temp)?;
    write_all_at(file.as_ref(), 0, &bytes).map_err(at_temp)?;
    file.sync().map_err(at_temp)?;
    let path = snapshot_path(covered);
    disk.rename(SNAPSHOT_TEMP, &path).map_err(|error| Fault::new(&path, error))?;
    disk.sync_dir(SNAPSHOTS).map_err(|error| Fault::new(SNAPSHOTS, error))?;
    Ok(Output::Snapshotted { covered })
}
