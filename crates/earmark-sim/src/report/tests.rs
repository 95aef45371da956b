use earmark::Event;
use earmark_core::{Account, ConversationId, Device, RecordingId, WallTime};
use proptest::prelude::*;

use super::*;

/// A report in which every field has a value of its own.
pub(crate) const REPORT: &str = r#"{
  "version": 1,
  "ended_at": 29.999,
  "recordings": [
    {
      "id": "r-00000001-1",
      "device": "pen",
      "account": "default",
      "session": "s-00000001-1",
      "conversation": "c1",
      "started_at": 1775260800.25,
      "duration_s": 30,
      "frames": 3000,
      "bytes": 252000,
      "sha256": "ab",
      "status": "synced",
      "reason": null,
      "attempts": 0,
      "next_attempt_at": null
    },
    {
      "id": "r-00000001-2",
      "device": "pen",
      "account": "default",
      "session": "s-00000001-2",
      "conversation": null,
      "started_at": 1775260830,
      "duration_s": 0.01,
      "frames": 1,
      "bytes": 84,
      "sha256": null,
      "status": "retrying",
      "reason": "the server could not read it",
      "attempts": 1,
      "next_attempt_at": 34.5
    }
  ],
  "uploads": [
    {
      "at": 20,
      "recording": "r-00000001-1",
      "conversation": "c1",
      "attempt": 1,
      "frames": 3000,
      "outcome": 202
    },
    {
      "at": 21,
      "recording": "r-00000001-2",
      "conversation": null,
      "attempt": 1,
      "frames": 1,
      "outcome": "lost"
    },
    {
      "at": 22,
      "recording": "r-00000001-2",
      "conversation": null,
      "attempt": 2,
      "frames": 1,
      "outcome": null
    }
  ],
  "server": {
    "uploads": [
      {
        "name": "audio_pen.bin",
        "conversation": "c1",
        "frames": 3000,
        "sha256": "ab",
        "times": 1
      }
    ],
    "live_frames": 12
  },
  "frames": {
    "captured": 3001,
    "muted": 0,
    "rejected": 0,
    "lost": 0,
    "held": 1,
    "released": 0,
    "uploaded": 3000,
    "durable": 3001,
    "delivered": 12
  },
  "indicator": {
    "in_memory_s": 0,
    "on_disk_s": 0.01,
    "unsynced_s": 0.01
  },
  "sessions": [
    {
      "id": "s-00000001-1",
      "device": "pen",
      "state": "awaiting_conversation",
      "conversation": "c1",
      "fallback_fired": true
    }
  ],
  "events": {
    "ignored": 2,
    "unexpected": 0
  },
  "timeline": [
    {
      "at": 0,
      "actor": "feed",
      "what": "capture.start",
      "device": "pen"
    }
  ],
  "expectations": [
    {
      "line": 7,
      "held": true,
      "found": null
    }
  ]
}
"#;

fn report() -> Report {
    serde_json::from_str(REPORT).unwrap()
}

#[test]
fn a_report_is_written_with_its_keys_in_order_and_reads_back() {
    assert_eq!(report().to_json(), REPORT);
}

#[test]
fn a_server_that_cannot_be_asked_is_null() {
    let report = Report { server: None, ..report() };
    assert!(report.to_json().contains("\"server\": null"));
}

#[test]
fn seconds_are_the_shortest_number_that_says_them() {
    for (micros, text) in [
        (0, "0"),
        (30_000_000, "30"),
        (29_999_000, "29.999"),
        (100_000, "0.1"),
        (1, "1e-6"),
        (-500_000, "-0.5"),
        (1_775_260_800_123_456, "1775260800.123456"),
    ] {
        assert_eq!(Seconds::from_micros(micros).to_string(), text);
    }
    let started = Seconds::from(WallTime::from_unix_micros(1_775_260_800_000_000));
    assert_eq!(serde_json::to_string(&started).unwrap(), "1775260800");
}

#[test]
fn seconds_beyond_all_counting_are_no_seconds() {
    for text in ["1e300", "\"3\"", "null"] {
        assert!(serde_json::from_str::<Seconds>(text).is_err(), "{text}");
    }
}

