//! `sync`: recovers, and uploads what is pending until nothing is left to do.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use earmark::{Builder, RecordingId, RecordingStatus, Runtime, SignIn, Status, Trust};
use tokio::time::{Instant, sleep};

use crate::args::SyncArgs;
use crate::backend::stop_asked;
use crate::credentials::HostCredentials;
use crate::exit::{Failure, Outcome};
use crate::output::{Progress, print_line};
use crate::{custody, data_dir};

/// How often it is looked how far everything is.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long the runtime may take to stop.
const STOP_MAX: Duration = Duration::from_secs(10);

pub(crate) async fn run(args: &SyncArgs) -> Result<Outcome, Failure> {
    let Job { folder, credentials, builder } = Job::of(args)?;
    // A folder that is not there holds nothing that could be uploaded.
    drop(data_dir::read_only(&folder)?);
    let without_token = credentials.load().await;
    let stop = stop_asked()?;
    // No live socket could name a conversation.
    let starting = builder.link_wait(Duration::ZERO).start();
    let runtime = starting.await.map_err(|error| Failure::start(&folder, &error))?;
    for account in without_token {
        runtime.account(account, SignIn::SignedOut);
    }
    let synced = tokio::select! {
        synced = watch(&runtime, Duration::from_secs(args.patience)) => synced,
        () = stop => Err(Failure::wrong("interrupted; what is not uploaded yet is kept")),
    };
    if !runtime.shutdown(STOP_MAX).await {
        tracing::warn!("the runtime did not stop in time; the next start recovers");
    }
    conclude(&synced?)
}

/// What is uploaded, with whose tokens, and by what.
struct Job {
    folder: PathBuf,
    credentials: HostCredentials,
    builder: Builder,
}

impl Job {
    fn of(args: &SyncArgs) -> Result<Self, Failure> {
        if let Some(config) = args.load()? {
            let credentials = HostCredentials::new(&config.accounts);
            let trust = custody::trust(config.server.root_certificate.as_deref())?;
            let builder = custody::uploading(&config, &trust, &credentials)?;
            return Ok(Self { folder: config.store.data_dir, credentials, builder });
        }
        let url = args.server.as_deref();
        let url = url.ok_or_else(|| Failure::unusable("name a server: --server or --config"))?;
        let folder = data_dir::chosen(args.store.data_dir.clone())?;
        let credentials = HostCredentials::new(&[]);
        let target = custody::target(url, &Trust::platform(), &credentials)?;
        let builder = custody::keeping(&folder).sync_target(target);
        Ok(Self { folder, credentials, builder })
    }
}

/// How far everything was, and is.
struct Course {
    /// The recordings that were to be uploaded at the start.
    wanted: Vec<RecordingId>,
    last: Status,
    gave_up: bool,
}

/// Watches until nothing is left to do, or nothing has moved for too long.
async fn watch(runtime: &Runtime, patience: Duration) -> Result<Course, Failure> {
    let mut last = runtime.status_now().await.map_err(Failure::wrong)?;
    let wanted = wanted(&last);
    let audio = Audio::of(&last);
    let progress = Progress::new("uploading");
    let mut moved = Instant::now();
    while !last.is_settled() && moved.elapsed() < patience {
        let note = format!(
            "frames; {} of {} recordings; {}",
            done(&wanted, &last),
            wanted.len(),
            doing(&last)
        );
        progress.show(audio.done(&last), audio.all(), &note);
        sleep(LOOK_EVERY).await;
        let next = runtime.status_now().await.map_err(Failure::wrong)?;
        if how_far(&next) != how_far(&last) {
            moved = Instant::now();
        }
        last = next;
    }
    progress.clear();
    let gave_up = !last.is_settled();
    Ok(Course { wanted, last, gave_up })
}

/// The frames that were to be uploaded at the start. Of a long and a short recording the long one
/// is the most of the work.
struct Audio(BTreeMap<RecordingId, usize>);

impl Audio {
    fn of(status: &Status) -> Self {
        let frames = |one: &RecordingStatus| usize::try_from(one.frames).unwrap_or(usize::MAX);
        Self(open(status).map(|one| (one.id, frames(one))).collect())
    }

    fn all(&self) -> usize {
        self.0.values().sum()
    }

    /// How many of them are neither open nor on their way any more. It only grows: what has ended
    /// begins anew only when a person asks for it.
    fn done(&self, status: &Status) -> usize {
        let left: usize = open(status).filter_map(|one| self.0.get(&one.id)).sum();
        self.all().saturating_sub(left)
    }
}

