//! The parts of a message that are read, and how.

use alloc::string::String;
use core::fmt;

use earmark_core::{ConversationId, WallTime};
use serde::de::value::MapAccessDeserializer;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{KIND_CHARS_MAX, ServerMessage};
use crate::field::{Cut, Field, lenient};

/// What a message says that it is.
#[derive(Deserialize)]
pub(super) struct Kind {
    #[serde(rename = "type", default, deserialize_with = "lenient")]
    pub(super) kind: Option<Cut<KIND_CHARS_MAX>>,
}

/// The fields of all messages that have any of interest.
///
/// Documentation and code of the original differ in where the conversation's id stands, so every
/// place is read.
#[derive(Deserialize)]
pub(super) struct Body {
    #[serde(default, deserialize_with = "lenient")]
    memory: Option<Conversation>,
    #[serde(default, deserialize_with = "lenient")]
    conversation: Option<Conversation>,
    #[serde(default, deserialize_with = "lenient")]
    memory_id: Option<ConversationId>,
    #[serde(default, deserialize_with = "lenient")]
    conversation_id: Option<ConversationId>,
    #[serde(default, deserialize_with = "lenient")]
    status: Option<Cut<KIND_CHARS_MAX>>,
}

#[derive(Deserialize)]
struct Conversation {
    #[serde(default, deserialize_with = "lenient")]
    id: Option<ConversationId>,
    #[serde(default, deserialize_with = "lenient")]
    started_at: Option<WallTime>,
    #[serde(default, deserialize_with = "lenient")]
    finished_at: Option<WallTime>,
}

impl Field for Conversation {
    fn from_object<'de, A: MapAccess<'de>>(object: A) -> Result<Option<Self>, A::Error> {
        Self::deserialize(MapAccessDeserializer::new(object)).map(Some)
    }
}

impl Body {
    /// The one conversation that the message names.
    ///
    /// Two different ids leave open which is meant, and audio never goes to a conversation on a
    /// guess.
    pub(super) fn conversation(&self) -> Option<ConversationId> {
        let objects = [&self.memory, &self.conversation].into_iter().flatten();
        let mut ids = objects
            .filter_map(|object| object.id.as_ref())
            .chain(&self.memory_id)
            .chain(&self.conversation_id);
        let first = ids.next()?;
        ids.all(|id| id == first).then(|| first.clone())
    }

    pub(super) fn status(self) -> Option<String> {
        self.status.map(|status| status.0)
    }

    pub(super) fn conversation_event(self) -> ServerMessage {
        let conversation = self.conversation();
        let object = self.memory.or(self.conversation);
        ServerMessage::ConversationEvent {
            conversation,
            started_at: object.as_ref().and_then(|object| object.started_at),
            finished_at: object.as_ref().and_then(|object| object.finished_at),
        }
    }

    pub(super) fn conversation_session(self) -> ServerMessage {
        ServerMessage::ConversationSession {
            conversation: self.conversation(),
            status: self.status(),
        }
    }
}

/// The number of elements of an array, none of which is kept.
pub(super) struct SegmentCount(pub(super) usize);

impl<'de> Deserialize<'de> for SegmentCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Count;
        impl<'de> Visitor<'de> for Count {
            type Value = SegmentCount;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<SegmentCount, A::Error> {
                let mut count = 0;
                while array.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(SegmentCount(count))
            }
        }
        deserializer.deserialize_seq(Count)
    }
}
