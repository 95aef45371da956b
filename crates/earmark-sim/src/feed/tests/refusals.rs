//! What a refused feed is told.

use super::*;

fn refusal(lines: &[&str]) -> String {
    Feed::parse("tests/feeds/x.feed", &lines.join("\n")).unwrap_err().to_string()
}

/// The message for one line after a capture has begun, without the file and line, which it checks.
fn refused(line: &str) -> String {
    refused_after(START, line)
}

fn refused_after(first: &str, line: &str) -> String {
    let message = refusal(&[first, line]);
    let place = "tests/feeds/x.feed:2: ";
    message.strip_prefix(place).unwrap_or_else(|| panic!("{message}")).to_owned()
}

#[test]
fn a_time_that_falls_is_refused_with_the_line_that_it_falls_below() {
    assert_eq!(
        refusal(&[
            START,
            r#"{"at": 4, "do": "socket.up"}"#,
            "# a remark",
            r#"{"at": 3.5, "do": "socket.down"}"#,
        ]),
        "tests/feeds/x.feed:4: \"at\" is 3.5, which is before line 2's 4: \
         expected a number not below it"
    );
}

#[test]
fn an_unknown_action_is_refused_with_the_nearest_known_one() {
    assert_eq!(
        refused(r#"{"at": 1, "do": "capture.stopp", "device": "pen"}"#),
        "\"do\" is \"capture.stopp\": expected an action; the nearest is \"capture.stop\""
    );
    assert_eq!(refused(r#"{"at": 1, "do": "sing"}"#), "\"do\" is \"sing\": expected an action");
    assert_eq!(
        refused(r#"{"at": 1}"#),
        "\"do\" is missing: expected an action, such as \"capture.start\""
    );
    assert_eq!(
        refused(r#"{"at": 1, "do": 7}"#),
        "\"do\" is 7: expected an action, such as \"capture.start\""
    );
}

#[test]
fn an_unknown_field_is_refused_with_those_that_there_are() {
    assert_eq!(
        refused(r#"{"at": 1, "do": "socket.down", "devcie": "pen"}"#),
        "\"devcie\" is no field of \"socket.down\": expected at, do, device, code; \
         the nearest is \"device\""
    );
    assert_eq!(
        refused(r#"{"at": 1, "do": "kill", "seed": 1}"#),
        "\"seed\" is no field of \"kill\": expected at, do"
    );
}

#[test]
fn a_time_that_is_none_is_refused() {
    let expected = "expected a number of seconds from 0 to 316224000";
    for at in ["-1", "\"1\"", "null", "316224000.1", "1e300", "[]"] {
        let found = if at == "1e300" { "1e+300" } else { at };
        assert_eq!(
            refused(&format!(r#"{{"at": {at}, "do": "kill"}}"#)),
            format!("\"at\" is {found}: {expected}")
        );
    }
    assert_eq!(refused(r#"{"do": "kill"}"#), format!("\"at\" is missing: {expected}"));
}

#[test]
fn a_line_that_is_no_object_is_refused() {
    let expected = "expected one JSON object with each key once";
    assert_eq!(
        refused(r#"{"at": 1, "do": "kill""#),
        format!("EOF while parsing an object at column 22: {expected}")
    );
    assert_eq!(
        refused(r#"{"at": 1, "do": "kill"} {}"#),
        format!("trailing characters at column 25: {expected}")
    );
    assert_eq!(refused("[1, 2]"), "the line is [1,2]: expected a JSON object");
    assert!(refused(&"[".repeat(1_000)).starts_with("recursion limit exceeded at column 128"));
}

#[test]
fn a_key_that_stands_twice_is_refused_wherever_it_stands() {
    let expected = "expected one JSON object with each key once";
    assert_eq!(
        refused(r#"{"at": 1, "do": "kill", "at": 2}"#),
        format!("the key \"at\" stands twice at column 28: {expected}")
    );
    let nested = r#"{"at": 1, "do": "expect", "frames": {"lost": 0, "lost": 1}}"#;
    assert!(refused(nested).starts_with("the key \"lost\" stands twice at column 54"));
}

#[test]
fn a_line_too_long_is_refused() {
    let line = format!("# {}", "x".repeat(FEED_LINE_BYTES_MAX));
    assert_eq!(refused(&line), "the line has 1048578 bytes: expected at most 1048576");
}

#[test]
fn a_feed_of_too_many_lines_is_refused() {
    let text = "\n".repeat(FEED_LINES_MAX + 1);
    assert_eq!(
        Feed::parse("x", &text).unwrap_err().to_string(),
        "x:1000001: the feed goes on: expected at most 1000000 lines"
    );
}

#[test]
fn a_feed_too_large_is_refused() {
    let text = " ".repeat(FEED_BYTES_MAX + 1);
    assert_eq!(
        Feed::parse("x", &text).unwrap_err().to_string(),
        "x:1: the feed has 67108865 bytes: expected at most 67108864"
    );
}

#[test]
fn a_bad_capture_is_refused() {
    let start = |fields: &str| refused(&format!(r#"{{"at": 1, "do": "capture.start", {fields}}}"#));
    let codecs = "expected one of opus, opus_fs320, pcm16, pcm8";
    assert_eq!(
        start(r#""device": "pen", "codec": "aac""#),
        format!("\"codec\" is \"aac\": {codecs}")
    );
    assert_eq!(start(r#""device": "pen""#), format!("\"codec\" is missing: {codecs}"));
    assert_eq!(
        start(r#""codec": "opus""#),
        "\"device\" is missing: expected a text of 1 to 128 bytes"
    );
    assert_eq!(
        start(r#""device": "", "codec": "opus""#),
        "\"device\" is \"\": expected a text of 1 to 128 bytes"
    );
    assert_eq!(
        start(r#""device": "pen", "codec": "opus", "account": 5"#),
        "\"account\" is 5: expected a text of 1 to 128 bytes"
    );
    assert_eq!(
        start(r#""device": "pen", "codec": "opus", "sample_rate": 44100"#),
        "\"sample_rate\" is 44100: expected one of 8000, 12000, 16000, 24000, 48000"
    );
    for channels in ["3", "256", "-1", "1.5"] {
        assert_eq!(
            start(&format!(r#""device": "pen", "codec": "opus", "channels": {channels}"#)),
            format!("\"channels\" is {channels}: expected 1 or 2")
        );
    }
}

#[test]
fn bad_frames_are_refused() {
    let frames = |fields: &str| refused(&format!(r#"{{"at": 1, "do": "frames", {fields}}}"#));
    assert_eq!(
        frames(r#""count": -1"#),
        "\"count\" is -1: expected a whole number from 0 to 100000000"
    );
    assert_eq!(
        frames(r#""count": 1, "bytes": 70000"#),
        "\"bytes\" is 70000: expected a whole number from 0 to 65536"
    );
    assert_eq!(frames(r#""count": 1, "pace": "no""#), "\"pace\" is \"no\": expected true or false");
    assert_eq!(
        frames(r#""device": "pen""#),
        "\"count\" is missing: expected a whole number from 0 to 100000000"
    );
    assert_eq!(
        refused(r#"{"at": 1, "do": "frame", "data": "AAE"}"#),
        "\"data\" is \"AAE\": expected base64, with its padding"
    );
}

#[test]
fn pcm_frames_of_another_size_are_refused() {
    let start = r#"{"at": 0, "do": "capture.start", "device": "pen", "codec": "pcm8"}"#;
    let line = |bytes| format!(r#"{{"at": 1, "do": "frames", "count": 1, "bytes": {bytes}}}"#);
    assert_eq!(
        refused_after(start, &line(80)),
        "\"bytes\" is 80: expected 160, as every pcm8 frame here has"
    );
    assert!(Feed::parse("x", &format!("{start}\n{}", line(160))).is_ok());
}

#[test]
fn bad_audio_is_refused() {
    let audio = |fields: &str| refused(&format!(r#"{{"at": 1, "do": "audio", {fields}}}"#));
    assert_eq!(
        audio(r#""seconds": 1"#),
        "\"wav\" is missing: expected the path of a WAV file, or \"tone\" in its place"
    );
    assert_eq!(
        audio(r#""seconds": 1, "wav": "a.wav", "tone": 440"#),
        "\"tone\" is 440: expected either \"wav\" or \"tone\", not both"
    );
    assert_eq!(
        audio(r#""seconds": 1, "tone": 440, "from": 2"#),
        "\"from\" is 2: expected it beside \"wav\" only"
    );
    assert_eq!(
        audio(r#""seconds": 1, "tone": 8000"#),
        "\"tone\" is 8000: expected a number of hertz above 0 and below 8000"
    );
    assert_eq!(
        audio(r#""seconds": -1, "tone": 440"#),
        "\"seconds\" is -1: expected a number of seconds from 0 to 1000000"
    );
    assert_eq!(
        audio(r#""seconds": 1, "wav": """#),
        "\"wav\" is \"\": expected the path of a WAV file, seen from the feed's folder"
    );
    let stereo =
        r#"{"at": 0, "do": "capture.start", "device": "pen", "codec": "opus", "channels": 2}"#;
    assert_eq!(
        refused_after(stereo, r#"{"at": 1, "do": "audio", "seconds": 1, "tone": 440}"#),
        "\"device\" is one that captures 16000 Hz, channels: 2: \
         expected for \"audio\" one that captures 16000 Hz, channels: 1"
    );
}

#[test]
fn a_device_that_cannot_be_told_is_refused() {
    let watch = r#"{"at": 0, "do": "capture.start", "device": "watch", "codec": "opus"}"#;
    let lines = [START, watch, r#"{"at": 1, "do": "socket.up"}"#];
    assert_eq!(
        refusal(&lines),
        "tests/feeds/x.feed:3: \"device\" is missing, and the feed names 2 of them: \
         expected one by name"
    );
    assert_eq!(
        refusal(&[r#"{"at": 1, "do": "socket.up"}"#]),
        "tests/feeds/x.feed:1: \"device\" is missing, and the feed names 0 of them: \
         expected one by name"
    );
}

#[test]
fn what_a_dead_process_cannot_do_is_refused() {
    let kill = r#"{"at": 0, "do": "kill"}"#;
    for (name, fields) in [
        ("capture.start", r#", "device": "pen", "codec": "opus""#),
        ("socket.up", r#", "device": "pen""#),
        ("user.finish", r#", "device": "pen""#),
        ("user.retry", r#", "all": true"#),
        ("kill", ""),
    ] {
        assert_eq!(
            refused_after(kill, &format!(r#"{{"at": 1, "do": "{name}"{fields}}}"#)),
            format!(
                "\"{name}\" while the process is dead since line 1: expected \"restart\" first"
            )
        );
    }
    assert_eq!(
        refused(r#"{"at": 1, "do": "restart"}"#),
        "\"restart\" while the process runs: expected \"kill\" or \"power.cut\" before it"
    );
}

#[test]
fn a_bad_recording_is_refused() {
    let expected =
        "a recording's id, or its index in the report's list, from 0, or from -1 backwards";
    for found in ["\"x\"", "1.5", "true", "\"s-1f3a9c2e-7\""] {
        assert_eq!(
            refused(&format!(r#"{{"at": 1, "do": "file.damage", "recording": {found}}}"#)),
            format!("\"recording\" is {found}: expected {expected}")
        );
    }
    let delete = |fields: &str| refused(&format!(r#"{{"at": 1, "do": "user.delete"{fields}}}"#));
    assert_eq!(
        delete(""),
        format!("\"recording\" is missing: expected {expected}; or \"all\": true")
    );
    assert_eq!(
        delete(r#", "all": false"#),
        "\"all\" is false: expected true, or \"recording\" in its place"
    );
    assert_eq!(
        delete(r#", "all": true, "recording": 0"#),
        "\"all\" is true: expected either \"recording\" or \"all\", not both"
    );
}

#[test]
fn a_bad_fault_of_the_world_is_refused() {
    assert_eq!(
        refused(r#"{"at": 1, "do": "disk.fault", "op": "fsync", "error": "EIO"}"#),
        "\"op\" is \"fsync\": \
         expected one of create, write, sync, rename, remove, read, open, sync_dir"
    );
    assert_eq!(
        refused(r#"{"at": 1, "do": "disk.fault", "op": "sync", "error": "EPERM"}"#),
        "\"error\" is \"EPERM\": expected one of EIO, ENOSPC, EACCES, EMFILE, EDQUOT, EROFS"
    );
    for times in ["0", "-2", "4294967296"] {
        let fields = format!(r#""op": "sync", "error": "EIO", "times": {times}"#);
        assert_eq!(
            refused(&format!(r#"{{"at": 1, "do": "disk.fault", {fields}}}"#)),
            format!("\"times\" is {times}: expected a whole number from 1, or -1 for ever")
        );
    }
    assert_eq!(
        refused(r#"{"at": 1, "do": "socket.down", "code": 99}"#),
        "\"code\" is 99: expected a whole number from 1000 to 4999"
    );
    assert_eq!(
        refused(r#"{"at": 1, "do": "clock.jump", "seconds": 1e12}"#),
        "\"seconds\" is 1000000000000.0: \
         expected a number of seconds from -316224000 to 316224000"
    );
    assert_eq!(
        refused(r#"{"at": 1, "do": "power.cut", "seed": -1}"#),
        "\"seed\" is -1: expected a whole number from 0 to 18446744073709551615"
    );
}

#[test]
fn a_bad_script_of_the_server_is_refused() {
    assert_eq!(
        refused(r#"{"at": 1, "do": "server.respond", "queue": [{"status": 99}]}"#),
        "\"queue[0].status\" is 99: expected a whole number from 200 to 599"
    );
    assert!(refused(r#"{"at": 1, "do": "server.message"}"#).starts_with("\"text\" is missing"));
}

#[test]
fn an_expectation_that_no_report_can_meet_is_refused() {
    assert_eq!(
        refused(r#"{"at": 1, "do": "expect", "recordings": [{"staus": "synced"}]}"#),
        "\"staus\" is no field of the report of \"recordings[0]\": expected one of id, device, \
         account, session, conversation, started_at, duration_s, frames, bytes, sha256, status, \
         reason, attempts, next_attempt_at; the nearest is \"status\""
    );
}

#[test]
fn a_message_repeats_neither_a_whole_line_nor_what_would_move_a_terminal() {
    let line = format!(r#"{{"at": 1, "do": "\u001b[2J\u202e\u009b{}"}}"#, "x".repeat(500));
    let message = refused(&line);
    assert!(message.len() < 200, "{message}");
    assert!(message.chars().all(|letter| !letter.is_control() && letter != '\u{202e}'));
}
