//! No token is found anywhere that anybody else reads, however much is logged.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use rustix::process::Signal;

use super::{Host, configure, of_backend, wait_until, wav};
use crate::harness::{Backend, Room, command, contents, earmark, listed};

const CANARY: &str = "canary-7f3a-of-an-account";

/// What libraries log of their own work when all is asked for: the socket's, its TLS, and that of
/// uploads. Where their lines are missing, the search would find nothing because there is nothing.
const OF_SOCKETS: [&str; 2] = ["TRACE tungstenite::", "TRACE tokio_tungstenite::"];
const OF_UPLOADS: [&str; 2] = ["TRACE hyper_util::", "TRACE reqwest::"];
const OF_TLS: [&str; 1] = ["TRACE rustls::client::"];

const ACCOUNTS: &str = r#"
[account.one]
token_file = "token"
[account.two]
token_command = ["cat", "helper"]
[account.three]
token_env = "CANARY_TOKEN"
[account.broken]
token_command = ["sh", "broken"]
"#;

/// Sources that go on, and one that ends and has no socket.
fn sources() -> String {
    let source = |name: &str, account: &str| {
        format!(
            "[source.{name}]\nkind = \"wav\"\npath = \"a.wav\"\nrepeat = true\n\
             account = \"{account}\"\n"
        )
    };
    let live = [("b", "two"), ("c", "three"), ("d", "four"), ("e", "broken")];
    let live: String = live.iter().map(|(name, account)| source(name, account)).collect();
    format!(
        "{live}[source.a]\nkind = \"wav\"\npath = \"a.wav\"\npaced = false\n\
         account = \"one\"\nlive = false\n"
    )
}

/// Everybody's token, and a log of everything.
fn tokens(command: &mut Command) {
    command
        .env("RUST_LOG", "trace")
        .env("RUST_BACKTRACE", "full")
        // What the sockets have delivered is uploaded as well, with each account's token.
        .env("EARMARK_STORE_POLICY", "keep")
        .env("EARMARK_TOKEN", format!("{CANARY}-default"))
        .env("EARMARK_TOKEN_FOUR", format!("{CANARY}-variable"))
        .env("CANARY_TOKEN", format!("{CANARY}-named"));
}

fn furnish(room: &Room, url: &str) {
    wav(room, "a.wav", 32_000);
    fs::write(room.path("token"), format!("{CANARY}-file\n")).expect("it is written");
    fs::write(room.path("helper"), format!("{CANARY}-command\n")).expect("it is written");
    let broken = format!("echo {CANARY}-out; echo {CANARY}-err >&2; exit 3\n");
    fs::write(room.path("broken"), broken).expect("it is written");
    let in_room = |name: &str| format!("{:?}", room.text(name));
    let accounts = ACCOUNTS.replace("\"helper\"", &in_room("helper"));
    let accounts = accounts.replace("\"broken\"", &in_room("broken"));
    configure(room, url, &format!("{accounts}{}", sources()));
}

fn assert_logged(log: &str, places: &[&str]) {
    let missing: Vec<_> = places.iter().filter(|place| !log.contains(**place)).collect();
    assert!(missing.is_empty(), "nothing is logged of {missing:?}");
}

fn assert_nowhere(texts: &[String]) {
    for text in texts {
        let line = text.lines().find(|line| line.contains(CANARY));
        assert!(line.is_none(), "{line:?}");
    }
}

/// A host with sockets: its log, what its status port and its process show.
fn with_sockets(room: &Room, url: &str) -> Vec<String> {
    let mut host = Host::start_with(room, |command| {
        tokens(command);
        command.env("EARMARK_SERVER_LIVE", "true");
    });
    wait_until("the server hears the sockets", || {
        of_backend(url, "/earmark/state")["live_frames"].as_u64() > Some(0)
    });
    host.wait_for("the source has ended");
    let mut seen = vec![host.ask("/metrics").1, host.ask("/health").1];
    let process = format!("/proc/{}", host.process());
    seen.push(fs::read_to_string(format!("{process}/cmdline")).expect("it can be read"));
    host.signal(Signal::HUP);
    host.wait_for("the tokens are read again");
    host.wait_for("there is no new token");
    let (code, log) = host.stop();
    assert_eq!(code, Some(0));
    assert_logged(&log, &OF_SOCKETS);
    assert!(log.contains("it ended with exit status: 3"), "the program that fails was not asked");
    seen.push(log);
    seen
}

