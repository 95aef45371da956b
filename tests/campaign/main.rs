//! The long checks, one program, so that anybody can rerun a figure that a document claims.

mod crash_states;
mod damage;
mod fuzz;
mod http_matrix;
mod io_faults;
mod kills;
mod locked;
mod memory;
mod model_check;
mod outcome;
mod panics;
mod planted_bugs;
mod power_cuts;
mod request;
mod simulate;
mod soak;
mod speed;
mod transitions;

use std::process::ExitCode;

use outcome::{CannotRun, Outcome};
use request::{Request, Slice};

/// A long check.
struct Campaign {
    name: &'static str,
    checks: &'static str,
    run: fn(&Slice) -> Result<Outcome, CannotRun>,
}

const CAMPAIGNS: [Campaign; 13] = [
    Campaign {
        name: "crash-states",
        checks: "every state that a power cut could leave, recovered; the recovery cut twice too",
        run: crash_states::run,
    },
    Campaign {
        name: "damage",
        checks: "every bit flip and truncation of what a store has on its disk",
        run: damage::run,
    },
    Campaign {
        name: "fuzz",
        checks: "hostile bytes for everything that reads a disk, a device or a network",
        run: fuzz::run,
    },
    Campaign {
        name: "http-matrix",
        checks: "every behaviour of a server in every phase of an upload, and every two in a row",
        run: http_matrix::run,
    },
    Campaign {
        name: "io-faults",
        checks: "each operation of the disk fails once and for ever, in each way that fits",
        run: io_faults::run,
    },
    Campaign {
        name: "kills",
        checks: "SIGKILL of the real program at random: what was durable reaches the server",
        run: kills::run,
    },
    Campaign {
        name: "model-check",
        checks: "every state that the production machines can reach together, faults included",
        run: model_check::run,
    },
    Campaign {
        name: "planted-bugs",
        checks: "a bug for each invariant, planted one at a time: the checks must catch them all",
        run: planted_bugs::run,
    },
    Campaign {
        name: "power-cuts",
        checks: "the power of a real ext4 cut at random: nothing that was called durable is lost",
        run: power_cuts::run,
    },
    Campaign {
        name: "simulate",
        checks: "the whole runtime in random worlds, every invariant after every event",
        run: simulate::run,
    },
    Campaign {
        name: "soak",
        checks: "`earmark run` in real time, with two sources, while everything around it fails",
        run: soak::run,
    },
    Campaign {
        name: "speed",
        checks: "how fast the store is, as ratios to the limit of the disk in the same run",
        run: speed::run,
    },
    Campaign {
        name: "transitions",
        checks: "random event sequences for each of the five machines against a model of each",
        run: transitions::run,
    },
];

/// Everything held.
const HELD: u8 = 0;
/// Something did not.
const BROKEN: u8 = 1;
/// The request cannot be used.
const UNUSABLE: u8 = 2;
/// This machine cannot run it.
const CANNOT_RUN: u8 = 3;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match Request::parse(&arguments) {
        Ok(Request::List) => {
            for campaign in &CAMPAIGNS {
                outcome::print(&format!("{:<12} {}", campaign.name, campaign.checks));
            }
            ExitCode::from(HELD)
        }
        Ok(Request::Run { name, slice }) => run(&name, &slice),
        Err(error) => refuse(&error.to_string()),
    }
}

fn run(name: &str, slice: &Slice) -> ExitCode {
    let Some(campaign) = CAMPAIGNS.iter().find(|campaign| campaign.name == name) else {
        return refuse(&format!("there is no campaign {name}; `campaign list` names them"));
    };
    match (campaign.run)(slice) {
        Ok(outcome) => {
            outcome::print(&outcome.to_json(campaign.name, slice.elapsed()));
            ExitCode::from(if outcome.holds() { HELD } else { BROKEN })
        }
        Err(missing) => {
            eprintln!("campaign {name}: this machine cannot run it: {missing}");
            ExitCode::from(CANNOT_RUN)
        }
    }
}

fn refuse(why: &str) -> ExitCode {
    eprintln!("campaign: {why}");
    eprintln!("usage: campaign list | campaign NAME [--minutes M] [--seed N]");
    ExitCode::from(UNUSABLE)
}
