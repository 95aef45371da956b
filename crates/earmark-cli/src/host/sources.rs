//! The sources, each running by itself until it ends.

mod feed;
pub(super) mod frame_socket;
#[cfg(feature = "microphone")]
pub(super) mod microphone;
mod stdin;
#[cfg(any(test, feature = "microphone"))]
mod unless_muted;
mod wav;

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, interval_at, sleep};

use super::intake::Intake;
use crate::config::{Input, SourceConfig};

/// The first wait before a source that failed is tried again; each further one is twice as long.
const AGAIN_MIN: Duration = Duration::from_secs(1);
/// The longest such wait.
const AGAIN_MAX: Duration = Duration::from_secs(60);

/// Runs a source until it has ended. One that fails is tried again, without ever giving up;
/// standard input alone cannot be begun anew.
pub(crate) async fn run(source: &SourceConfig, mut intake: Intake, tell: impl Fn(Option<&str>)) {
    let mut wait = AGAIN_MIN;
    loop {
        tell(None);
        let began = Instant::now();
        let Err(fault) = run_once(source, &mut intake).await else {
            return;
        };
        tracing::warn!(source = source.name, device = %source.device, fault, "the source failed");
        if let Err(fault) = intake.stop() {
            tracing::warn!(source = source.name, fault, "its capture is not stopped");
        }
        tell(Some(&fault));
        if matches!(source.input, Input::Stdin { .. }) {
            // Behind what cannot be read nothing can be told from anything.
            return;
        }
        if began.elapsed() > AGAIN_MAX {
            wait = AGAIN_MIN;
        }
        sleep(wait).await;
        wait = (wait * 2).min(AGAIN_MAX);
    }
}

async fn run_once(source: &SourceConfig, intake: &mut Intake) -> Result<(), String> {
    match &source.input {
        Input::Wav { path, paced, repeat } => wav::run(intake, path, *paced, *repeat).await,
        Input::Stdin { format, paced } => stdin::run(intake, *format, *paced).await,
        Input::Unix { path } => frame_socket::run_unix(intake, path).await,
        Input::Tcp { listen } => frame_socket::run_tcp(intake, *listen).await,
        #[cfg(feature = "microphone")]
        Input::Microphone { input } => microphone::run(intake, input).await,
        #[cfg(not(feature = "microphone"))]
        Input::Microphone { .. } => Err(String::from(
            "this program was built without microphones; build it with --features microphone",
        )),
    }
}

/// Captures what a feed brings, at the codec's pace or as it comes, until it ends.
async fn capture(
    intake: &mut Intake,
    mut frames: Receiver<Result<Bytes, String>>,
    paced: bool,
) -> Result<(), String> {
    intake.start()?;
    let frame = intake.encoding().codec.frame_duration();
    let mut ticks = interval_at(Instant::now() + frame, frame);
    while let Some(next) = frames.recv().await {
        if paced {
            ticks.tick().await;
        }
        if intake.push_patiently(next?).await {
            // What it has waited for is not caught up with.
            ticks.reset();
        }
    }
    intake.stop()
}
