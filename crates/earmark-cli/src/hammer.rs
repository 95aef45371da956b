//! `hammer`, which no help shows: a writer that is there to be killed.
//!
//! It drives the real store on real files as fast as it can, and tells on standard output what it
//! is about to do and what has been acknowledged. Whoever reads that knows, whenever the process
//! dies, what a recovery must find:
//!
//! ```text
//! opening                      the store is about to be opened
//! held R C FIRST END SHA256 CONVERSATION REQUESTS STAGE UNDELIVERED
//!                              a recording that was found, its file read and checked
//! muted DEVICE                 a device that was found muted
//! damage TEXT                  what the opening calls damaged
//! ready                        everything that was found has been told
//! +T {"record": …}             this record is about to be written, under ticket T
//! +T frames C FIRST COUNT      so are these frames of a capture
//! ~T                           the operating system has everything up to T: a kill cannot take it
//! =T                           everything up to T is durable: a power cut cannot take it
//! end                          it ran to its end
//! ```
//!
//! The bytes of a frame follow from `--frames`, its capture and its number, so that what a
//! recording must contain is known without the store.

mod dice;
mod disk;
mod held;
mod host;
mod trap;
mod workload;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use earmark_store::FsDisk;

use crate::exit::{Failure, Outcome};
use disk::TrappedDisk;
use host::Host;
use trap::{DieAt, Trap};

/// What a life of the writer is like.
#[derive(Args, Debug)]
pub(crate) struct HammerArgs {
    /// The folder of the store.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// What this life does follows from it; no two lives of a store may have the same.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// What the bytes of all frames follow from; the same in all lives of a store.
    #[arg(long, value_name = "N", default_value_t = 0)]
    frames: u64,
    /// How much is done before the program ends by itself.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 400,
        value_parser = clap::value_parser!(u64).range(..=10_000_000)
    )]
    steps: u64,
    /// Opens the store, tells what it holds, and ends.
    #[arg(long)]
    recover: bool,
    /// Raises SIGKILL at the n-th passage of a point, `OPERATION.KIND.before|mid|after:N`.
    #[arg(long, value_name = "POINT:N")]
    die_at: Option<DieAt>,
    /// Has the n-th sync of a journal file fail as a medium does: what it covers is gone.
    #[arg(long, value_name = "N")]
    fail_sync: Option<u64>,
    /// Does it wrongly, for a check that must notice.
    #[arg(long, value_enum)]
    sabotage: Option<Sabotage>,
}

/// A bug that is planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sabotage {
    /// Acknowledges before anything is written.
    EarlyAck,
    /// Acknowledges a link that is nowhere.
    DropLink,
    /// Writes a frame that nobody submitted in the place of one.
    ForeignFrame,
    /// Takes frames twice.
    DoubleFrames,
    /// Calls everything synced and syncs nothing.
    NoSync,
    /// Takes a failed sync for a good one.
    IgnoreSyncError,
}

pub(crate) fn run(args: HammerArgs) -> Result<Outcome, Failure> {
    let folder = args.data_dir.as_path();
    let failed = |error| Failure::store(folder, error);
    let disk = FsDisk::create(folder).map_err(failed)?;
    let disk =
        TrappedDisk::new(disk, Trap::new(args.die_at.clone()), args.fail_sync, args.sabotage);
    let mut host = Host::open(disk, &args)?;
    host.tell_what_is_held()?;
    if !args.recover {
        host.work(args.steps)?;
    }
    host.finish()?;
    Ok(Outcome::Done)
}
