//! Tokens: where they go, and where they never are.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use rustix::process::Signal;

use super::{Host, configure, wait_until, wav};
use crate::harness::{Room, earmark, listed};

const DONE: &str = r#"{"new_memories":[],"updated_memories":["c"]}"#;

/// A server that takes uploads with one token alone, and remembers what it was shown.
struct Picky {
    url: String,
    shown: Arc<Mutex<Vec<String>>>,
}

impl Picky {
    fn start(wanted: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shown = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&shown);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let token = answer(stream.expect("a connection"), wanted);
                seen.lock().expect("nobody panics").push(token);
            }
        });
        Self { url, shown }
    }

    fn shown(&self) -> Vec<String> {
        self.shown.lock().expect("nobody panics").clone()
    }
}

/// Answers one request; the token that it showed.
fn answer(mut stream: TcpStream, wanted: &str) -> String {
    let (mut bytes, mut more) = (Vec::new(), [0; 4_096]);
    let head = loop {
        let read = stream.read(&mut more).expect("a request");
        bytes.extend_from_slice(&more[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            break head.to_owned();
        }
    };
    let header = |name: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.filter(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.to_owned()).next().unwrap_or_default()
    };
    let token = header("authorization").trim_start_matches("Bearer ").to_owned();
    let start = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("its end") + 4;
    let length: usize = header("content-length").parse().unwrap_or_default();
    let mut rest = vec![0; (start + length).saturating_sub(bytes.len())];
    stream.read_exact(&mut rest).expect("the whole request");
    let (status, body) = if token == wanted { ("200 OK", DONE) } else { ("401 No", "{}") };
    let length = body.len();
    // A client that has seen enough may be gone.
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    token
}

#[test]
fn a_refused_token_is_renewed_by_its_program_once_and_the_upload_goes_on() {
    let (room, server) = (Room::new(), Picky::start("token-2"));
    wav(&room, "a.wav", 8_000);
    let count = room.path("count");
    let script = format!("echo x >> {0}; echo token-$(wc -l < {0} | tr -d ' ')", count.display());
    let config = format!(
        "[account.default]\n\
         token_command = [\"sh\", \"-c\", {script:?}]\n[source.a]\nkind = \"wav\"\n\
         path = \"a.wav\"\npaced = false\n"
    );
    configure(&room, &server.url, &config);
    let host = Host::start(&room);
    wait_until("it is synced", || {
        listed(&room.text("store")).iter().any(|one| one["status"] == "synced")
    });
    let (code, log) = host.stop();
    assert_eq!(code, Some(0), "{log}");
    // A token that was refused is not shown again.
    assert_eq!(server.shown(), ["token-1", "token-2"]);
    assert_eq!(fs::read_to_string(&count).expect("it is there").lines().count(), 2);
    assert_eq!(listed(&room.text("store"))[0]["status"], "synced");
    assert!(!log.contains("token-1") && !log.contains("token-2"), "{log}");
}

#[test]
fn a_sync_shows_the_tokens_of_its_configuration_and_its_flags_come_before_it() {
    let (room, server) = (Room::new(), Picky::start("good"));
    let store = room.recorded();
    fs::write(room.path("token"), "good\n").expect("it is written");
    let config = "[account.default]\ntoken_file = \"token\"\n\
                  [source.a]\nkind = \"unix\"\npath = \"a.sock\"\n";
    configure(&room, "http://127.0.0.1:9", config);
    let text = fs::read_to_string(room.path("earmark.toml")).expect("it is there");
    let elsewhere = text.replace("\"store\"", "\"elsewhere\"");
    fs::write(room.path("earmark.toml"), elsewhere).expect("it is written");
    let config = room.text("earmark.toml");
    let flags = ["sync", "--config", &config, "--server", &server.url, "--data-dir", &store];
    let ran = earmark(&flags);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(server.shown(), ["good"], "no request leaves before the token is there");
    assert_eq!(listed(&store)[0]["status"], "synced");
    assert!(!room.path("elsewhere").exists());
}

#[test]
fn a_sync_without_a_token_says_so_and_ends() {
    let (room, server) = (Room::new(), Picky::start("good"));
    let _store = room.recorded();
    let config = "[account.default]\ntoken_file = \"token\"\n\
                  [source.a]\nkind = \"unix\"\npath = \"a.sock\"\n";
    configure(&room, &server.url, config);
    let ran = earmark(&["sync", "--config", &room.text("earmark.toml")]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("there is no token"), "{}", ran.err);
    assert!(ran.out.contains("its account is signed out"), "{}", ran.out);
}

#[test]
fn a_hangup_has_the_tokens_read_again() {
    let (room, server) = (Room::new(), Picky::start("good"));
    wav(&room, "a.wav", 8_000);
    fs::write(room.path("token"), "old\n").expect("it is written");
    let config = "[account.default]\ntoken_file = \"token\"\n[source.a]\nkind = \"wav\"\n\
                  path = \"a.wav\"\npaced = false\n";
    configure(&room, &server.url, config);
    let mut host = Host::start(&room);
    host.wait_for("the token was refused");
    fs::write(room.path("token"), "good\n").expect("it is written");
    host.signal(Signal::HUP);
    host.wait_for("the tokens are read again");
    wait_until("it is synced", || {
        listed(&room.text("store")).iter().any(|one| one["status"] == "synced")
    });
    assert_eq!(host.stop().0, Some(0));
    assert_eq!(server.shown().last().map(String::as_str), Some("good"));
}
