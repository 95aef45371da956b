//! Times as servers write them.

use earmark_core::WallTime;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::field::Field;

/// From this number on a time counts milliseconds, as it does for the original's server: as seconds
/// it would lie in the year 2286.
pub(crate) const SECONDS_LIMIT: u64 = 10_000_000_000;

/// The longest text that can be a time, in bytes; all common forms have at most 35.
const TIME_TEXT_BYTES_MAX: usize = 40;

/// A time in a server's message: an RFC 3339 text, or seconds or milliseconds since the Unix epoch.
impl Field for WallTime {
    fn from_text(text: &str) -> Option<Self> {
        parse(text)
    }

    fn from_whole(number: u64) -> Option<Self> {
        let factor = if number > SECONDS_LIMIT { 1_000 } else { 1_000_000 };
        let micros = number.checked_mul(factor)?;
        Some(Self::from_unix_micros(i64::try_from(micros).ok()?))
    }

    fn from_number(number: f64) -> Option<Self> {
        let factor = if number > SECONDS_LIMIT as f64 { 1e3 } else { 1e6 };
        let micros = number * factor + 0.5;
        (micros >= 0.5 && micros < i64::MAX as f64).then(|| Self::from_unix_micros(micros as i64))
    }
}

/// Reads an RFC 3339 time. Without an offset it is UTC, since servers in Python leave that out.
fn parse(text: &str) -> Option<WallTime> {
    if text.len() > TIME_TEXT_BYTES_MAX {
        return None;
    }
    let time = OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(&alloc::format!("{text}Z"), &Rfc3339))
        .ok()?;
    let micros = time.unix_timestamp_nanos().div_euclid(1_000);
    Some(WallTime::from_unix_micros(i64::try_from(micros).ok()?))
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    const NOON: i64 = 1_775_304_000_000_000;

    #[test]
    fn a_time_is_read_in_every_form_that_servers_write() {
        for text in [
            "2026-04-04T12:00:00Z",
            "2026-04-04T12:00:00+00:00",
            "2026-04-04T14:00:00.000+02:00",
            "2026-04-04T06:30:00.000000-05:30",
            "2026-04-04T12:00:00",
            "2026-04-04 12:00:00.000000+00:00",
        ] {
            assert_eq!(parse(text), Some(WallTime::from_unix_micros(NOON)), "{text}");
        }
        assert_eq!(
            parse("2026-04-04T12:00:00.25Z"),
            Some(WallTime::from_unix_micros(NOON + 250_000))
        );
    }

    #[test]
    fn what_is_no_time_reads_as_none() {
        let texts = ["", "Z", "yesterday", "2026-04-04", "2026-13-04T12:00:00Z", "12:00:00Z"];
        let read: Vec<_> = texts.iter().filter_map(|text| parse(text)).collect();
        assert!(read.is_empty(), "{read:?}");
        let long = alloc::format!("2026-04-04T12:00:00.{}Z", "0".repeat(TIME_TEXT_BYTES_MAX));
        assert_eq!(parse(&long), None);
    }

    #[test]
    fn a_number_is_seconds_up_to_2286_and_milliseconds_beyond() {
        let noon = Some(WallTime::from_unix_micros(NOON));
        assert_eq!(WallTime::from_whole(1_775_304_000), noon);
        assert_eq!(WallTime::from_whole(1_775_304_000_000), noon);
        assert_eq!(WallTime::from_number(1_775_304_000.0), noon);
        assert_eq!(WallTime::from_number(-1.0), None);
        assert_eq!(WallTime::from_number(1e300), None);
        assert_eq!(WallTime::from_whole(u64::MAX), None);
    }

    proptest! {
        #[test]
        fn no_text_and_no_number_is_too_much(text in "\\PC*", number: f64, whole: u64) {
            let _ = (parse(&text), WallTime::from_number(number), WallTime::from_whole(whole));
        }
    }
}
