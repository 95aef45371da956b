//! How long a store takes to open, and how much memory that takes.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use earmark::Runtime;
use earmark_store::{Config, Disk, FsDisk, RecordingReader};
use sha2::{Digest, Sha256};

use crate::memory::MEMORY;
use crate::speed::backlog::{self, MINUTE};
use crate::speed::cache;
use crate::speed::frames::Audio;
use crate::speed::measure::median;
use crate::speed::ours;
use crate::speed::sheet::{Kind, Limit, Sheet};

const TOPIC: (&str, Kind) = ("Opening", Kind::Timed);
const MEMORY_TOPIC: (&str, Kind) = ("Memory", Kind::Timed);
const OPENINGS: usize = 5;
const MEBIBYTE: f64 = (1 << 20) as f64;
/// What the store may hold, whatever the backlog.
const HEAP_MAX: f64 = 8.0;
const FRAME_BYTES: usize = 80;
const STOP: Duration = Duration::from_secs(10);

/// Stores with so many recordings, and one with so many minutes of audio.
pub(super) fn measure(
    folder: &Path,
    recordings: &[usize],
    minutes: usize,
    sheet: &mut Sheet,
) -> io::Result<()> {
    for count in recordings {
        with_recordings(folder, *count, limits(*count), sheet)?;
    }
    after_minutes(folder, minutes, sheet)
}

/// What opening may take: cold with an empty tail, and warm with a minute of twenty devices.
const fn limits(recordings: usize) -> (Limit, Limit) {
    match recordings {
        ..=10_000 => (Limit::AtMost(10.0), Limit::AtMost(200.0)),
        _ => (Limit::None, Limit::AtMost(1_000.0)),
    }
}

/// With so many recordings: cold with an empty tail, and warm with a minute of twenty devices.
fn with_recordings(
    folder: &Path,
    recordings: usize,
    (cold_max, warm_max): (Limit, Limit),
    sheet: &mut Sheet,
) -> io::Result<()> {
    let folder = folder.join(format!("opening-{recordings}"));
    drop(backlog::with_recordings(&folder, recordings)?);
    let cold = openings(&folder, true)?;
    let name = format!("opening with {recordings} recordings, empty tail, cold");
    sheet.note(TOPIC, name, (milliseconds(&cold), "ms"), cold_max);
    let warm = openings(&folder, false)?;
    let name = format!("opening with {recordings} recordings, empty tail, warm");
    sheet.note(TOPIC, name, (milliseconds(&warm), "ms"), Limit::None);
    let name = format!("heap at the peak of opening with {recordings} recordings");
    sheet.note(MEMORY_TOPIC, name, (peak(&warm), "MiB"), Limit::AtMost(HEAP_MAX));
    with_unsealed(&folder, recordings, warm_max, sheet)?;
    // A runtime that was told to stop may still end something; the place cleans up after it.
    let _ = std::fs::remove_dir_all(folder);
    Ok(())
}

/// The first opening after twenty devices were cut off amid a minute.
fn with_unsealed(
    folder: &Path,
    recordings: usize,
    warm_max: Limit,
    sheet: &mut Sheet,
) -> io::Result<()> {
    let audio = Audio::new(MINUTE, FRAME_BYTES);
    let before = MEMORY.current_usage();
    let mut host = ours::Host::on(Arc::new(FsDisk::create(folder)?))?;
    MEMORY.reset_peak_usage();
    backlog::add_unsealed(&mut host, 20, &audio)?;
    let held = (MEMORY.peak_usage() - before) as f64 / MEBIBYTE;
    drop(host);
    let name = format!("heap with {recordings} recordings and a minute of 20 devices");
    sheet.note(MEMORY_TOPIC, name, (held, "MiB"), Limit::AtMost(HEAP_MAX));
    let opening = ready(folder)?;
    let name = format!("runtime ready with {recordings} recordings and a minute of 20 devices");
    sheet.note(TOPIC, name, (milliseconds(&[opening]), "ms"), warm_max);
    sheet.note(
        MEMORY_TOPIC,
        format!("heap at the peak of that start with {recordings} recordings"),
        (peak(&[opening]), "MiB"),
        Limit::AtMost(HEAP_MAX),
    );
    Ok(())
}

#[derive(Clone, Copy, Debug)]
struct Opening {
    took: Duration,
    heap: usize,
}

fn open(folder: &Path) -> io::Result<Opening> {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let began = Instant::now();
    let store = ours::open(Arc::new(FsDisk::create(folder)?), Config::default())?;
    let took = began.elapsed();
    let heap = MEMORY.peak_usage() - before;
    drop(store);
    Ok(Opening { took, heap })
}

