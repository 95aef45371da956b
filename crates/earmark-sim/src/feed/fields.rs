//! The fields of one line: each is taken by its kind, or named with what is wrong about it.

use std::ops::RangeInclusive;

use earmark_core::{Account, Device, RecordingId};
use serde_json::{Map, Value};

use super::time::micros;
use super::{FeedFault, RecordingRef, Selector};

/// The most frames that one line makes: more than eleven days at 100 a second.
pub const FRAMES_COUNT_MAX: u64 = 100_000_000;
/// The most seconds that one line hears: as many as [`FRAMES_COUNT_MAX`] frames last.
pub const AUDIO_SECONDS_MAX: u64 = 1_000_000;
/// The most bytes of a frame that a feed makes: enough for frames that are too large to be taken.
pub const FEED_FRAME_BYTES_MAX: u64 = 65_536;
/// The most bits that one line damages.
pub const FILE_DAMAGE_BITS_MAX: u64 = 1_048_576;
/// The furthest offset into a file.
pub const FILE_OFFSET_BYTES_MAX: u64 = 1 << 40;

/// The most operations of a disk after which a process dies while it opens the store.
pub const DISK_OPERATIONS_MAX: u64 = 1_000_000;
/// The furthest time zone, in minutes from UTC.
pub const ZONE_MINUTES_MAX: i64 = 14 * 60;

/// The fields of a line.
pub(super) struct Fields<'a>(pub(super) &'a Map<String, Value>);

impl<'a> Fields<'a> {
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name)
    }

    pub(super) fn needed(&self, name: &str, expected: &str) -> Result<&'a Value, FeedFault> {
        self.get(name).ok_or_else(|| FeedFault::Missing {
            field: name.to_owned(),
            expected: expected.to_owned(),
        })
    }

    /// Reads a field that has no default.
    pub(super) fn read<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<T, FeedFault> {
        let value = self.needed(name, expected)?;
        read(value).ok_or_else(|| FeedFault::value(name, value, expected))
    }

    pub(super) fn whole(
        &self,
        name: &str,
        range: RangeInclusive<u64>,
        default: Option<u64>,
    ) -> Result<u64, FeedFault> {
        match (self.get(name), default) {
            (None, Some(default)) => Ok(default),
            (None | Some(_), _) => {
                let (least, most) = (range.start(), range.end());
                self.read(name, &format!("a whole number from {least} to {most}"), |value| {
                    whole(value).filter(|number| range.contains(number))
                })
            }
        }
    }

    /// A length of time in microseconds.
    pub(super) fn length(
        &self,
        name: &str,
        seconds_max: u64,
        default: Option<u64>,
    ) -> Result<u64, FeedFault> {
        match (self.get(name), default) {
            (None, Some(default)) => Ok(default),
            (None | Some(_), _) => {
                let expected = format!("a number of seconds from 0 to {seconds_max}");
                self.read(name, &expected, |value| {
                    let length = u64::try_from(micros(value.as_f64()?)?).ok()?;
                    (length <= seconds_max * 1_000_000).then_some(length)
                })
            }
        }
    }

    pub(super) fn flag(&self, name: &str, default: bool) -> Result<bool, FeedFault> {
        match self.get(name) {
            None => Ok(default),
            Some(_) => self.read(name, "true or false", Value::as_bool),
        }
    }

    pub(super) fn choice<T: Copy>(
        &self,
        name: &str,
        all: &[T],
        named: fn(T) -> &'static str,
    ) -> Result<T, FeedFault> {
        let names: Vec<_> = all.iter().map(|choice| named(*choice)).collect();
        self.read(name, &format!("one of {}", names.join(", ")), |value| {
            let word = value.as_str()?;
            all.iter().copied().find(|choice| named(*choice) == word)
        })
    }

    pub(super) fn device(&self) -> Result<Device, FeedFault> {
        let expected = format!("a text of 1 to {} bytes", Device::BYTES_MAX);
        self.read("device", &expected, |value| Device::new(value.as_str()?).ok())
    }

    pub(super) fn account(&self) -> Result<Account, FeedFault> {
        let expected = format!("a text of 1 to {} bytes", Account::BYTES_MAX);
        self.read("account", &expected, |value| Account::new(value.as_str()?).ok())
    }

    pub(super) fn recording(&self) -> Result<RecordingRef, FeedFault> {
        self.read("recording", RECORDING_EXPECTED, |value| match value {
            Value::String(id) => id.parse::<RecordingId>().ok().map(RecordingRef::Id),
            Value::Number(_) => index(value).map(RecordingRef::Index),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        })
    }

    pub(super) fn selector(&self) -> Result<Selector, FeedFault> {
        match (self.get("recording"), self.get("all")) {
            (None, Some(_)) => self.read("all", "true, or \"recording\" in its place", |value| {
                (value == &Value::Bool(true)).then_some(Selector::All)
            }),
            (Some(_), Some(all)) => {
                Err(FeedFault::value("all", all, "either \"recording\" or \"all\", not both"))
            }
            (Some(_), None) => self.recording().map(Selector::One),
            (None, None) => Err(FeedFault::Missing {
                field: String::from("recording"),
                expected: format!("{RECORDING_EXPECTED}; or \"all\": true"),
            }),
        }
    }
}

const RECORDING_EXPECTED: &str =
    "a recording's id, or its index in the report's list, from 0, or from -1 backwards";

/// A whole number, however it is written: `3`, `3.0` and `3e0` are the same one.
pub(super) fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| index(value).and_then(|number| u64::try_from(number).ok()))
}

/// A whole number of either sign.
pub(super) fn index(value: &Value) -> Option<i64> {
    let exact = |number: &f64| number.fract() == 0.0 && number.abs() < (1_u64 << 53) as f64;
    let from_double = || value.as_f64().filter(exact).map(|number| number as i64);
    value.as_i64().or_else(from_double)
}
