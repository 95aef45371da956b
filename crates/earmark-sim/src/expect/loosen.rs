//! What is expected in real time, where nothing happens at the very instant.

use serde_json::Number;

use super::{Expectation, Expected, Range};

/// The fields that tell feed time.
const FEED_TIMES: [&str; 3] = ["at", "ended_at", "next_attempt_at"];

impl Expectation {
    /// The same, with room of so many seconds on both sides wherever feed time is told.
    #[must_use]
    pub fn loosened(&self, seconds: f64) -> Self {
        Self { parts: parts(&self.parts, seconds) }
    }
}

fn parts(parts: &[(String, Expected)], seconds: f64) -> Vec<(String, Expected)> {
    let loosened = |(name, expected): &(String, Expected)| {
        let is_time = FEED_TIMES.contains(&name.as_str());
        (name.clone(), expected.loosened(seconds, is_time))
    };
    parts.iter().map(loosened).collect()
}

impl Expected {
    fn loosened(&self, seconds: f64, is_time: bool) -> Self {
        match self {
            Self::Number(number) if is_time => {
                Self::Range(Range { min: moved(number, -seconds), max: moved(number, seconds) })
            }
            Self::Range(Range { min, max }) if is_time => Self::Range(Range {
                min: min.as_ref().and_then(|min| moved(min, -seconds)),
                max: max.as_ref().and_then(|max| moved(max, seconds)),
            }),
            Self::List(elements) => {
                Self::List(elements.iter().map(|one| one.loosened(seconds, is_time)).collect())
            }
            Self::Object(fields) => Self::Object(parts(fields, seconds)),
            Self::Same(_) | Self::Number(_) | Self::Range(_) | Self::Count(_) => self.clone(),
        }
    }
}

fn moved(number: &Number, seconds: f64) -> Option<Number> {
    number.as_f64().and_then(|value| Number::from_f64(value + seconds))
}
