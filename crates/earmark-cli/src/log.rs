//! The log, on standard error.

use std::io;

use clap::ValueEnum;
use tracing_subscriber::filter::{FilterExt as _, LevelFilter};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt};

use crate::exit::Failure;

mod carried;
mod repeats;

use carried::NothingCarried;

pub(crate) use repeats::{LeftOut, tell_what_is_left_out};

/// The form of a line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// How a program that runs for long logs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habits<'a> {
    /// What is logged unless `RUST_LOG` asks for something else.
    pub(crate) level: &'a str,
    /// How often the same line about a fault or another try is logged in a minute.
    pub(crate) repeats_per_minute_max: u32,
}

/// Begins to log what `RUST_LOG` asks for; warnings, when it asks for nothing.
pub(crate) fn begin(format: LogFormat) -> Result<(), Failure> {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::WARN.into());
    init(format, filter.from_env().map_err(unusable)?, u32::MAX);
    Ok(())
}

/// Begins to log as a host does.
pub(crate) fn begin_for_long(format: LogFormat, habits: Habits<'_>) -> Result<(), Failure> {
    let asked = std::env::var(EnvFilter::DEFAULT_ENV).unwrap_or_default();
    let words = if asked.trim().is_empty() { habits.level } else { &asked };
    init(format, EnvFilter::try_new(words).map_err(unusable)?, habits.repeats_per_minute_max);
    Ok(())
}

fn unusable(error: impl std::fmt::Display) -> Failure {
    Failure::unusable(format!("RUST_LOG cannot be used: {error}"))
}

/// Has everything logged that the filter lets through, records of the crate `log` included, in
/// which the libraries for sockets and TLS write theirs.
fn init(format: LogFormat, filter: EnvFilter, repeats_per_minute_max: u32) {
    let repeats = LeftOut::new(repeats_per_minute_max);
    let log = fmt::layer().with_writer(io::stderr);
    let log = match format {
        LogFormat::Text => log.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).boxed(),
        LogFormat::Json => log.json().boxed(),
    };
    tracing_subscriber::registry()
        .with(log.with_filter(repeats.and(NothingCarried)))
        .with(filter)
        .init();
}
