use std::io::{Read, Write};
use std::net::TcpListener;

use crate::harness::{Room, earmark};

const START: &str = r#"{"at": 0, "do": "capture.start", "device": "pendant", "codec": "opus"}"#;

#[test]
fn a_bad_feed_is_refused_by_file_and_line_before_anything_is_written() {
    let room = Room::new();
    let feed = room.feed("feed.jsonl", &[START, r#"{"at": 1, "do": "capture.stopp"}"#]);
    let (report, store) = (room.text("report.json"), room.text("store"));
    for clock in ["virtual", "real"] {
        let mut flags = vec!["play", &feed, "--clock", clock, "--report", &report];
        if clock == "real" {
            flags.extend(["--data-dir", &store]);
        }
        let ran = earmark(&flags);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{ran:?}");
        assert!(
            ran.err.contains("feed.jsonl:2:") && ran.err.contains("capture.stop"),
            "{}",
            ran.err
        );
        assert!(!room.path("report.json").exists() && !room.path("store").exists());
    }
}

#[test]
fn what_is_no_text_is_refused_by_its_line() {
    let room = Room::new();
    let feed = room.feed("feed.jsonl", &[START, ""]);
    let bytes = [START.as_bytes(), b"\n# \xff\n"].concat();
    std::fs::write(&feed, bytes).expect("it is written");
    let ran = earmark(&["play", &feed]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("feed.jsonl:2: ") && ran.err.contains("UTF-8"), "{}", ran.err);
}

#[test]
fn what_only_a_simulation_can_do_is_refused_in_real_time() {
    let room = Room::new();
    let store = room.text("store");
    for line in [
        r#"{"at": 1, "do": "disk.full"}"#,
        r#"{"at": 1, "do": "power.cut"}"#,
        r#"{"at": 1, "do": "clock.jump", "seconds": 60}"#,
        r#"{"at": 1, "do": "server.respond", "queue": [{"status": 200}, {"fault": "tls"}]}"#,
    ] {
        let feed = room.feed("feed.jsonl", &[START, line]);
        let ran = earmark(&["play", &feed, "--clock", "real", "--data-dir", &store]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.err.contains("feed.jsonl:2:"), "{}", ran.err);
        assert_eq!(line.contains("tls"), ran.err.contains("the fault \"tls\""), "{}", ran.err);
        assert!(!room.path("store").exists());
    }
}

#[test]
fn flags_that_do_not_fit_are_refused_by_name() {
    let room = Room::new();
    let feed = room.feed("feed.jsonl", &[START]);
    let store = room.text("store");
    for (flags, told) in [
        (vec!["play", &feed, "--data-dir", &store], "--data-dir"),
        (vec!["play", &feed, "--server", "http://127.0.0.1:1"], "--server"),
        (vec!["play", &feed, "--clock", "real", "--server", "ftp://a"], "ftp:"),
        (vec!["play", &feed, "--clock", "sundial"], "sundial"),
        (vec!["play", &feed, "--seed", "-1"], "-1"),
        (vec!["play", "no-such-feed.jsonl"], "no-such-feed.jsonl"),
        (vec!["play", &feed, "--report", "no-such-folder/report.json"], "no-such-folder"),
        (vec!["sync", "--data-dir", &store], "--server"),
        (vec!["sync", "--server", "http://a", "--patience", "0"], "--patience"),
        (vec!["sync", "--config", "no-such.toml"], "no-such.toml"),
        (vec!["retry"], "<ID>"),
        (vec!["delete", "../../etc/passwd"], "r-1f3a9c2e-7"),
        (vec!["list", "--xml"], "--xml"),
        (vec!["fly"], "fly"),
    ] {
        let ran = earmark(&flags);
        assert_eq!(ran.code, Some(2), "{flags:?}: {ran:?}");
        assert!(ran.err.contains(told), "{flags:?}: {}", ran.err);
        assert!(!room.path("store").exists(), "{flags:?}");
    }
}

#[test]
fn a_feed_that_scripts_somebody_elses_server_is_refused() {
    let room = Room::new();
    let feed = room.feed(
        "feed.jsonl",
        &[START, r#"{"at": 1, "do": "server.respond", "queue": [{"status": 500}]}"#],
    );
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("somebody asks");
        let mut request = [0; 1_024];
        let read = stream.read(&mut request).expect("a request");
        stream
            .write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
            .expect("it listens");
        String::from_utf8_lossy(&request[..read]).into_owned()
    });
    let store = room.text("store");
    let flags = ["play", &feed, "--clock", "real", "--server", &url, "--data-dir", &store];
    let ran = earmark(&flags);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("feed.jsonl:2:") && ran.err.contains("404"), "{}", ran.err);
    assert!(!room.path("store").exists());
    assert!(serving.join().expect("it served").starts_with("POST /earmark/do "));
}

#[test]
fn a_word_that_is_no_level_is_refused_and_not_taken_for_silence() {
    let room = Room::new();
    let text =
        "[server]\nurl = \"http://a\"\n[source.a]\nkind = \"stdin\"\n[log]\nlevel = \"noise\"\n";
    std::fs::write(room.path("earmark.toml"), text).expect("it is written");
    let ran = earmark(&["run", "--config", &room.text("earmark.toml")]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("level") && ran.err.contains("off, error, warn, info"), "{}", ran.err);
}

#[test]
fn for_machines_what_ends_a_program_is_a_line_of_json_too() {
    let room = Room::new();
    let ran = earmark(&["run", "--log-format", "json", "--config", &room.text("earmark.toml")]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    let line: serde_json::Value = serde_json::from_str(&ran.err).expect("one line of JSON");
    let message = line["fields"]["message"].as_str().expect("a text");
    assert!(message.contains("earmark.toml"), "{message}");
}
