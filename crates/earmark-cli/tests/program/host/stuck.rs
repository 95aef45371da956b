//! Nobody reads standard error, and things that a host asks for do not come.

use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::{Host, configure, exchange, wait_until, wav};
use crate::harness::{Room, command};

/// A host whose log nobody reads, at a port that is known beforehand.
struct Unread {
    child: Child,
    status: String,
    _unread: UnixStream,
}

/// Writes until there is no room for another byte.
fn fill(mut stream: &UnixStream) {
    stream.set_nonblocking(true).expect("it can be set");
    for bytes in [4_096, 1] {
        while stream.write(&vec![b'\n'; bytes]).is_ok() {}
    }
    stream.set_nonblocking(false).expect("it can be set");
}

impl Unread {
    fn start(room: &Room) -> Self {
        let probe = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let status = probe.local_addr().expect("an address").to_string();
        drop(probe);
        let mut command = command(&["run", "--config", &room.text("earmark.toml")]);
        command.env("RUST_LOG", "trace").env("EARMARK_STATUS_LISTEN", &status);
        let (stderr, unread) = UnixStream::pair().expect("a pair");
        fill(&stderr);
        let child = command.stdin(Stdio::null()).stderr(OwnedFd::from(stderr)).spawn();
        Self { child: child.expect("the program starts"), status, _unread: unread }
    }

    /// What a path of the status port answers, once there is one.
    fn ask(&self, path: &str) -> Option<(u16, String)> {
        TcpStream::connect(&self.status).ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.status);
        Some(exchange(&self.status, &request))
    }

    fn metric(&self, name: &str) -> f64 {
        let body = self.ask("/metrics").unwrap_or_default().1;
        let line = body.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.map_or(0.0, |value| value.parse().expect("a number"))
    }

    /// Asks it to stop; its exit code.
    fn stop(mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("it runs");
        let mut code = None;
        wait_until("it has ended", || {
            code = self.child.try_wait().expect("it is ours");
            code.is_some()
        });
        code.expect("it has ended").code()
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        // It has ended already where the test stopped it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_host_whose_log_nobody_reads_captures_and_stops() {
    let room = Room::new();
    wav(&room, "a.wav", 16_000);
    let source = "[source.a]\nkind = \"wav\"\npath = \"a.wav\"\ncodec = \"pcm16\"\n\
                  repeat = true\n";
    configure(&room, "http://127.0.0.1:9", source);
    let host = Unread::start(&room);
    let taken = "earmark_source_frames_taken_total{source=\"a\",device=\"a\"}";
    wait_until("frames are taken", || host.metric(taken) > 100.0);
    wait_until("it is ready", || host.ask("/ready").is_some_and(|(status, _)| status == 200));
    assert_eq!(host.stop(), Some(0));
    assert!(fs::exists(room.path("store")).expect("it can be looked for"));
}

#[test]
fn a_host_captures_before_it_has_tokens_and_a_stop_waits_for_none() {
    let room = Room::new();
    wav(&room, "a.wav", 16_000);
    let source = |name: &str| {
        format!(
            "[account.{name}]\ntoken_command = [\"sleep\", \"600\"]\n[source.{name}]\n\
             kind = \"wav\"\npath = \"a.wav\"\nrepeat = true\naccount = \"{name}\"\n"
        )
    };
    configure(&room, "http://127.0.0.1:9", &[source("one"), source("two")].concat());
    let mut host = Host::start(&room);
    for name in ["one", "two"] {
        let taken = format!("earmark_source_frames_taken_total{{source={name:?},device={name:?}}}");
        host.wait_for_metric(&taken, |taken| taken > 10.0);
    }
    host.signal(Signal::HUP);
    host.wait_for("the tokens are read again");
    let (code, log) = host.stop();
    assert_eq!(code, Some(0), "{log}");
    // It would be told if anything had waited for a program that prints no token.
    assert!(!log.contains("there is no"), "{log}");
}
