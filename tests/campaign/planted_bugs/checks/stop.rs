//! V7: a stop takes nothing after its mark, and leaves everything that was taken durable.

use std::time::Duration;

use earmark_core::invariant::progress::{self, Stop};
use earmark_sim::world::{Life, Setting};
use earmark_store::Past;

use super::text;
use super::world::{NOTHING_UNSYNCED, capture, push, tell};

const FRAMES: u8 = 50;
const DEADLINE: Duration = Duration::from_secs(5);

pub(super) fn orderly_stop() -> Result<(), String> {
    tell(async |setting| {
        let life = Life::start(&setting).await.map_err(text)?;
        let source = capture(life.runtime(), "pendant", "default")?;
        push(&source, FRAMES)?;
        let in_time = life.runtime().clone().shutdown(DEADLINE).await;
        let taken_after = u64::from(push(&source, 1).is_ok());
        let past = Past::of(&setting.disk);
        let left = past.cuts(NOTHING_UNSYNCED, 0).next().ok_or("a cut leaves no disk")?;
        life.kill(&setting.network).await;
        let setting = Setting { disk: left, ..setting.clone() };
        let life = Life::start(&setting).await.map_err(text)?;
        let frames = life.runtime().status_now().await.map_err(text)?.frames;
        let left_undurable = u64::from(FRAMES).saturating_sub(frames.held);
        let stop = Stop { taken_after, left_undurable, in_time, disk_was_healthy: true };
        progress::orderly_stop(&stop).map(drop).map_err(text)
    })
}
