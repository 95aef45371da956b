use std::io::{Read, Write};
use std::net::TcpStream;

use crate::harness::{Backend, Room, earmark};

pub(crate) fn ask(url: &str, path: &str) -> String {
    let address = url.strip_prefix("http://").expect("an http URL");
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")
        .expect("the backend takes the request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn the_first_line_is_the_address_and_a_request_to_stop_ends_it_well() {
    let backend = Backend::start(&[]);
    assert!(ask(&backend.url, "/earmark/state").contains(r#""live_frames":0"#));
    assert_eq!(backend.stop(), Some(0));
}

#[test]
fn a_script_answers_as_it_says() {
    let room = Room::new();
    let feed = room
        .feed("faults.jsonl", &[r#"{"at": 0, "do": "job.respond", "queue": [{"status": 503}]}"#]);
    let backend = Backend::start(&["--faults", &feed]);
    let answered = ask(&backend.url, "/v2/sync-local-files/no-such-job");
    assert!(answered.starts_with("HTTP/1.1 503"), "{answered}");
}

#[test]
fn a_line_that_is_not_the_servers_is_refused_by_file_and_line() {
    let room = Room::new();
    let feed = room.feed(
        "faults.jsonl",
        &[
            r#"{"at": 0, "do": "server.respond", "queue": [{"status": 503}]}"#,
            r#"{"at": 1, "do": "network.offline"}"#,
        ],
    );
    let ran = earmark(&["backend", "--faults", &feed]);
    assert_eq!(ran.code, Some(2));
    assert_eq!(ran.out, "");
    assert!(ran.err.contains("faults.jsonl:2: \"network.offline\""), "{}", ran.err);
    assert!(ran.err.contains("server.*"), "{}", ran.err);
}
