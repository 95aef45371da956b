//! When frames reach the operating system and when they are synced.

/// What of a group is handed over at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum HandOver {
    /// Every frame by itself: a kill loses nothing.
    Each,
    /// The whole group in one.
    Batch,
}

/// One way to commit: a sync for each group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Policy {
    pub(super) hand_over: HandOver,
    pub(super) frames_per_sync: usize,
}

impl Policy {
    pub(super) const fn each(frames_per_sync: usize) -> Self {
        Self { hand_over: HandOver::Each, frames_per_sync }
    }

    pub(super) const fn batch(frames_per_sync: usize) -> Self {
        Self { hand_over: HandOver::Batch, frames_per_sync }
    }

    /// How many frames are handed over in one.
    pub(super) const fn frames_per_write(self) -> usize {
        match self.hand_over {
            HandOver::Each => 1,
            HandOver::Batch => self.frames_per_sync,
        }
    }
}

impl std::fmt::Display for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.hand_over, self.frames_per_sync) {
            (_, 1) => f.write_str("a sync for each frame"),
            (HandOver::Each, count) => write!(f, "each frame by itself, a sync for {count}"),
            (HandOver::Batch, count) => write!(f, "batches, a sync for {count}"),
        }
    }
}
