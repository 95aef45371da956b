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

#[cfg(test)]
mod tests {
    use super::*;

    const CAPTURE: CaptureId = CaptureId::new(1, 1);

    /// A record of ten frames.
    fn ten(first: u64, file: u64) -> Batch {
        let first = FrameSeq(first);
        Batch { first, count: 10, len: 900, seq: first.0, file, offset: 1_024 }
    }

    fn of(batches: impl IntoIterator<Item = Batch>) -> Batches {
        let mut all = Batches::default();
        batches.into_iter().for_each(|batch| all.insert(CAPTURE, batch));
        all
    }

    fn firsts(batches: &Batches, first: u64, end: u64) -> Vec<u64> {
        let found = batches.overlapping(CAPTURE, FrameSeq(first), FrameSeq(end));
        found.iter().map(|batch| batch.first.0).collect()
    }

    #[test]
    fn records_are_found_by_their_frames_in_whatever_order_they_came() {
        let batches = of([ten(20, 1), ten(0, 1), ten(10, 1), ten(30, 1)]);
        assert_eq!(firsts(&batches, 0, u64::MAX), [0, 10, 20, 30]);
        assert_eq!(firsts(&batches, 10, 20), [10]);
        assert_eq!(firsts(&batches, 19, 21), [10, 20]);
        assert_eq!(firsts(&of([ten(0, 1), ten(20, 1)]), 10, 20), [0; 0]);
    }

    #[test]
    fn a_record_takes_the_place_of_one_with_the_same_first_frame() {
        let batches = of([ten(0, 1), ten(0, 2)]);
        assert_eq!(firsts(&batches, 0, 10), [0]);
        assert!(batches.need(2) && !batches.need(1));
    }

    #[test]
    fn a_record_is_kept_while_one_of_its_frames_is_wanted() {
        let mut batches = of([ten(0, 1), ten(10, 2), ten(20, 3), ten(30, 4)]);
        batches.keep_only(CAPTURE, &[(FrameSeq(10), FrameSeq(30))]);
        assert_eq!(firsts(&batches, 0, u64::MAX), [10, 20]);
        let needed = [1, 2, 3, 4].map(|file| batches.need(file));
        assert_eq!(needed, [false, true, true, false]);
    }

    #[test]
    fn memory_is_given_back_once_three_quarters_of_it_are_empty() {
        let mut batches = of((0..1_000).map(|number| ten(number * 10, 1)));
        let capacity = |batches: &Batches| batches.of[&CAPTURE].capacity() as u64;
        let before = capacity(&batches);
        let mut keep = |count: u64| {
            batches.keep_only(CAPTURE, &[(FrameSeq(0), FrameSeq(count * 10))]);
            capacity(&batches)
        };
        assert_eq!(keep(before / 4), before);
        let left = before / 4 - 1;
        assert!((2 * left..before).contains(&keep(left)));
    }
}
