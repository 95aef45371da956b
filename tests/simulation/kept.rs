//! What a store holds in memory of a recording that is on the disk and confirmed. It has a program
//! of its own, since it counts every byte that the program holds.

use std::sync::Arc;

use bytes::Bytes;
use earmark_core::sync::{UploadFacts, UploadStage};
use earmark_core::{
    Account, BootId, CaptureId, Codec, ConversationId, Device, Encoding, Frame, FrameSeq, Moment,
    Stamp, WallTime,
};
use earmark_store::{Config, FsDisk, Job, Outcome, Record, SessionEnd, Store, Work};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// What a kept recording may take, with its session and its conversation.
const RECORDING_BYTES_MAX: usize = 1_300;
const FRAMES: u64 = 3;
const FEW: usize = 100;
const MANY: usize = 400;

fn stamp() -> Stamp {
    let wall = WallTime::from_unix_micros(1_775_260_800_000_000);
    Stamp { boot: BootId::from_u128(7), moment: Moment::from_micros(5), wall }
}

/// A device, and a store that keeps what it captures.
struct Host {
    store: Store,
    capture: CaptureId,
    next: FrameSeq,
}

impl Host {
    fn on(disk: FsDisk) -> Self {
        let mut drawn = 0_u64;
        let mut entropy = || {
            drawn = drawn.wrapping_add(0x9e37_79b9_7f4a_7c15);
            drawn
        };
        let opened = Store::open(Arc::new(disk), Config::default(), &mut entropy, stamp());
        let (mut store, _) = opened.expect("the disk is well");
        let capture = store.next_capture();
        store.stage(Record::CaptureOpened {
            capture,
            device: Device::new("pendant").expect("the name is short"),
            account: Account::new("default").expect("the name is short"),
            encoding: Encoding::mono_16k(Codec::OpusFs320),
            at: stamp(),
        });
        Self { store, capture, next: FrameSeq(0) }
    }

    fn run(&mut self, work: Work) -> Option<Outcome> {
        let done = self.store.begin(work).map(Job::run);
        done.map(|done| self.store.end(done).expect("the disk is well"))
    }

    fn flush(&mut self) {
        self.run(Work::Write);
        self.run(Work::Sync);
    }

    /// A session of one recording, from its first frame to the server's confirmation.
    fn keep_one(&mut self, number: usize) {
        let (capture, first) = (self.capture, self.next);
        let (session, recording) = (self.store.next_session(), self.store.next_recording());
        self.store.stage(Record::SessionOpened { session, capture, first, at: stamp() });
        self.store.stage(Record::RecordingOpened { recording, session, capture, first });
        let frame = Frame { bytes: Bytes::from_static(&[7; 80]), at: stamp().wall };
        self.store.stage_frames(capture, first, &[frame.clone(), frame.clone(), frame]);
        self.next = first.plus(FRAMES);
        self.store.stage(Record::RecordingCut { recording, end: self.next });
        let end = SessionEnd::Boundary;
        self.store.stage(Record::SessionClosed { session, end, at: stamp() });
        self.flush();
        let Some(Outcome::Sealed { seal, .. }) = self.run(Work::Seal(recording)) else {
            panic!("{recording} is not sealed");
        };
        let conversation = ConversationId::new(&format!("conversation-{number:08}"));
        self.store.stage(Record::Linked {
            conversation: conversation.expect("the name is short"),
            recordings: vec![recording],
            seals: vec![(recording, seal)],
            at: stamp(),
        });
        self.flush();
        self.store.stage(Record::SyncStarted { session, fallback: false });
        let stage = UploadStage::Synced { at: stamp() };
        let facts = UploadFacts { requests: 1, stage, ..UploadFacts::new() };
        self.store.stage(Record::Upload { recording, facts });
        self.flush();
        self.run(Work::Snapshot);
        self.run(Work::Prune);
    }
}

#[test]
fn a_recording_that_is_kept_takes_little_memory() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let disk = FsDisk::create(folder.path()).expect("there is room for a store");
    let mut host = Host::on(disk);
    (0..FEW).for_each(|number| host.keep_one(number));
    let few = MEMORY.current_usage();
    (FEW..MANY).for_each(|number| host.keep_one(number));
    let each = (MEMORY.current_usage() - few) / (MANY - FEW);
    println!("{each} bytes a recording");
    assert!(each < RECORDING_BYTES_MAX, "{each} bytes a recording");
}
