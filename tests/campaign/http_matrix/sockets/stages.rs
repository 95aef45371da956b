//! A store in each phase of an upload.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use earmark::{Account, Codec, Device, RecordingStatus, Runtime, Socket, Source};
use earmark_tests::http::table::Answer;
use tempfile::TempDir;

use super::host::{Backend, Forward, host};
use crate::http_matrix::cell::{Phase, named};

/// How long a host may take to come into a phase.
const LIMIT: Duration = Duration::from_secs(20);

/// A store for each phase, to be copied.
pub(super) struct Stages(BTreeMap<&'static str, TempDir>);

impl Stages {
    pub(super) async fn build() -> Result<Self, String> {
        let server = Backend::start().await;
        let (first, spent) = (captured().await?, named("multi-status").answer.clone());
        let attempts = |least| move |one: &RecordingStatus| one.attempts == least;
        let middle = brought(&first, &server, Some(&spent), 1, attempts(1)).await?;
        let last = brought(&middle, &server, Some(&spent), 2, attempts(2)).await?;
        let hang = named("silence").answer.clone();
        let sent =
            brought(&first, &server, Some(&hang), 1, |one| one.status == "uploading").await?;
        let taken = brought(&first, &server, None, 1, |one| one.status == "processing").await?;
        let stop = copy(&first)?;
        let phases = [
            (Phase::First, first),
            (Phase::Middle, middle),
            (Phase::Last, last),
            (Phase::Restart, sent),
            (Phase::Poll, taken),
            (Phase::Stop, stop),
        ];
        Ok(Self(phases.into_iter().map(|(phase, folder)| (phase.name(), folder)).collect()))
    }

    /// A store in this phase, for one cell.
    pub(super) fn of(&self, phase: Phase) -> Result<TempDir, String> {
        copy(&self.0[phase.name()])
    }
}

/// A sealed recording that is linked and waits for its conversation's event.
async fn captured() -> Result<TempDir, String> {
    let folder = tempfile::tempdir().map_err(words)?;
    let runtime = Runtime::builder(folder.path()).start().await.map_err(words)?;
    let (device, account) = (Device::new("pendant"), Account::new("default"));
    let source = Source::mono_16k(device.map_err(words)?, Codec::Opus, account.map_err(words)?);
    let pendant = runtime.open_source(source).map_err(words)?;
    for number in 0..100 {
        pendant.push(Bytes::from(vec![number; 80])).map_err(words)?;
    }
    pendant.stop().map_err(words)?;
    pendant.socket(Socket::Up).map_err(words)?;
    let text = r#"{"type":"memory_processing_started","memory":{"id":"c1"}}"#;
    pendant.server_message(text).map_err(words)?;
    until(&runtime, |one| one.sha256.is_some() && one.conversation.is_some()).await?;
    runtime.shutdown(LIMIT).await;
    Ok(folder)
}

/// A copy of a store whose host has met an answer and has come so far.
async fn brought(
    from: &TempDir,
    server: &Backend,
    answer: Option<&Answer>,
    stage: u32,
    is_there: impl FnMut(&RecordingStatus) -> bool,
) -> Result<TempDir, String> {
    let folder = copy(from)?;
    server.answers(answer.cloned().as_slice(), &[])?;
    let runtime = host(folder.path(), &server.url(), Forward::by(stage), None)?
        .start()
        .await
        .map_err(words)?;
    until(&runtime, is_there).await?;
    runtime.shutdown(LIMIT).await;
    server.answers(&[], &[])?;
    Ok(folder)
}

async fn until(
    runtime: &Runtime,
    mut is_there: impl FnMut(&RecordingStatus) -> bool,
) -> Result<(), String> {
    let mut status = runtime.status();
    let seen = status.wait_for(|now| now.recordings.iter().any(&mut is_there));
    let seen = tokio::time::timeout(LIMIT, seen).await;
    seen.map_err(|_| String::from("the host did not come so far"))?.map(drop).map_err(words)
}

pub(super) fn copy(from: &TempDir) -> Result<TempDir, String> {
    let folder = tempfile::tempdir().map_err(words)?;
    copy_within(from.path(), folder.path()).map_err(words)?;
    Ok(folder)
}

fn copy_within(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(from)? {
        let (entry, target) = (entry?, to);
        let target = target.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir_all(&target)?;
            copy_within(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}
