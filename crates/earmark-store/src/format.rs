//! The bytes of a journal file. All numbers are little-endian.
//!
//! ```text
//! file    0     header, 64 bytes, then zeros to 512
//!         512   the same header again, then zeros to 1024
//!         1024  records, each beginning at a multiple of 8
//! header  0 magic "EARMARKJ" · 8 version u32 · 12 zero u32 · 16 number u64 · 24 incarnation u64
//!         32 first seq u64 · 40 zeros · 60 CRC32C u32 of bytes 0..60
//! record  0 magic u32 · 4 payload length u32 · 8 seq u64 · 16 durable u64 · 24 kind u8
//!         25 head check, 3 bytes · 28 CRC32C u32 · 32 payload, then zeros to a multiple of 8
//! ```
//!
//! `seq` rises by one from record to record, across files. `durable` is the highest seq that was
//! known durable when the record was handed to the disk: damage at or below it is rot, damage above
//! it a torn tail. Both checks begin with the file's incarnation and number, so that bytes of an
//! older file never pass; the head check (the low 24 bits of the CRC32C of the first 25 bytes) lets
//! a length be believed before the payload is read, so that audio that looks like records cannot
//! slow a search down. The CRC32C of a record goes on from there over its payload.

use crc32c::{crc32c, crc32c_append};

/// Bytes of a journal file before its first record.
pub(crate) const FILE_HEADER_BYTES: u64 = 1_024;
/// Bytes of a record before its payload.
pub(crate) const RECORD_HEADER_BYTES: usize = 32;
/// The most bytes of a payload; a larger record is never written, and never believed.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 16 << 20;
/// The highest number of a record or a file that is believed: no store lives through as many, and
/// there are always higher ones.
pub(crate) const NUMBER_MAX: u64 = u64::MAX / 2;
/// The version that this program writes.
pub(crate) const VERSION: u32 = 1;

const HEADER_COPY_BYTES: usize = 64;
const HEADER_COPIES_AT: [usize; 2] = [0, 512];
const FILE_MAGIC: &[u8; 8] = b"EARMARKJ";
const RECORD_MAGIC: u32 = 0x4b52_4d45;
const ALIGNMENT: usize = 8;
const HEAD_BYTES: usize = 25;
const CRC_AT: usize = 28;

/// Which journal file this is; every checksum in it starts from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileId {
    pub(crate) number: u64,
    pub(crate) incarnation: u64,
    /// The seq of its first record.
    pub(crate) first: u64,
    /// What every checksum of a record begins with.
    seed: u32,
}

/// Why a file header says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderFault {
    /// It is of a version that this program does not know.
    Newer(u32),
    /// Neither copy is whole.
    Unreadable,
}

impl FileId {
    pub(crate) fn new(number: u64, incarnation: u64, first: u64) -> Self {
        let seed = crc32c_append(crc32c(&incarnation.to_le_bytes()), &number.to_le_bytes());
        Self { number, incarnation, first, seed }
    }

    /// The bytes that a file begins with.
    pub(crate) fn header(self) -> Vec<u8> {
        let mut copy = [0; HEADER_COPY_BYTES];
        copy[..8].copy_from_slice(FILE_MAGIC);
        copy[8..12].copy_from_slice(&VERSION.to_le_bytes());
        copy[16..24].copy_from_slice(&self.number.to_le_bytes());
        copy[24..32].copy_from_slice(&self.incarnation.to_le_bytes());
        copy[32..40].copy_from_slice(&self.first.to_le_bytes());
        let crc = crc32c(&copy[..60]);
        copy[60..].copy_from_slice(&crc.to_le_bytes());
        let mut header = vec![0; FILE_HEADER_BYTES as usize];
        for at in HEADER_COPIES_AT {
            header[at..at + HEADER_COPY_BYTES].copy_from_slice(&copy);
        }
        header
    }

    /// Reads the header; either copy is enough.
    pub(crate) fn parse(file: &[u8]) -> Result<Self, HeaderFault> {
        let copies = HEADER_COPIES_AT.map(|at| file.get(at..at + HEADER_COPY_BYTES));
        let mut fault = HeaderFault::Unreadable;
        for copy in copies.into_iter().flatten() {
            let whole = copy.starts_with(FILE_MAGIC) && crc32c(&copy[..60]) == word(copy, 60);
            match (whole, word(copy, 8)) {
                (false, _) => {}
                (true, VERSION) => {
                    let (number, first) = (long(copy, 16), long(copy, 32));
                    if number.max(first) <= NUMBER_MAX {
                        return Ok(Self::new(number, long(copy, 24), first));
                    }
                }
                (true, version) => fault = HeaderFault::Newer(version),
            }
        }
        Err(fault)
    }
}

/// What a record's payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Decision,
    Frames,
}

impl Kind {
    const fn code(self) -> u8 {
        match self {
            Self::Decision => 1,
            Self::Frames => 2,
        }
    }

    /// The kind that a byte stands for; none for what a later version may have added.
    pub(crate) const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Decision),
            2 => Some(Self::Frames),
            _ => None,
        }
    }
}

