//! Why a feed is refused.

use std::path::PathBuf;

use serde_json::Value;

use super::{FEED_BYTES_MAX, FEED_LINE_BYTES_MAX, FEED_LINES_MAX, FeedTime};
use crate::expect::ExpectationError;

/// How much of an unusable value an error repeats, in characters.
const FOUND_CHARS_MAX: usize = 80;

/// A feed cannot be played: which line of which file, what stands there, what was expected.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{path}:{line}: {fault}")]
pub struct FeedError {
    /// The feed's name, as it was given for messages.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub fault: FeedFault,
}

/// What is wrong with a line of a feed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FeedFault {
    /// The feed is too large to be taken.
    #[error("the feed has {bytes} bytes: expected at most {FEED_BYTES_MAX}")]
    FeedTooLarge {
        /// How many bytes it has.
        bytes: usize,
    },
    /// The feed has too many lines.
    #[error("the feed goes on: expected at most {FEED_LINES_MAX} lines")]
    TooManyLines,
    /// A line is too long.
    #[error("the line has {bytes} bytes: expected at most {FEED_LINE_BYTES_MAX}")]
    LineTooLong {
        /// How many bytes it has.
        bytes: usize,
    },
    /// A line is no JSON, or names a key twice.
    #[error("{reason} at column {column}: expected one JSON object with each key once")]
    Syntax {
        /// The column, from 1.
        column: usize,
        /// What the JSON parser says.
        reason: String,
    },
    /// A line is JSON, but no object.
    #[error("the line is {found}: expected a JSON object")]
    NotAnObject {
        /// What stands there.
        found: String,
    },
    /// The action is none that a feed can do.
    #[error("\"do\" is {found}: expected an action{}", or_nearest(*nearest))]
    UnknownAction {
        /// What stands there.
        found: String,
        /// The known action that looks most like it.
        nearest: Option<&'static str>,
    },
    /// The action has no such field.
    #[error(
        "{field} is no field of \"{action}\": expected at, do{}{}",
        known.iter().map(|name| format!(", {name}")).collect::<String>(),
        or_nearest(*nearest)
    )]
    UnknownField {
        /// The action of the line.
        action: &'static str,
        /// What stands there.
        field: String,
        /// The fields that the action has.
        known: &'static [&'static str],
        /// The field that looks most like it.
        nearest: Option<&'static str>,
    },
    /// A field that is needed is not there.
    #[error("\"{field}\" is missing: expected {expected}")]
    Missing {
        /// Which field.
        field: String,
        /// What may stand there.
        expected: String,
    },
    /// A field has a value that cannot be used.
    #[error("\"{field}\" is {found}: expected {expected}")]
    Value {
        /// Which field, with its place when it is within another.
        field: String,
        /// What stands there.
        found: String,
        /// What may stand there.
        expected: String,
    },
    /// Time runs backwards.
    #[error(
        "\"at\" is {at}, which is before line {before_line}'s {before}: \
         expected a number not below it"
    )]
    Falling {
        /// When the line says that it happens.
        at: FeedTime,
        /// The line before it.
        before_line: usize,
        /// When that one happens.
        before: FeedTime,
    },
    /// No device is named, and it cannot be told which is meant.
    #[error("\"device\" is missing, and the feed names {named} of them: expected one by name")]
    WhichDevice {
        /// How many devices the feed has named so far, or at all if none so far.
        named: usize,
    },
    /// The action needs the process, which a kill or a power cut has ended.
    #[error(
        "\"{action}\" while the process is dead since line {since}: expected \"restart\" first"
    )]
    Dead {
        /// The action of the line.
        action: &'static str,
        /// The line of the kill or power cut.
        since: usize,
    },
    /// A WAV file cannot be heard.
    #[error(
        "\"wav\" is {}: {reason}: expected a WAV file of 16 bit, one channel, 16000 Hz",
        shown(&Value::from(wav.to_string_lossy()))
    )]
    Wav {
        /// The file, as the feed names it.
        wav: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A restart of a process that runs.
    #[error("\"restart\" while the process runs: expected \"kill\" or \"power.cut\" before it")]
    Running,
    /// An expectation asks for what no report holds.
    #[error(transparent)]
    Expectation(#[from] ExpectationError),
}

impl FeedFault {
    /// The fault of a value that cannot be used.
    pub(super) fn value(field: &str, found: &Value, expected: impl Into<String>) -> Self {
        Self::Value { field: field.to_owned(), found: shown(found), expected: expected.into() }
    }
}

/// The known name that looks most like the unknown one, when one does at all.
pub(crate) fn nearest<'a>(unknown: &str, known: &[&'a str]) -> Option<&'a str> {
    let unknown: String = unknown.chars().take(FOUND_CHARS_MAX).collect();
    known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&unknown, name), *name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 3)
        .min()
        .map(|(_, name)| name)
}

/// The end of a message that suggests a name.
pub(crate) fn or_nearest(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!("; the nearest is \"{name}\""))
}

/// A value as a message repeats it: cut to a length, and safe on a terminal.
pub(crate) fn shown(value: &Value) -> String {
    let text = value.to_string();
    let cut = text.char_indices().nth(FOUND_CHARS_MAX).map(|(end, _)| end);
    let kept = text[..cut.unwrap_or(text.len())].chars();
    let mut shown: String = kept.map(visible).collect();
    if cut.is_some() {
        shown.push('…');
    }
    shown
}

/// A character that would move a terminal's cursor or turn its text around becomes a mark.
const fn visible(letter: char) -> char {
    match letter {
        '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}'
        | '\u{feff}'
        | '\0'..='\u{1f}'
        | '\u{7f}'..='\u{9f}' => '\u{fffd}',
        kept => kept,
    }
}
