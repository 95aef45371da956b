//! The machine: the store's folder, the disk, the sources.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use earmark_backend::audio::{SAMPLE_RATE, WavStream};
use earmark_store::inspect;
use rustix::fs::{Access, access};
use rustix::io::Errno;

use super::Finding;
use crate::config::{Config, Input, SourceConfig};
use crate::host::{Fullness, Room, look as look_at_disk};
use crate::{data_dir, owner};

/// The bits of a folder's mode that let others in.
const OTHERS: u32 = 0o077;
/// Everybody may write, and may remove what others wrote.
const OPEN: u32 = 0o1002;
const OPEN_TO_ALL: u32 = 0o0002;

pub(super) fn look(config: &Config) -> Vec<Finding> {
    let folder = &config.store.data_dir;
    let owner = owner::of(folder);
    let mut findings = Vec::new();
    match &owner {
        Some(owner) => findings.push(Finding::good(format!("a host runs: {owner}"))),
        None => findings.push(Finding::good("no host runs on this store")),
    }
    findings.extend(of_folder(folder));
    findings.extend(of_store(folder));
    findings.push(of_disk(config));
    if owner.is_none() {
        findings.extend(of_status_port(config));
    }
    findings.extend(config.sources.iter().map(of_source));
    findings
}

fn of_folder(folder: &Path) -> Vec<Finding> {
    let shown = folder.display();
    let Ok(found) = fs::metadata(folder) else {
        return vec![of_missing(folder)];
    };
    let mut findings = Vec::new();
    let mode = found.permissions().mode();
    if mode & OTHERS != 0 {
        let what = format!("others may look into {shown} (mode {:o})", mode & 0o7777);
        findings.push(Finding::bad(what, format!("chmod 700 {shown}")));
    }
    let parent = folder.parent().and_then(|parent| fs::metadata(parent).ok());
    if parent.is_some_and(|parent| parent.permissions().mode() & OPEN == OPEN_TO_ALL) {
        let what = format!("everybody may write to the folder that {shown} lies in");
        findings.push(Finding::bad(what, "move the store, or chmod o-w that folder"));
    }
    match access(folder, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => findings.push(Finding::good(format!("the store is in {shown}"))),
        Err(error) => {
            let advice = match error {
                Errno::ROFS => String::from(
                    "have its file system mounted for writing, or name another folder in \
                     store.data_dir",
                ),
                _ => format!("chown it to the user that the host runs as: chown -R USER {shown}"),
            };
            findings.push(Finding::bad(format!("{shown} cannot be written: {error}"), advice));
        }
    }
    findings
}

/// A folder that is not there is made, where that is possible.
fn of_missing(folder: &Path) -> Finding {
    let shown = folder.display();
    let there = folder.ancestors().skip(1).find(|one| one.as_os_str().is_empty() || one.exists());
    let there = there.filter(|one| !one.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match access(there, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Finding::good(format!("{shown} is not there yet, and can be made")),
        Err(error) => {
            let what = format!("{shown} is not there, and cannot be made: {error}");
            Finding::bad(what, format!("make it, and chown it to the user of the host: {shown}"))
        }
    }
}

fn of_store(folder: &Path) -> Option<Finding> {
    let disk = match data_dir::read_only(folder) {
        Ok(disk) => disk,
        Err(_) if !folder.is_dir() => return None,
        Err(failure) => {
            let advice = "look whether store.data_dir is the folder that is meant";
            return Some(Finding::doubtful(failure.to_string(), advice));
        }
    };
    Some(match inspect(&disk) {
        Ok(found) if found.damage.is_empty() => {
            Finding::good(format!("the store has {} recordings", found.ledger.recordings.len()))
        }
        Ok(found) => {
            let what = format!("the store is damaged in {} places", found.damage.len());
            Finding::bad(what, format!("earmark verify --data-dir {}", folder.display()))
        }
        Err(error) => Finding::bad(
            format!("the store cannot be read: {error}"),
            format!("earmark verify --data-dir {}", folder.display()),
        ),
    })
}

fn of_disk(config: &Config) -> Finding {
    let folder = config.store.data_dir.ancestors().find(|one| one.exists());
    let room = Room::new(&config.store);
    let advice = "free some room, raise store.bytes_max, or have synced recordings removed \
                  (store.remove_synced_after_days, store.synced_bytes_max)";
    match look_at_disk(folder.unwrap_or(Path::new("."))) {
        Ok(usage) => {
            room.found(usage, 0);
            let free = usage.free_bytes;
            match room.fullness() {
                Fullness::Roomy => Finding::good(format!("the disk has {free} bytes free")),
                Fullness::Nearly(how) => Finding::doubtful(how, advice),
                Fullness::Full(why) => Finding::bad(why, advice),
            }
        }
        Err(error) => Finding::bad(format!("the disk cannot be looked at: {error}"), advice),
    }
}

fn of_status_port(config: &Config) -> Option<Finding> {
    let address = config.status.listen?;
    Some(match TcpListener::bind(address) {
        Ok(_) => Finding::good(format!("the status port {address} is free")),
        Err(error) => {
            let what = format!("the status port {address} cannot be listened on: {error}");
            Finding::bad(what, "name another one in status.listen, or \"off\"")
        }
    })
}

fn of_source(source: &SourceConfig) -> Finding {
    let name = &source.name;
    match &source.input {
        Input::Wav { path, .. } => match WavStream::open(path) {
            Ok(wav) if wav.sample_rate() == SAMPLE_RATE => {
                Finding::good(format!("the source {name}: {}", path.display()))
            }
            Ok(wav) => Finding::bad(
                format!("the source {name}: {} has {} Hz", path.display(), wav.sample_rate()),
                format!("make it one of {SAMPLE_RATE} Hz: ffmpeg -i IN -ac 1 -ar 16000 OUT.wav"),
            ),
            Err(error) => Finding::bad(
                format!("the source {name}: {}: {error}", path.display()),
                "ffmpeg -i IN -ac 1 -ar 16000 -c:a pcm_s16le OUT.wav makes one that is taken",
            ),
        },
        Input::Unix { path } => {
            let folder = path.parent().filter(|one| !one.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new("."));
            match access(folder, Access::WRITE_OK | Access::EXEC_OK) {
                Ok(()) => Finding::good(format!("the source {name}: {}", path.display())),
                Err(error) => Finding::bad(
                    format!("the source {name}: no socket can be made in {folder:?}: {error}"),
                    "name a path that the host may write to",
                ),
            }
        }
        Input::Tcp { listen } => Finding::good(format!("the source {name}: port {listen}")),
        Input::Stdin { .. } => Finding::good(format!("the source {name}: standard input")),
        Input::Microphone { input } => of_microphone(name, input),
    }
}

#[cfg(feature = "microphone")]
fn of_microphone(name: &str, input: &str) -> Finding {
    match crate::host::microphones() {
        Ok(all) if input == "default" || all.iter().any(|one| one == input) => {
            Finding::good(format!("the source {name}: the microphone {input}"))
        }
        Ok(all) => Finding::bad(
            format!("the source {name}: there is no microphone {input:?}"),
            format!("name one of: {}", all.join(", ")),
        ),
        Err(error) => Finding::bad(
            format!("the source {name}: microphones cannot be listed: {error}"),
            "look whether the system has a sound card: arecord -L",
        ),
    }
}

#[cfg(not(feature = "microphone"))]
fn of_microphone(name: &str, _: &str) -> Finding {
    Finding::bad(
        format!("the source {name}: this program was built without microphones"),
        "cargo build --release --features microphone",
    )
}
