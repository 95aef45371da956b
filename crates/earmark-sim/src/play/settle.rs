//! When an instant is over, and when a feed is.

use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::Player;
use crate::feed::FeedTime;

/// An instant is over when so many turns of the executor have changed nothing.
const QUIET_TURNS: u32 = 64;
/// How long after its last line a feed may go on.
pub(super) const SETTLE_LIMIT: Duration = Duration::from_secs(3_600);

impl Player<'_> {
    /// Lets everything happen that this instant has caused, without letting time pass.
    pub(super) async fn settle(&mut self) {
        if let Some(life) = &self.life {
            life.runtime().take_frames();
        }
        let mut seen = self.activity();
        let mut quiet = 0;
        while quiet < QUIET_TURNS {
            yield_now().await;
            let now = self.activity();
            quiet = if now == seen { quiet + 1 } else { 0 };
            seen = now;
        }
        self.tell_held();
    }

    fn activity(&self) -> (u64, u64, u64) {
        let setting = &self.setting;
        (setting.disk.operations(), setting.network.operations(), setting.happened.count())
    }

    /// Goes on until nothing is left to be done; then nothing but time would pass. Whether that was
    /// so before the limit.
    pub(super) async fn run_until_settled(&mut self, limit: Duration) -> bool {
        while let Some(next) = self.captures.next_at() {
            self.run_until(next).await;
        }
        let limit = Instant::now() + limit;
        loop {
            self.settle().await;
            if self.look().await.is_settled() {
                return true;
            }
            let happened = self.setting.happened.clone();
            if timeout_at(limit, happened.next()).await.is_err() {
                sleep_until(limit).await;
                return false;
            }
        }
    }

    pub(super) fn offer_due(&mut self, now: FeedTime) {
        while let Some((device, frames)) = self.captures.next_due(now) {
            for frame in frames {
                self.offer(&device, frame);
            }
        }
        self.tell_held();
    }
}
