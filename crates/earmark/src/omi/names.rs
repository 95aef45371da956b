//! The time in an upload's name, by the server's clock.
//!
//! A server refuses a name whose time lies ahead of its own clock, or before 2024, for good. A
//! machine whose clock is wrong would lose every upload that way. So the server's clock is heard
//! from the `Date` of its answers, and a time that it would refuse is moved by the difference. A
//! name that can be taken is never touched, and one that was corrected stays as it is while the
//! process lives, since the same recording must go out under the same name.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use earmark_core::sync::{Delay, Verdict};
use earmark_core::{RecordingId, WallTime};
use earmark_store::SealedRecording;
use earmark_wire::NAME_SECONDS_MIN;
use httpdate::parse_http_date;

use crate::http::HttpReply;

/// The most corrected names that are remembered; the oldest recording's is forgotten for a new one.
const CORRECTED_MAX: usize = 10_000;
/// Clocks that are no further apart than this agree: a `Date` has whole seconds, and travels.
const AGREEMENT_SECONDS: i64 = 5;
/// The grain of a correction, so that two processes that hear the difference find the same name.
const GRAIN_SECONDS: i64 = 60;
/// How long before a name that lay a little ahead is sent again.
const AHEAD_WAIT: Duration = Duration::from_secs(10);

/// What is known of the server's clock, and the names that it made necessary.
#[derive(Debug, Default)]
pub(super) struct Names(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// How many seconds the server's clock is ahead of ours.
    ahead: Option<i64>,
    corrected: BTreeMap<RecordingId, i64>,
}

impl Names {
    /// The time that stands in the recording's name.
    pub(super) fn start(&self, recording: &SealedRecording, now: WallTime) -> WallTime {
        let (id, own) = (recording.recording(), recording.started_at());
        let lasts = recording.encoding().codec.frame_duration() * recording.frames();
        let seconds = self.known().start(id, own.unix_seconds(), lasts, now.unix_seconds());
        seconds.map_or(own, |seconds| WallTime::from_unix_micros(seconds.saturating_mul(1_000_000)))
    }

    /// Takes the server's clock from an answer.
    pub(super) fn heard(&self, reply: &HttpReply, now: WallTime) {
        if let Some(server) = date(reply) {
            let ahead = server.saturating_sub(now.unix_seconds());
            let agrees = ahead.abs() <= AGREEMENT_SECONDS;
            self.known().ahead = Some(if agrees { 0 } else { ahead });
        }
    }

