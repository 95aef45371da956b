//! Bodies of the answers to uploads and polls.

mod detail;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use earmark_core::ConversationId;
use serde::de::value::MapAccessDeserializer;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

pub use detail::Detail;

use crate::Job;
use crate::field::{Cut, Field, Lenient, lenient};

/// The longest body that is read.
pub const REPLY_BYTES_MAX: usize = 256 << 10;

/// The most conversations of a result that are kept.
pub const CONVERSATIONS_MAX: usize = 100;

/// The most errors of a result that are kept.
pub const ERRORS_MAX: usize = 10;

/// The most files of a result that are kept.
pub const FILES_MAX: usize = 64;

/// The most characters that are kept of a text in a body.
pub const REPLY_TEXT_CHARS_MAX: usize = 256;

/// The body of [`ReplyBody::NoRoute`].
pub const NO_ROUTE: &str = r#"{"detail":"Not Found"}"#;

/// What an upload came to. A server that heard no speech sends both lists empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadResult {
    /// Conversations that were made, the first [`CONVERSATIONS_MAX`] of them.
    #[serde(rename = "new_memories", default, deserialize_with = "conversations")]
    pub created: Vec<ConversationId>,
    /// Conversations that were added to, the first [`CONVERSATIONS_MAX`] of them.
    #[serde(rename = "updated_memories", default, deserialize_with = "conversations")]
    pub updated: Vec<ConversationId>,
    /// How many stretches of speech were lost on the way; 0 when the body does not say.
    #[serde(default, deserialize_with = "absent_is_zero")]
    pub failed_segments: u64,
    /// How many stretches of speech were found.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub total_segments: Option<u64>,
    /// What went wrong, in words, the first [`ERRORS_MAX`] of it.
    #[serde(default, deserialize_with = "errors")]
    pub errors: Vec<String>,
    /// Which files the result is about, with a server that says so, the first [`FILES_MAX`] of
    /// them.
    #[serde(default, deserialize_with = "files", skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<KeptFile>,
}

/// A file that a result is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFile {
    /// The name under which it was uploaded.
    #[serde(default, deserialize_with = "lenient_text", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The SHA-256 of its content, in hexadecimal.
    #[serde(default, deserialize_with = "lenient_text", skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

impl KeptFile {
    /// Whether it can be the file with this name and this SHA-256: whatever it says fits.
    pub fn may_be(&self, name: &str, sha256: &str) -> bool {
        self.name.as_deref().is_none_or(|own| own == name)
            && self.sha256.as_deref().is_none_or(|own| own.eq_ignore_ascii_case(sha256))
    }
}

impl Field for KeptFile {
    fn from_object<'de, A: MapAccess<'de>>(object: A) -> Result<Option<Self>, A::Error> {
        Self::deserialize(MapAccessDeserializer::new(object)).map(Some)
    }
}

impl UploadResult {
    /// The body that says so.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a result has texts for keys")
    }

    /// Whether it can be about the file with this name and this SHA-256. One that names no files
    /// can.
    pub fn may_be_about(&self, name: &str, sha256: &str) -> bool {
        self.files.is_empty() || self.files.iter().any(|file| file.may_be(name, sha256))
    }
}

impl Field for UploadResult {
    fn from_object<'de, A: MapAccess<'de>>(object: A) -> Result<Option<Self>, A::Error> {
        Self::deserialize(MapAccessDeserializer::new(object)).map(Some)
    }
}

/// The body of an answer, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplyBody {
    /// What the upload came to.
    Result(UploadResult),
    /// The upload was taken and is worked on, or was; also the answer to a poll.
    Job(Box<Job>),
    /// Why the request was refused.
    Detail(Detail),
    /// Exactly `{"detail":"Not Found"}`: the server has no such path. A conversation that is gone
    /// is told in other words.
    NoRoute,
    /// JSON that is none of these.
    OtherJson,
    /// No JSON: a page of a proxy, or a body that was cut.
    NotJson,
    /// Nothing, or blanks.
    Empty,
    /// More than [`REPLY_BYTES_MAX`]; not looked at.
    TooLong,
}