/// A host that uploads all that is there.
fn with_uploads(room: &Room) -> String {
    let host = Host::start_with(room, tokens);
    let is_synced = |account: &str| {
        let recordings = listed(&room.text("store"));
        let own = |one: &&serde_json::Value| one["account"] == account;
        recordings.iter().any(|one| own(&one) && one["status"] == "synced")
    };
    wait_until("each token was taken", || {
        ["one", "two", "three", "four"].into_iter().all(is_synced)
    });
    let (code, log) = host.stop();
    assert_eq!(code, Some(0));
    assert_logged(&log, &OF_UPLOADS);
    log
}

/// F138.
#[test]
fn a_token_is_found_nowhere_that_anybody_else_reads() {
    let (room, backend) = (Room::new(), Backend::start(&[]));
    furnish(&room, &backend.url);
    let mut seen = with_sockets(&room, &backend.url);
    seen.push(with_uploads(&room));
    let config = room.text("earmark.toml");
    for flags in [vec!["config", "check"], vec!["doctor"], vec!["mute", "a"]] {
        let mut command = command(&[flags, vec!["--config", &config]].concat());
        tokens(&mut command);
        let output = command.output().expect("it starts");
        seen.push(String::from_utf8_lossy(&output.stdout).into_owned());
        seen.push(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    seen.push(earmark(&["list", "--json", "--data-dir", &room.text("store")]).out);
    assert_nowhere(&seen);
    assert_not_stored(&room);
}

/// A server that repeats the token that it is shown: in its refusals, and as the name of a job.
fn parrot() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let (mut stream, mut bytes) = (stream.expect("a connection"), Vec::new());
            // The last bytes of a file's part: the request is whole.
            while !bytes.ends_with(b"--\r\n") {
                let mut more = [0; 4_096];
                let read = stream.read(&mut more).expect("a request");
                bytes.extend_from_slice(&more[..read]);
                if read == 0 || (bytes.starts_with(b"GET") && bytes.ends_with(b"\r\n\r\n")) {
                    break;
                }
            }
            let head = String::from_utf8_lossy(&bytes).into_owned();
            let token = head.lines().find_map(|line| line.split_once("earer "));
            let token = token.expect("it is shown a token").1;
            seen.lock().expect("nobody panics").push(head.lines().next().unwrap_or("").to_owned());
            let (status, body) = match number % 3 {
                0 => (202, format!(r#"{{"job_id":"{token}","status":"queued"}}"#)),
                1 => (500, format!(r#"{{"detail":"Trouble with Bearer {token}"}}"#)),
                _ => (400, format!(r#"{{"detail":"Invalid token: Bearer {token}"}}"#)),
            };
            let length = body.len();
            // A client that has seen enough may be gone.
            let _ = write!(
                stream,
                "HTTP/1.1 {status} No\r\ncontent-length: {length}\r\n\
                 connection: close\r\n\r\n{body}"
            );
        }
    });
    (url, asked)
}

/// F138.
#[test]
fn a_token_that_the_server_repeats_is_found_nowhere() {
    let (room, (url, asked)) = (Room::new(), parrot());
    furnish(&room, &url);
    let host = Host::start_with(&room, tokens);
    let reason_of = |status: &str| {
        let recordings = listed(&room.text("store"));
        let found = recordings.into_iter().find(|one| one["status"] == status);
        found.map(|one| one["reason"].to_string())
    };
    wait_until("an upload is refused for good", || reason_of("failed").is_some());
    let reason = reason_of("failed").expect("it stays so");
    assert!(reason.contains("Invalid token: Bearer [token]"), "{reason}");
    let mut seen = vec![host.ask("/metrics").1, host.ask("/health").1];
    let (code, log) = host.stop();
    assert_eq!(code, Some(0));
    seen.push(log);
    seen.push(earmark(&["list", "--json", "--data-dir", &room.text("store")]).out);
    seen.extend(asked.lock().expect("nobody panics").clone());
    assert_nowhere(&seen);
    assert_not_stored(&room);
}

fn assert_not_stored(room: &Room) {
    for (path, bytes) in contents(Path::new(&room.text("store"))) {
        let found = bytes.windows(CANARY.len()).any(|some| some == CANARY.as_bytes());
        assert!(!found, "{}", path.display());
    }
}

/// The other end speaks no TLS, and hangs up.
#[test]
fn a_connection_that_is_refused_tells_no_token() {
    let room = Room::new();
    let store = room.recorded();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("https://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // Whatever it says, it is not answered.
            let _ = stream.expect("a connection").read(&mut [0; 64]);
        }
    });
    let flags = ["sync", "--server", &url, "--patience", "1", "--data-dir", &store];
    let mut sync = command(&flags);
    tokens(&mut sync);
    let output = sync.output().expect("it starts");
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert_eq!(output.status.code(), Some(1), "{said:?}");
    assert_logged(&said[1], &OF_TLS);
    assert_nowhere(&said);
}
