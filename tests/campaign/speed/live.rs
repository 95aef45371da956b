//! The whole runtime with real files and the real clock: what `push` takes while commits run, what
//! devices cost, how often the machine is woken.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use earmark::{Account, Codec, Device, DiskMode, Runtime, Source, SourceHandle};
use earmark_store::Disk;

use crate::memory::MEMORY;
use crate::speed::counting::{CountingDisk, Counts, PAGE_BYTES};
use crate::speed::counts::counting;
use crate::speed::measure::quantile;
use crate::speed::sheet::{Kind, Limit, Sheet};
use crate::speed::usage::{Sleeps, process_seconds, this_task, thread_seconds};

const TOPIC: (&str, Kind) = ("The runtime", Kind::Timed);
/// Each device has a frame in each.
const FRAME: Duration = Duration::from_millis(10);
/// Devices do not all speak at once: a frame's time has so many beats.
const BEATS: usize = 10;
const FRAME_BYTES: usize = 80;
/// What passes before anything is measured: the first file, the first spare.
const WARMING: Duration = Duration::from_secs(2);
const STOP: Duration = Duration::from_secs(10);
/// A commit begins at most 0.9 s after the first frame that it covers.
const COMMITS_MAX: f64 = 1.15;
const MEBIBYTE: f64 = (1 << 20) as f64;

/// Idle, one device, a hundred devices.
pub(super) fn measure(folder: &Path, length: Duration, sheet: &mut Sheet) -> io::Result<()> {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for devices in [0, 1, 100] {
        let seen = tokio.block_on(watch(folder, devices, length))?;
        note(devices, &seen, sheet);
    }
    Ok(())
}

/// What was seen of a runtime in some time.
struct Seen {
    seconds: f64,
    /// Of the whole process, the producer and its clock included.
    processor: f64,
    producer: f64,
    wakes: u64,
    counts: Counts,
    heap: usize,
    produced: Produced,
}

async fn watch(folder: &Path, devices: usize, length: Duration) -> io::Result<Seen> {
    let disk = counting(folder, "live", None)?;
    let heap = MEMORY.current_usage();
    let builder =
        Runtime::builder(folder).disk(Arc::clone(&disk) as Arc<dyn Disk>, DiskMode::Blocking);
    let runtime = builder.start().await.map_err(io::Error::other)?;
    let sources = (0..devices).map(|place| open(&runtime, place)).collect::<io::Result<_>>()?;
    MEMORY.reset_peak_usage();
    let produced = thread::spawn(move || produce(sources, length, &disk));
    let mut seen = produced.join().map_err(|_| io::Error::other("the producer panicked"))??;
    seen.heap = MEMORY.peak_usage() - heap;
    runtime.shutdown(STOP).await;
    Ok(seen)
}

fn open(runtime: &Runtime, place: usize) -> io::Result<SourceHandle> {
    let device = Device::new(&format!("device-{place}")).map_err(io::Error::other)?;
    let account = Account::new("default").map_err(io::Error::other)?;
    let source = Source::mono_16k(device, Codec::Opus, account);
    runtime.open_source(source).map_err(io::Error::other)
}

/// What the producer has done.
#[derive(Default)]
struct Produced {
    frames: u64,
    refused: u64,
    /// How long each push took, in microseconds.
    pushes: Vec<f64>,
}

/// Lets devices speak for so long, and looks at what that costs once all is warm.
fn produce(sources: Vec<SourceHandle>, length: Duration, disk: &CountingDisk) -> io::Result<Seen> {
    speak(&sources, WARMING, &mut Produced::default());
    let room = (length.as_secs_f64() / FRAME.as_secs_f64() * 1.2) as usize * sources.len();
    let mut produced = Produced { pushes: Vec::with_capacity(room), ..Produced::default() };
    let me = this_task()?;
    let (sleeps, counts) = (Sleeps::now()?, disk.counts());
    let (processor, producer) = (process_seconds(), thread_seconds());
    let began = Instant::now();
    speak(&sources, length, &mut produced);
    Ok(Seen {
        seconds: began.elapsed().as_secs_f64(),
        processor: process_seconds() - processor,
        producer: thread_seconds() - producer,
        wakes: Sleeps::now()?.since(&sleeps, &[me]),
        counts: disk.counts().since(counts),
        heap: 0,
        produced,
    })
}

fn speak(sources: &[SourceHandle], length: Duration, produced: &mut Produced) {
    let frame = Bytes::from_static(&[0x5a; FRAME_BYTES]);
    let beat = FRAME / BEATS as u32;
    let began = Instant::now();
    let mut next = Duration::ZERO;
    for number in (0..BEATS).cycle() {
        if next >= length {
            return;
        }
        thread::sleep(next.saturating_sub(began.elapsed()));
        next += beat;
        for source in sources.iter().skip(number).step_by(BEATS) {
            let pushed = Instant::now();
            let taken = source.push(frame.clone());
            produced.pushes.push(pushed.elapsed().as_secs_f64() * 1e6);
            produced.frames += 1;
            produced.refused += u64::from(taken.is_err());
        }
    }
}

fn note(devices: usize, seen: &Seen, sheet: &mut Sheet) {
    let who = match devices {
        0 => String::from("idle"),
        1 => String::from("one device"),
        _ => format!("{devices} devices"),
    };
    let a_second = |count: f64| count / seen.seconds;
    let mut tell = |what: &str, value: (f64, &'static str), limit: Limit| {
        sheet.note(TOPIC, format!("{who}: {what}"), value, limit);
    };
    tell("wake-ups a second", (a_second(seen.wakes as f64), ""), Limit::None);
    let heap = seen.heap as f64 / MEBIBYTE;
    tell("heap of the runtime at the peak", (heap, "MiB"), Limit::None);
    if devices == 0 {
        return;
    }
    let share = seen.processor / seen.seconds;
    let share_max = if devices == 100 { Limit::AtMost(0.25) } else { Limit::None };
    tell("share of a core, the producer included", (share, ""), share_max);
    let ours = (seen.processor - seen.producer) / seen.seconds * 3_600.0 / devices as f64;
    tell("processor time a device-hour, without the producer", (ours, "s"), Limit::None);
    tell("push, p50", (quantile(&seen.produced.pushes, 0.5), "µs"), Limit::AtMost(1.0));
    tell("push, p99", (quantile(&seen.produced.pushes, 0.99), "µs"), Limit::None);
    tell("push, p99.9", (quantile(&seen.produced.pushes, 0.999), "µs"), Limit::AtMost(50.0));
    tell("frames refused", (seen.produced.refused as f64, ""), Limit::AtMost(0.0));
    let payload = (seen.produced.frames as usize * FRAME_BYTES) as f64;
    let device_bytes = (seen.counts.pages * PAGE_BYTES) as f64 / payload;
    tell("device bytes a payload byte", (device_bytes, ""), Limit::AtMost(1.75));
    let frames_a_write = seen.produced.frames as f64 / seen.counts.writes as f64;
    tell("frames a write", (frames_a_write, ""), Limit::None);
    // A new journal file has a sync for its header, and the file before it has one with the first.
    let commits = seen.counts.journal_syncs as f64 - 2.0 * seen.counts.new_files as f64;
    tell("commits of the journal a second", (a_second(commits), ""), Limit::AtMost(COMMITS_MAX));
    let syncs = a_second(seen.counts.syncs as f64);
    tell("syncs a second, new files and snapshots included", (syncs, ""), Limit::None);
}
