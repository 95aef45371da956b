//! Stores with many recordings, made quickly.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use earmark_core::RecordingId;
use earmark_store::{Config, Disk, FsDisk, Record, Work, recording_path};

use crate::speed::counts::upload;
use crate::speed::frames::Audio;
use crate::speed::ours::{Capture, Host};

/// Frames of a recording of a minute.
pub(super) const MINUTE: usize = 6_000;
/// Every record makes a snapshot due.
const EAGER: Config = Config { snapshot_after_bytes: 1, journal_file_bytes_max: 4 << 20 };
/// Records that are staged before they are written.
const GATHERED_MAX: usize = 1_000;
/// The file system gives no file more names than about so many.
const NAMES_MAX: usize = 30_000;

/// A store with so many sealed recordings, whose decisions are in snapshots. Their files are names
/// of one file with one frame, since nobody looks inside.
pub(super) fn with_recordings(folder: &Path, recordings: usize) -> io::Result<Host> {
    let mut host = Host::with(Arc::new(FsDisk::create(folder)?), EAGER)?;
    let audio = Audio::new(1, 80);
    let mut capture = host.capture("pendant");
    for number in 0..recordings.div_ceil(NAMES_MAX) {
        let count = NAMES_MAX.min(recordings - number * NAMES_MAX);
        add(&mut host, &mut capture, folder, &audio, count)?;
    }
    drop(host);
    settle(folder)
}

/// Seals one recording, and says of the others that they are sealed alike.
fn add(
    host: &mut Host,
    capture: &mut Capture,
    folder: &Path,
    audio: &Audio,
    count: usize,
) -> io::Result<()> {
    host.stage(capture, &audio.frames[..1]);
    let first = host.cut(capture);
    let seal = host.seal(first)?;
    let file = folder.join(recording_path(first));
    for number in 1..count {
        host.stage(capture, &audio.frames[..1]);
        let recording = host.cut(capture);
        fs::hard_link(&file, folder.join(recording_path(recording)))?;
        host.store.stage(Record::Sealed { recording, seal: Arc::clone(&seal) });
        host.store.stage(upload(recording));
        if number % GATHERED_MAX == 0 {
            host.flush()?;
        }
    }
    host.flush()
}

/// Has the last decisions put into two snapshots, and the journal files go that then say nothing
/// more: those of a process before this one.
fn settle(folder: &Path) -> io::Result<Host> {
    let mut host = Host::with(Arc::new(FsDisk::create(folder)?), EAGER)?;
    for _ in 0..3 {
        let recording = host.store.ledger().recordings.keys().next().copied();
        if let Some(one) = recording {
            host.store.stage(upload(one));
        }
        host.flush()?;
        host.keep_house()?;
    }
    Ok(host)
}

/// Devices that capture, with so many frames each that no recording holds yet.
pub(super) fn add_unsealed(host: &mut Host, devices: usize, audio: &Audio) -> io::Result<()> {
    let mut captures: Vec<Capture> =
        (0..devices).map(|place| host.capture(&format!("device-{place}"))).collect();
    // As they come: a few frames of each device, one device after the other.
    for second in audio.frames.chunks(100) {
        for frames in second.chunks(2) {
            captures.iter_mut().for_each(|capture| host.stage(capture, frames));
            host.run(Work::Write)?;
        }
        host.flush()?;
        host.keep_house()?;
    }
    Ok(())
}

/// A store with so many sealed recordings of a minute each.
pub(super) fn with_minutes(folder: &Path, minutes: usize) -> io::Result<(Host, Vec<RecordingId>)> {
    let disk: Arc<dyn Disk> = Arc::new(FsDisk::create(folder)?);
    let mut host = Host::on(disk)?;
    let audio = Audio::new(MINUTE, 80);
    let mut capture = host.capture("pendant");
    let mut sealed = Vec::new();
    for _ in 0..minutes {
        for second in audio.frames.chunks(100) {
            host.stage(&mut capture, second);
            host.flush()?;
        }
        let recording = host.cut(&mut capture);
        host.seal(recording)?;
        sealed.push(recording);
        host.flush()?;
        host.keep_house()?;
    }
    Ok((host, sealed))
}