#[test]
fn an_outcome_is_a_number_or_a_word() {
    for (text, outcome) in [
        ("503", Some(Outcome::Status(503))),
        ("\"refused\"", Some(Outcome::Refused)),
        ("\"reset\"", Some(Outcome::Reset)),
        ("\"timeout\"", Some(Outcome::Timeout)),
        ("\"lost\"", Some(Outcome::Lost)),
        ("null", None),
    ] {
        assert_eq!(serde_json::from_str::<Option<Outcome>>(text).unwrap(), outcome);
        assert_eq!(serde_json::to_string(&outcome).unwrap(), text);
    }
    assert!(serde_json::from_str::<Outcome>("\"gone\"").is_err());
}

/// F146.
#[test]
fn the_names_of_statuses_and_states_are_those_that_are_written() {
    let text = |names: &[&str]| serde_json::to_string(names).unwrap();
    let statuses: Vec<Status> = serde_json::from_str(&text(&Status::NAMES)).unwrap();
    assert_eq!(serde_json::to_string(&statuses).unwrap(), text(&Status::NAMES));
    let states: Vec<SessionState> = serde_json::from_str(&text(&SessionState::NAMES)).unwrap();
    assert_eq!(serde_json::to_string(&states).unwrap(), text(&SessionState::NAMES));
}

#[test]
fn a_report_is_good_when_every_expectation_held_or_else_when_no_recording_ended_badly() {
    let mut failed = report();
    failed.recordings[1].status = Status::Failed;
    assert!(failed.is_good(), "the feed's expectations are what counts");
    failed.expectations[0].held = false;
    assert!(!failed.is_good());
    failed.expectations.clear();
    assert!(!failed.is_good());
    failed.recordings[1].status = Status::Pending;
    assert!(failed.is_good());
}

const LIMIT: i64 = (1 << 32) * 1_000_000;

proptest! {
    #[test]
    fn seconds_read_back_as_they_were_written(micros in -LIMIT..=LIMIT) {
        let seconds = Seconds::from_micros(micros);
        let text = seconds.to_string();
        prop_assert_eq!(serde_json::from_str::<Seconds>(&text).unwrap(), seconds);
        let fraction = text.split_once('.').map_or(0, |(_, digits)| digits.len());
        prop_assert!(fraction <= 6, "{}", text);
    }
}

const DOCUMENT: &str = include_str!("../../../../docs/feeds.md");

/// What the document says of an entry of the timeline: its fields.
fn documented(what: &str) -> Option<Vec<&'static str>> {
    let row = DOCUMENT.lines().find_map(|line| line.strip_prefix(&format!("| `{what}` | ")))?;
    Some(row.split(" | ").next()?.split('`').skip(1).step_by(2).collect())
}

#[test]
fn every_entry_of_a_timeline_is_documented_with_its_fields() {
    let device = || Device::new("pendant").expect("a name");
    let account = || Account::new("default").expect("a name");
    let (recording, reason): (RecordingId, _) =
        ("r-00000000-1".parse().expect("an id"), String::from("why"));
    let conversation = ConversationId::new("C").expect("a name");
    let live = |closed| Event::SocketChanged { device: device(), account: account(), closed };
    for event in [
        Event::SessionChanged {
            session: "s-00000000-1".parse().expect("an id"),
            device: device(),
            state: "sealing",
            conversation: None,
            fallback_fired: false,
        },
        Event::RecordingLinked { recording, conversation },
        Event::RecordingSealed { recording, frames: 1 },
        Event::NotSaved { recording, reason: reason.clone() },
        Event::UploadStarted { recording, conversation: None, attempt: 1, frames: 1 },
        Event::UploadEnded { recording, attempt: 1, outcome: earmark::Outcome::Status(200) },
        Event::RecordingRemoved { recording, why: "deleted" },
        Event::FramesRefused { reason: reason.clone() },
        Event::FramesTakenAgain,
        Event::DiskTaskFailed { task: String::from("seal"), reason: reason.clone() },
        live(None),
        live(Some(1_006)),
        Event::LiveChanged { device: device(), account: account(), state: "waiting", reason: None },
        Event::NetworkChanged { online: true },
        Event::Ignored { why: reason },
        Event::Unexpected { state: "sealing", event: "linked" },
        Event::Panicked { actor: "WalStore" },
    ] {
        let (what, fields) = told(&event);
        let is_up = what == "socket_up";
        let fields = fields.as_object().cloned().unwrap_or_default();
        let mut told: Vec<&str> = fields.keys().map(String::as_str).collect();
        // That it came up has no code.
        told.retain(|field| !(is_up && *field == "code"));
        let mut documented = documented(what).unwrap_or_else(|| panic!("{what} is not documented"));
        documented.sort_unstable();
        told.sort_unstable();
        assert_eq!(documented, told, "{what}");
    }
}
