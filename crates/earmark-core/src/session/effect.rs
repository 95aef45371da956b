//! What a session orders.

use alloc::string::String;

use crate::{ConversationId, RecordingId};

/// An order of one session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect<R> {
    /// A recording may be uploaded, or released, from now on.
    StartUpload {
        /// The sealed recording.
        recording: R,
        /// The conversation it is linked to.
        conversation: Option<ConversationId>,
    },
    /// The session began to sync.
    NoteSyncStarted {
        /// Whether the deadline, and not the server's event, was the cause.
        fallback: bool,
    },
    /// Audio is not saved in its final form yet.
    ReportNotSaved {
        /// The recording.
        recording: RecordingId,
        /// Why, in words.
        reason: String,
    },
    /// No state had an answer to an event.
    ReportUnexpected {
        /// The state's name.
        state: &'static str,
        /// The event's name.
        event: &'static str,
    },
}
