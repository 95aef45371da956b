//! Ten thousand saves on a real disk, and the files that are open meanwhile.

use std::path::Path;
use std::sync::Arc;

use earmark_core::{Account, CaptureId, Codec, Encoding, FrameSeq, SessionId};

use super::world::{SMALL, device, frame, stamp};
use crate::{Disk, FsDisk, Outcome, Record, Store, Work};

const RECORDINGS: u64 = 100;
const SAVES_EACH: u64 = 100;
/// How many more files may be open than after the first recording.
const MORE_OPEN_MAX: usize = 8;

/// How many files below a folder this process holds open, whatever else it has open.
fn open_below(folder: &Path) -> usize {
    let all = std::fs::read_dir("/proc/self/fd").expect("Linux lists them");
    let held = all.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    held.filter(|path| path.starts_with(folder)).count()
}

fn run(store: &mut Store, work: Work) -> Option<Outcome> {
    let job = store.begin(work)?;
    Some(store.end(job.run()).expect("the disk is healthy"))
}

fn save(store: &mut Store) {
    run(store, Work::Write);
    run(store, Work::Sync);
}

fn capture(store: &mut Store) -> (CaptureId, SessionId) {
    let (capture, session) = (store.next_capture(), store.next_session());
    store.stage(Record::CaptureOpened {
        capture,
        device: device(),
        account: Account::new("default").expect("a short name"),
        encoding: Encoding::mono_16k(Codec::Opus),
        at: stamp(),
    });
    store.stage(Record::SessionOpened { session, capture, first: FrameSeq(0), at: stamp() });
    (capture, session)
}

/// A recording whose every frame is saved by itself, sealed; then the house is kept.
fn record(store: &mut Store, capture: CaptureId, session: SessionId, first: u64) {
    let recording = store.next_recording();
    store.stage(Record::RecordingOpened { recording, session, capture, first: FrameSeq(first) });
    let end = first + SAVES_EACH;
    for seq in first..end {
        store.stage_frames(capture, FrameSeq(seq), &[frame(capture, seq)]);
        save(store);
    }
    store.stage(Record::RecordingCut { recording, end: FrameSeq(end) });
    save(store);
    let sealed = run(store, Work::Seal(recording));
    let Some(Outcome::Sealed { seal, .. }) = sealed else { panic!("{sealed:?}") };
    store.stage(Record::Sealed { recording, seal });
    save(store);
    run(store, Work::Snapshot);
    run(store, Work::Prune);
}

/// F38.
#[test]
fn ten_thousand_saves_leave_no_more_files_open_than_the_first_hundred() {
    let dir = tempfile::tempdir().expect("a folder for the test");
    let folder = dir.path().canonicalize().expect("it is there");
    let disk: Arc<dyn Disk> = Arc::new(FsDisk::create(&folder).expect("the folder is there"));
    let (mut store, _) = Store::open(disk, SMALL, &mut || 7, stamp()).expect("it opens");
    let (capture, session) = capture(&mut store);
    record(&mut store, capture, session, 0);
    let baseline = open_below(&folder);
    assert!(baseline > 0, "the journal is open");
    for number in 1..RECORDINGS {
        record(&mut store, capture, session, number * SAVES_EACH);
        let open = open_below(&folder);
        assert!(open <= baseline + MORE_OPEN_MAX, "{open} after {number} recordings: {baseline}");
    }
    assert_eq!(store.ledger().captures[&capture].next_seq, FrameSeq(RECORDINGS * SAVES_EACH));
}