    /// What a refusal means: one of a name whose time the server's clock speaks against ends
    /// nothing, since the next name is another or its time has come by then.
    pub(super) fn judge(&self, reply: &HttpReply, sent: WallTime, verdict: Verdict) -> Verdict {
        match (verdict, date(reply)) {
            (Verdict::Fails { reason }, Some(server))
                if reply.status == 400 && is_refused(sent.unix_seconds(), server) =>
            {
                let reason = format!("{reason}; its name has another clock's time");
                Verdict::Waits { reason, delay: Delay::Fixed(AHEAD_WAIT) }
            }
            (verdict, _) => verdict,
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// The corrected time, where one is needed.
    fn start(&mut self, id: RecordingId, own: i64, lasts: Duration, now: i64) -> Option<i64> {
        if let Some(corrected) = self.corrected.get(&id) {
            return Some(*corrected);
        }
        let ahead = self.ahead?;
        let server = now.saturating_add(ahead);
        if !is_refused(own, server.saturating_add(AGREEMENT_SECONDS)) {
            return None;
        }
        let moved = own.saturating_add(whole_grains(ahead));
        let corrected = if is_refused(moved, server) {
            // Our clock has been put right since, or never knew: it was just recorded, so to say.
            let lasts = i64::try_from(lasts.as_secs()).unwrap_or(i64::MAX);
            whole_grains(server.saturating_sub(lasts)).max(NAME_SECONDS_MIN)
        } else {
            moved
        };
        Some(self.remember(id, corrected))
    }

    /// No two recordings get the same time.
    fn remember(&mut self, id: RecordingId, mut corrected: i64) -> i64 {
        while self.corrected.values().any(|other| *other == corrected)
            && corrected > NAME_SECONDS_MIN
        {
            corrected -= 1;
        }
        if self.corrected.len() >= CORRECTED_MAX {
            self.corrected.pop_first();
        }
        self.corrected.insert(id, corrected);
        corrected
    }
}

const fn whole_grains(seconds: i64) -> i64 {
    seconds.div_euclid(GRAIN_SECONDS) * GRAIN_SECONDS
}

/// Whether a server whose clock shows `server` refuses a name of this time.
const fn is_refused(seconds: i64, server: i64) -> bool {
    seconds > server || seconds < NAME_SECONDS_MIN
}

/// The server's clock as an answer tells it, in seconds since the Unix epoch.
fn date(reply: &HttpReply) -> Option<i64> {
    let date = parse_http_date(reply.date.as_deref()?.trim()).ok()?;
    let since = date.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok().filter(|server| *server > NAME_SECONDS_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-04-04T00:00:00Z.
    const NOW: i64 = 1_775_260_800;
    const YEAR: i64 = 31_536_000;
    const MINUTE: Duration = Duration::from_secs(60);

    fn known(ahead: i64) -> Known {
        Known { ahead: Some(ahead), corrected: BTreeMap::new() }
    }

    fn id(number: u32) -> RecordingId {
        RecordingId::new(1, number)
    }

    #[test]
    fn a_time_that_the_server_takes_is_never_touched() {
        for ahead in [-3_600, 0, 3_600, YEAR] {
            let own = NOW + ahead.min(0) - 120;
            assert_eq!(known(ahead).start(id(1), own, MINUTE, NOW), None, "{ahead}");
        }
        let unheard = Known::default().start(id(1), NOW + YEAR, MINUTE, NOW);
        assert_eq!(unheard, None, "nobody knows better yet");
        assert_eq!(known(0).start(id(1), NOW + 4, MINUTE, NOW), None, "a second is no difference");
    }

    #[test]
    fn a_time_ahead_of_the_server_moves_by_the_difference_of_the_clocks() {
        let mut fast = known(-YEAR);
        assert_eq!(fast.start(id(1), NOW - 120, MINUTE, NOW), Some(NOW - 120 - YEAR));
        fast.ahead = Some(-YEAR + 2);
        let again = fast.start(id(1), NOW - 120, MINUTE, NOW + 600);
        assert_eq!(again, Some(NOW - 120 - YEAR), "the same recording keeps its name");
    }

    #[test]
    fn a_time_before_2024_moves_forward_by_the_difference_of_the_clocks() {
        assert_eq!(known(NOW).start(id(1), 1_000, MINUTE, 1_200), Some(NOW + 1_000));
    }

    #[test]
    fn a_clock_that_was_put_right_since_leaves_the_time_of_the_upload() {
        let mut right = known(0);
        assert_eq!(right.start(id(1), NOW + YEAR, MINUTE, NOW), Some(NOW - 60));
        assert_eq!(right.start(id(2), 1_000, MINUTE, NOW), Some(NOW - 61), "no two are the same");
    }

    #[test]
    fn a_refusal_over_the_names_time_ends_nothing_and_any_other_does() {
        let names = Names::default();
        let reply = |status, date: Option<&str>| HttpReply {
            status,
            retry_after: None,
            date: date.map(String::from),
            limit_reason: None,
            body: bytes::Bytes::new(),
        };
        let midnight = Some("Sat, 04 Apr 2026 00:00:00 GMT");
        let at = |seconds: i64| WallTime::from_unix_micros(seconds * 1_000_000);
        let refused = || Verdict::Fails { reason: String::from("malformed (400)") };
        for (status, date, sent, ends) in [
            (400, midnight, NOW + 1, false),
            (400, midnight, 1_000, false),
            (400, midnight, NOW, true),
            (422, midnight, NOW + 1, true),
            (400, None, NOW + 1, true),
            (400, Some("Thu, 01 Jan 1970 00:00:00 GMT"), NOW, true),
        ] {
            let judged = names.judge(&reply(status, date), at(sent), refused());
            assert_eq!(judged == refused(), ends, "{status} {date:?} {sent}");
        }
        names.heard(&reply(200, midnight), at(NOW + 3));
        assert_eq!(names.known().ahead, Some(0));
        names.heard(&reply(200, midnight), at(NOW + 100));
        assert_eq!(names.known().ahead, Some(-100));
    }
}
