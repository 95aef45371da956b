use std::os::unix::process::ExitStatusExt;

use crate::harness::{Room, command, earmark, listed};

const START: &str = r#"{"at": 0, "do": "capture.start", "device": "pendant", "codec": "pcm8"}"#;

#[test]
fn a_report_of_simulated_time_goes_to_standard_output() {
    let room = Room::new();
    let feed = room.feed(
        "feed.jsonl",
        &[
            START,
            r#"{"at": 0, "do": "frames", "device": "pendant", "count": 6000}"#,
            r#"{"at": 61, "do": "expect", "frames": {"captured": 6000}}"#,
        ],
    );
    let ran = earmark(&["play", &feed, "--until", "end"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let report = ran.json();
    assert_eq!(report["version"], 1);
    assert_eq!(report["expectations"][0]["held"], true);
}

#[test]
fn an_expectation_that_fails_exits_1_and_the_report_says_what_was_found() {
    let room = Room::new();
    let feed = room
        .feed("feed.jsonl", &[START, r#"{"at": 1, "do": "expect", "frames": {"captured": 1}}"#]);
    let report = room.text("report.json");
    let ran = earmark(&["play", &feed, "--report", &report]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""));
    let written = std::fs::read_to_string(report).expect("the report is written");
    assert!(written.contains(r#""captured": 0"#), "{written}");
}

#[test]
fn a_line_that_cannot_be_carried_out_ends_a_feed_with_a_report_of_what_came_before() {
    let room = Room::new();
    let lines = [
        START,
        r#"{"at": 0, "do": "frames", "device": "pendant", "count": 5, "pace": false}"#,
        r#"{"at": 0.5, "do": "user.delete", "recording": 7}"#,
    ];
    let (feed, report) = (room.feed("feed.jsonl", &lines), room.text("report.json"));
    for clock in ["virtual", "real"] {
        let ran = earmark(&["play", &feed, "--clock", clock, "--report", &report]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains("no such recording: 1 are there"), "{}", ran.err);
        let written = std::fs::read_to_string(&report).expect("the report is written");
        assert!(written.contains(r#""captured": 5"#), "{written}");
        std::fs::remove_file(&report).expect("it is there");
    }
    let over = earmark(&["play", &feed, "--report", &feed]);
    assert_eq!(over.code, Some(2), "{over:?}");
    let kept = std::fs::read_to_string(&feed).expect("the feed is there");
    assert_eq!(kept, lines.join("\n"));
}

#[test]
fn a_recording_that_is_captured_yet_is_shown_where_its_frames_are() {
    let room = Room::new();
    let feed = room.feed(
        "feed.jsonl",
        &[
            START,
            r#"{"at": 0, "do": "frames", "device": "pendant", "count": 5, "pace": false}"#,
            r#"{"at": 2, "do": "kill"}"#,
        ],
    );
    let store = room.text("store");
    assert_eq!(earmark(&["play", &feed, "--clock", "real", "--data-dir", &store]).code, None);
    let capturing = &listed(&store)[0];
    assert_eq!(capturing["status"], "capturing");
    let shown = earmark(&["show", crate::harness::id(capturing), "--data-dir", &store]);
    assert!(shown.out.contains("in journal/ until it is sealed"), "{}", shown.out);
}

const UPLOADED: &str = r#""uploads": [{"conversation": "A", "frames": 20, "times": 1}]"#;

fn message(at: f64, kind: &str) -> String {
    let text = format!(r#"{{"type": "{kind}", "memory": {{"id": "A"}}}}"#);
    format!(r#"{{"at": {at}, "do": "server.message", "text": {text}}}"#)
}

#[test]
fn in_real_time_frames_go_over_a_real_socket_and_what_was_missed_is_uploaded() {
    let room = Room::new();
    let feed = room.feed(
        "feed.jsonl",
        &[
            START,
            r#"{"at": 0, "do": "frames", "device": "pendant", "count": 20, "pace": false}"#,
            r#"{"at": 0.2, "do": "socket.up", "device": "pendant"}"#,
            r#"{"at": 1, "do": "frames", "device": "pendant", "count": 30, "seed": 1}"#,
            &message(1.6, "memory_processing_started"),
            &message(1.7, "memory_created"),
            &format!(
                r#"{{"at": 2.5, "do": "expect", "server": {{"live_frames": 30, {UPLOADED}}}}}"#
            ),
        ],
    );
    let ran = earmark(&["play", &feed, "--clock", "real", "--until", "end"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn a_kill_ends_the_process_for_real_and_what_was_written_is_still_there() {
    let room = Room::new();
    let feed = room.feed(
        "feed.jsonl",
        &[
            START,
            r#"{"at": 0, "do": "frames", "device": "pendant", "count": 40, "pace": false}"#,
            r#"{"at": 1, "do": "kill"}"#,
            r#"{"at": 2, "do": "restart"}"#,
        ],
    );
    let store = room.text("store");
    let mut command = command(&["play", &feed, "--clock", "real", "--data-dir", &store]);
    let output = command.output().expect("it starts");
    assert_eq!(output.status.signal(), Some(9));
    assert!(output.stdout.is_empty());
    let recordings = listed(&store);
    assert_eq!(recordings.len(), 1);
    assert_eq!(
        (&recordings[0]["status"], &recordings[0]["frames"]),
        (&"capturing".into(), &40.into())
    );
}

#[test]
fn in_real_time_a_socket_that_the_server_breaks_comes_up_again_until_the_feed_takes_it_down() {
    let room = Room::new();
    let feed = room.feed(
        "feed.jsonl",
        &[
            START,
            r#"{"at": 0, "do": "socket.up", "device": "pendant"}"#,
            r#"{"at": 0.5, "do": "frames", "device": "pendant", "count": 1200}"#,
            r#"{"at": 1.5, "do": "server.restart"}"#,
            // At most a hundred were sent before.
            r#"{"at": 11, "do": "expect", "server": {"live_frames": {"min": 101}}}"#,
            r#"{"at": 11, "do": "socket.down", "device": "pendant"}"#,
            r#"{"at": 11.5, "do": "server.restart"}"#,
            r#"{"at": 14, "do": "expect", "frames": {"captured": 1200}}"#,
        ],
    );
    let ran = earmark(&["play", &feed, "--clock", "real", "--until", "end"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let report = ran.json();
    let timeline = report["timeline"].as_array().expect("a list");
    let news = timeline.iter().filter_map(|entry| entry["what"].as_str());
    let news: Vec<&str> = news.filter(|what| what.starts_with("socket_")).collect();
    assert_eq!(news, ["socket_up", "socket_down", "socket_up", "socket_down"]);
}

#[test]
fn in_real_time_what_the_store_held_before_is_counted_as_captured() {
    let room = Room::new();
    let store = room.recorded();
    let feed = room.feed(
        "feed.jsonl",
        &[
            START,
            r#"{"at": 0, "do": "frames", "device": "pendant", "count": 20, "pace": false}"#,
            r#"{"at": 0.1, "do": "expect", "frames": {"captured": 70, "held": 70, "rejected": 0}}"#,
        ],
    );
    let flags = ["play", &feed, "--clock", "real", "--until", "end", "--data-dir", &store];
    let ran = earmark(&flags);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let recordings = listed(&store);
    assert!(recordings.iter().all(|one| one["sha256"].is_string()), "{recordings:?}");
}

#[test]
fn in_real_time_frames_come_while_an_expectation_is_waited_for() {
    let room = Room::new();
    let feed = room.feed(
        "feed.jsonl",
        &[
            START,
            r#"{"at": 0, "do": "frames", "device": "pendant", "count": 100}"#,
            // When it is looked at first there are ten frames.
            r#"{"at": 0.1, "do": "expect", "frames": {"captured": {"min": 15}}}"#,
            // No frame comes before a line that comes first.
            r#"{"at": 0.2, "do": "expect", "frames": {"captured": {"min": 40}}}"#,
            r#"{"at": 0.3, "do": "frames", "device": "pendant", "count": 1, "pace": false}"#,
            r#"{"at": 1.5, "do": "expect", "frames": {"captured": 101, "held": 101}}"#,
        ],
    );
    let ran = earmark(&["play", &feed, "--clock", "real", "--until", "end"]);
    let report = ran.json();
    let held = |place: usize| &report["expectations"][place]["held"];
    assert_eq!([held(0), held(1), held(2)], [true, false, true], "{}", report["expectations"]);
    assert_eq!(report["expectations"][1]["found"]["frames"]["captured"], 30);
}
