//! Feed time: microseconds since the feed began.

use std::fmt;
use std::time::Duration;

use serde_json::{Number, Value};

/// The latest that a feed may reach: ten years of 366 days.
pub const FEED_TIME_SECONDS_MAX: u64 = 10 * 366 * 86_400;

const MICROS: f64 = 1e6;

/// A moment of a feed, in whole microseconds since it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FeedTime(u64);

impl FeedTime {
    /// The start of the feed.
    pub const ZERO: Self = Self(0);
    /// The latest moment that a feed may name.
    pub const MAX: Self = Self(FEED_TIME_SECONDS_MAX * 1_000_000);

    /// The moment so many microseconds after the start; `None` past [`Self::MAX`].
    pub const fn from_micros(micros: u64) -> Option<Self> {
        if micros > Self::MAX.0 {
            return None;
        }
        Some(Self(micros))
    }

    /// Microseconds since the start.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// How long after the start it is.
    pub const fn since_start(self) -> Duration {
        Duration::from_micros(self.0)
    }

    /// The moment that a number of seconds names, to the nearest microsecond.
    pub(super) fn of(value: &Value) -> Option<Self> {
        let micros = micros(value.as_f64()?)?;
        Self::from_micros(u64::try_from(micros).ok()?)
    }

    /// The number of seconds that [`Self::of`] reads back as this moment.
    pub(super) fn value(self) -> Value {
        seconds(i64::try_from(self.0).expect("the latest moment is far below i64::MAX"))
    }
}

impl fmt::Display for FeedTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.value())
    }
}

/// Seconds in whole microseconds, to the nearest; `None` where a double is coarser than that.
///
/// A decimal of up to 15 digits survives being a double, so no fraction of a second is lost here.
pub(crate) fn micros(seconds: f64) -> Option<i64> {
    let micros = (seconds * MICROS).round();
    (micros.abs() <= MICROS_TOLD_APART_MAX as f64).then_some(micros as i64)
}

/// Microseconds as the shortest number of seconds: whole seconds without a fraction.
pub(crate) fn seconds(micros: i64) -> Value {
    if micros % 1_000_000 == 0 {
        return Value::from(micros / 1_000_000);
    }
    let fraction = Number::from_f64(micros as f64 / MICROS);
    Value::Number(fraction.expect("a quotient of finite numbers is finite"))
}

/// The most microseconds that seconds as a double still tell apart: 2³² seconds, which as Unix time
/// is the year 2106.
const MICROS_TOLD_APART_MAX: i64 = (1 << 32) * 1_000_000;
