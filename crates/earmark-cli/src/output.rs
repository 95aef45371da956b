//! What people and programs read: results on standard output, progress on standard error.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::exit::Failure;

/// A bar appears only when something takes longer than this.
const BAR_DELAY: Duration = Duration::from_secs(1);
const BAR_INTERVAL: Duration = Duration::from_millis(200);

/// Writes a result and hands it on at once. Whoever reads it may have had enough: what nobody reads
/// is left out, and the work goes on to its end.
pub(crate) fn print(text: impl fmt::Display) -> Result<(), Failure> {
    match write(text) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(unwritten),
    }
}

/// Writes a line of a result.
pub(crate) fn print_line(line: impl fmt::Display) -> Result<(), Failure> {
    print(format_args!("{line}\n"))
}

/// Writes for a test that drives this program: without its reader there is nothing left to do.
pub(crate) fn print_to_driver(text: impl fmt::Display) -> Result<(), Failure> {
    write(text).map_err(unwritten)
}

fn write(text: impl fmt::Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    write!(out, "{text}")?;
    out.flush()
}

fn unwritten(error: io::Error) -> Failure {
    Failure::wrong(format!("standard output cannot be written: {error}"))
}

/// A progress bar on standard error, for people only and only when it takes long.
pub(crate) struct Progress {
    bar: ProgressBar,
    since: std::time::Instant,
    what: &'static str,
}

impl Progress {
    pub(crate) fn new(what: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        Self { bar, since: crate::clock::now(), what }
    }

    pub(crate) fn show(&self, done: usize, all: usize, note: &str) {
        let is_late = crate::clock::now().duration_since(self.since) > BAR_DELAY;
        if self.bar.is_hidden() && is_late && io::stderr().is_terminal() {
            let style = ProgressStyle::with_template("{prefix} [{bar:30}] {pos}/{len} {msg}");
            self.bar.set_style(style.expect("the template is well-formed"));
            self.bar.set_prefix(self.what);
            self.bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(5));
            self.bar.enable_steady_tick(BAR_INTERVAL);
        }
        self.bar.set_length(all as u64);
        self.bar.set_position(done as u64);
        if !note.is_empty() {
            self.bar.set_message(note.to_owned());
        }
    }

    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
