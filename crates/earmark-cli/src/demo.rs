//! `demo`: the main job, with nothing to set up.
//!
//! ```text
//! runtime ── live socket, uploads ──▶ relay ──▶ development server
//! ```
//!
//! The relay is a network of our own: it holds back what the host sends, and cuts what is
//! connected. What is told at the end was compared with what the server says, frame by frame.

mod events;
mod relay;
mod speech;
mod stage;
mod tally;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::backend::stop_asked;
use crate::exit::{Failure, Outcome};
use crate::output::{print, print_line};
use stage::Stage;
use tally::Tally;

/// How much of the first conversation is heard live; what follows leaves the host and goes nowhere.
const HEARD: Duration = Duration::from_millis(5_000);
/// How much the first conversation has altogether.
const FIRST: Duration = Duration::from_millis(8_000);
/// When the connection can come back: behind the host's second try.
const NETWORK_BACK: Duration = Duration::from_millis(11_200);
/// How long the second conversation goes on over the new socket. A server that says within 15 s of
/// a connect that a conversation has ended may mean the audio from before alone.
const HEARD_AGAIN: Duration = Duration::from_millis(16_000);
/// How long it takes at most until everything is uploaded, after the second conversation.
const SETTLING_MAX: Duration = Duration::from_secs(60);

/// Plays the demonstration and says whether every frame arrived.
pub(crate) async fn run(data_dir: Option<PathBuf>) -> Result<Outcome, Failure> {
    let stop = stop_asked()?;
    let (folder, temporary) = folder(data_dir)?;
    let mut stage = Stage::set(&folder).await?;
    let told = tokio::select! {
        told = tell(&mut stage) => told,
        () = stop => Err(Failure::wrong("interrupted; what it started is gone again")),
    };
    let tally = stage.clear(told.is_ok()).await;
    drop(temporary);
    told?;
    conclude(&tally?)
}

/// The folder of the store, and what removes it at the end.
fn folder(named: Option<PathBuf>) -> Result<(PathBuf, Option<tempfile::TempDir>), Failure> {
    let Some(folder) = named else {
        let temporary = tempfile::Builder::new().prefix("earmark-demo-").tempdir();
        let temporary = temporary.map_err(|error| {
            Failure::store(&std::env::temp_dir(), format!("no temporary folder: {error}"))
        })?;
        return Ok((temporary.path().to_owned(), Some(temporary)));
    };
    if is_in_use(&folder) {
        // What waits there for a real server would be handed to one that forgets it.
        return Err(Failure::unusable(format!(
            "--data-dir {} is not empty; the demonstration takes a new folder",
            folder.display()
        )));
    }
    Ok((folder, None))
}

fn is_in_use(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

async fn tell(stage: &mut Stage) -> Result<(), Failure> {
    stage.connect().await?;
    stage.say("A device speaks. Each frame goes to disk and, live, to the server.")?;
    stage.speak_until(HEARD).await?;

    stage.hold();
    stage.say("The connection goes half dead: frames leave the host and reach nobody.")?;
    stage.speak_until(FIRST).await?;

    let first = stage.end_conversation().await?;
    stage.cut();
    stage.say(format_args!("CUT, between ProcessingStarted and ConversationEvent of {first}."))?;
    stage.say("The device speaks on: from here it is the next conversation.")?;
    stage.speak_until(NETWORK_BACK).await?;

    stage.restore();
    stage.say("The network is back.")?;
    stage.speak_until_up().await?;
    stage.speak_for(HEARD_AGAIN).await?;
    stage.wait_until_heard().await?;

    let second = stage.end_conversation().await?;
    stage.stop_capture()?;
    stage.say(format_args!(
        "The device stops. {second} goes by the book; {first} waits for its deadline."
    ))?;
    stage.settle(SETTLING_MAX).await
}

fn conclude(tally: &Tally) -> Result<Outcome, Failure> {
    print_line("\nWhat the server holds, in frames:\n")?;
    print(tally.table())?;
    print_line("")?;
    for fault in tally.faults() {
        print_line(format_args!("WRONG: {fault}"))?;
    }
    print_line(tally.verdict())?;
    Ok(Outcome::good_if(tally.is_good()))
}
