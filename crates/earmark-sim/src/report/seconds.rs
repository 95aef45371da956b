//! Seconds as they stand in a report.

use std::fmt;
use std::time::Duration;

use earmark_core::WallTime;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::feed::{FeedTime, micros};

/// A number of seconds, held as whole microseconds so that no sum of them gathers noise.
///
/// In JSON it is the shortest number: `29.999`, and `30` rather than `30.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Seconds(i64);

impl Seconds {
    /// No time.
    pub const ZERO: Self = Self(0);

    /// So many microseconds.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// In microseconds.
    pub const fn as_micros(self) -> i64 {
        self.0
    }
}

impl From<FeedTime> for Seconds {
    fn from(at: FeedTime) -> Self {
        Self(i64::try_from(at.as_micros()).unwrap_or(i64::MAX))
    }
}

impl From<Duration> for Seconds {
    fn from(length: Duration) -> Self {
        Self(i64::try_from(length.as_micros()).unwrap_or(i64::MAX))
    }
}

impl From<WallTime> for Seconds {
    fn from(at: WallTime) -> Self {
        Self(at.unix_micros())
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        crate::feed::seconds(self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        micros(seconds)
            .map(Self)
            .ok_or_else(|| de::Error::custom("expected seconds that are counted in microseconds"))
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", crate::feed::seconds(self.0))
    }
}
