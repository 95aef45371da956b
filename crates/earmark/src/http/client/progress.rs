//! How far a request has come.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use crate::http::Damaged;

/// How far a request has come: shared by what sends it and what watches it.
#[derive(Default)]
pub(super) struct Progress {
    made: Notify,
    complete: AtomicBool,
    damage: OnceLock<Damaged>,
}

impl Progress {
    /// A byte went one way or the other.
    pub(super) fn make(&self) {
        self.made.notify_one();
    }

    /// Waits for the next byte.
    pub(super) async fn made(&self) {
        self.made.notified().await;
    }

    /// All of the request was handed out.
    pub(super) fn complete(&self) {
        self.complete.store(true, Ordering::Release);
    }

    pub(super) fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }

    /// The file's bytes are not the ones that were sealed. The first such finding counts.
    pub(super) fn damaged(&self, damaged: Damaged) {
        self.damage.get_or_init(|| damaged);
    }

    pub(super) fn damage(&self) -> Option<Damaged> {
        self.damage.get().cloned()
    }
}
