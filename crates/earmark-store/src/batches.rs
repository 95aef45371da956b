//! Where in the journal the frames lie that no sealed recording holds yet: one small entry for each
//! record of frames, never the frames themselves.

use std::collections::BTreeMap;

use earmark_core::{CaptureId, FrameSeq};

/// A durable record of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) first: FrameSeq,
    pub(crate) count: u32,
    /// Bytes of the record.
    pub(crate) len: u32,
    pub(crate) seq: u64,
    pub(crate) file: u64,
    pub(crate) offset: u64,
}

impl Batch {
    /// The first number after its frames.
    pub(crate) const fn end(&self) -> FrameSeq {
        self.first.plus(self.count as u64)
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Batches {
    /// Those of a capture by their first frames.
    of: BTreeMap<CaptureId, Vec<Batch>>,
    /// How many a journal file has.
    in_file: BTreeMap<u64, u32>,
}

impl Batches {
    /// Takes a record; it replaces one with the same first frame.
    pub(crate) fn insert(&mut self, capture: CaptureId, batch: Batch) {
        *self.in_file.entry(batch.file).or_default() += 1;
        let all = self.of.entry(capture).or_default();
        if all.last().is_none_or(|last| last.first < batch.first) {
            return all.push(batch);
        }
        match all.binary_search_by_key(&batch.first, |one| one.first) {
            Ok(place) => {
                let old = std::mem::replace(&mut all[place], batch);
                forget(&mut self.in_file, old.file);
            }
            Err(place) => all.insert(place, batch),
        }
    }

    /// The records that hold frames of `first..end`, in order.
    pub(crate) fn overlapping(
        &self,
        capture: CaptureId,
        first: FrameSeq,
        end: FrameSeq,
    ) -> Vec<Batch> {
        let all = self.of.get(&capture).map_or(&[][..], Vec::as_slice);
        // The one that begins before it may reach into it.
        let from = all.partition_point(|batch| batch.first <= first).saturating_sub(1);
        let behind = all[from..].iter().take_while(|batch| batch.first < end);
        behind.filter(|batch| batch.end() > first).copied().collect()
    }

    /// Forgets the records of a capture that hold no frame of any of the ranges.
    pub(crate) fn keep_only(&mut self, capture: CaptureId, wanted: &[(FrameSeq, FrameSeq)]) {
        let Some(all) = self.of.get_mut(&capture) else {
            return;
        };
        all.retain(|batch| {
            let is_wanted =
                wanted.iter().any(|(first, end)| batch.first < *end && *first < batch.end());
            if !is_wanted {
                forget(&mut self.in_file, batch.file);
            }
            is_wanted
        });
        if all.is_empty() {
            self.of.remove(&capture);
        } else if all.len() < all.capacity() / 4 {
            all.shrink_to(2 * all.len());
        }
    }

    /// Whether a journal file holds frames that are still wanted.
    pub(crate) fn need(&self, file: u64) -> bool {
        self.in_file.contains_key(&file)
    }

    pub(crate) fn captures(&self) -> Vec<CaptureId> {
        self.of.keys().copied().collect()
    }
}

fn forget(in_file: &mut BTreeMap<u64, u32>, file: u64) {
    if let Some(count) = in_file.get_mut(&file) {
        *count -= 1;
        if *count == 0 {
            in_file.remove(&file);
        }
    }
}
