//! Every bit flip and every truncation of a journal file.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use earmark_store::SimDisk;

use super::check::{Found, Opened};
use super::story::{self, JOURNAL, JOURNAL_BYTES};
use super::sweep::{Sweep, Swept};
use super::truth::{Expected, Region, Truth};
use crate::request::Slice;

/// The truth about one store, with what is expected after the loss of each record.
pub(super) struct Journal {
    pub(super) truth: Truth,
    untouched: Expected,
    without: Vec<OnceLock<Expected>>,
}

/// What became of the flips.
#[derive(Debug, Default)]
pub(super) struct Flips {
    pub(super) swept: Swept,
    /// In a record, and reported with its place.
    pub(super) reported: u64,
    /// In a record of the tail that nobody knows to be durable, and cut off.
    pub(super) torn: u64,
    /// In a copy of the header; the other one was used.
    pub(super) copy: u64,
    /// In zeros that nothing reads.
    pub(super) zeros: u64,
    /// In a record, and read as if nothing had happened.
    pub(super) undetected: u64,
    /// Frames, in all flips together, to which a lost decision alone led: they stay in the journal.
    pub(super) hidden_frames: u64,
}

impl Journal {
    /// With a later file, which knows that all of the first was durable; or without.
    pub(super) fn new(is_closed: bool) -> Self {
        let truth = Truth::of(&story::tell(), is_closed);
        let untouched = truth.untouched();
        let without = truth.places.iter().map(|_| OnceLock::new()).collect();
        Self { truth, untouched, without }
    }

    pub(super) fn expected(&self, region: Region) -> &Expected {
        match region {
            Region::Copy | Region::Zeros => &self.untouched,
            Region::Record(index) => self.without[index].get_or_init(|| self.truth.without(index)),
        }
    }

    /// Where the records begin of which no record that is read knows that they were durable.
    fn tail(&self) -> usize {
        let known = self.truth.places.iter().map(|place| place.durable).max();
        let tail = self.truth.places.iter().find(|place| Some(place.seq) > known);
        tail.map_or(JOURNAL_BYTES, |place| place.bytes.start)
    }

    /// All bits of the file.
    pub(super) fn flips(&self, slice: &Slice, until: f64) -> Flips {
        self.flips_from(0, Sweep { slice, name: "journal flips", cases: 0, until })
    }

    /// All bits of the tail.
    pub(super) fn tail_flips(&self, slice: &Slice, until: f64) -> Flips {
        self.flips_from(self.tail(), Sweep { slice, name: "flips of the tail", cases: 0, until })
    }

    fn flips_from(&self, byte: usize, mut sweep: Sweep<'_>) -> Flips {
        let counters: [AtomicU64; 6] = Default::default();
        let count = |place: usize, by: u64| counters[place].fetch_add(by, Ordering::Relaxed);
        sweep.cases = (JOURNAL_BYTES - byte) as u64 * 8;
        let swept = sweep.run(
            || (),
            |(), case| {
                let bit = byte as u64 * 8 + case;
                let region = self.truth.region((bit / 8) as usize);
                let expected = self.expected(region);
                let place = match region {
                    Region::Record(_) if expected.damage.is_empty() => 1,
                    Region::Record(_) => 0,
                    Region::Copy => 2,
                    Region::Zeros => 3,
                };
                count(place, 1);
                let mut file = self.truth.journal.clone();
                file[(bit / 8) as usize] ^= 1 << (bit % 8);
                let disk = self.disk(&file);
                let found = Found::on(&disk)?;
                count(4, u64::from(found.damage.len() < expected.damage.len()));
                found.compare(expected)?;
                count(5, self.open(disk, expected)?);
                Ok(())
            },
        );
        let [reported, torn, copy, zeros, undetected, hidden_frames] =
            counters.map(AtomicU64::into_inner);
        Flips { swept, reported, torn, copy, zeros, undetected, hidden_frames }
    }

    /// All lengths of the file below its own.
    pub(super) fn truncations(&self, slice: &Slice, until: f64) -> Swept {
        let name = if self.truth.records.len() > self.truth.places.len() {
            "truncations that a later file knows of"
        } else {
            "truncations of the last file"
        };
        let sweep = Sweep { slice, name, cases: JOURNAL_BYTES as u64, until };
        sweep.run(
            || (),
            |(), case| {
                let len = case as usize;
                let expected = self.truth.cut_at(len);
                self.check(&self.truth.journal[..len], &expected)
            },
        )
    }

    /// The store's disk with this file in place of the first of its journal.
    pub(super) fn disk(&self, file: &[u8]) -> SimDisk {
        let disk = self.truth.disk();
        disk.plant(JOURNAL, file);
        disk
    }

    /// Looks at that store, then opens it.
    pub(super) fn check(&self, file: &[u8], expected: &Expected) -> Result<(), String> {
        let disk = self.disk(file);
        Found::on(&disk)?.compare(expected)?;
        self.open(disk, expected).map(drop)
    }

    fn open(&self, disk: SimDisk, expected: &Expected) -> Result<u64, String> {
        Opened::on(disk, &self.truth, expected)?.compare(&self.truth, expected)
    }
}
