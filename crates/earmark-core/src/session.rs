//! Sessions: where recordings end, which conversation they belong to, when they may be uploaded.
//!
//! A session is a run of capture of one device with one codec for one account. It ends at a stop,
//! at a boundary and at a silence of 120 s. [`Track`] cuts the audio of a device into recordings
//! and sessions and finds out which of them an event of the server speaks of; [`Session`] is the
//! life of one of them:
//!
//! ```text
//! capturing --CaptureEnded--> sealing
//! capturing --CaptureEnded--> awaiting_link
//! capturing --CaptureEnded--> settled
//! capturing --ProcessingStarted--> sealing
//! sealing --ProcessingStarted--> sealing
//! sealing --LinkWaitEnded--> sealing
//! sealing --RecordingSealed--> awaiting_link
//! sealing --RecordingSealed--> syncing
//! sealing --LinkRecorded--> awaiting_conversation
//! sealing --LinkRecorded--> syncing
//! awaiting_link --ProcessingStarted--> sealing
//! awaiting_link --LinkWaitEnded--> syncing
//! awaiting_conversation --ConversationReady--> syncing
//! awaiting_conversation --DeadlinePassed--> syncing
//! syncing --ProcessingStarted--> sealing
//! syncing --UploadSettled--> settled
//! settled --UploadReopened--> syncing
//! ```
//!
//! While it is sealing, a session remembers that its conversation became ready or that its deadline
//! passed; neither starts an upload before the seal is there, because an upload takes the proof of
//! the seal as its argument. Each waiting state has a way out: sealing waits for the disk, which
//! the store tries again until it answers; the two awaiting states have deadlines; syncing waits
//! for uploads, each of which is a machine of its own with deadlines of its own.

mod effect;
mod event;
mod ids;
mod machine;
mod recent;
mod stretch;
#[cfg(test)]
mod tests;
mod track;

pub use effect::Effect as SessionEffect;
pub use event::Event as SessionEvent;
pub use ids::Ids;
pub use machine::{Awaited, Phase, Session};
pub use recent::CONVERSATIONS_REMEMBERED_MAX;
pub use track::{
    Announcement, CONNECT_GRACE, CONVERSATION_GAP, CONVERSATION_WAIT, Effect, Event, LINK_WAIT,
    Position, RECORDING_AGE_MAX, RECORDING_AUDIO_MAX, RECORDING_GAP_MAX, RecoveredRecording,
    RecoveredSession, RecoveredUpload, Run, SessionEnd, Track,
};
