//! The host's log, line by line as it comes, and the lines in it that repeat.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

/// A line may come once in so long, and once for everything that was done to the host in it.
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

/// The lines that repeat more than once a minute, each with how often it came in its worst one;
/// `causes` are the moments at which something was done to the host, each of which may be told.
pub(super) fn repeating(lines: &[Line], causes: &[Instant]) -> BTreeMap<String, usize> {
    let mut same: BTreeMap<&str, Vec<Instant>> = BTreeMap::new();
    for line in lines {
        same.entry(&line.words).or_default().push(line.at);
    }
    let mut repeating = BTreeMap::new();
    for (words, times) in same {
        for (place, first) in times.iter().enumerate() {
            let within = |at: &&Instant| **at < *first + WINDOW;
            let found = times[place..].iter().take_while(within).count();
            let told = |at: &&Instant| **at + WINDOW >= *first && within(at);
            let may_be = 1.max(causes.iter().filter(told).count());
            if found > may_be {
                let worst = repeating.entry(words.to_owned()).or_default();
                *worst = found.max(*worst);
            }
        }
    }
    repeating
}
