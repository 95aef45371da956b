//! What a server says on the live socket.
//!
//! A text message is the plain word `ping`, an array of transcript segments, or an object whose
//! `type` says what it is. Only what Earmark acts on is read; the rest of a message, a whole
//! conversation with its transcript for instance, is skipped where it stands.

mod body;

use alloc::string::String;

use earmark_core::{ConversationId, WallTime};

use body::{Body, Kind, SegmentCount};

/// The longest text message that is read.
pub const SERVER_MESSAGE_BYTES_MAX: usize = 1 << 20;

/// The most characters that are kept of an unknown message's type, or of a status.
pub const KIND_CHARS_MAX: usize = 64;

/// A text message of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerMessage {
    /// The server asks whether anybody is there; [`pong`] is the answer.
    Ping,
    /// Transcript segments, new or changed.
    Segments {
        /// How many.
        count: usize,
    },
    /// The server works, or does not.
    ServiceStatus {
        /// In the server's words; `ready` and `stt_failed` are among them.
        status: Option<String>,
    },
    /// A conversation has ended and is being processed; on the wire `memory_processing_started`.
    ProcessingStarted {
        /// Which; absent when it has no id, an empty one, one that is no text, or two that differ.
        conversation: Option<ConversationId>,
    },
    /// A conversation is ready; on the wire `memory_created`.
    ConversationEvent {
        /// Which; absent under the same conditions as in [`Self::ProcessingStarted`].
        conversation: Option<ConversationId>,
        /// When it began.
        started_at: Option<WallTime>,
        /// When it ended.
        finished_at: Option<WallTime>,
    },
    /// The conversation that the audio of this socket belongs to from now on.
    ConversationSession {
        /// Which.
        conversation: Option<ConversationId>,
        /// In the server's words; `in_progress`.
        status: Option<String>,
    },
    /// The conversation before this one.
    LastConversation {
        /// Which.
        conversation: Option<ConversationId>,
    },
    /// Translations of segments.
    Translating,
    /// A photo was taken in.
    PhotoProcessing,
    /// A photo was described.
    PhotoDescribed,
    /// Who a speaker may be.
    SpeakerLabelSuggestion,
    /// A question to a new user.
    OnboardingQuestion,
    /// The answer to it was heard.
    QuestionAnswered,
    /// No more questions.
    OnboardingComplete,
    /// Little is left of what is free of charge.
    FreemiumThresholdReached,
    /// Segments were taken back.
    SegmentsDeleted,
    /// An announcement of old servers, which no client acts on.
    Legacy,
    /// A message of a type that is not known.
    Unknown {
        /// Its type, at most [`KIND_CHARS_MAX`] characters of it.
        kind: String,
    },
}

/// A text that is no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageFault {
    /// It is longer than any message of a server.
    #[error("the message has {bytes} bytes; at most 1048576 are read")]
    TooLong {
        /// How many bytes it has.
        bytes: usize,
    },
    /// It is neither JSON nor `ping`.
    #[error("the message is neither `ping` nor JSON: line {line}, column {column}")]
    Malformed {
        /// Where reading stopped, from 1.
        line: usize,
        /// Where in the line, from 1; 0 at its start.
        column: usize,
    },
    /// It is JSON, but neither an array nor an object with a text as its `type`.
    #[error("the message is JSON without a `type`; an object with one or an array is expected")]
    NoType,
}

impl From<serde_json::Error> for MessageFault {
    fn from(error: serde_json::Error) -> Self {
        Self::Malformed { line: error.line(), column: error.column() }
    }
}

impl ServerMessage {
    /// Reads a text message.
    ///
    /// # Errors
    ///
    /// [`MessageFault`] when the text is too long or is no message; what is merely unknown, or
    /// misses a field, is no fault.
    pub fn parse(text: &str) -> Result<Self, MessageFault> {
        if text.len() > SERVER_MESSAGE_BYTES_MAX {
            return Err(MessageFault::TooLong { bytes: text.len() });
        }
        let trimmed = text.trim_ascii();
        match trimmed.as_bytes().first() {
            Some(b'[') => {
                Ok(Self::Segments { count: serde_json::from_str::<SegmentCount>(text)?.0 })
            }
            Some(b'{') => parse_object(text),
            _ if trimmed == "ping" => Ok(Self::Ping),
            _ => {
                serde_json::from_str::<serde::de::IgnoredAny>(text)?;
                Err(MessageFault::NoType)
            }
        }
    }
}

/// The binary message that answers [`ServerMessage::Ping`].
///
/// It is what a client sends as data, not a control frame; a server ignores binary messages this
/// short.
pub const fn pong() -> [u8; 2] {
    [0x8a, 0x00]
}

fn parse_object(text: &str) -> Result<ServerMessage, MessageFault> {
    // The type may stand behind a large conversation, so it is looked for before anything is kept.
    let kind = serde_json::from_str::<Kind>(text)?.kind;
    let kind = kind.ok_or(MessageFault::NoType)?.0;
    Ok(match kind.as_str() {
        "memory_processing_started" => {
            ServerMessage::ProcessingStarted { conversation: read_body(text)?.conversation() }
        }
        "memory_created" => read_body(text)?.conversation_event(),
        "conversation_session" => read_body(text)?.conversation_session(),
        "last_memory" => {
            ServerMessage::LastConversation { conversation: read_body(text)?.conversation() }
        }
        "service_status" => ServerMessage::ServiceStatus { status: read_body(text)?.status() },
        _ => without_fields(kind),
    })
}

fn read_body(text: &str) -> Result<Body, MessageFault> {
    Ok(serde_json::from_str(text)?)
}

fn without_fields(kind: String) -> ServerMessage {
    match kind.as_str() {
        "ping" => ServerMessage::Ping,
        "translating" => ServerMessage::Translating,
        "photo_processing" => ServerMessage::PhotoProcessing,
        "photo_described" => ServerMessage::PhotoDescribed,
        "speaker_label_suggestion" => ServerMessage::SpeakerLabelSuggestion,
        "onboarding_question" => ServerMessage::OnboardingQuestion,
        "question_answered" => ServerMessage::QuestionAnswered,
        "onboarding_complete" => ServerMessage::OnboardingComplete,
        "freemium_threshold_reached" => ServerMessage::FreemiumThresholdReached,
        "segments_deleted" => ServerMessage::SegmentsDeleted,
        "new_memory_creating"
        | "new_memory_created"
        | "new_memory_create_failed"
        | "new_processing_memory_created"
        | "processing_memory_status_changed"
        | "memory_backward_synced" => ServerMessage::Legacy,
        _ => ServerMessage::Unknown { kind },
    }
}

#[cfg(test)]
mod tests;