/// Starts the whole runtime, which is ready when it gives its handle.
fn ready(folder: &Path) -> io::Result<Opening> {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let began = Instant::now();
    let runtime = tokio.block_on(Runtime::builder(folder).start()).map_err(io::Error::other)?;
    let took = began.elapsed();
    let heap = MEMORY.peak_usage() - before;
    tokio.block_on(runtime.shutdown(STOP));
    Ok(Opening { took, heap })
}

fn openings(folder: &Path, cold: bool) -> io::Result<Vec<Opening>> {
    let one = |_| {
        if cold {
            cache::forget(folder)?;
        }
        open(folder)
    };
    (0..OPENINGS).map(one).collect()
}

fn milliseconds(openings: &[Opening]) -> f64 {
    let all: Vec<f64> = openings.iter().map(|one| one.took.as_secs_f64() * 1e3).collect();
    median(&all)
}

fn peak(openings: &[Opening]) -> f64 {
    openings.iter().map(|one| one.heap as f64 / MEBIBYTE).fold(0.0, f64::max)
}

/// After so many minutes of one device: opening, reading everything, bytes on the disk.
fn after_minutes(folder: &Path, minutes: usize, sheet: &mut Sheet) -> io::Result<()> {
    let folder = folder.join("minutes");
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let (host, recordings) = backlog::with_minutes(&folder, minutes)?;
    let heap = (MEMORY.peak_usage() - before) as f64 / MEBIBYTE;
    let frames = minutes * MINUTE;
    let name = format!("heap at the peak of capturing {frames} frames");
    sheet.note(MEMORY_TOPIC, name, (heap, "MiB"), Limit::AtMost(HEAP_MAX));
    let disk = FsDisk::create(&folder)?;
    let sealed: Vec<_> = recordings.iter().filter_map(|one| host.store.sealed(*one)).collect();
    let payload = (frames * FRAME_BYTES) as f64;
    let on_disk = cache::bytes(&folder)? as f64 / payload;
    let name = format!("bytes on disk a byte of audio after {frames} frames");
    sheet.note(("Disk", Kind::Timed), name, (on_disk, ""), Limit::None);
    reading(&disk, &sealed, sheet)?;
    drop(host);
    let opening = openings(&folder, false)?;
    let name = format!("opening after {frames} frames in sealed recordings, warm");
    sheet.note(TOPIC, name, (milliseconds(&opening), "ms"), Limit::None);
    std::fs::remove_dir_all(folder)
}

/// Reads all recordings as an upload does, and as a program that trusts them would.
fn reading(
    disk: &FsDisk,
    sealed: &[earmark_store::SealedRecording],
    sheet: &mut Sheet,
) -> io::Result<()> {
    let (mut against_sum, mut against_read) = (Vec::new(), Vec::new());
    for _ in 0..OPENINGS {
        let ours = timed(|| verify(disk, sealed))?;
        let sum = timed(|| scan(disk, sealed, true))?;
        let read = timed(|| scan(disk, sealed, false))?;
        against_sum.push(ours / sum);
        against_read.push(ours / read);
    }
    let name = "verifying all recordings, to a raw read with their SHA-256";
    sheet.note(TOPIC, name, (median(&against_sum), ""), Limit::AtMost(1.2));
    let name = "verifying all recordings, to a raw read that trusts them";
    sheet.note(TOPIC, name, (median(&against_read), ""), Limit::None);
    Ok(())
}

fn timed(act: impl FnOnce() -> io::Result<()>) -> io::Result<f64> {
    let began = Instant::now();
    act()?;
    Ok(began.elapsed().as_secs_f64())
}

fn verify(disk: &FsDisk, sealed: &[earmark_store::SealedRecording]) -> io::Result<()> {
    sealed.iter().try_for_each(|one| {
        let reader = RecordingReader::open(disk, one).map_err(io::Error::other);
        reader?.verify().map_err(io::Error::other)
    })
}

fn scan(disk: &FsDisk, sealed: &[earmark_store::SealedRecording], sums: bool) -> io::Result<()> {
    let mut block = vec![0; 64 << 10];
    for one in sealed {
        let file = disk.open(&earmark_store::recording_path(one.recording()))?;
        let (mut sum, mut at) = (Sha256::new(), 0);
        loop {
            match file.read_at(at, &mut block)? {
                0 => break,
                count => {
                    if sums {
                        sum.update(&block[..count]);
                    }
                    at += count as u64;
                }
            }
        }
        std::hint::black_box(sum.finalize());
    }
    Ok(())
}
