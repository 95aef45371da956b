//! The status port, and those who misuse it.

use std::io::Read;
use std::net::TcpStream;
use std::time::Duration;

use super::{Host, configure, exchange};
use crate::harness::Room;

fn start(more: &str) -> (Room, Host) {
    let room = Room::new();
    let source = "[source.a]\nkind = \"unix\"\npath = \"a.sock\"\n";
    configure(&room, "http://127.0.0.1:9", &format!("{more}{source}"));
    let host = Host::start(&room);
    (room, host)
}

#[test]
fn a_request_that_was_not_meant_for_it_is_refused() {
    let (_room, host) = start("");
    let own = &host.status;
    let port = own.rsplit(':').next().expect("a port");
    for (request, expected) in [
        (format!("GET /health HTTP/1.1\r\nhost: {own}\r\n\r\n"), 200),
        (format!("GET /health HTTP/1.1\r\nhost: localhost:{port}\r\n\r\n"), 200),
        (format!("GET /health HTTP/1.1\r\nhost: LocalHost:{port}\r\n\r\n"), 200),
        (format!("GET /health?x=y HTTP/1.1\r\nhost: {own}\r\n\r\n"), 200),
        (format!("GET /nothing HTTP/1.1\r\nhost: {own}\r\n\r\n"), 404),
        (format!("GET /health HTTP/1.1\r\nhost: evil.example:{port}\r\n\r\n"), 403),
        (String::from("GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"), 403),
        (String::from("GET /health HTTP/1.1\r\n\r\n"), 403),
        (format!("GET /health HTTP/1.1\r\nhost: {own}\r\nhost: {own}\r\n\r\n"), 400),
        (format!("GET /health HTTP/1.1\r\nhost: {own}\r\norigin: http://a\r\n\r\n"), 403),
        (format!("POST /health HTTP/1.1\r\nhost: {own}\r\n\r\n"), 405),
        (format!("DELETE / HTTP/1.1\r\nhost: {own}\r\n\r\n"), 405),
        (format!("GET /../../etc/passwd HTTP/1.1\r\nhost: {own}\r\n\r\n"), 404),
        (String::from("\u{16}\u{3}\u{1}\r\n\r\n"), 400),
        (format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(100)), 431),
    ] {
        let (status, body) = exchange(own, &request);
        assert_eq!(status, expected, "{request}: {body}");
    }
}

#[test]
fn those_who_say_nothing_are_closed_and_the_next_one_is_served() {
    let (_room, host) = start("");
    let mut slow: Vec<TcpStream> =
        (0..100).map(|_| TcpStream::connect(&host.status).expect("it listens")).collect();
    for stream in &mut slow {
        stream.set_read_timeout(Some(Duration::from_secs(100))).expect("it can be set");
    }
    let mut nothing = Vec::new();
    slow[0].read_to_end(&mut nothing).expect("it is closed");
    assert_eq!(nothing, b"");
    drop(slow);
    assert_eq!(host.ask("/ready").0, 200);
}

#[test]
fn metrics_ask_for_a_token_where_there_is_one() {
    let room = Room::new();
    std::fs::write(room.path("scrape"), "secret-of-the-port\n").expect("it is written");
    configure(
        &room,
        "http://127.0.0.1:9",
        "token_file = \"scrape\"\n[source.a]\nkind = \"unix\"\n\
        path = \"a.sock\"\n",
    );
    let host = Host::start(&room);
    let own = &host.status;
    let with =
        |more: &str| exchange(own, &format!("GET /metrics HTTP/1.1\r\nhost: {own}\r\n{more}\r\n"));
    assert_eq!(with("").0, 401);
    assert_eq!(with("authorization: Bearer secret-of-the-porT\r\n").0, 401);
    assert_eq!(with("authorization: Bearer \r\n").0, 401);
    assert_eq!(with("authorization: Basic secret-of-the-port\r\n").0, 401);
    assert_eq!(with("authorization: bearer secret-of-the-port\r\n").0, 200);
    let (status, body) = with("authorization: Bearer secret-of-the-port\r\n");
    assert_eq!(status, 200);
    assert!(body.contains("earmark_build_info"), "{body}");
    assert_eq!(host.ask("/health").0, 200);
}
