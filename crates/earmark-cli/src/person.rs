//! `retry` and `delete`: what a person decides about recordings.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use earmark::{RecordingId, Runtime};
use earmark_sim::report::Status;
use earmark_store::inspect;
use tokio::time::{Instant, sleep};

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
    let ids = once_each(ids);
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
    let is_failed = |id: &RecordingId| {
        status.recordings.iter().find(|one| one.id == *id).is_none_or(|one| one.status == "failed")
    };
    let (failed, tried): (Vec<_>, Vec<_>) = ids.into_iter().partition(is_failed);
    for id in tried {
        print_line(format_args!("{id} is tried again at the next upload"))?;
    }
    if failed.is_empty() {
        return Ok(Outcome::Done);
    }
    Err(Failure::wrong(format!("{} could not be brought back", all_of(&failed))))
}

/// Deletes recordings for good.
pub(crate) async fn delete(folder: &Path, ids: Vec<RecordingId>) -> Result<Outcome, Failure> {
    let ids = once_each(ids);
    refuse_unknown(folder, &ids, |_| None)?;
    let runtime = start(folder).await?;
    runtime.delete(Some(ids.clone()));
    let left = left(&runtime, &ids).await;
    let ended = end(folder, runtime).await;
    let left = left?;
    for id in ids.iter().filter(|id| !left.contains(id)) {
        print_line(format_args!("{id} is deleted"))?;
    }
    if left.is_empty() {
        return ended.map(|()| Outcome::Done);
    }
    let what = format!("{}: the disk does not delete; see the log", all_of(&left));
    Err(Failure::store(folder, what))
}

/// Waits until recordings are gone from the list and from the disk; those that are not in time.
async fn left(runtime: &Runtime, ids: &[RecordingId]) -> Result<Vec<RecordingId>, Failure> {
    let limit = Instant::now() + DELETE_MAX;
    loop {
        let status = runtime.status_now().await.map_err(Failure::wrong)?;
        let is_left = |id: &&RecordingId| {
            status.removing.contains(id) || status.recordings.iter().any(|one| one.id == **id)
        };
        let left: Vec<RecordingId> = ids.iter().filter(is_left).copied().collect();
        if left.is_empty() || Instant::now() >= limit {
            return Ok(left);
        }
        sleep(LOOK_EVERY).await;
    }
}

/// The same ids, each where it is named first.
fn once_each(ids: Vec<RecordingId>) -> Vec<RecordingId> {
    let mut seen = BTreeSet::new();
    ids.into_iter().filter(|id| seen.insert(*id)).collect()
}

fn all_of(ids: &[RecordingId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
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
