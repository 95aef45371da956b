//! Running the program, and stores for it to run on.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// What a run of the program came to.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit code; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Standard output as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_earmark"));
    command.args(arguments).env_remove("RUST_LOG").env_remove("EARMARK_TOKEN");
    command
}

/// Runs the program to its end.
pub(crate) fn earmark(arguments: &[&str]) -> Ran {
    let output = command(arguments).stdin(Stdio::null()).output().expect("the program starts");
    Ran {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// Runs the program with a standard output that nobody reads, and gives its exit code.
pub(crate) fn unread(arguments: &[&str]) -> Option<i32> {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = command(arguments);
    command.stdin(Stdio::null()).stdout(writer.try_clone().expect("a pipe")).stderr(writer);
    command.status().expect("the program starts").code()
}

/// A folder for a test, with a store and feeds in it.
pub(crate) struct Room(TempDir);

impl Room {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("UTF-8").to_owned()
    }

    /// Writes a feed and gives its path.
    pub(crate) fn feed(&self, name: &str, lines: &[&str]) -> String {
        fs::write(self.path(name), lines.join("\n")).expect("the feed is written");
        self.text(name)
    }

    /// Captures fifty frames into the store `store` and gives the store's path.
    pub(crate) fn recorded(&self) -> String {
        let feed = self.feed("record.jsonl", &[
            r#"{"at": 0, "do": "capture.start", "device": "pendant", "codec": "opus"}"#,
            r#"{"at": 0, "do": "frames", "device": "pendant", "count": 50, "pace": false}"#,
            r#"{"at": 0.1, "do": "capture.stop", "device": "pendant"}"#,
            r#"{"at": 0.5, "do": "expect", "recordings": [{"frames": 50, "status": "pending"}]}"#,
        ]);
        let store = self.text("store");
        let flags = ["play", &feed, "--clock", "real", "--until", "end", "--data-dir", &store];
        let ran = earmark(&flags);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        store
    }
}

/// The recordings that `list` shows.
pub(crate) fn listed(store: &str) -> Vec<Value> {
    let ran = earmark(&["list", "--json", "--data-dir", store]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.json()["recordings"].as_array().expect("a list").clone()
}

pub(crate) fn id(recording: &Value) -> &str {
    recording["id"].as_str().expect("an id")
}

/// Every file under a folder with its bytes, to see whether anything was written.
pub(crate) fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                all.push((path.clone(), fs::read(&path).expect("a file")));
            }
        }
    }
    all.sort();
    all
}

/// The development server as a process of its own.
pub(crate) struct Backend {
    child: Child,
    pub(crate) url: String,
}

impl Backend {
    pub(crate) fn start(flags: &[&str]) -> Self {
        let mut command = command(&["backend", "--listen", "127.0.0.1:0"]);
        let mut child =
            command.args(flags).stdout(Stdio::piped()).spawn().expect("the server starts");
        let mut url = String::new();
        let out = child.stdout.as_mut().expect("it is piped");
        BufReader::new(out).read_line(&mut url).expect("the first line");
        Self { child, url: url.trim_end().to_owned() }
    }

    /// Asks it to stop, and gives its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        let process = Pid::from_child(&self.child);
        kill_process(process, Signal::TERM).expect("it runs");
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        // It has ended already where the test stopped it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