impl ReplyBody {
    /// Reads a body. There is no body that is no [`ReplyBody`].
    pub fn parse(body: &[u8]) -> Self {
        if body.len() > REPLY_BYTES_MAX {
            return Self::TooLong;
        }
        let Ok(text) = core::str::from_utf8(body) else {
            return Self::NotJson;
        };
        let text = text.trim_ascii();
        if text.is_empty() {
            return Self::Empty;
        }
        if serde_json::from_str::<IgnoredAny>(text).is_err() {
            return Self::NotJson;
        }
        // The derived readers of objects take arrays too, field by field.
        let object = text.starts_with('{').then(|| parse_object(text));
        object.flatten().unwrap_or(Self::OtherJson)
    }

    /// Whether the body is JSON.
    pub const fn is_json(&self) -> bool {
        match self {
            Self::Result(_) | Self::Job(_) | Self::Detail(_) | Self::NoRoute | Self::OtherJson => {
                true
            }
            Self::NotJson | Self::Empty | Self::TooLong => false,
        }
    }
}

/// Which fields an object has.
///
/// A result has both lists: a body without them may come from anybody between here and the server.
#[derive(Deserialize)]
struct Outline {
    job_id: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "lenient")]
    new_memories: Option<Kept<ConversationId, 0>>,
    #[serde(default, deserialize_with = "lenient")]
    updated_memories: Option<Kept<ConversationId, 0>>,
    #[serde(default, deserialize_with = "lenient")]
    detail: Option<Detail>,
}

/// The body, or nothing when it is an object of another kind or has a field twice.
fn parse_object(text: &str) -> Option<ReplyBody> {
    let outline: Outline = serde_json::from_str(text).ok()?;
    if outline.job_id.is_some() {
        serde_json::from_str(text).ok().map(ReplyBody::Job)
    } else if outline.new_memories.is_some() && outline.updated_memories.is_some() {
        serde_json::from_str(text).ok().map(ReplyBody::Result)
    } else if is_no_route(text) {
        Some(ReplyBody::NoRoute)
    } else {
        outline.detail.map(ReplyBody::Detail)
    }
}

fn is_no_route(text: &str) -> bool {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Only {
        #[serde(deserialize_with = "lenient_text")]
        detail: Option<String>,
    }
    serde_json::from_str(text).is_ok_and(|Only { detail }| detail.as_deref() == Some("Not Found"))
}

/// The first elements of a list that are what they should be.
struct Kept<T, const ELEMENTS_MAX: usize>(Vec<T>);

impl<T: Field, const ELEMENTS_MAX: usize> Field for Kept<T, ELEMENTS_MAX> {
    fn from_array<'de, A: SeqAccess<'de>>(mut array: A) -> Result<Option<Self>, A::Error> {
        let mut kept = Vec::new();
        while kept.len() < ELEMENTS_MAX
            && let Some(Lenient(element)) = array.next_element()?
        {
            kept.extend(element);
        }
        IgnoredAny.visit_seq(array)?;
        Ok(Some(Self(kept)))
    }
}

fn conversations<'de, D: Deserializer<'de>>(list: D) -> Result<Vec<ConversationId>, D::Error> {
    let kept: Option<Kept<_, CONVERSATIONS_MAX>> = lenient(list)?;
    Ok(kept.map(|kept| kept.0).unwrap_or_default())
}

fn errors<'de, D: Deserializer<'de>>(list: D) -> Result<Vec<String>, D::Error> {
    let kept: Option<Kept<ReplyText, ERRORS_MAX>> = lenient(list)?;
    let texts = kept.into_iter().flat_map(|kept| kept.0);
    Ok(texts.map(|text| text.0).collect())
}

fn files<'de, D: Deserializer<'de>>(list: D) -> Result<Vec<KeptFile>, D::Error> {
    let kept: Option<Kept<_, FILES_MAX>> = lenient(list)?;
    Ok(kept.map(|kept| kept.0).unwrap_or_default())
}

type ReplyText = Cut<REPLY_TEXT_CHARS_MAX>;

/// A count that must be one when it is there.
pub(crate) fn absent_is_zero<'de, D: Deserializer<'de>>(field: D) -> Result<u64, D::Error> {
    Option::<u64>::deserialize(field).map(Option::unwrap_or_default)
}

/// A text, cut to [`REPLY_TEXT_CHARS_MAX`] characters.
pub(crate) fn lenient_text<'de, D>(field: D) -> Result<Option<String>, D::Error>
where
    D: Deserializer<'de>,
{
    let text: Option<ReplyText> = lenient(field)?;
    Ok(text.map(|text| text.0))
}

#[cfg(test)]
mod tests;
