//! One journal file, read from its bytes.

use std::io;
use std::ops::Range;

use crate::batches::Batch;
use crate::damage::Damage;
use crate::disk::{DiskFile, read_full_at};
use crate::format::{self, FILE_HEADER_BYTES, FileId, Found, Kind};
use crate::frames;
use crate::layout::journal_path;
use crate::record::{FrameSpan, Record};

/// A whole record and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Located {
    pub(crate) seq: u64,
    pub(crate) offset: u64,
    pub(crate) len: u32,
    pub(crate) told: Told,
}

/// What a record tells.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    Frames(FrameSpan),
    Decision(Box<Record>),
    /// A decision that is in a snapshot, and that nobody needs to understand any more.
    Covered,
}

impl Told {
    /// The record, if it is still wanted.
    pub(crate) fn record(&self) -> Option<Record> {
        match self {
            Self::Frames(span) => Some(Record::Frames(*span)),
            Self::Decision(record) => Some(Record::clone(record)),
            Self::Covered => None,
        }
    }
}

impl Located {
    /// Where its frames lie in a file.
    pub(crate) fn batch(&self, span: &FrameSpan, file: u64) -> Batch {
        let Self { seq, offset, len, .. } = *self;
        Batch { first: span.first, count: span.count, len, seq, file, offset }
    }
}

/// Bytes between whole records that are none, other than zeros at the end of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hole {
    pub(crate) range: Range<u64>,
    /// The seq that comes first behind the record before it.
    pub(crate) from: u64,
    /// The seq of the record behind it; none at the end of the file.
    pub(crate) behind: Option<u64>,
    /// Where the record ends that begins here and is not whole. What an older file left behind
    /// begins with no number that is still to come.
    pub(crate) torn_end: Option<u64>,
}

/// What one file holds.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) number: u64,
    pub(crate) first: u64,
    pub(crate) len: u64,
    pub(crate) records: Vec<Located>,
    pub(crate) holes: Vec<Hole>,
    /// The highest seq that a record of the file says was durable.
    pub(crate) durable: u64,
    /// Records that are whole but cannot be understood.
    pub(crate) odd: Vec<Damage>,
}

impl Scan {
    /// Reads all records, and looks for the next one behind what is none. Decisions up to `covered`
    /// stand in a snapshot.
    pub(crate) fn of(id: FileId, file: &[u8], covered: u64) -> Self {
        let mut scan = Self {
            number: id.number,
            first: id.first,
            len: file.len() as u64,
            records: Vec::new(),
            holes: Vec::new(),
            durable: 0,
            odd: Vec::new(),
        };
        let mut position = FILE_HEADER_BYTES as usize;
        let mut hole: Option<usize> = None;
        while position < file.len() {
            match format::look(&file[position..], id) {
                Found::Record { seq, durable, code, payload, len } => {
                    if let Some(start) = hole.take() {
                        scan.hole(start..position, Some(seq), file);
                    }
                    scan.durable = scan.durable.max(durable);
                    let told = decode(code, payload, seq <= covered);
                    scan.take(seq, position, len, told);
                    position += len;
                }
                Found::Broken { len } => {
                    hole.get_or_insert(position);
                    position += len;
                }
                Found::Nothing => {
                    hole.get_or_insert(position);
                    position += format::next_magic(&file[position..]);
                }
            }
        }
        if let Some(start) = hole.filter(|start| file[*start..].iter().any(|byte| *byte != 0)) {
            scan.hole(start..file.len(), None, file);
        }
        scan
    }

    fn hole(&mut self, range: Range<usize>, behind: Option<u64>, file: &[u8]) {
        let from = self.last_seq().map_or(self.first, |last| last + 1);
        let begun = format::begun_record(&file[range.start..range.end], from);
        let torn_end = begun.map(|bytes| (range.start + bytes) as u64);
        let range = range.start as u64..range.end as u64;
        self.holes.push(Hole { range, from, behind, torn_end });
    }

    fn take(&mut self, seq: u64, offset: usize, len: usize, told: Result<Told, String>) {
        let offset = offset as u64;
        match told {
            Ok(told) => {
                let len = u32::try_from(len).expect("a record is at most 16 MiB long");
                self.records.push(Located { seq, offset, len, told });
            }
            Err(reason) => {
                let harm = crate::Harm::Unreadable { reason };
                let range = offset..offset + len as u64;
                self.odd.push(Damage::new(journal_path(self.number), Some(range), harm));
            }
        }
    }

    pub(crate) fn last_seq(&self) -> Option<u64> {
        self.records.last().map(|record| record.seq)
    }
}

/// What a journal file says it is; none when its header cannot be understood.
pub(crate) fn header(file: &dyn DiskFile) -> io::Result<Option<FileId>> {
    let mut header = [0; FILE_HEADER_BYTES as usize];
    let filled = read_full_at(file, 0, &mut header)?;
    Ok(FileId::parse(&header[..filled]).ok())
}

fn decode(code: u8, payload: &[u8], is_covered: bool) -> Result<Told, String> {
    match Kind::from_code(code) {
        Some(Kind::Decision) if is_covered => Ok(Told::Covered),
        Some(Kind::Decision) => serde_json::from_slice(payload)
            .map(Told::Decision)
            .map_err(|error| format!("the decision cannot be understood: {error}")),
        Some(Kind::Frames) => {
            frames::span(payload).map(Told::Frames).map_err(|error| error.to_string())
        }
        None => Err(format!("a record of the unknown kind {code}")),
    }
}
