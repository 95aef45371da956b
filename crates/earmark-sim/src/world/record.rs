//! What happened, over all lives of the process.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use earmark::Numbered;
use tokio::sync::Notify;

use super::network::locked;

/// The events of all lives, in order.
#[derive(Debug, Default)]
pub struct Happened {
    events: Mutex<Vec<Numbered>>,
    count: AtomicU64,
    news: Notify,
}

impl Happened {
    /// Keeps an event.
    pub fn add(&self, event: &Numbered) {
        locked(&self.events).push(event.clone());
        self.count.fetch_add(1, Ordering::Relaxed);
        self.news.notify_one();
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Waits for the next one.
    pub async fn next(&self) {
        self.news.notified().await;
    }

    /// Looks at all of them.
    pub fn look<T>(&self, look: impl FnOnce(&[Numbered]) -> T) -> T {
        look(&locked(&self.events))
    }
}
