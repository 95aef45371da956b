//! What came of a request.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What came of a request that left: the status code of its answer, or why there is none.
///
/// In JSON a number or a word; a request still in flight has `null`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// An answer with this status.
    Status(u16),
    /// No connection was accepted.
    Refused,
    /// The connection broke before the request was through.
    Reset,
    /// Nothing was heard for too long.
    Timeout,
    /// The reply was cut or missing.
    Lost,
}

impl Outcome {
    /// The words for a request without an answer.
    pub const WORDS: [&'static str; 4] = ["refused", "reset", "timeout", "lost"];
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let [refused, reset, timeout, lost] = Self::WORDS;
        match self {
            Self::Status(code) => serializer.serialize_u16(*code),
            Self::Refused => serializer.serialize_str(refused),
            Self::Reset => serializer.serialize_str(reset),
            Self::Timeout => serializer.serialize_str(timeout),
            Self::Lost => serializer.serialize_str(lost),
        }
    }
}

impl<'de> Deserialize<'de> for Outcome {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Status(u16),
            Word(String),
        }
        match Either::deserialize(deserializer)? {
            Either::Status(code) => Ok(Self::Status(code)),
            Either::Word(word) => match word.as_str() {
                "refused" => Ok(Self::Refused),
                "reset" => Ok(Self::Reset),
                "timeout" => Ok(Self::Timeout),
                "lost" => Ok(Self::Lost),
                other => Err(de::Error::unknown_variant(other, &Self::WORDS)),
            },
        }
    }
}
