//! `retry` and `delete`: what a person decides about recordings.

use std::path::Path;
use std::time::Duration;

use earmark::{RecordingId, RecordingStatus, Runtime};
use earmark_sim::report::Status;
use earmark_store::inspect;

use crate::exit::{Failure, Outcome};
use crate::listing::{recordings, unknown};
use crate::output::print_line;
use crate::{custody, data_dir};

/// How long a deletion may take.
const DELETE_MAX: Duration = Duration::from_secs(60);
/// How often it is looked whether it is done.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long the runtime may take to make everything durable.
const STOP_MAX: Duration = Duration::from_secs(60);

/// Has recordings tried again at the next `sync` or run.
pub(crate) async fn retry(folder: &Path, ids: Vec<RecordingId>) -> Result<Outcome, Failure> {
    refuse_unknown(folder, &ids, |status| match status {
        Status::Synced => Some("is synced: there is nothing left to try"),
        Status::Corrupted => Some("is corrupted: its file is not what was sealed"),
        Status::Capturing => Some("is still being captured"),
        Status::Pending
        | Status::Uploading
        | Status::Processing
        | Status::Retrying
        | Status::Failed => None,
    })?;
    let runtime = start(folder).await?;
    runtime.retry(Some(ids.clone()));
    let status = runtime.status_now().await.map_err(Failure::wrong)?;
    end(folder, runtime).await?;
    for id in ids {
        let found = status.recordings.iter().find(|one| one.id == id);
        if found.is_none_or(|one| one.status == "failed") {
            return Err(Failure::wrong(format!("{id} could not be brought back")));
        }
        print_line(format_args!("{id} is tried again at the next upload"))?;
    }
    Ok(Outcome::Done)
}

/// Deletes recordings for good.
pub(crate) async fn delete(folder: &Path, ids: Vec<RecordingId>) -> Result<Outcome, Failure> {
    refuse_unknown(folder, &ids, |_| None)?;
    let runtime = start(folder).await?;
    let gone = tokio::time::timeout(DELETE_MAX, remove(&runtime, &ids)).await;
    end(folder, runtime).await?;
    match gone {
        Ok(gone) => gone?,
        Err(_) => {
            return Err(Failure::store(folder, "the disk does not delete; see the log"));
        }
    }
    for id in ids {
        print_line(format_args!("{id} is deleted"))?;
    }
    Ok(Outcome::Done)
}

/// What a kill has left open is sealed first: until then it cannot be deleted.
async fn remove(runtime: &Runtime, ids: &[RecordingId]) -> Result<(), Failure> {
    wait_until_none(runtime, |one| ids.contains(&one.id) && one.sha256.is_none()).await?;
    runtime.delete(Some(ids.to_vec()));
    wait_until_none(runtime, |one| ids.contains(&one.id)).await
}

async fn wait_until_none(
    runtime: &Runtime,
    is_one: impl Fn(&RecordingStatus) -> bool,
) -> Result<(), Failure> {
    loop {
        let status = runtime.status_now().await.map_err(Failure::wrong)?;
        if !status.recordings.iter().any(&is_one) {
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Refuses recordings that are not there, or in a state in which nothing can be done, before
/// anything is written.
fn refuse_unknown(
    folder: &Path,
    ids: &[RecordingId],
    refusal: impl Fn(Status) -> Option<&'static str>,
) -> Result<(), Failure> {
    let disk = data_dir::read_only(folder)?;
    let inspection = inspect(&disk).map_err(|error| Failure::read(folder, &error))?;
    let is_owned = crate::owner::of(folder).is_some();
    let there = recordings(&inspection.ledger, is_owned);
    for id in ids {
        let found = there.iter().find(|one| one.id == *id);
        let status = found.ok_or_else(|| unknown(folder, *id))?.status;
        // What is being captured where nobody runs is closed by the next start, ours.
        let is_stale = status == Status::Capturing && !is_owned;
        if let Some(why) = refusal(status).filter(|_| !is_stale) {
            return Err(Failure::unusable(format!("{id} {why}")));
        }
    }
    Ok(())
}

/// A runtime that uploads nothing, and lets go of nothing but what a person says.
async fn start(folder: &Path) -> Result<Runtime, Failure> {
    let starting = custody::keeping(folder).start();
    starting.await.map_err(|error| Failure::start(folder, &error))
}

async fn end(folder: &Path, runtime: Runtime) -> Result<(), Failure> {
    if runtime.shutdown(STOP_MAX).await {
        return Ok(());
    }
    Err(Failure::store(folder, "it could not be made durable in time; look at it again"))
}
