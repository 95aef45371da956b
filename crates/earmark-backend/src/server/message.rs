//! What is said about a conversation, as JSON.

use earmark_core::WallTime;
use serde::Serialize;

use super::conversation::Conversation;

impl Conversation {
    /// The message that it has ended and is being processed.
    pub(super) fn processing_started(&self) -> String {
        self.event("memory_processing_started")
    }

    /// The message that it is ready.
    pub(super) fn created(&self) -> String {
        self.event("memory_created")
    }

    /// The answer to the one who asked for its end.
    pub(super) fn answer(&self) -> String {
        let memory = self.memory();
        json(&Ended { memory, messages: [] })
    }

    fn event(&self, kind: &'static str) -> String {
        let memory = self.memory();
        json(&Event { kind, memory, messages: [] })
    }

    fn memory(&self) -> Memory<'_> {
        Memory {
            id: &self.id,
            created_at: iso8601(self.started_at),
            started_at: iso8601(self.started_at),
            finished_at: iso8601(self.finished_at),
            source: "omi",
            language: "en",
            status: self.state_name(),
            structured: Structured::default(),
            transcript_segments: [],
            discarded: false,
            visibility: "private",
        }
    }
}

#[derive(Serialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    memory: Memory<'a>,
    messages: [(); 0],
}

#[derive(Serialize)]
struct Ended<'a> {
    memory: Memory<'a>,
    messages: [(); 0],
}

#[derive(Serialize)]
struct Memory<'a> {
    id: &'a str,
    created_at: String,
    started_at: String,
    finished_at: String,
    source: &'static str,
    language: &'static str,
    status: &'static str,
    structured: Structured,
    transcript_segments: [(); 0],
    discarded: bool,
    visibility: &'static str,
}

#[derive(Default, Serialize)]
struct Structured {
    title: &'static str,
    overview: &'static str,
    emoji: &'static str,
    category: &'static str,
    action_items: [(); 0],
    events: [(); 0],
}

fn json(message: &impl Serialize) -> String {
    serde_json::to_string(message).expect("a message has texts for keys")
}

/// A time as `2026-04-04T00:00:05.250000+00:00`.
fn iso8601(time: WallTime) -> String {
    let seconds = time.unix_seconds();
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let micros = time.unix_micros().rem_euclid(1_000_000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}+00:00")
}

/// Year, month and day of the Gregorian calendar, so many days after 1970-01-01.
///
/// Years are counted from March here, so that the leap day is the last day of its year, and in eras
/// of 400 years, which all have the same number of days.
fn civil(days: i64) -> (i64, i64, i64) {
    const ERA_DAYS: i64 = 146_097;
    const MARCH_OF_YEAR_0: i64 = 719_468;
    let shifted = days + MARCH_OF_YEAR_0;
    let (era, day_of_era) = (shifted.div_euclid(ERA_DAYS), shifted.rem_euclid(ERA_DAYS));
    let leap_days = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / (ERA_DAYS - 1);
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Five months from March on have 153 days together, whichever they are.
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_a_server_writes_them() {
        for (micros, expected) in [
            (0, "1970-01-01T00:00:00.000000+00:00"),
            (1_775_260_805_250_000, "2026-04-04T00:00:05.250000+00:00"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000+00:00"),
            (1_735_689_599_999_999, "2024-12-31T23:59:59.999999+00:00"),
            (-1, "1969-12-31T23:59:59.999999+00:00"),
        ] {
            assert_eq!(iso8601(WallTime::from_unix_micros(micros)), expected);
        }
    }
}
