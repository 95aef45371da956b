mod properties;
mod reference;
mod refusals;
mod sounds;

use std::time::Duration;

use earmark_backend::ServerAction;
use earmark_core::{Account, Codec, Device, Encoding};

use super::*;

const START: &str = r#"{"at": 0, "do": "capture.start", "device": "pen", "codec": "opus"}"#;

fn feed(lines: &[&str]) -> Feed {
    Feed::parse("x.feed", &lines.join("\n")).unwrap()
}

fn actions(lines: &[&str]) -> Vec<Action> {
    feed(lines).lines.into_iter().map(|line| line.action).collect()
}

fn last(lines: &[&str]) -> Action {
    actions(lines).pop().unwrap()
}

fn pen() -> Device {
    Device::new("pen").unwrap()
}

#[test]
fn a_field_that_is_left_out_has_its_default() {
    assert_eq!(
        last(&[START]),
        Action::CaptureStart {
            device: pen(),
            account: Account::new("default").unwrap(),
            encoding: Encoding::mono_16k(Codec::Opus),
        }
    );
    assert_eq!(
        last(&[START, r#"{"at": 0, "do": "frames", "device": "pen", "count": 7}"#]),
        Action::Frames { device: pen(), count: 7, bytes: 80, seed: 0, pace: true }
    );
    assert_eq!(
        last(&[START, r#"{"at": 0, "do": "socket.down"}"#]),
        Action::SocketDown { device: pen(), code: 1006 }
    );
    assert_eq!(
        last(&[r#"{"at": 0, "do": "disk.fault", "op": "sync", "error": "EIO"}"#]),
        Action::DiskFault { op: DiskOp::Sync, error: DiskError::Eio, times: Times::Count(1) }
    );
    assert_eq!(
        last(&[r#"{"at": 0, "do": "file.damage", "recording": -1}"#]),
        Action::FileDamage { recording: RecordingRef::Index(-1), offset: 0, bits: 1 }
    );
}

#[test]
fn pcm_frames_are_as_long_as_every_frame_of_their_codec() {
    let start = r#"{"at": 0, "do": "capture.start", "device": "pen", "codec": "pcm16"}"#;
    assert_eq!(
        last(&[start, r#"{"at": 0, "do": "frames", "count": 7, "device": "pen"}"#]),
        Action::Frames { device: pen(), count: 7, bytes: 320, seed: 0, pace: true }
    );
}

#[test]
fn blank_lines_and_remarks_are_skipped_but_counted() {
    let feed = feed(&["# a remark", "", "  # another", START, "\r"]);
    assert_eq!(feed.lines.len(), 1);
    assert_eq!(feed.lines[0].number, 4);
}

#[test]
fn a_time_is_kept_to_the_microsecond() {
    for (text, micros) in [
        ("29.999", 29_999_000),
        ("0.1", 100_000),
        ("0.30000000000000004", 300_000),
        ("1e-6", 1),
        ("-0.0", 0),
        ("316223999.999999", 316_223_999_999_999),
    ] {
        let line = format!(r#"{{"at": {text}, "do": "kill"}}"#);
        assert_eq!(feed(&[&line]).lines[0].at.as_micros(), micros, "{text}");
    }
    assert_eq!(FeedTime::from_micros(29_999_000).unwrap().to_string(), "29.999");
    assert_eq!(FeedTime::from_micros(30_000_000).unwrap().to_string(), "30");
    assert_eq!(FeedTime::MAX.since_start(), Duration::from_secs(FEED_TIME_SECONDS_MAX));
    assert_eq!(FeedTime::from_micros(FeedTime::MAX.as_micros() + 1), None);
}

#[test]
fn a_device_need_not_be_named_while_there_is_only_one() {
    let up = r#"{"at": 0, "do": "socket.up"}"#;
    assert_eq!(last(&[START, up]), Action::SocketUp { device: pen() });
    assert_eq!(actions(&[up, START])[0], Action::SocketUp { device: pen() });
}

#[test]
fn a_line_about_a_live_socket_tells_the_server_which() {
    let message = r#"{"at": 0, "do": "server.message", "text": {"b": 1, "a": [2.5]}}"#;
    let Action::Server(ServerAction::Message { device, text }) = last(&[START, message]) else {
        panic!("it is a message");
    };
    assert_eq!(device.as_deref(), Some("pen"));
    assert_eq!(text, r#"{"a":[2.5],"b":1}"#);
}

#[test]
fn a_script_for_a_server_alone_names_no_device() {
    let stall = r#"{"at": 0, "do": "socket.stall"}"#;
    assert_eq!(last(&[stall]), Action::Server(ServerAction::Stall { device: None }));
}

#[test]
fn a_recording_is_named_by_its_id_or_its_place() {
    let retry = |which: &str| last(&[&format!(r#"{{"at": 0, "do": "user.retry", {which}}}"#)]);
    let one = |recording| Action::UserRetry { recordings: Selector::One(recording) };
    assert_eq!(retry(r#""all": true"#), Action::UserRetry { recordings: Selector::All });
    assert_eq!(retry(r#""recording": 3"#), one(RecordingRef::Index(3)));
    let id = "r-1f3a9c2e-7";
    assert_eq!(
        retry(&format!(r#""recording": "{id}""#)),
        one(RecordingRef::Id(id.parse().unwrap()))
    );
}

#[test]
fn a_negative_index_counts_from_the_end() {
    let place = |index, count| RecordingRef::Index(index).place(count);
    assert_eq!((place(0, 3), place(2, 3), place(3, 3)), (Some(0), Some(2), None));
    assert_eq!((place(-1, 3), place(-3, 3), place(-4, 3)), (Some(2), Some(0), None));
    assert_eq!(place(i64::MIN, 3), None);
}

#[test]
fn the_outside_world_goes_on_while_the_process_is_dead() {
    let dead = [
        r#"{"at": 1, "do": "capture.stop"}"#,
        r#"{"at": 1, "do": "frames", "count": 1}"#,
        r#"{"at": 1, "do": "socket.down"}"#,
        r#"{"at": 1, "do": "network.offline"}"#,
        r#"{"at": 1, "do": "power.cut"}"#,
        r#"{"at": 1, "do": "file.remove", "recording": 0}"#,
        r#"{"at": 1, "do": "expect", "frames": {"lost": 0}}"#,
        r#"{"at": 1, "do": "restart"}"#,
        START_AGAIN,
    ];
    let lines: Vec<_> = [START, r#"{"at": 1, "do": "kill"}"#].into_iter().chain(dead).collect();
    assert_eq!(feed(&lines).lines.len(), lines.len());
}

const START_AGAIN: &str = r#"{"at": 1, "do": "capture.start", "device": "pen", "codec": "opus"}"#;

#[test]
fn what_only_a_simulation_can_play_is_named() {
    assert_eq!(feed(&[START]).needs_simulation(), None);
    assert_eq!(feed(&[START]).scripts_server(), None);
    let lines = [START, "", r#"{"at": 1, "do": "clock.jump", "seconds": -3600}"#];
    assert_eq!(feed(&lines).needs_simulation(), Some((3, "clock.jump")));
    let lines = [START, r#"{"at": 1, "do": "job.respond", "queue": [{"status": 500}]}"#];
    assert_eq!(feed(&lines).scripts_server(), Some((2, "job.respond")));
    assert_eq!(feed(&lines).needs_simulation(), None);
}

#[test]
fn a_feed_is_written_as_it_would_be_read() {
    let text = feed(&[START, r#"{"at": 1.5, "do": "socket.up"}"#]).to_text();
    assert_eq!(
        text,
        concat!(
            r#"{"at":0,"do":"capture.start","account":"default","channels":1,"codec":"opus","#,
            r#""device":"pen","sample_rate":16000}"#,
            "\n",
            r#"{"at":1.5,"do":"socket.up","device":"pen"}"#,
            "\n"
        )
    );
}

#[test]
fn the_bytes_of_a_pseudo_random_frame_follow_from_seed_device_and_place_alone() {
    let frames = PseudoFrames::new(&pen(), 7, 80);
    assert_eq!(frames.frame(3), PseudoFrames::new(&pen(), 7, 80).frame(3));
    assert_eq!(frames.frame(3).len(), 80);
    let other = Device::new("watch").unwrap();
    let others = [
        frames.frame(4),
        PseudoFrames::new(&pen(), 8, 80).frame(3),
        PseudoFrames::new(&other, 7, 80).frame(3),
    ];
    assert!(others.iter().all(|other| *other != frames.frame(3)));
    assert!(PseudoFrames::new(&pen(), 7, 0).frame(0).is_empty());
}
