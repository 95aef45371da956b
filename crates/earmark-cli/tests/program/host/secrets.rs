//! Tokens: where they go, and where they never are.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use rustix::process::Signal;

use super::{Host, configure, of_backend, wait_until, wav};
use crate::harness::{Backend, Room, contents, earmark, listed};

const CANARY: &str = "canary-7f3a-of-an-account";
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
    // The program was asked a moment before, and so the first token is tried twice.
    assert_eq!(server.shown(), ["token-1", "token-1", "token-2"]);
    assert_eq!(fs::read_to_string(&count).expect("it is there").lines().count(), 2);
    assert_eq!(listed(&room.text("store"))[0]["status"], "synced");
    assert!(!log.contains("token-1") && !log.contains("token-2"), "{log}");
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

/// F138.
#[test]
fn a_token_is_found_nowhere_that_anybody_else_reads() {
    let (room, backend) = (Room::new(), Backend::start(&[]));
    wav(&room, "a.wav", 8_000);
    fs::write(room.path("token"), format!("{CANARY}-file\n")).expect("it is written");
    fs::write(room.path("helper"), format!("{CANARY}-command\n")).expect("it is written");
    let helper = room.text("helper");
    let config = format!(
        "[account.one]\ntoken_file = \"token\"\n\
         [account.two]\ntoken_command = [\"cat\", {helper:?}]\n\
         [account.three]\ntoken_env = \"CANARY_TOKEN\"\n\
         [source.a]\nkind = \"wav\"\npath = \"a.wav\"\npaced = false\naccount = \"one\"\n\
         [source.b]\nkind = \"wav\"\npath = \"a.wav\"\npaced = false\naccount = \"two\"\n\
         [source.c]\nkind = \"wav\"\npath = \"a.wav\"\npaced = false\naccount = \"three\"\n\
         [source.d]\nkind = \"wav\"\npath = \"a.wav\"\npaced = false\naccount = \"four\"\n"
    );
    configure(&room, &backend.url, &config);
    let tokens = |command: &mut std::process::Command| {
        command
            .env("RUST_LOG", "trace")
            .env("RUST_BACKTRACE", "full")
            .env("EARMARK_SERVER_LIVE", "true")
            .env("EARMARK_SOURCE_A_LIVE", "false")
            .env("EARMARK_TOKEN_FOUR", format!("{CANARY}-variable"))
            .env("CANARY_TOKEN", format!("{CANARY}-named"));
    };
    let mut host = Host::start_with(&room, tokens);
    wait_until("the server hears the sockets", || {
        of_backend(&backend.url, "/earmark/state")["live_frames"].as_u64() > Some(0)
    });
    host.wait_for("the source has ended");
    let mut seen = vec![host.ask("/metrics").1, host.ask("/health").1];
    seen.push(
        fs::read_to_string(format!("/proc/{}/cmdline", host.process())).expect("it can be read"),
    );
    host.signal(Signal::HUP);
    host.wait_for("the tokens are read again");
    let (code, log) = host.stop();
    assert_eq!(code, Some(0));
    assert!(log.contains(" DEBUG "), "more is logged than people read");
    seen.push(log);
    let config = room.text("earmark.toml");
    for flags in [vec!["config", "check"], vec!["doctor"], vec!["mute", "a"]] {
        let mut command = crate::harness::command(&[flags, vec!["--config", &config]].concat());
        tokens(&mut command);
        let output = command.output().expect("it starts");
        seen.push(String::from_utf8_lossy(&output.stdout).into_owned());
        seen.push(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    seen.push(earmark(&["list", "--json", "--data-dir", &room.text("store")]).out);
    for text in seen {
        let line = text.lines().find(|line| line.contains(CANARY));
        assert!(line.is_none(), "{line:?}");
    }
    for (path, bytes) in contents(Path::new(&room.text("store"))) {
        let found = bytes.windows(CANARY.len()).any(|some| some == CANARY.as_bytes());
        assert!(!found, "{}", path.display());
    }
}
