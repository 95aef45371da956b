//! The command line.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use earmark::{Account, RecordingId};

use crate::config::Config;
use crate::data_dir::chosen;
use crate::exit::Failure;
use crate::hammer::HammerArgs;
use crate::host::PersonArgs;
use crate::log::LogFormat;
use crate::stream::StreamArgs;

/// Keeps every frame of captured audio, links it to its conversation, and uploads what the server
/// did not get.
#[derive(Debug, Parser)]
#[command(name = "earmark", version, about, max_term_width = 100)]
pub(crate) struct Cli {
    /// How the log on standard error is written, `text` unless given; RUST_LOG says how much of it.
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows the main job with nothing to set up: real speech, a real socket, a cut at the worst
    /// moment.
    Demo {
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Runs a capture host, until it is told to stop.
    Run(HostArgs),
    /// Checks a configuration, or writes one to begin with.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Looks at all that a host needs, and says what to do; changes nothing.
    Doctor(HostArgs),
    /// Has what a device captures go nowhere, across restarts, until it is unmuted.
    Mute(PersonArgs),
    /// Has what a device captures be taken again.
    Unmute(PersonArgs),
    /// Ends a device's conversation by hand: what it captures from now on is another one.
    Finish(PersonArgs),
    /// Plays a scripted feed and reports what came of it.
    Play(PlayArgs),
    /// Runs the development server alone, until it is interrupted.
    Backend {
        /// Where to listen; port 0 is any free one.
        #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
        listen: SocketAddr,
        /// A feed of `server.*`, `job.respond` and `socket.stall` lines, carried out in real time.
        #[arg(long, value_name = "FILE")]
        faults: Option<PathBuf>,
    },
    /// Lists the recordings of a store.
    List {
        #[command(flatten)]
        store: StoreArgs,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Shows one recording.
    Show {
        /// The recording's id, as `earmark list` shows it.
        #[arg(value_name = "ID")]
        recording: RecordingId,
        #[command(flatten)]
        store: StoreArgs,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Recovers, and uploads what is pending until nothing is left to do.
    Sync(SyncArgs),
    /// Has recordings tried again, with their attempts counted anew.
    Retry(SelectArgs),
    /// Deletes recordings, uploaded or not.
    Delete(SelectArgs),
    /// Takes over what an Omi app has recorded: its `wals.json`, or what can be read of it, and its
    /// audio files. The app's folder is not changed; what was taken over before is left alone.
    Import(ImportArgs),
    /// Gives recordings away; the store is not changed.
    Export(ExportArgs),
    /// Reads a whole store, checks every hash, and changes nothing.
    Verify {
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Says what would make a damaged store sound again, and does it when asked to; nothing is ever
    /// deleted.
    Repair {
        #[command(flatten)]
        store: StoreArgs,
        /// Does it. Without this nothing is changed.
        #[arg(long)]
        apply: bool,
    },
    /// Writes to a store until something ends it, for the tests that do.
    #[command(hide = true)]
    Hammer(HammerArgs),
    /// Streams audio until something ends it, for the tests that do.
    #[command(hide = true)]
    Stream(StreamArgs),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ConfigArgs {
    /// The configuration; `earmark config init` writes one.
    #[arg(long, value_name = "FILE", default_value = "earmark.toml")]
    pub(crate) config: PathBuf,
}

impl ConfigArgs {
    /// Reads the configuration, and the variables that override it.
    pub(crate) fn load(&self) -> Result<Config, Failure> {
        Config::load(&self.config, std::env::vars_os()).map_err(Failure::unusable)
    }
}

/// A host's configuration, and where its store lies if not where that says.
#[derive(Args, Clone, Debug)]
pub(crate) struct HostArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// The folder of the store, instead of `store.data_dir` of the configuration.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl HostArgs {
    /// Reads the configuration, and what overrides it.
    pub(crate) fn load(&self) -> Result<Config, Failure> {
        let mut variables: Vec<(OsString, OsString)> = std::env::vars_os().collect();
        if let Some(folder) = &self.data_dir {
            // It is relative to where the program runs, not to the configuration.
            let folder = std::path::absolute(chosen(Some(folder.clone()))?);
            let folder = folder.map_err(|_| Failure::unusable("--data-dir: expected a folder"))?;
            variables.push(("EARMARK_STORE_DATA_DIR".into(), folder.into()));
        }
        Config::load(&self.config.config, variables).map_err(Failure::unusable)
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Says whether a configuration can be used, and all that is wrong with it.
    Check(ConfigArgs),
    /// Writes a configuration to begin with, with every key explained; never over another file.
    Init(ConfigArgs),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct StoreArgs {
    /// The folder of the store; the platform's data folder unless given.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct PlayArgs {
    /// The feed: JSON Lines.
    pub(crate) feed: PathBuf,
    /// Simulated time, disk, network and server; or the real ones.
    #[arg(long, value_enum, default_value = "virtual")]
    pub(crate) clock: ClockChoice,
    /// The folder of the store, with `--clock real`; a temporary one unless given.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// A server, with `--clock real`; the development server is started unless given.
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// What all that is left to chance follows from.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// How long to go on after the last line.
    #[arg(long, value_enum, default_value = "settled")]
    pub(crate) until: UntilChoice,
    /// Where the report goes; standard output unless given.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Whose rules are played.
    #[arg(long, value_enum, default_value = "everyday")]
    pub(crate) profile: ProfileChoice,
}

#[derive(Args, Debug)]
pub(crate) struct SyncArgs {
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// The server; EARMARK_TOKEN is its bearer token, EARMARK_TOKEN_NAME the one of account NAME.
    #[arg(long, value_name = "URL", required_unless_present = "config")]
    pub(crate) server: Option<String>,
    /// The host's configuration: its server, tokens, store, and what it lets go; --server and
    /// --data-dir come before it. Without it nothing is released or removed.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Gives up after so long without progress.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 600,
        value_parser = clap::value_parser!(u64).range(1..=86_400)
    )]
    pub(crate) patience: u64,
}

impl SyncArgs {
    /// The configuration, if there is one, with what the flags say instead.
    pub(crate) fn load(&self) -> Result<Option<Config>, Failure> {
        let Some(config) = self.config.clone().map(|config| ConfigArgs { config }) else {
            return Ok(None);
        };
        let mut config = HostArgs { config, data_dir: self.store.data_dir.clone() }.load()?;
        if let Some(url) = &self.server {
            config.server.url.clone_from(url);
        }
        Ok(Some(config))
    }
}

#[derive(Args, Debug)]
pub(crate) struct SelectArgs {
    /// The recordings' ids, as `earmark list` shows them.
    #[arg(value_name = "ID", required = true)]
    pub(crate) recordings: Vec<RecordingId>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    /// The app's folder, or a copy of it.
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Whose recordings they are.
    #[arg(long, value_name = "NAME", default_value = "default", value_parser = Account::new)]
    pub(crate) account: Account,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("target").required(true))]
pub(crate) struct ExportArgs {
    /// The recordings' ids, as `earmark list` shows them; with --omi all that are sealed unless
    /// given.
    #[arg(value_name = "ID")]
    pub(crate) recordings: Vec<RecordingId>,
    /// Writes one recording to FILE: .wav has its samples, .ogg its Opus packets, .bin the very
    /// bytes that an upload carries.
    #[arg(short, long, value_name = "FILE", group = "target")]
    pub(crate) output: Option<PathBuf>,
    /// Replaces FILE if it is there.
    #[arg(long, requires = "output", conflicts_with = "omi")]
    pub(crate) force: bool,
    /// Writes them as an Omi app keeps its own, into a folder that has no `wals.json` yet.
    #[arg(long, value_name = "DIR", group = "target")]
    pub(crate) omi: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Prints JSON.
    #[arg(long, conflicts_with = "output")]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ClockChoice {
    /// Simulated time: an hour takes seconds, and the same seed gives the same report.
    Virtual,
    /// Real time, real files, real sockets.
    Real,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum UntilChoice {
    /// Until nothing waits and nothing is left to upload.
    Settled,
    /// Until the last line.
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProfileChoice {
    /// The product's own rules.
    Everyday,
    /// The rules of the Omi app of April 2026, for parity tests.
    #[value(name = "omi-2026-04")]
    Omi202604,
}
