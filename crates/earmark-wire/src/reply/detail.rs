//! Why a request was refused.

use alloc::string::String;
use core::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::lenient_text;
use crate::field::{Field, Lenient, cut};
use crate::reply::REPLY_TEXT_CHARS_MAX;

/// What stands under `detail` in a refusal: a text, an object, or a list of such objects, of which
/// the first counts. Each text is cut to [`REPLY_TEXT_CHARS_MAX`] characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    /// A word for programs.
    pub code: Option<String>,
    /// Words for people.
    pub message: Option<String>,
}

impl Detail {
    /// A refusal in words.
    pub fn words(message: &str) -> Self {
        Self { code: None, message: Some(cut(message, REPLY_TEXT_CHARS_MAX)) }
    }

    /// The body that says so.
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Plain<'a> {
            detail: &'a str,
        }
        #[derive(Serialize)]
        struct Coded<'a> {
            detail: Fields<'a>,
        }
        #[derive(Serialize)]
        struct Fields<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            code: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            message: Option<&'a str>,
        }
        let (code, message) = (self.code.as_deref(), self.message.as_deref());
        match (code, message) {
            // In words alone it would be the body of a path that does not exist.
            (None, Some(detail)) if detail != "Not Found" => {
                serde_json::to_string(&Plain { detail })
            }
            _ => serde_json::to_string(&Coded { detail: Fields { code, message } }),
        }
        .expect("a refusal has texts for keys")
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.code, &self.message) {
            (Some(code), Some(message)) => {
                write!(f, "{}: {}", code.escape_debug(), message.escape_debug())
            }
            (Some(word), None) | (None, Some(word)) => write!(f, "{}", word.escape_debug()),
            (None, None) => f.write_str("no reason given"),
        }
    }
}

impl Field for Detail {
    fn from_text(text: &str) -> Option<Self> {
        Some(Self::words(text))
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A) -> Result<Option<Self>, A::Error> {
        let fields = Fields::deserialize(MapAccessDeserializer::new(object))?;
        Ok(Some(Self {
            code: fields.code.or(fields.reason_code).or(fields.error),
            message: fields.message.or(fields.msg),
        }))
    }

    fn from_array<'de, A: SeqAccess<'de>>(mut array: A) -> Result<Option<Self>, A::Error> {
        let first = array.next_element::<Lenient<Self>>()?;
        IgnoredAny.visit_seq(array)?;
        Ok(first.and_then(|first| first.0))
    }
}

/// The names under which servers give their reasons.
#[derive(Deserialize)]
struct Fields {
    #[serde(default, deserialize_with = "lenient_text")]
    code: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    reason_code: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    error: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    message: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    msg: Option<String>,
}
