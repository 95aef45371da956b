//! L4: while no sync works, no link is told of; once one does, it is.

use std::time::Duration;

use earmark::{ConversationId, Event, Numbered, Socket};
use earmark_core::invariant::linkage::{self, LinkEffect};
use earmark_sim::world::{Life, Setting};
use earmark_store::{DiskError, DiskOp, Past, inspect};

use super::world::{NOTHING_UNSYNCED, pass, record, tell};
use super::{ensure, text};

const STARTED: &str = r#"{"type":"memory_processing_started","memory":{"id":"c1"}}"#;
pub(super) fn link_before_effect() -> Result<(), String> {
    tell(async |setting| {
        let life = Life::start(&setting).await.map_err(text)?;
        let source = record(life.runtime(), "pendant", "default").await?;
        source.socket(Socket::Up).map_err(text)?;
        setting.disk.set_fault(DiskOp::Sync, DiskError::Eio, -1);
        source.server_message(STARTED).map_err(text)?;
        pass(Duration::from_millis(200)).await;
        compare(&setting)?;
        setting.disk.clear_faults();
        pass(Duration::from_secs(5)).await;
        compare(&setting)?;
        ensure(told(&setting).is_some(), || String::from("a durable link is not told of"))
    })
}

/// The conversation that somebody was told a recording is linked to.
fn told(setting: &Setting) -> Option<ConversationId> {
    let told = |numbered: &Numbered| {
        let Event::RecordingLinked { conversation, .. } = &numbered.event else { return None };
        Some(conversation.clone())
    };
    setting.happened.look(|events| events.iter().find_map(told))
}

/// What is told is what a power cut at this instant would leave.
fn compare(setting: &Setting) -> Result<(), String> {
    let told = told(setting);
    let past = Past::of(&setting.disk);
    let left = past.cuts(NOTHING_UNSYNCED, 0).next().ok_or("a cut leaves no disk")?;
    let found = inspect(&left).map_err(text)?.ledger.recordings;
    let durable = found.values().find_map(|facts| facts.conversation.clone());
    if told.is_none() {
        return Ok(());
    }
    let (supposed, durable) = (told.as_ref(), durable.as_ref());
    let effect = LinkEffect { what: "a session goes on", supposed, durable };
    linkage::link_before_effect(&effect).map(drop).map_err(text)
}
