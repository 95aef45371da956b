//! The metrics, in Prometheus' text format. `docs/operations.md` has each of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::host::board::{Facts, LOG_LINES_DROPPED, LOG_LINES_LEFT_OUT, SourceFacts};
use crate::host::room::Room;

/// A metric's name, its type, and what it tells.
type Metric = (&'static str, &'static str, &'static str);

macro_rules! metrics {
    ($($constant:ident = $name:literal, $kind:literal, $help:literal;)*) => {
        $(const $constant: Metric = ($name, $kind, $help);)*
        /// Every metric, for the test that compares them with their document.
        #[cfg(test)]
        const NAMES: &[Metric] = &[$($constant),*];
    };
}

metrics! {
    BUILD = "earmark_build_info", "gauge", "1; the label says which version runs.";
    HEALTHY = "earmark_healthy", "gauge", "Whether nothing wants a person: 1 or 0.";
    CAPTURED = "earmark_frames_captured_total", "counter", "Frames offered to the runtime.";
    MUTED = "earmark_frames_muted_total", "counter", "Frames let go, the device being muted.";
    REJECTED = "earmark_frames_rejected_total", "counter", "Frames the runtime gave back.";
    RELEASED = "earmark_frames_released_total", "counter",
        "Frames let go without an upload, by policy or by a person.";
    UPLOADED = "earmark_frames_uploaded_total", "counter", "Frames the server has confirmed.";
    DELIVERED = "earmark_frames_delivered_total", "counter",
        "Frames proven delivered over a live socket.";
    HELD = "earmark_frames_held", "gauge", "Frames that the host alone has.";
    IN_MEMORY = "earmark_audio_in_memory_seconds", "gauge", "Audio that is not on disk yet.";
    ON_DISK = "earmark_audio_on_disk_seconds", "gauge", "Audio on disk that is not confirmed.";
    UNSYNCED = "earmark_audio_unsynced_seconds", "gauge",
        "Audio that the server does not have, as far as is known.";
    RECORDINGS = "earmark_recordings", "gauge", "Recordings in the store, by status.";
    SESSIONS = "earmark_sessions", "gauge", "Sessions in the store, by state.";
    IGNORED = "earmark_events_ignored_total", "counter", "Events without an effect.";
    UNEXPECTED = "earmark_events_unexpected_total", "counter", "Defects: always 0.";
    DAMAGE = "earmark_store_damaged_places", "gauge", "Places that recovery found damaged.";
    STORE = "earmark_store_bytes", "gauge", "What the store's files hold.";
    FREE = "earmark_disk_free_bytes", "gauge", "What the store's disk has left.";
    FULL = "earmark_store_full", "gauge", "Whether frames are refused for want of room: 1 or 0.";
    REQUESTS = "earmark_upload_requests_total", "counter", "Uploads that ended, by outcome.";
    NETWORK = "earmark_network_up", "gauge", "Whether the network is usable: 1 or 0.";
    SOCKET = "earmark_live_socket_up", "gauge", "Whether a live socket is up: 1 or 0.";
    DOWNS = "earmark_live_socket_downs_total", "counter", "How often a live socket went down.";
    FRUITLESS = "earmark_live_socket_fruitless_total", "counter",
        "Connections of it that brought nothing though frames were expected.";
    OFFERED = "earmark_source_frames_offered_total", "counter", "Frames a source has offered.";
    TAKEN = "earmark_source_frames_taken_total", "counter", "Frames of it that were taken.";
    LOST = "earmark_source_frames_refused_total", "counter", "Frames of it that were lost.";
    IS_MUTED = "earmark_source_muted", "gauge", "Whether a source's device is muted: 1 or 0.";
    FAILING = "earmark_source_failing", "gauge", "Whether a source fails: 1 or 0.";
    SIGN_IN = "earmark_accounts_waiting", "gauge", "Accounts that must sign in again.";
    LEFT_OUT = "earmark_log_lines_left_out_total", "counter", "Repeated lines that were left out.";
    DROPPED = "earmark_log_lines_dropped_total", "counter",
        "Lines that were dropped, standard error not being read.";
}

/// A page on its way.
struct Page(String);

impl Page {
    fn head(&mut self, (name, kind, help): Metric) {
        // Writing to a text cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn one(&mut self, metric: Metric, value: impl std::fmt::Display) {
        self.head(metric);
        let _ = writeln!(self.0, "{} {value}", metric.0);
    }

    fn labelled(&mut self, metric: Metric, labels: &[(&str, &str)], value: u64) {
        let labels = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
        let labels: Vec<String> = labels.collect();
        let _ = writeln!(self.0, "{}{{{}}} {value}", metric.0, labels.join(","));
    }

    fn seconds(&mut self, metric: Metric, value: Duration) {
        self.one(metric, value.as_secs_f64());
    }

    fn counted(&mut self, metric: Metric, label: &str, counts: &BTreeMap<&'static str, u64>) {
        self.head(metric);
        for (word, count) in counts {
            self.labelled(metric, &[(label, word)], *count);
        }
    }
}

/// A value as it may stand between quotes.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// The whole page.
pub(super) fn text(facts: &Facts, room: &Room, now: Instant) -> String {
    let mut page = Page(String::new());
    page.head(BUILD);
    page.labelled(BUILD, &[("version", env!("CARGO_PKG_VERSION"))], 1);
    page.one(HEALTHY, u8::from(facts.troubles(now).is_empty()));
    of_runtime(&mut page, facts);
    let usage = room.usage();
    page.one(STORE, usage.store_bytes);
    page.one(FREE, usage.free_bytes);
    page.one(FULL, u8::from(room.is_full() || facts.is_full()));
    of_network(&mut page, facts);
    for source in [OFFERED, TAKEN, LOST, IS_MUTED, FAILING] {
        of_sources(&mut page, facts, source);
    }
    page.one(SIGN_IN, facts.needs_sign_in.len());
    page.one(LEFT_OUT, LOG_LINES_LEFT_OUT.load(Ordering::Relaxed));
    page.one(DROPPED, LOG_LINES_DROPPED.load(Ordering::Relaxed));
    page.0
}

fn of_runtime(page: &mut Page, facts: &Facts) {
    let status = &facts.status;
    let frames = status.frames;
    for (metric, value) in [
        (CAPTURED, frames.captured),
        (MUTED, frames.muted),
        (REJECTED, frames.rejected),
        (RELEASED, frames.released),
        (UPLOADED, frames.uploaded),
        (DELIVERED, frames.delivered),
        (HELD, frames.held),
        (IGNORED, status.events.ignored),
        (UNEXPECTED, status.events.unexpected),
        (DAMAGE, status.damage as u64),
    ] {
        page.one(metric, value);
    }
    page.seconds(IN_MEMORY, status.indicator.in_memory);
    page.seconds(ON_DISK, status.indicator.on_disk);
    page.seconds(UNSYNCED, status.indicator.unsynced);
    page.counted(RECORDINGS, "status", &facts.recordings);
    page.counted(SESSIONS, "state", &facts.sessions);
}

fn of_network(page: &mut Page, facts: &Facts) {
    page.head(REQUESTS);
    for (outcome, count) in &facts.requests {
        page.labelled(REQUESTS, &[("outcome", outcome)], *count);
    }
    page.one(NETWORK, u8::from(!facts.is_offline));
    for metric in [SOCKET, DOWNS] {
        page.head(metric);
        for ((device, account), (downs, is_up)) in &facts.sockets {
            let labels = [("device", device.as_str()), ("account", account.as_str())];
            let value = if metric == SOCKET { u64::from(*is_up) } else { *downs };
            page.labelled(metric, &labels, value);
        }
    }
    page.head(FRUITLESS);
    for socket in &facts.status.sockets {
        let labels = [("device", socket.device.as_str()), ("account", socket.account.as_str())];
        page.labelled(FRUITLESS, &labels, socket.fruitless);
    }
}

fn of_sources(page: &mut Page, facts: &Facts, metric: Metric) {
    let value = |source: &SourceFacts| {
        let counts = &source.counts;
        match metric {
            OFFERED => counts.offered.load(Ordering::Relaxed),
            TAKEN => counts.taken.load(Ordering::Relaxed),
            LOST => counts.refused.load(Ordering::Relaxed),
            IS_MUTED => u64::from(source.is_muted),
            _ => u64::from(source.fault.is_some()),
        }
    };
    page.head(metric);
    for (name, source) in &facts.sources {
        let labels = [("source", name.as_str()), ("device", source.device.as_str())];
        page.labelled(metric, &labels, value(source));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = include_str!("../../../../../docs/operations.md");

    #[test]
    fn the_document_has_every_metric_and_no_other() {
        let rows = DOCUMENT.lines().filter(|line| line.starts_with("| `earmark_"));
        let row = |(name, kind, help): &Metric| format!("| `{name}` | {kind} | {help} |");
        let expected: Vec<String> = NAMES.iter().map(row).collect();
        assert_eq!(rows.collect::<Vec<_>>(), expected, "expected:\n{}", expected.join("\n"));
    }

    #[test]
    fn a_hostile_name_stays_within_its_quotes() {
        assert_eq!(escaped("a\"} 1\nb\\"), "a\\\"} 1\\nb\\\\");
    }
}
