//! Where in the journal the frames lie that no sealed recording holds yet: one small entry for each
//! record of frames, never the frames themselves.

use std::collections::BTreeMap;

use earmark_core::{CaptureId, FrameSeq};

use crate::record::FrameSpan;

/// A durable record of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) span: FrameSpan,
    pub(crate) seq: u64,
    pub(crate) file: u64,
    pub(crate) offset: u64,
    pub(crate) len: usize,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Batches(BTreeMap<(CaptureId, FrameSeq), Batch>);

impl Batches {
    pub(crate) fn insert(&mut self, batch: Batch) {
        self.0.insert((batch.span.capture, batch.span.first), batch);
    }

    /// The records that hold frames of `first..end`, in order.
    pub(crate) fn overlapping(
        &self,
        capture: CaptureId,
        first: FrameSeq,
        end: FrameSeq,
    ) -> Vec<Batch> {
        let low = (capture, FrameSeq(0));
        let before = self.0.range(low..=(capture, first)).next_back();
        let from = before.map_or(first, |(key, _)| key.1);
        if from >= end {
            return Vec::new();
        }
        let range = self.0.range((capture, from)..(capture, end));
        range.map(|(_, batch)| *batch).filter(|batch| batch.span.end() > first).collect()
    }

    /// Forgets the records of a capture that hold no frame of any of the ranges.
    pub(crate) fn keep_only(&mut self, capture: CaptureId, wanted: &[(FrameSeq, FrameSeq)]) {
        let all = (capture, FrameSeq(0))..=(capture, FrameSeq(u64::MAX));
        let unwanted = |span: &FrameSpan| {
            !wanted.iter().any(|(first, end)| span.first < *end && *first < span.end())
        };
        let gone: Vec<_> = self
            .0
            .range(all)
            .filter(|(_, batch)| unwanted(&batch.span))
            .map(|(key, _)| *key)
            .collect();
        for key in gone {
            self.0.remove(&key);
        }
    }

    /// Whether a journal file holds frames that are still wanted.
    pub(crate) fn need(&self, file: u64) -> bool {
        self.0.values().any(|batch| batch.file == file)
    }

    pub(crate) fn captures(&self) -> Vec<CaptureId> {
        let mut captures: Vec<_> = self.0.keys().map(|key| key.0).collect();
        captures.dedup();
        captures
    }
}
