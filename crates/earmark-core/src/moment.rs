//! Time as a value: the monotonic clock for decisions, the wall clock for labels.

use alloc::string::String;
use core::fmt;
use core::ops::{Add, Sub};
use core::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A reading of the monotonic clock that goes on counting while the machine sleeps, in microseconds
/// since the machine came up.
///
/// All waits and deadlines are counted on it. Two readings may be compared only within one boot.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Moment(u64);

impl Moment {
    /// The start of the boot.
    pub const ZERO: Self = Self(0);

    /// The moment so many microseconds after the machine came up.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the machine came up.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// How long ago `earlier` was; zero when it lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(saturating_micros(wait)))
    }
}

impl Sub<Duration> for Moment {
    type Output = Self;

    fn sub(self, wait: Duration) -> Self {
        Self(self.0.saturating_sub(saturating_micros(wait)))
    }
}

/// A reading of the wall clock, in microseconds since 1970-01-01T00:00:00Z.
///
/// It labels recordings and bridges a reboot; nothing within one boot is decided by it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct WallTime(i64);

impl WallTime {
    /// The time so many microseconds after the Unix epoch.
    pub const fn from_unix_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    pub const fn unix_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Seconds since the Unix epoch with their fraction.
    pub fn as_seconds_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// How long after `earlier` this is; zero when it lies before.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl Add<Duration> for WallTime {
    type Output = Self;

    fn add(self, wait: Duration) -> Self {
        Self(self.0.saturating_add_unsigned(saturating_micros(wait)))
    }
}

/// Which boot of the machine a [`Moment`] belongs to; 32 hexadecimal digits in text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct BootId(u128);

impl BootId {
    /// The boot with this 128-bit number, as the kernel gives it.
    pub const fn from_u128(id: u128) -> Self {
        Self(id)
    }
}

impl Serialize for BootId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(&format_args!("{self:?}"));
        }
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for BootId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return u128::deserialize(deserializer).map(Self);
        }
        let text = String::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map(Self).map_err(de::Error::custom)
    }
}

impl fmt::Debug for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// One instant, read off all clocks at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// The boot that `moment` belongs to.
    pub boot: BootId,
    /// The monotonic clock.
    pub moment: Moment,
    /// The wall clock.
    pub wall: WallTime,
}

/// A deadline that survives a restart and a reboot.
///
/// In the boot that set it the monotonic clock counts. In another boot the wall clock tells how
/// much of the wait is left, clamped to between nothing and the whole wait, so that no clock jump
/// can stretch it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Deadline {
    /// When it was set.
    pub set: Stamp,
    /// How long after that it falls.
    pub wait: Duration,
}

impl Deadline {
    /// The deadline that falls `wait` after `set`.
    pub const fn after(set: Stamp, wait: Duration) -> Self {
        Self { set, wait }
    }

    /// When it falls, on the monotonic clock of the boot in which `now` was read.
    pub fn moment(&self, now: Stamp) -> Moment {
        if self.set.boot == now.boot {
            return self.set.moment + self.wait;
        }
        let passed = now.wall.since(self.set.wall);
        now.moment + self.wait.saturating_sub(passed)
    }

    /// The same deadline as the boot of `now` keeps it. Whoever waits for a deadline of another
    /// boot takes this one: as long as the wall clock stands before the time at which the deadline
    /// was set, asking again and again how much is left would give the whole wait every time.
    #[must_use]
    pub fn in_boot_of(self, now: Stamp) -> Self {
        if self.set.boot == now.boot {
            return self;
        }
        Self::after(now, self.moment(now).since(now.moment))
    }
}

fn saturating_micros(wait: Duration) -> u64 {
    u64::try_from(wait.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn stamp(boot: u128, seconds: u64, unix: i64) -> Stamp {
        Stamp {
            boot: BootId::from_u128(boot),
            moment: Moment::from_micros(seconds * 1_000_000),
            wall: WallTime::from_unix_micros(unix * 1_000_000),
        }
    }

    #[test]
    fn a_second_of_the_wall_clock_begins_with_its_first_microsecond_before_1970_too() {
        let second = |micros| WallTime::from_unix_micros(micros).unix_seconds();
        assert_eq!(
            [-1_000_001, -1_000_000, -1, 0, 999_999, 1_000_000].map(second),
            [-2, -1, -1, 0, 0, 1]
        );
        assert_eq!(WallTime::from_unix_micros(-1_500_000).as_seconds_f64(), -1.5);
    }

    #[test]
    fn no_clock_runs_past_its_ends() {
        assert_eq!(Moment::from_micros(5) - MINUTE, Moment::ZERO);
        assert_eq!(Moment::from_micros(61_000_000) - MINUTE, Moment::from_micros(1_000_000));
        assert_eq!(Moment::ZERO + Duration::MAX, Moment::from_micros(u64::MAX));
        let late = WallTime::from_unix_micros(i64::MAX - 1);
        assert_eq!((late + MINUTE).unix_micros(), i64::MAX);
        assert_eq!((WallTime::from_unix_micros(-60_000_000) + MINUTE).unix_micros(), 0);
    }

    #[test]
    fn a_boot_reads_back_as_it_was_written_for_people_and_for_programs() {
        let boot = BootId::from_u128(0x1f3a_9c2e);
        let text = serde_json::to_string(&boot).expect("it has a form");
        assert_eq!(text, "\"0000000000000000000000001f3a9c2e\"");
        assert_eq!(serde_json::from_str::<BootId>(&text).expect("it is one"), boot);
        let bytes = postcard::to_allocvec(&boot).expect("it has a form");
        assert!(bytes.len() < text.len());
        assert_eq!(postcard::from_bytes::<BootId>(&bytes).expect("it is one"), boot);
    }

    #[test]
    fn within_a_boot_the_monotonic_clock_alone_counts() {
        let deadline = Deadline::after(stamp(1, 10, 5_000), MINUTE);
        let after_a_wall_jump = stamp(1, 20, 9_999_999);
        assert_eq!(deadline.moment(after_a_wall_jump), Moment::from_micros(70_000_000));
    }

    #[test]
    fn in_another_boot_the_wall_clock_tells_what_is_left() {
        let deadline = Deadline::after(stamp(1, 10, 5_000), MINUTE);
        assert_eq!(deadline.moment(stamp(2, 3, 5_040)), Moment::from_micros(23_000_000));
    }

    #[test]
    fn a_deadline_taken_over_from_another_boot_falls_although_the_clock_was_set_back() {
        let set_back = stamp(2, 3, 1_000);
        let deadline = Deadline::after(stamp(1, 10, 5_000), MINUTE).in_boot_of(set_back);
        assert_eq!(deadline, Deadline::after(set_back, MINUTE));
        let later = stamp(2, 40, 1_037);
        assert_eq!(deadline.moment(later), Moment::from_micros(63_000_000));
        assert_eq!(deadline.in_boot_of(later), deadline);
    }

    #[test]
    fn a_clock_set_back_never_stretches_a_wait_past_its_length() {
        let deadline = Deadline::after(stamp(1, 10, 5_000), MINUTE);
        assert_eq!(deadline.moment(stamp(2, 3, 0)), Moment::from_micros(63_000_000));
    }

    #[test]
    fn a_clock_set_far_ahead_makes_a_wait_due_now() {
        let deadline = Deadline::after(stamp(1, 10, 5_000), MINUTE);
        assert_eq!(
            deadline.moment(stamp(2, 3, i64::MAX / 2_000_000)),
            Moment::from_micros(3_000_000)
        );
    }
}
