//! The host's log, line by line as it comes, and the lines in it that repeat.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

/// A line may come again after so long.
const WINDOW: Duration = Duration::from_secs(60);

/// A line, and when it came.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) at: Instant,
    /// The message and its fields without their numbers; names of recordings and sessions stay.
    words: String,
    pub(super) fields: Value,
}

impl Line {
    pub(super) fn read(text: &str, at: Instant) -> Self {
        let all: Value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
        let fields = all.get("fields").unwrap_or(&all).clone();
        Self { at, words: words(&all, &fields), fields }
    }

    pub(super) fn says(&self, message: &str) -> bool {
        self.field("message") == message
    }

    pub(super) fn field(&self, name: &str) -> &str {
        self.fields.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

fn words(all: &Value, fields: &Value) -> String {
    let level = all.get("level").and_then(Value::as_str).unwrap_or_default();
    let Value::Object(fields) = fields else {
        return without_digits(&fields.to_string());
    };
    let word = |(name, value): (&String, &Value)| {
        let is_id = ["recording", "session", "conversation"].contains(&name.as_str());
        let text = value.to_string();
        (!value.is_number()).then(|| if is_id { text } else { without_digits(&text) })
    };
    let fields: Vec<String> = fields.iter().filter_map(word).collect();
    format!("{level} {}", fields.join(" "))
}

fn without_digits(text: &str) -> String {
    text.chars().filter(|sign| !sign.is_ascii_digit()).collect()
}

/// The lines that come again within a minute although nothing was done to the host in between,
/// each with how often; `causes` are the moments at which something was done to it, in order.
pub(super) fn repeating(lines: &[Line], causes: &[Instant]) -> BTreeMap<String, usize> {
    let mut last: BTreeMap<&str, Instant> = BTreeMap::new();
    let mut repeating = BTreeMap::new();
    for line in lines {
        let Some(before) = last.insert(&line.words, line.at) else {
            continue;
        };
        let causes_before = |at| causes.partition_point(|cause| *cause <= at);
        let is_caused = causes_before(before) < causes_before(line.at);
        if line.at < before + WINDOW && !is_caused {
            *repeating.entry(line.words.clone()).or_default() += 1;
        }
    }
    repeating
}
