//! `stream`, which no help shows: a capture host with default settings that is there to be killed.
//!
//! One device streams at its own pace through the whole runtime. What the runtime has taken and
//! what it has acknowledged is told on standard output, so that whoever kills the host, or cuts the
//! power, knows how much audio that may cost:
//!
//! ```text
//! ready        the store is open
//! +N           N frames were taken
//! =N           N frames are acknowledged
//! ```

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use earmark::{Account, Codec, Device, Runtime, Source, Status};
use earmark_sim::feed::PseudoFrames;
use tokio::time::{MissedTickBehavior, interval};

use crate::exit::{Failure, Outcome};
use crate::output;

const FRAME_BYTES: usize = 80;
/// Every so many frames it is told what is acknowledged.
const TELL_EVERY: u64 = 5;
/// Longer than a disk takes that still works.
const STOP_MAX: Duration = Duration::from_secs(10);

/// What a life of the host is like.
#[derive(Args, Debug)]
pub(crate) struct StreamArgs {
    /// The folder of the store.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// How many frames come before it ends by itself.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 6_000,
        value_parser = clap::value_parser!(u64).range(..=10_000_000)
    )]
    frames: u64,
}

pub(crate) async fn run(args: StreamArgs) -> Result<Outcome, Failure> {
    let started = Runtime::builder(&args.data_dir).start().await;
    let runtime = started.map_err(|error| Failure::start(&args.data_dir, &error))?;
    output::print_to_driver("ready\n")?;
    stream(&runtime, args.frames).await?;
    Ok(Outcome::good_if(runtime.shutdown(STOP_MAX).await))
}

async fn stream(runtime: &Runtime, frames: u64) -> Result<(), Failure> {
    let device = Device::new("pendant").map_err(Failure::wrong)?;
    let account = Account::new("default").map_err(Failure::wrong)?;
    let (maker, codec) = (PseudoFrames::new(&device, 0, FRAME_BYTES), Codec::Opus);
    let source = Source::mono_16k(device, codec, account);
    let source = runtime.open_source(source).map_err(Failure::wrong)?;
    let mut ticks = interval(codec.frame_duration());
    // A device gives a frame when it has one, and never two at once.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut taken = 0;
    while taken < frames {
        ticks.tick().await;
        // A disk that does not answer for seconds is told; then it is for the host to wait.
        if source.push(maker.frame(taken)).is_err() {
            continue;
        }
        taken += 1;
        output::print_to_driver(format_args!("+{taken}\n"))?;
        if taken % TELL_EVERY == 1 {
            let status = runtime.status_now().await.map_err(Failure::wrong)?;
            output::print_to_driver(format_args!("={}\n", acknowledged(&status)))?;
        }
    }
    Ok(())
}

/// What was taken, less what waits for the disk: the former was counted first.
const fn acknowledged(status: &Status) -> u64 {
    let taken = status.frames.captured.saturating_sub(status.frames.rejected);
    taken.saturating_sub(status.frames.in_memory)
}
