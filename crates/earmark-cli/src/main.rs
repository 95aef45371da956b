//! The program `earmark`: a capture host, a demonstration, a player of feeds, and tools for a
//! store.
//!
//! Results go to standard output, the log to standard error; `exit.rs` has the exit codes.

mod args;
mod backend;
mod clock;
mod config;
mod credentials;
mod custody;
mod data_dir;
mod demo;
mod doctor;
mod exit;
mod export;
mod feed_file;
mod hammer;
mod host;
mod listing;
mod log;
mod output;
mod owner;
mod person;
mod play;
mod repair;
mod stream;
mod sync;
mod takeover;
mod verify;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
use config::Config;
use data_dir::chosen;
use exit::{Failure, Outcome};
use host::Wanted;
use log::LogFormat;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let code = exit::code(begin(cli));
    log::flush();
    code
}

/// Begins to log, and runs. A host begins to log as its configuration says.
fn begin(cli: Cli) -> Result<Outcome, Failure> {
    cli.log_format.map(log::choose);
    if !matches!(cli.command, Command::Run(_)) {
        log::begin(log::choose(LogFormat::Text))?;
    }
    run(cli.command)
}

fn run_host(config: Config) -> Result<Outcome, Failure> {
    let own = if config.log.is_json { LogFormat::Json } else { LogFormat::Text };
    let (level, repeats_per_minute_max) =
        (config.log.level.as_str(), config.log.repeats_per_minute_max);
    let habits = log::Habits { level, repeats_per_minute_max };
    log::begin_for_long(log::choose(own), habits)?;
    wait_alone(host::run(config))
}

fn run(command: Command) -> Result<Outcome, Failure> {
    match command {
        Command::Demo { store } => wait(demo::run(store.data_dir)),
        Command::Backend { listen, faults } => wait(backend::run(listen, faults.as_deref())),
        Command::List { store, json } => listing::list(&chosen(store.data_dir)?, json),
        Command::Show { recording, store, json } => {
            listing::show(&chosen(store.data_dir)?, recording, json)
        }
        Command::Run(args) => run_host(args.load()?),
        Command::Config { command } => wait(config::run(command)),
        Command::Doctor(args) => wait(doctor::run(args.load()?)),
        Command::Mute(args) => wait(host::run_person(args, Wanted::Mute)),
        Command::Unmute(args) => wait(host::run_person(args, Wanted::Unmute)),
        Command::Finish(args) => wait(host::run_person(args, Wanted::Finish)),
        Command::Play(args) => play::run(args),
        Command::Sync(args) => wait(sync::run(&args)),
        Command::Retry(args) => wait(person::retry(&chosen(args.store.data_dir)?, args.recordings)),
        Command::Delete(args) => {
            wait(person::delete(&chosen(args.store.data_dir)?, args.recordings))
        }
        Command::Import(args) => {
            let folder = chosen(args.store.data_dir)?;
            takeover::import(&folder, &args.folder, &args.account, args.json)
        }
        Command::Export(args) => export::run(args),
        Command::Verify { store } => verify::run(&chosen(store.data_dir)?),
        Command::Repair { store, apply } => repair::run(&chosen(store.data_dir)?, apply),
        Command::Hammer(args) => hammer::run(args),
        Command::Stream(args) => wait(stream::run(args)),
    }
}

/// Runs a command that waits for sockets and time.
fn wait<T>(command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    executor()?.block_on(command)
}

/// Runs a command that nothing outlives, such as a read that a file does not answer.
fn wait_alone<T>(command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let executor = executor()?;
    let ended = executor.block_on(command);
    executor.shutdown_background();
    ended
}

fn executor() -> Result<tokio::runtime::Runtime, Failure> {
    let executor = tokio::runtime::Builder::new_current_thread().enable_all().build();
    executor.map_err(Failure::wrong)
}
