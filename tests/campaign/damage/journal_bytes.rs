//! The bytes of a journal file as `docs/durability.md` has them, read and mended without the
//! store's own code.

use std::ops::Range;

use crc32c::{crc32c, crc32c_append};
use earmark_core::{CaptureId, FrameSeq, WallTime};
use earmark_store::FrameSpan;

/// Where the records begin.
pub(crate) const RECORDS_AT: usize = 1_024;
/// Bytes of one copy of the file's header.
pub(crate) const COPY_BYTES: usize = 64;
/// Where the copies stand.
pub(crate) const COPIES_AT: [usize; 2] = [0, 512];
/// Bytes of a record before its payload.
pub(crate) const HEAD_BYTES: usize = 32;
/// What stands in the kind of a record of frames.
const FRAMES_KIND: u8 = 2;
const RECORD_MAGIC: u32 = 0x4b52_4d45;
/// Where the CRC of a header's copy and of a snapshot's header stands.
const HEADER_CRC_AT: usize = 60;

/// Where a record stands in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) seq: u64,
    /// The highest seq that was known durable when it was written.
    pub(crate) durable: u64,
    pub(crate) is_frames: bool,
    /// From its header to the last byte of its payload.
    pub(crate) bytes: Range<usize>,
    /// Behind the zeros that follow.
    pub(crate) end: usize,
}

impl Place {
    pub(crate) const fn payload(&self) -> Range<usize> {
        self.bytes.start + HEAD_BYTES..self.bytes.end
    }
}

/// The records of a file that has no damage; it ends at the first that is none.
pub(crate) fn places(file: &[u8]) -> Vec<Place> {
    let mut places = Vec::new();
    let mut start = RECORDS_AT;
    while let Some(head) = file.get(start..start + HEAD_BYTES) {
        let end = start.saturating_add(HEAD_BYTES + word(head, 4) as usize);
        if word(head, 0) != RECORD_MAGIC || end > file.len() {
            break;
        }
        places.push(Place {
            seq: long(head, 8),
            durable: long(head, 16),
            is_frames: head[24] == FRAMES_KIND,
            bytes: start..end,
            end: end.next_multiple_of(8),
        });
        start = end.next_multiple_of(8);
    }
    places
}

/// Writes both checks of a record anew, so that nothing in it can be told from what was written.
pub(crate) fn mend_record(file: &mut [u8], record: Range<usize>) {
    let seed = crc32c_append(crc32c(&file[24..32]), &file[16..24]);
    let record = &mut file[record];
    let head = crc32c_append(seed, &record[..25]);
    record[25..28].copy_from_slice(&head.to_le_bytes()[..3]);
    let crc = crc32c_append(head, &record[HEAD_BYTES..]);
    record[28..HEAD_BYTES].copy_from_slice(&crc.to_le_bytes());
}

/// Writes the check of a header's copy, or of a snapshot's header, anew.
pub(crate) fn mend_header(copy: &mut [u8]) {
    let crc = crc32c(&copy[..HEADER_CRC_AT]);
    copy[HEADER_CRC_AT..COPY_BYTES].copy_from_slice(&crc.to_le_bytes());
}

/// Writes length and checks of a snapshot anew.
pub(crate) fn mend_snapshot(file: &mut [u8]) {
    let (header, payload) = file.split_at_mut(COPY_BYTES);
    header[12..16].copy_from_slice(&crc32c(payload).to_le_bytes());
    header[24..32].copy_from_slice(&(payload.len() as u64).to_le_bytes());
    mend_header(header);
}

/// The frames of a record's payload: what describes them, and each one's bytes.
pub(crate) fn frames(payload: &[u8]) -> (FrameSpan, Vec<&[u8]>) {
    let mut span = FrameSpan {
        capture: CaptureId::new(word(payload, 0), word(payload, 4)),
        first: FrameSeq(long(payload, 8)),
        count: word(payload, 24),
        first_at: WallTime::from_unix_micros(long(payload, 16).cast_signed()),
        last_at: WallTime::from_unix_micros(long(payload, 16).cast_signed()),
    };
    let (mut frames, mut rest) = (Vec::new(), &payload[28..]);
    for _ in 0..span.count {
        let step = varint(&mut rest);
        let step = (step >> 1).cast_signed() ^ -((step & 1).cast_signed());
        span.last_at = WallTime::from_unix_micros(span.last_at.unix_micros() + step);
        let len = varint(&mut rest) as usize;
        let (frame, behind) = rest.split_at(len);
        frames.push(frame);
        rest = behind;
    }
    (span, frames)
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for place in 0.. {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte < 0x80 {
            break;
        }
    }
    value
}

pub(crate) fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes were taken"))
}

pub(crate) fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes were taken"))
}
