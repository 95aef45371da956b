//! Counters that the host's threads and the runtime's thread share.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use earmark_core::CaptureId;

/// One counter.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What has been counted since the start, and the number of the next capture.
#[derive(Debug)]
pub(crate) struct Numbers {
    pub(crate) captured: Counter,
    pub(crate) taken: Counter,
    pub(crate) muted: Counter,
    pub(crate) rejected: Counter,
    pub(crate) delivered: Counter,
    pub(crate) events_ignored: Counter,
    pub(crate) events_unexpected: Counter,
    /// Messages and timers that the actors have handled.
    pub(crate) handled: Counter,
    incarnation: u32,
    captures: AtomicU32,
}

impl Numbers {
    pub(crate) fn starting_at(next: CaptureId) -> Self {
        Self {
            captured: Counter::default(),
            taken: Counter::default(),
            muted: Counter::default(),
            rejected: Counter::default(),
            delivered: Counter::default(),
            events_ignored: Counter::default(),
            events_unexpected: Counter::default(),
            handled: Counter::default(),
            incarnation: next.incarnation(),
            captures: AtomicU32::new(next.number()),
        }
    }

    pub(crate) fn next_capture(&self) -> CaptureId {
        CaptureId::new(self.incarnation, self.captures.fetch_add(1, Ordering::Relaxed))
    }
}
