//! Which frames of a capture were proven delivered.

use earmark_core::FrameSeq;
use serde::{Deserialize, Serialize};

/// Ranges of frame numbers, rising, without overlap and never touching.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Delivered(Vec<(FrameSeq, FrameSeq)>);

impl Delivered {
    /// The ranges `from..to`.
    pub fn ranges(&self) -> &[(FrameSeq, FrameSeq)] {
        &self.0
    }

    /// Adds `from..to`, merged with what it overlaps or touches.
    pub(super) fn insert(&mut self, from: FrameSeq, to: FrameSeq) {
        if from >= to {
            return;
        }
        let start = self.0.partition_point(|range| range.1 < from);
        let end = self.0.partition_point(|range| range.0 <= to);
        let merged = self.0[start..end]
            .iter()
            .fold((from, to), |(low, high), range| (low.min(range.0), high.max(range.1)));
        self.0.splice(start..end, [merged]);
    }

    /// Forgets everything below a number.
    pub(super) fn forget_below(&mut self, floor: FrameSeq) {
        self.0.retain(|range| range.1 > floor);
        if let Some(first) = self.0.first_mut() {
            first.0 = first.0.max(floor);
        }
    }

    /// How many frames of `first..end` were delivered.
    pub fn count(&self, first: FrameSeq, end: FrameSeq) -> u64 {
        let within = |range: &(FrameSeq, FrameSeq)| range.1.min(end).since(range.0.max(first));
        self.0.iter().map(within).sum()
    }
}
