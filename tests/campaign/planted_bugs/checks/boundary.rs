//! L6: a boundary falls where its message came in, however late it is handled.

use std::time::Duration;

use earmark::Socket;
use earmark_core::invariant::linkage;
use earmark_sim::world::Life;

use super::text;
use super::world::{capture, pass, push, tell};

const STARTED: &str = r#"{"type":"memory_processing_started","memory":{"id":"c1"}}"#;
/// Frames before the message, and behind it.
const FRAMES: (u8, u8) = (30, 20);

pub(super) fn session_bounds() -> Result<(), String> {
    tell(async |setting| {
        let life = Life::start(&setting).await.map_err(text)?;
        let source = capture(life.runtime(), "pendant", "default")?;
        source.socket(Socket::Up).map_err(text)?;
        push(&source, FRAMES.0)?;
        source.server_message(STARTED).map_err(text)?;
        push(&source, FRAMES.1)?;
        pass(Duration::from_secs(1)).await;
        let recordings = life.runtime().status_now().await.map_err(text)?.recordings;
        let linked = recordings.iter().map(|one| (one.frames, one.conversation.is_some()));
        let captured = vec![(u64::from(FRAMES.0), true), (u64::from(FRAMES.1), false)];
        linkage::session_bounds(&captured, &linked.collect()).map(drop).map_err(text)
    })
}
