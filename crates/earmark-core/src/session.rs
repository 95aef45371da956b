//! Sessions: where recordings end, which conversation they belong to, when they may be uploaded.
//!
//! A session is a run of capture of one device with one codec for one account. It ends at a stop,
//! at a boundary and at a silence of 120 s. [`Track`] cuts the audio of a device into recordings
//! and sessions and finds out which of them an event of the server speaks of; [`Session`] is the
//! life of one of them:
//!
//! ```text
//! capturing --CaptureEnded--> sealing | awaiting_link | settled
//! capturing --ProcessingStarted--> sealing
//! sealing --ProcessingStarted | LinkWaitEnded--> sealing
//! sealing --RecordingSealed--> awaiting_link | syncing
//! sealing --LinkRecorded--> awaiting_conversation | syncing | settled
//! sealing --UploadSettled--> awaiting_link | syncing | settled
//! sealing --RecordingsMoved--> awaiting_link | syncing
//! awaiting_link --ProcessingStarted--> sealing
//! awaiting_link --LinkWaitEnded--> syncing
//! awaiting_link --UploadSettled--> settled
//! awaiting_conversation --ConversationReady | DeadlinePassed--> syncing | settled
//! awaiting_conversation --UploadSettled--> settled
//! syncing --ProcessingStarted--> sealing
//! syncing --UploadSettled--> settled
//! settled --UploadReopened--> syncing
//! ```
//!
//! Before it syncs, a session hears of a settled upload when a person deletes a recording, or when
//! a conversation claims audio for which a request has left already; nothing may be left to do
//! then. Recordings move out of a session when a boundary is found between them, and what it was
//! sealing may be among them.
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
    RecoveredSession, RecoveredUpload, Run, SESSION_AGE_MAX, SessionEnd, Track,
};
