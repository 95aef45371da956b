//! The log, on standard error.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::env::VarError;
use std::fmt::Display;
use std::io::{self, Write as _};
use std::sync::OnceLock;
use std::time::Duration;

use clap::ValueEnum;
use tracing_subscriber::filter::{FilterExt as _, LevelFilter};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt};

use crate::exit::Failure;

mod carried;
mod outlet;
mod repeats;

use carried::NothingCarried;
use outlet::Outlet;

pub(crate) use repeats::{LeftOut, tell_what_is_left_out};

/// How long the last lines may take to be written when a host ends.
const LAST_LINES_MAX: Duration = Duration::from_secs(1);

/// The form of every line.
static FORMAT: OnceLock<LogFormat> = OnceLock::new();

/// The way to standard error of a host.
static OUTLET: OnceLock<Outlet> = OnceLock::new();

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

/// Has all that is said take a form; the first one that is chosen counts.
pub(crate) fn choose(format: LogFormat) -> LogFormat {
    *FORMAT.get_or_init(|| format)
}

/// Begins to log what `RUST_LOG` asks for; warnings, when it asks for nothing.
pub(crate) fn begin(format: LogFormat) -> Result<(), Failure> {
    init(format, asked("warn")?, u32::MAX, io::stderr);
    Ok(())
}

/// Begins to log as a host does: nothing of it waits for whoever reads standard error.
pub(crate) fn begin_for_long(format: LogFormat, habits: Habits<'_>) -> Result<(), Failure> {
    let filter = asked(habits.level)?;
    let outlet = Outlet::begin(io::stderr()).map_err(Failure::wrong)?;
    let outlet = OUTLET.get_or_init(|| outlet);
    init(format, filter, habits.repeats_per_minute_max, outlet.clone());
    // The standard library's own hook would wait for a reader.
    std::panic::set_hook(Box::new(|panic| {
        let trace = Backtrace::capture();
        if trace.status() == BacktraceStatus::Captured {
            say(format_args!("{panic}\n{trace}"));
        } else {
            say(panic);
        }
    }));
    Ok(())
}

/// What `RUST_LOG` asks for, or something else when it asks for nothing.
fn asked(otherwise: &str) -> Result<EnvFilter, Failure> {
    let unusable = |why: &dyn Display| {
        Failure::unusable(format!("{} cannot be used: {why}", EnvFilter::DEFAULT_ENV))
    };
    match std::env::var(EnvFilter::DEFAULT_ENV) {
        Err(VarError::NotUnicode(_)) => Err(unusable(&"it is not UTF-8")),
        Ok(words) if !words.trim().is_empty() => shared(&words).map_err(|why| unusable(&why)),
        Ok(_) | Err(VarError::NotPresent) => filter(otherwise).map_err(|why| unusable(&why)),
    }
}

/// What `RUST_LOG` lets through. Other programs heed it as well: a word that is no level is
/// somebody's target, and hides no error unless it says `off`.
fn shared(words: &str) -> Result<EnvFilter, String> {
    EnvFilter::try_new(format!("error,{words}")).map_err(|error| error.to_string())
}

/// What lets through the lines that a configuration asks for in the words of `RUST_LOG`. A word
/// that is no level would be taken as a target of which all is shown, and nothing of any other.
pub(crate) fn filter(words: &str) -> Result<EnvFilter, String> {
    let is_level = |word: &&str| word.is_empty() || word.parse::<LevelFilter>().is_ok();
    let is_directive = |word: &&str| word.contains(['=', '[', ']', '{', '}']);
    let mut parts = words.split(',').map(str::trim);
    if let Some(word) = parts.find(|word| !is_level(word) && !is_directive(word)) {
        return Err(format!(
            "{word:?} is no level: expected off, error, warn, info, debug or trace, or a level \
             for a target, such as \"{word}=debug\""
        ));
    }
    EnvFilter::try_new(words).map_err(|error| error.to_string())
}

/// Says something that no filter leaves out.
pub(crate) fn say(words: impl Display) {
    let line = match FORMAT.get() {
        Some(LogFormat::Json) => json_line(&words.to_string()),
        Some(LogFormat::Text) | None => format!("earmark: {words}\n"),
    };
    match OUTLET.get() {
        Some(outlet) => outlet.put(line.as_bytes()),
        // Nobody is left to be told when standard error is closed.
        None => drop(io::stderr().write_all(line.as_bytes())),
    }
}

/// A line like those that the subscriber writes.
fn json_line(message: &str) -> String {
    let mut timestamp = String::new();
    // Writing to a text cannot fail.
    let _ = SystemTime.format_time(&mut Writer::new(&mut timestamp));
    let line = serde_json::json!({
        "timestamp": timestamp,
        "level": "ERROR",
        "fields": { "message": message },
        "target": "earmark",
    });
    format!("{line}\n")
}

/// Has the last lines of a host written, as far as somebody reads them.
pub(crate) fn flush() {
    if let Some(outlet) = OUTLET.get() {
        outlet.flush(LAST_LINES_MAX);
    }
}

/// Has everything logged that the filter lets through, records of the crate `log` included, in
/// which the libraries for sockets and TLS write theirs.
fn init<W>(format: LogFormat, filter: EnvFilter, repeats_per_minute_max: u32, writer: W)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let repeats = LeftOut::new(repeats_per_minute_max);
    // What the layer itself has to complain of would go to standard error directly.
    let log = fmt::layer().with_writer(writer).log_internal_errors(false);
    let log = match format {
        LogFormat::Text => log.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).boxed(),
        LogFormat::Json => log.json().boxed(),
    };
    tracing_subscriber::registry()
        .with(log.with_filter(repeats.and(NothingCarried)))
        .with(filter)
        .init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_no_level_is_refused_with_those_that_are() {
        for words in [
            "",
            "info",
            "WARN",
            "off",
            "warn,rustls=debug",
            "earmark::log=trace, info",
            "debug,[span{a=1}]=trace",
        ] {
            assert!(filter(words).is_ok(), "{words}");
        }
        for (words, word) in [("noise", "noise"), ("warn,nonsense", "nonsense"), ("inf", "inf")] {
            let why = filter(words).expect_err("it is no level");
            assert!(why.contains(&format!("{word:?}")) && why.contains("trace"), "{why}");
        }
        assert!(filter("earmark=loud").is_err());
    }

    #[test]
    fn a_variable_that_is_meant_for_another_program_hides_no_error() {
        let shown = |words| shared(words).expect("it can be used").to_string();
        assert!(shown("noise").contains("error"), "{}", shown("noise"));
        assert_eq!(shown("off"), "off");
        assert_eq!(shown("debug"), "debug");
        assert!(shared("earmark=loud").is_err());
    }

    #[test]
    fn what_no_filter_leaves_out_is_a_line_of_json_like_all_others() {
        let line = json_line("the store\n\"x\" cannot be used");
        assert!(line.ends_with('\n') && line.trim_end().lines().count() == 1, "{line}");
        let line: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(line["fields"]["message"], "the store\n\"x\" cannot be used");
        assert!(line["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
    }
}
