//! What the store costs in memory alone: the disk under it keeps bytes and does nothing else.

mod device;
mod memory;

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use earmark_core::sync::UploadFacts;
use earmark_store::{Disk, FrameSpan, Ledger, Record, Work, inspect};

use device::Recorder;
use memory::MemoryDisk;

/// Frames of a second.
const SECOND: usize = 100;
/// Bytes that one checksum covers.
const BLOCK_BYTES: usize = 4_096;
/// Recordings of the ledger whose snapshot is written and read.
const RECORDINGS: usize = 1_000;
/// Seconds of frames that have more bytes than that.
const SNAPSHOT_SECONDS: usize = 20;

fn frames(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frames");
    group.throughput(Throughput::Elements(SECOND as u64));
    let mut recorder = Recorder::new(Arc::new(MemoryDisk::default()));
    group.bench_function("stage a second, write, sync", |bencher| {
        bencher.iter(|| {
            recorder.stage(SECOND);
            recorder.flush();
        });
        recorder.let_go();
    });
    group.bench_function("stage a frame and write it, a hundred times, sync", |bencher| {
        bencher.iter(|| {
            for _ in 0..SECOND {
                recorder.stage(1);
                recorder.run(Work::Write);
            }
            recorder.run(Work::Sync);
        });
        recorder.let_go();
    });
    group.finish();
}

fn checksum(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("checksum");
    group.throughput(Throughput::Bytes(BLOCK_BYTES as u64));
    let block = vec![0x5a; BLOCK_BYTES];
    group.bench_function("CRC32C of 4 KiB", |bencher| {
        bencher.iter(|| crc32c::crc32c(black_box(&block)));
    });
    group.finish();
}

/// A ledger with a thousand recordings, a change of the last one, and frames for it.
fn filled() -> (Ledger, Record, Record) {
    let mut recorder = Recorder::new(Arc::new(MemoryDisk::default()));
    recorder.fill(RECORDINGS);
    let ledger = recorder.store.ledger().clone();
    let (capture, facts) = ledger.captures.iter().next().expect("one device captures");
    let at = facts.opened.wall;
    let span =
        FrameSpan { capture: *capture, first: facts.next_seq, count: 1, first_at: at, last_at: at };
    let upload = Record::Upload { recording: recorder.recording, facts: UploadFacts::new() };
    (ledger, Record::Frames(span), upload)
}

fn decisions(criterion: &mut Criterion) {
    let (ledger, frames, upload) = filled();
    let mut group = criterion.benchmark_group("decisions");
    for (name, record) in [("fold frames", &frames), ("fold a change of an upload", &upload)] {
        let mut ledger = ledger.clone();
        group.bench_function(name, |bencher| bencher.iter(|| ledger.apply(black_box(record))));
    }
    group.bench_function("encode a change of an upload", |bencher| {
        bencher.iter(|| serde_json::to_vec(black_box(&upload)).expect("it has a JSON form"));
    });
    group.finish();
}

fn snapshots(criterion: &mut Criterion) {
    let disk = Arc::new(MemoryDisk::default());
    let mut recorder = Recorder::new(Arc::clone(&disk) as Arc<dyn Disk>);
    recorder.fill(RECORDINGS);
    let mut group = criterion.benchmark_group("snapshots");
    group.throughput(Throughput::Elements(RECORDINGS as u64));
    group.bench_function("write one of 1,000 recordings", |bencher| {
        // As much as a snapshot has, so that the next one is due; no more of it is kept.
        let change = |recorder: &mut Recorder| {
            recorder.run(Work::Prune);
            (0..SNAPSHOT_SECONDS).for_each(|_| recorder.stage(SECOND));
            recorder.remove();
        };
        bencher.iter_custom(|rounds| {
            recorder.time(rounds, change, |recorder| recorder.run(Work::Snapshot))
        });
    });
    recorder.run(Work::Prune);
    group.bench_function("read a store of 1,000 recordings", |bencher| {
        bencher.iter(|| inspect(disk.as_ref()).expect("the disk is well"));
    });
    group.finish();
}

criterion_group!(benches, frames, checksum, decisions, snapshots);
criterion_main!(benches);