/// The bytes that a record of such a payload takes in the file.
pub(crate) const fn record_bytes(payload: usize) -> usize {
    (RECORD_HEADER_BYTES + payload).next_multiple_of(ALIGNMENT)
}

/// Leaves room for a record's header.
pub(crate) fn begin_record(out: &mut Vec<u8>) {
    out.extend_from_slice(&[0; RECORD_HEADER_BYTES]);
}

/// Pads what was written since `start`, which is then a whole record but for its header.
pub(crate) fn end_record(start: usize, out: &mut Vec<u8>) {
    let len = (out.len() - start).next_multiple_of(ALIGNMENT);
    out.resize(start + len, 0);
}

/// Writes the header of a record whose payload already stands behind it, for one file.
pub(crate) fn patch_header(record: &mut [u8], payload: u32, head: Head, file: FileId) {
    record[..4].copy_from_slice(&RECORD_MAGIC.to_le_bytes());
    record[4..8].copy_from_slice(&payload.to_le_bytes());
    record[8..16].copy_from_slice(&head.seq.to_le_bytes());
    record[16..24].copy_from_slice(&head.durable.to_le_bytes());
    record[24] = head.kind.code();
    let head = head_crc(&record[..HEAD_BYTES], file);
    record[HEAD_BYTES..CRC_AT].copy_from_slice(&check_of(head));
    let crc = record_crc(head, record, payload as usize);
    record[CRC_AT..RECORD_HEADER_BYTES].copy_from_slice(&crc.to_le_bytes());
}

/// What a record's header says besides its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) seq: u64,
    pub(crate) durable: u64,
    pub(crate) kind: Kind,
}

/// What stands at a position of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// A whole record.
    Record { seq: u64, durable: u64, code: u8, payload: &'a [u8], len: usize },
    /// A whole header before a payload that is not.
    Broken { len: usize },
    /// Nothing that this file's owner wrote, or not all of it.
    Nothing,
}

/// Looks at what stands at the beginning of `bytes`.
pub(crate) fn look(bytes: &[u8], file: FileId) -> Found<'_> {
    let Some(head) = bytes.get(..RECORD_HEADER_BYTES) else {
        return Found::Nothing;
    };
    let payload = word(head, 4) as usize;
    let (seq, durable) = (long(head, 8), long(head, 16));
    let sane = word(head, 0) == RECORD_MAGIC
        && payload > 0
        && payload <= PAYLOAD_BYTES_MAX
        && seq.max(durable) <= NUMBER_MAX;
    if !sane {
        return Found::Nothing;
    }
    let head_crc = head_crc(&head[..HEAD_BYTES], file);
    if head[HEAD_BYTES..CRC_AT] != check_of(head_crc) {
        return Found::Nothing;
    }
    let len = record_bytes(payload);
    let Some(record) = bytes.get(..RECORD_HEADER_BYTES + payload) else {
        return Found::Nothing;
    };
    if record_crc(head_crc, record, payload) != word(head, CRC_AT) {
        return Found::Broken { len };
    }
    let payload = &record[RECORD_HEADER_BYTES..];
    Found::Record { seq, durable, code: head[24], payload, len }
}

/// The bytes of a record that begins here without being whole, when its number is not below `from`.
pub(crate) fn begun_record(bytes: &[u8], from: u64) -> Option<usize> {
    let head = bytes.get(..16)?;
    let begins = word(head, 0) == RECORD_MAGIC && long(head, 8) >= from;
    let payload = (word(head, 4) as usize).min(PAYLOAD_BYTES_MAX);
    begins.then(|| record_bytes(payload).min(bytes.len()))
}

/// How far it is from here, where no record begins, to where one may, or to the end.
pub(crate) fn next_magic(bytes: &[u8]) -> usize {
    let steps = bytes.chunks(ALIGNMENT).skip(1);
    let magic = RECORD_MAGIC.to_le_bytes();
    let before = steps.take_while(|step| !step.starts_with(&magic)).count();
    ((1 + before) * ALIGNMENT).min(bytes.len())
}

/// The step of a search after damage.
pub(crate) const SEARCH_STEP: usize = ALIGNMENT;

fn head_crc(head: &[u8], file: FileId) -> u32 {
    crc32c_append(file.seed, head)
}

const fn check_of(head_crc: u32) -> [u8; 3] {
    let [a, b, c, _] = head_crc.to_le_bytes();
    [a, b, c]
}

/// The checksum of a record, which goes on from that of its head. The head check needs none: it
/// follows from the head.
fn record_crc(head_crc: u32, record: &[u8], payload: usize) -> u32 {
    crc32c_append(head_crc, &record[RECORD_HEADER_BYTES..RECORD_HEADER_BYTES + payload])
}

pub(crate) fn word(bytes: &[u8], at: usize) -> u32 {
    let word = bytes[at..at + 4].try_into();
    u32::from_le_bytes(word.expect("four bytes were taken"))
}

pub(crate) fn long(bytes: &[u8], at: usize) -> u64 {
    let long = bytes[at..at + 8].try_into();
    u64::from_le_bytes(long.expect("eight bytes were taken"))
}
