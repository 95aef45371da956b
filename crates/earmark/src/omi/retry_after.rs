//! How long a server wants to be left alone.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use earmark_core::WallTime;
use httpdate::parse_http_date;

use crate::http::HttpReply;

/// What `Retry-After` asks for, in seconds or as a date; `None` when it is absent or unreadable.
///
/// A date is read against the server's own clock, its `Date`, where the reply has one: then it does
/// not matter how wrong `now`, the clock of this machine, is.
pub(crate) fn wait(reply: &HttpReply, now: WallTime) -> Option<Duration> {
    let asked = reply.retry_after.as_deref()?.trim();
    if !asked.is_empty() && asked.bytes().all(|byte| byte.is_ascii_digit()) {
        // So many seconds that they are no number are still a wish to be left alone.
        return Some(Duration::from_secs(asked.parse().unwrap_or(u64::MAX)));
    }
    let until = parse_http_date(asked).ok()?;
    let date = reply.date.as_deref().and_then(|date| parse_http_date(date.trim()).ok());
    let now = date.or_else(|| system_time(now))?;
    Some(until.duration_since(now).unwrap_or(Duration::ZERO))
}

fn system_time(now: WallTime) -> Option<SystemTime> {
    let micros = u64::try_from(now.unix_micros()).ok()?;
    UNIX_EPOCH.checked_add(Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// 2026-04-04T00:00:00Z.
    const NOW: WallTime = WallTime::from_unix_micros(1_775_260_800_000_000);

    fn waits(retry_after: &str, date: Option<&str>) -> Option<Duration> {
        let retry_after = Some(retry_after.into());
        let date = date.map(String::from);
        let (limit_reason, body) = (None, Bytes::new());
        wait(&HttpReply { status: 503, retry_after, date, limit_reason, body }, NOW)
    }

    #[test]
    fn seconds_are_taken_as_they_are() {
        assert_eq!(waits(" 120 ", None), Some(Duration::from_secs(120)));
        assert_eq!(waits("0", None), Some(Duration::ZERO));
        assert_eq!(waits("99999999999999999999999", None), Some(Duration::from_secs(u64::MAX)));
    }

    #[test]
    fn what_is_neither_seconds_nor_a_date_asks_for_nothing() {
        for text in ["", "-5", "+5", "1.5", "soon", "5s", "２", "Sat, 32 Apr 2026 00:00:00 GMT"] {
            assert_eq!(waits(text, None), None, "{text:?}");
        }
    }

    #[test]
    fn a_date_is_read_against_the_servers_own_clock() {
        let date = Some("Fri, 01 Jan 2021 00:00:00 GMT");
        let wait = waits("Fri, 01 Jan 2021 00:01:00 GMT", date);
        assert_eq!(wait, Some(Duration::from_secs(60)));
    }

    #[test]
    fn without_a_readable_date_of_the_server_ours_counts() {
        let wait = waits("Sat, 04 Apr 2026 00:00:30 GMT", Some("yesterday"));
        assert_eq!(wait, Some(Duration::from_secs(30)));
    }

    #[test]
    fn a_date_that_is_past_asks_for_no_wait() {
        assert_eq!(waits("Fri, 03 Apr 2026 00:00:00 GMT", None), Some(Duration::ZERO));
    }
}
