//! `mute`, `unmute` and `finish`: what a person says to a device.

use std::io;

use clap::Args;
use earmark::{Account, Device};

use super::control::{Wish, ask};
use crate::args::HostArgs;
use crate::config::Config;
use crate::custody;
use crate::exit::{Failure, Outcome};
use crate::output::print_line;
use crate::owner;

/// Which device.
#[derive(Args, Debug)]
pub(crate) struct PersonArgs {
    /// The device's name, as the configuration has it.
    device: String,
    #[command(flatten)]
    config: HostArgs,
}

/// What a person wants of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Mute,
    Unmute,
    Finish,
}

/// Tells the host that runs; where none does, a mute is written to the store for the next one.
pub(crate) async fn run(args: PersonArgs, wanted: Wanted) -> Result<Outcome, Failure> {
    let config = args.config.load()?;
    let device = args.device.clone();
    let wish = match wanted {
        Wanted::Mute => Wish::Mute { device },
        Wanted::Unmute => Wish::Unmute { device },
        Wanted::Finish => Wish::Finish { device },
    };
    match ask(&config.control_socket, &wish).await {
        Ok(answer) if answer.ok => print_line(answer.what).map(|()| Outcome::Done),
        Ok(answer) => Err(Failure::unusable(answer.what)),
        Err(error) if is_alone(&error) => match wanted {
            Wanted::Mute => write(&config, &args.device, true).await,
            Wanted::Unmute => write(&config, &args.device, false).await,
            Wanted::Finish => Err(nothing_to_finish(&config, &args.device)),
        },
        Err(error) => {
            let path = config.control_socket.display();
            Err(Failure::wrong(format!("the host cannot be reached at {path}: {error}")))
        }
    }
}

fn is_alone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

/// Why there is no conversation to end where no host can be reached.
fn nothing_to_finish(config: &Config, device: &str) -> Failure {
    let folder = &config.store.data_dir;
    match (refuse_unknown(config, device), owner::of(folder)) {
        (Err(unknown), _) => unknown,
        (Ok(()), Some(owner)) => Failure::in_use(folder, owner),
        (Ok(()), None) => Failure::wrong("no host runs, so that nothing is captured"),
    }
}

/// Refuses a device that the configuration does not have.
fn refuse_unknown(config: &Config, device: &str) -> Result<(), Failure> {
    if config.sources.iter().any(|source| source.device.as_str() == device) {
        return Ok(());
    }
    let all: Vec<String> = config.sources.iter().map(|one| one.device.to_string()).collect();
    let all = all.join(", ");
    Err(Failure::unusable(format!("no device is called {device:?}; there are {all}")))
}

/// Mutes a device in the store that no host has open, or lifts that.
async fn write(config: &Config, device: &str, muted: bool) -> Result<Outcome, Failure> {
    refuse_unknown(config, device)?;
    let folder = &config.store.data_dir;
    let device = Device::new(device).map_err(Failure::unusable)?;
    let account = Account::new("default").map_err(Failure::wrong)?;
    let starting = custody::keeping(folder).start().await;
    let runtime = starting.map_err(|error| Failure::start(folder, &error))?;
    let handle = runtime.source(device.clone(), account).map_err(Failure::wrong)?;
    handle.mute(muted).map_err(Failure::wrong)?;
    if !runtime.shutdown(config.stop_max).await {
        return Err(Failure::store(folder, "it could not be written in time"));
    }
    let state = if muted { "is muted, until it is unmuted" } else { "is not muted" };
    print_line(format_args!("{device} {state}; no host runs")).map(|()| Outcome::Done)
}
