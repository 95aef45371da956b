//! `earmark run` as a process of its own.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::clock::{Clock, VARIABLE};
use super::log::Line;
use super::usage::Usage;
use crate::kills::Program;
use crate::locked::locked;

/// How the program is run for good.
const UNIT: &str = include_str!("../../../docs/earmark.service");

/// How long the host may take to stop.
const STOP_MAX: Duration = Duration::from_secs(30);

/// What every life of the host has logged.
pub(super) type Log = Arc<Mutex<Vec<Line>>>;

/// Where the host is told everything.
pub(super) struct Place {
    pub(super) folder: PathBuf,
    pub(super) store: PathBuf,
    pub(super) clock: Option<Clock>,
    pub(super) log: Log,
}

impl Place {
    pub(super) fn configure(&self, server: SocketAddr, devices: &[&str]) -> std::io::Result<()> {
        let mut text = format!(
            "[server]\nurl = \"http://{server}\"\n[account.default]\ntoken_file = \"token\"\n\
             [store]\ndata_dir = {:?}\npolicy = \"keep\"\nfree_bytes_min = 0\nwarn_percent = 100\n\
             [status]\nlisten = \"off\"\n[log]\nformat = \"json\"\n\
             [host]\ncontrol_socket = \"control.sock\"\n",
            self.store
        );
        for device in devices {
            text += &format!(
                "[source.{device}]\nkind = \"unix\"\npath = \"{device}.sock\"\n\
                 codec = \"opus_fs320\"\n"
            );
        }
        std::fs::write(self.config(), text)
    }

    fn config(&self) -> PathBuf {
        self.folder.join("earmark.toml")
    }

    /// Puts another token where the host looks for it.
    pub(super) fn give(&self, token: &str) -> std::io::Result<()> {
        let new = self.folder.join("token.new");
        std::fs::write(&new, token)?;
        std::fs::set_permissions(&new, PermissionsExt::from_mode(0o600))?;
        std::fs::rename(new, self.folder.join("token"))
    }
}

/// The variables of a unit that are not the program's own, which its configuration says here.
fn of_unit(unit: &str) -> impl Iterator<Item = (&str, &str)> {
    let variables = unit.lines().filter_map(|line| line.strip_prefix("Environment="));
    variables.filter_map(|one| one.split_once('=')).filter(|(name, _)| !name.starts_with("EARMARK"))
}

/// A host that runs.
pub(super) struct Host {
    child: Child,
    pub(super) started: Instant,
}

impl Host {
    pub(super) fn start(program: &Program, place: &Place) -> Result<Self, String> {
        let mut command = Command::new(program.path());
        command.arg("run").arg("--config").arg(place.config());
        command.env_remove("RUST_LOG").stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(Stdio::piped()).kill_on_drop(true);
        command.envs(of_unit(UNIT));
        if let Some(clock) = &place.clock {
            command.env("LD_PRELOAD", &clock.library).env(VARIABLE, &clock.path);
        }
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let stderr = child.stderr.take().ok_or("the host has no log")?;
        let (log, file) = (Arc::clone(&place.log), place.folder.join("log"));
        tokio::spawn(async move {
            let mut lines = BufReader::new(stderr).lines();
            while let Ok(Some(text)) = lines.next_line().await {
                append(&file, &text);
                locked(&log).push(Line::read(&text, Instant::now()));
            }
        });
        Ok(Self { child, started: Instant::now() })
    }

    pub(super) fn usage(&self) -> Result<Usage, String> {
        Usage::of(self.child.id().ok_or("the host has ended")?)
    }

    fn signal(&self, signal: Signal) -> Result<(), String> {
        let id = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let id = id.ok_or("the host has ended by itself")?;
        kill_process(id, signal).map_err(|error| error.to_string())
    }

    /// Has it read its tokens again.
    pub(super) fn reload(&self) -> Result<(), String> {
        self.signal(Signal::HUP)
    }

    pub(super) fn check(&mut self) -> Result<(), String> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(format!("the host ended by itself: {status}")),
            Err(error) => Err(error.to_string()),
        }
    }

    pub(super) async fn kill(mut self) -> Result<(), String> {
        self.check()?;
        self.child.kill().await.map_err(|error| error.to_string())
    }

    /// Stops it in order.
    pub(super) async fn stop(mut self) -> Result<(), String> {
        self.signal(Signal::TERM)?;
        match timeout(STOP_MAX, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(format!("the stopped host ended with {status}")),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(String::from("the host does not stop")),
        }
    }
}

/// A log that cannot be kept is only missed when something is wrong.
fn append(file: &Path, text: &str) {
    use std::io::Write as _;
    let opened = std::fs::File::options().create(true).append(true).open(file);
    let _ = opened.and_then(|mut file| writeln!(file, "{text}"));
}

/// What the program lists of a store: each recording's status, and why.
pub(super) async fn list(program: &Program, store: &Path) -> Result<Vec<String>, String> {
    let arguments = [OsStr::new("list"), OsStr::new("--json"), OsStr::new("--data-dir")];
    let output = run(program, &arguments, store).await?;
    let all: Value = serde_json::from_str(&output).map_err(|error| error.to_string())?;
    let recordings = all["recordings"].as_array().ok_or("`list` lists nothing")?;
    let row = |one: &Value| format!("{} {}", one["status"].as_str().unwrap_or("?"), one);
    Ok(recordings.iter().map(row).collect())
}

/// Has the program read everything.
pub(super) async fn verify(program: &Program, store: &Path) -> Result<(), String> {
    run(program, &[OsStr::new("verify"), OsStr::new("--data-dir")], store).await.map(drop)
}

async fn run(program: &Program, words: &[&OsStr], store: &Path) -> Result<String, String> {
    let output = Command::new(program.path()).args(words).arg(store).output().await;
    let output = output.map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{words:?} ended with {}: {said}{why}", output.status));
    }
    Ok(said)
}
