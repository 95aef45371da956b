//! The CRC32C of each block of a sealed recording, in a file of its own. They only tell where
//! damage lies: whether a recording is whole its SHA-256 says, which the seal's record keeps. All
//! numbers are little-endian.
//!
//! ```text
//! 0 magic "EARMARKC" · 8 version u32 · 12 number of sums u32 · 16 SHA-256 of the recording
//! 48 CRC32C u32 of bytes 0..48 and of the sums · 52 zeros · 64 one u32 for each block
//! ```

use std::io;
use std::sync::Arc;

use crc32c::{crc32c, crc32c_append};
use earmark_core::RecordingId;

use crate::disk::{Disk, DiskFile, create_anew, read_whole, write_all_at};
use crate::format::{VERSION, word};
use crate::layout::{SUMS, sums_path};
use crate::record::{Seal, Sha256Sum};
use crate::seal::BLOCK_BYTES;
use crate::work::Fault;

const MAGIC: &[u8; 8] = b"EARMARKC";
const HEADER_BYTES: usize = 64;
const COUNT_AT: usize = 12;
const SHA_AT: usize = 16;
const CRC_AT: usize = 48;
const SUM_BYTES: usize = 4;

/// Why the sums of a recording say nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SumsFault {
    #[error("it does not match its checksum")]
    Damaged,
    #[error("it is of another recording")]
    Other,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// How many blocks so many bytes have.
pub(crate) const fn blocks(bytes: u64) -> u64 {
    bytes.div_ceil(BLOCK_BYTES as u64)
}

fn encode(sha256: &Sha256Sum, sums: &[u32]) -> Vec<u8> {
    let mut bytes = vec![0; HEADER_BYTES];
    let count = u32::try_from(sums.len()).unwrap_or(u32::MAX);
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..COUNT_AT].copy_from_slice(&VERSION.to_le_bytes());
    bytes[COUNT_AT..SHA_AT].copy_from_slice(&count.to_le_bytes());
    bytes[SHA_AT..CRC_AT].copy_from_slice(&sha256.0);
    bytes.extend(sums.iter().flat_map(|sum| sum.to_le_bytes()));
    let crc = check(&bytes);
    bytes[CRC_AT..CRC_AT + 4].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn check(bytes: &[u8]) -> u32 {
    crc32c_append(crc32c(&bytes[..CRC_AT]), &bytes[HEADER_BYTES..])
}

fn decode(bytes: &[u8], seal: &Seal) -> Result<Vec<u32>, SumsFault> {
    let header = bytes.get(..HEADER_BYTES).ok_or(SumsFault::Damaged)?;
    let rest = bytes.get(CRC_AT + 4..HEADER_BYTES).unwrap_or_default();
    let whole = header.starts_with(MAGIC)
        && rest.iter().all(|byte| *byte == 0)
        && word(header, CRC_AT) == check(bytes);
    if !whole {
        return Err(SumsFault::Damaged);
    }
    let sums = bytes[HEADER_BYTES..].chunks_exact(SUM_BYTES).map(|sum| word(sum, 0));
    let sums: Vec<u32> = sums.collect();
    let count = word(header, COUNT_AT) as usize;
    if header[SHA_AT..CRC_AT] != seal.sha256.0 || count as u64 != blocks(seal.bytes) {
        return Err(SumsFault::Other);
    }
    if sums.len() == count { Ok(sums) } else { Err(SumsFault::Damaged) }
}

/// Opens the sums that were kept for a recording.
pub(crate) fn open(disk: &dyn Disk, recording: RecordingId) -> io::Result<Arc<dyn DiskFile>> {
    disk.open(&sums_path(recording))
}

/// Reads the sums that were kept for a seal.
pub(crate) fn read(file: &dyn DiskFile, seal: &Seal) -> Result<Vec<u32>, SumsFault> {
    let limit = HEADER_BYTES as u64 + blocks(seal.bytes) * SUM_BYTES as u64;
    match read_whole(file, limit) {
        Ok(bytes) => decode(&bytes, seal),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(SumsFault::Damaged),
        Err(error) => Err(error.into()),
    }
}

/// Writes the sums and makes them durable; those of an earlier, unrecorded seal are replaced.
pub(crate) fn write(
    disk: &dyn Disk,
    recording: RecordingId,
    sha256: &Sha256Sum,
    sums: &[u32],
) -> Result<(), Fault> {
    let path = sums_path(recording);
    let at_path = |error| Fault::new(&path, error);
    let file = create_anew(disk, &path).map_err(at_path)?;
    let written = write_all_at(file.as_ref(), 0, &encode(sha256, sums));
    written.and_then(|()| file.sync()).map_err(at_path)?;
    disk.sync_dir(SUMS).map_err(|error| Fault::new(SUMS, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use earmark_core::WallTime;

    fn seal() -> Seal {
        let at = WallTime::from_unix_micros(0);
        let sha256 = Sha256Sum([7; 32]);
        let bytes = 3 * BLOCK_BYTES as u64 - 1;
        Seal { frames: 9, bytes, sha256, started_at: at, ended_at: at, twin: 0, missing: 0 }
    }

    #[test]
    fn the_sums_of_a_recording_read_back() {
        let bytes = encode(&seal().sha256, &[1, 2, u32::MAX]);
        assert_eq!(decode(&bytes, &seal()).expect("they are whole"), [1, 2, u32::MAX]);
    }

    #[test]
    fn the_sums_of_a_recording_without_a_byte_read_back() {
        let disk = crate::SimDisk::new(1);
        let nothing = Seal { frames: 0, bytes: 0, missing: 9, ..seal() };
        let recording = RecordingId::new(1, 1);
        disk.plant(&sums_path(recording), &encode(&nothing.sha256, &[]));
        let file = open(&disk, recording).expect("it is there");
        assert_eq!(read(file.as_ref(), &nothing).expect("they are whole"), [0; 0]);
    }

    #[test]
    fn no_flipped_bit_and_no_cut_of_the_sums_goes_unnoticed() {
        let whole = encode(&seal().sha256, &[1, 2, 3]);
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&bytes, &seal()).is_err(), "bit {bit}");
        }
        for len in 0..whole.len() {
            assert!(decode(&whole[..len], &seal()).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn sums_that_are_too_long_are_damaged_and_those_that_cannot_be_read_may_yet_be() {
        let disk = crate::SimDisk::new(1);
        let recording = RecordingId::new(1, 1);
        let mut bytes = encode(&seal().sha256, &[1, 2, 3]);
        bytes.push(0);
        disk.plant(&sums_path(recording), &bytes);
        let file = open(&disk, recording).expect("it is there");
        assert!(matches!(read(file.as_ref(), &seal()), Err(SumsFault::Damaged)));
        disk.set_fault(crate::DiskOp::Read, crate::DiskError::Eio, 1);
        assert!(matches!(read(file.as_ref(), &seal()), Err(SumsFault::Io(_))));
    }

    #[test]
    fn the_sums_of_another_recording_are_not_taken() {
        let bytes = encode(&Sha256Sum([8; 32]), &[1, 2, 3]);
        assert!(matches!(decode(&bytes, &seal()), Err(SumsFault::Other)));
    }
}
