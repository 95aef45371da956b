//! One life of a writer, from its start to its end.

use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use super::program::Program;
use super::told::Told;

/// How a life ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// By itself, at the n-th passage of a point.
    At { point: &'static str, passage: u64 },
    /// By a SIGKILL from outside, so long after its start.
    After(Duration),
    /// It runs to its end.
    Whole,
    /// It only recovers.
    Recovery,
}

/// A life that is to be lived.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    pub(crate) seed: u64,
    pub(crate) frames_seed: u64,
    pub(crate) sabotage: Option<&'static str>,
    pub(crate) end: End,
}

/// A life that is over.
pub(crate) struct Ended {
    pub(crate) told: Told,
    pub(crate) was_killed: bool,
}

impl Life {
    /// What the writer is started with.
    pub(crate) fn arguments(&self, store: &Path) -> Vec<String> {
        let mut arguments = vec![
            String::from("hammer"),
            format!("--data-dir={}", store.display()),
            format!("--seed={}", self.seed),
            format!("--frames={}", self.frames_seed),
        ];
        arguments.extend(self.sabotage.map(|sabotage| format!("--sabotage={sabotage}")));
        match &self.end {
            End::At { point, passage } => arguments.push(format!("--die-at={point}:{passage}")),
            End::Recovery => arguments.push(String::from("--recover")),
            End::After(_) | End::Whole => {}
        }
        arguments
    }

    /// Lives it; what was told, or what it complained of.
    pub(crate) fn live(&self, program: &Program, store: &Path) -> Result<Ended, String> {
        let kill_at = match self.end {
            End::After(moment) => Some(moment),
            End::At { .. } | End::Whole | End::Recovery => None,
        };
        let (text, was_killed) = lived(program, &self.arguments(store), kill_at)?;
        Ok(Ended { told: Told::read(&text)?, was_killed })
    }
}

/// What a process has told until it ended or was killed, and whether it was.
pub(super) fn lived(
    program: &Program,
    arguments: &[String],
    kill_at: Option<Duration>,
) -> Result<(String, bool), String> {
    let mut child = start(program, arguments).map_err(|error| error.to_string())?;
    let mut text = String::new();
    let mut stdout = child.stdout.take().ok_or("the writer has no output")?;
    thread::scope(|scope| {
        if let Some(moment) = kill_at {
            let child = &mut child;
            scope.spawn(move || kill_after(child, moment));
        }
        stdout.read_to_string(&mut text)
    })
    .map_err(|error| error.to_string())?;
    let status = child.wait().map_err(|error| error.to_string())?;
    let was_killed = is_killed(status);
    if !was_killed && !status.success() {
        return Err(format!("the writer ended with {status}: {}", complaint(child)));
    }
    Ok((text, was_killed))
}

pub(crate) fn start(program: &Program, arguments: &[String]) -> std::io::Result<Child> {
    let mut command = Command::new(program.path());
    command.args(arguments).env("RUST_LOG", "warn");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
}

/// What a process that has ended has said on standard error.
pub(crate) fn complaint(child: Child) -> String {
    let mut text = String::new();
    if let Some(mut stderr) = child.stderr {
        let _ = stderr.read_to_string(&mut text);
    }
    text
}

fn kill_after(child: &mut Child, moment: Duration) {
    thread::sleep(moment);
    // It may have ended meanwhile.
    let _ = child.kill();
}

fn is_killed(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    status.signal() == Some(9)
}
