//! `earmark run`: a capture host as a process of its own, with real files and real sockets.

mod attacks;
mod checks;
#[cfg(target_os = "linux")]
mod control;
mod frames;
mod health;
mod inputs;
mod leaks;
mod lifetime;
mod live;
#[cfg(all(feature = "microphone", target_os = "linux"))]
mod microphone;
mod secrets;
mod stuck;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::harness::{Room, command};

/// How long something may take that takes a moment on a machine that is not overloaded.
const PATIENCE: Duration = Duration::from_secs(120);

/// A host that runs.
pub(crate) struct Host {
    child: Child,
    lines: Receiver<String>,
    log: Vec<String>,
    /// Where its status port is.
    pub(crate) status: String,
}

impl Host {
    /// Starts a host with what a room's `earmark.toml` says, and waits until it runs.
    pub(crate) fn start(room: &Room) -> Self {
        Self::start_with(room, |_| {})
    }

    pub(crate) fn start_with(room: &Room, change: impl FnOnce(&mut Command)) -> Self {
        let mut command = command(&["run", "--config", &room.text("earmark.toml")]);
        command.stdin(Stdio::null()).stderr(Stdio::piped());
        change(&mut command);
        let mut child = command.spawn().expect("the program starts");
        let (told, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if told.send(line).is_err() {
                    return;
                }
            }
        });
        let mut host = Self { child, lines, log: Vec::new(), status: String::new() };
        let line = host.wait_for("the status port answers");
        let address = line.split("address=").nth(1).expect("it tells its address");
        let address = address.split_whitespace().next().expect("it tells its address");
        host.status = address.to_owned();
        host.wait_for("the host runs");
        host
    }

    /// Waits for a line of the log that contains a text.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let limit = Instant::now() + PATIENCE;
        loop {
            let left = limit.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("{text:?} was not logged: {:#?}", self.log);
            };
            self.log.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn stdin(&mut self) -> std::process::ChildStdin {
        self.child.stdin.take().expect("it is piped")
    }

    /// Waits until it has ended; its exit code and its whole log.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().expect("it ends").code();
        self.log.extend(self.lines.iter());
        (code, self.log.join("\n"))
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(self) -> (Option<i32>, String) {
        self.signal(Signal::TERM);
        self.end()
    }

    /// What the status port answers: the status, and the body.
    pub(crate) fn ask(&self, path: &str) -> (u16, String) {
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.status);
        exchange(&self.status, &request)
    }

    /// The value of a metric, with its labels as they stand there.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let (status, body) = self.ask("/metrics");
        assert_eq!(status, 200, "{body}");
        let line = body.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("no {name} in {body}")).parse().expect("a number")
    }

    /// Waits until a metric is as wanted.
    pub(crate) fn wait_for_metric(&self, name: &str, is_it: impl Fn(f64) -> bool) {
        wait_until(&format!("{name} is as wanted"), || is_it(self.metric(name)));
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It has ended already where the test stopped it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a request as it is; the status, and the body of the answer.
pub(crate) fn exchange(address: &str, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.write_all(request.as_bytes()).expect("it takes the request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a whole answer");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.expect("a status"), body.to_owned())
}

/// What a development server says of itself.
pub(crate) fn of_backend(url: &str, path: &str) -> Value {
    let address = url.strip_prefix("http://").expect("an http URL");
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    let (status, body) = exchange(address, &request);
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).expect("JSON")
}

pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let limit = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < limit, "{what} did not come true");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Writes a configuration for a server, with more lines at its end.
pub(crate) fn configure(room: &Room, server: &str, more: &str) {
    let text = format!(
        "[server]\nurl = \"{server}\"\nlive = false\n[store]\ndata_dir = \"store\"\n\
         free_bytes_min = 0\nwarn_percent = 100\n[status]\nlisten = \"127.0.0.1:0\"\n{more}\n"
    );
    fs::write(room.path("earmark.toml"), text).expect("it is written");
}

/// Writes a WAV file with so many samples, of which no two frames are the same.
pub(crate) fn wav(room: &Room, name: &str, samples: u32) -> PathBuf {
    let bytes = samples * 2;
    let mut file = Vec::new();
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(36 + bytes).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend_from_slice(&16_000_u32.to_le_bytes());
    file.extend_from_slice(&32_000_u32.to_le_bytes());
    file.extend_from_slice(b"\x02\0\x10\0data");
    file.extend_from_slice(&bytes.to_le_bytes());
    file.extend((0..samples).flat_map(|place| (place as i16).to_le_bytes()));
    let path = room.path(name);
    fs::write(&path, file).expect("it is written");
    path
}