fn open(status: &Status) -> impl Iterator<Item = &RecordingStatus> {
    let is_open = |one: &&RecordingStatus| !matches!(one.status, "synced" | "failed" | "corrupted");
    status.recordings.iter().filter(is_open)
}

fn wanted(status: &Status) -> Vec<RecordingId> {
    open(status).map(|one| one.id).collect()
}

/// How many of them are neither open nor on their way any more; a released one is gone.
fn done(wanted: &[RecordingId], status: &Status) -> usize {
    let open: Vec<RecordingId> = self::wanted(status);
    wanted.iter().filter(|id| !open.contains(id)).count()
}

fn doing(status: &Status) -> String {
    let waiting = status.recordings.iter().find(|one| one.is_on_its_way());
    waiting.map_or_else(String::new, |one| match &one.reason {
        Some(reason) => format!("{}: {reason}", one.id),
        None => format!("{} is {}", one.id, one.status),
    })
}

/// What progress changes. A recording that goes from waiting to a request and back makes none.
fn how_far(status: &Status) -> (u64, u64, BTreeMap<RecordingId, (bool, u32)>) {
    let far = |one: &RecordingStatus| (one.is_on_its_way(), one.attempts);
    let recordings = status.recordings.iter().map(|one| (one.id, far(one))).collect();
    (status.frames.uploaded, status.frames.released, recordings)
}

fn conclude(course: &Course) -> Result<Outcome, Failure> {
    let last = &course.last;
    let left: Vec<&RecordingStatus> =
        last.recordings.iter().filter(|one| one.status != "synced").collect();
    for one in &left {
        let reason = one.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
        print_line(format_args!("{} is {}{reason}", one.id, one.status))?;
    }
    if course.gave_up {
        print_line("Nothing has moved for too long; what is left is kept for the next time.")?;
    }
    if last.damage > 0 {
        let places = last.damage;
        print_line(format_args!(
            "The store was damaged in {places} places when it was opened; what could not be used \
             is in its folder `quarantine`, and `earmark verify` tells what is damaged still."
        ))?;
    }
    let done = done(&course.wanted, last).saturating_sub(ended_badly(course));
    print_line(format_args!(
        "{done} recordings were uploaded or need not be; {} are not uploaded",
        left.len()
    ))?;
    Ok(Outcome::good_if(left.is_empty() && last.damage == 0))
}

/// How many of those that were to be uploaded have failed or are corrupted.
fn ended_badly(course: &Course) -> usize {
    let is_bad = |id: &&RecordingId| {
        let all = &course.last.recordings;
        all.iter().any(|one| one.id == **id && matches!(one.status, "failed" | "corrupted"))
    };
    course.wanted.iter().filter(is_bad).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::recording;

    fn status(recordings: &[(u64, &'static str)]) -> Status {
        let of =
            |(number, &(frames, status))| RecordingStatus { frames, ..recording(number, status) };
        Status { recordings: (1..).zip(recordings).map(of).collect(), ..Status::default() }
    }

    #[test]
    fn f144_progress_is_the_part_of_the_audio_that_is_done_and_never_goes_back() {
        let [short, middle, long] = [10, 990, 6_000];
        let begins = status(&[(short, "pending"), (middle, "retrying"), (long, "capturing")]);
        let audio = Audio::of(&begins);
        let mut seen = Vec::new();
        for states in [
            ["pending", "retrying", "pending"],
            ["uploading", "pending", "pending"],
            ["synced", "uploading", "processing"],
            ["synced", "processing", "synced"],
            ["synced", "failed", "synced"],
        ] {
            let frames = [short, middle, long];
            let now: Vec<_> = frames.into_iter().zip(states).collect();
            seen.push(audio.done(&status(&now)));
        }
        assert_eq!((seen, audio.all()), (vec![0, 0, 10, 6_010, 7_000], 7_000));
        assert_eq!(audio.done(&status(&[])), 7_000, "what is released is done");
    }

    #[test]
    fn f144_where_nothing_is_to_be_uploaded_there_is_no_progress_and_no_panic() {
        let audio = Audio::of(&status(&[(100, "synced")]));
        assert_eq!((audio.done(&status(&[(5, "pending")])), audio.all()), (0, 0));
        Progress::new("uploading").show(0, 0, "");
    }
}
