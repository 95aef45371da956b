//! One device that captures.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use earmark_core::{
    Account, BootId, CaptureId, Codec, Device, Encoding, Frame, FrameSeq, Moment, RecordingId,
    SessionId, Stamp, WallTime,
};
use earmark_store::{Config, Disk, Record, Removal, Store, Work};

const START: i64 = 1_775_260_800_000_000;
const FRAME_BYTES: usize = 80;
/// Frames that are staged at once at most.
const FRAMES: i64 = 100;

fn stamp() -> Stamp {
    Stamp {
        boot: BootId::from_u128(7),
        moment: Moment::from_micros(5),
        wall: WallTime::from_unix_micros(START),
    }
}

pub(super) struct Recorder {
    pub(super) store: Store,
    capture: CaptureId,
    session: SessionId,
    pub(super) recording: RecordingId,
    next: FrameSeq,
    frames: Vec<Frame>,
}

impl Recorder {
    pub(super) fn new(disk: Arc<dyn Disk>) -> Self {
        let config = Config { snapshot_after_bytes: 1, ..Config::default() };
        let opened = Store::open(disk, config, &mut || 1, stamp());
        let (mut store, _) = opened.expect("a disk in memory is well");
        let (capture, session) = (store.next_capture(), store.next_session());
        let recording = store.next_recording();
        store.stage(Record::CaptureOpened {
            capture,
            device: Device::new("pendant").expect("the name is short"),
            account: Account::new("default").expect("the name is short"),
            encoding: Encoding::mono_16k(Codec::Opus),
            at: stamp(),
        });
        let first = FrameSeq(0);
        store.stage(Record::SessionOpened { session, capture, first, at: stamp() });
        let frame = |place| Frame {
            at: WallTime::from_unix_micros(START + place * 10_000),
            bytes: Bytes::from_static(&[0x5a; FRAME_BYTES]),
        };
        let frames = (0..FRAMES).map(frame).collect();
        let mut recorder = Self { store, capture, session, recording, next: first, frames };
        recorder.open();
        recorder.flush();
        recorder
    }

    fn open(&mut self) {
        let (recording, session) = (self.recording, self.session);
        let (capture, first) = (self.capture, self.next);
        self.store.stage(Record::RecordingOpened { recording, session, capture, first });
    }

    fn cut(&mut self) -> RecordingId {
        let cut = self.recording;
        self.store.stage(Record::RecordingCut { recording: cut, end: self.next });
        self.recording = self.store.next_recording();
        self.open();
        cut
    }

    pub(super) fn stage(&mut self, frames: usize) {
        self.store.stage_frames(self.capture, self.next, &self.frames[..frames]);
        self.next = self.next.plus(frames as u64);
    }

    pub(super) fn run(&mut self, work: Work) {
        if let Some(job) = self.store.begin(work) {
            self.store.end(job.run()).expect("a disk in memory is well");
        }
    }

    pub(super) fn flush(&mut self) {
        self.run(Work::Write);
        self.run(Work::Sync);
    }

    /// Lets the recording go and its journal files with it.
    pub(super) fn let_go(&mut self) {
        self.remove();
        self.run(Work::Snapshot);
        self.run(Work::Prune);
    }

    /// Lets the recording go.
    pub(super) fn remove(&mut self) {
        let recording = self.cut();
        self.store.stage(Record::Removing { recording, why: Removal::Released });
        self.store.stage(Record::Removed { recording });
        self.flush();
    }

    /// Cuts recordings of one frame until there are so many.
    pub(super) fn fill(&mut self, recordings: usize) {
        while self.store.ledger().recordings.len() < recordings {
            self.stage(1);
            self.cut();
        }
        self.flush();
        self.run(Work::Snapshot);
    }

    /// The time that one thing takes, with another one between that does not count.
    pub(super) fn time(
        &mut self,
        rounds: u64,
        mut between: impl FnMut(&mut Self),
        mut act: impl FnMut(&mut Self),
    ) -> Duration {
        let mut took = Duration::ZERO;
        for _ in 0..rounds {
            between(self);
            let began = Instant::now();
            act(self);
            took += began.elapsed();
        }
        took
    }
}
