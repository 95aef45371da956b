//! A host in few words: it stages what a host stages, on a simulated disk.

use std::collections::BTreeMap;
use std::sync::Arc;

use earmark_core::{
    Account, BootId, CaptureId, Codec, Device, Encoding, Frame, FrameSeq, Moment, RecordingId,
    SessionId, Stamp, WallTime,
};
use earmark_store::{Config, Disk, Outcome, Record, Seal, SimDisk, Store, Work};

const START: i64 = 1_775_260_800_000_000;
const FRAME_MICROS: i64 = 10_000;

/// A moment, the same for all.
pub(super) fn stamp() -> Stamp {
    Stamp {
        boot: BootId::from_u128(7),
        moment: Moment::from_micros(5),
        wall: WallTime::from_unix_micros(START),
    }
}

/// Opens the store of a disk; what is drawn by chance follows from the seed.
pub(super) fn open(disk: &SimDisk, config: Config, seed: u64) -> (Store, earmark_store::Recovered) {
    let mut dice = seed;
    let mut entropy = || {
        dice = dice.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        dice
    };
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    Store::open(disk, config, &mut entropy, stamp()).expect("the store opens")
}

/// The bytes that belong to a frame, so that an invented one can be told.
pub(super) fn frame_bytes(capture: CaptureId, seq: u64, len: usize) -> Vec<u8> {
    let mut dice = (u64::from(capture.number()) << 32) ^ seq.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let byte = |_| {
        dice = dice.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (dice >> 56) as u8
    };
    (0..len).map(byte).collect()
}

pub(super) struct Host {
    pub(super) disk: SimDisk,
    pub(super) store: Store,
    /// Every decision by its number in the journal.
    pub(super) decisions: BTreeMap<u64, Record>,
    /// Every frame by its number in its capture.
    pub(super) frames: BTreeMap<(CaptureId, u64), Vec<u8>>,
}

impl Host {
    pub(super) fn new(config: Config) -> Self {
        let disk = SimDisk::new(1);
        let (store, _) = open(&disk, config, 100);
        Self { disk, store, decisions: BTreeMap::new(), frames: BTreeMap::new() }
    }

    pub(super) fn run(&mut self, work: Work) -> Option<Outcome> {
        let job = self.store.begin(work)?;
        Some(self.store.end(job.run()).expect("the disk is healthy"))
    }

    pub(super) fn stage(&mut self, record: Record) {
        let ticket = self.store.stage(record.clone());
        self.decisions.insert(ticket.number(), record);
    }

    pub(super) fn flush(&mut self) {
        self.run(Work::Write);
        self.run(Work::Sync);
    }

    pub(super) fn capture(&mut self, device: &str) -> (CaptureId, SessionId) {
        let capture = self.store.next_capture();
        self.stage(Record::CaptureOpened {
            capture,
            device: Device::new(device).expect("a short name"),
            account: Account::new("default").expect("a short name"),
            encoding: Encoding::mono_16k(Codec::Opus),
            at: stamp(),
        });
        (capture, self.session(capture))
    }

    pub(super) fn session(&mut self, capture: CaptureId) -> SessionId {
        let session = self.store.next_session();
        let first = self.next(capture);
        self.stage(Record::SessionOpened { session, capture, first, at: stamp() });
        session
    }

    pub(super) fn recording(&mut self, capture: CaptureId, session: SessionId) -> RecordingId {
        let recording = self.store.next_recording();
        let first = self.next(capture);
        self.stage(Record::RecordingOpened { recording, session, capture, first });
        recording
    }

    fn next(&self, capture: CaptureId) -> FrameSeq {
        self.store.ledger().captures[&capture].next_seq
    }

    /// Frames of these lengths.
    pub(super) fn frames(&mut self, capture: CaptureId, lengths: &[usize]) {
        let first = self.next(capture);
        let mut frames = Vec::new();
        for (seq, len) in (first.0..).zip(lengths) {
            let bytes = frame_bytes(capture, seq, *len);
            self.frames.insert((capture, seq), bytes.clone());
            let at = WallTime::from_unix_micros(START + seq as i64 * FRAME_MICROS);
            frames.push(Frame { at, bytes: bytes.into() });
        }
        self.store.stage_frames(capture, first, &frames);
    }

    pub(super) fn cut(&mut self, capture: CaptureId, recording: RecordingId) {
        let end = self.next(capture);
        self.stage(Record::RecordingCut { recording, end });
    }

    /// Writes the file of a recording that is cut, and gives its seal.
    pub(super) fn draft(&mut self, recording: RecordingId) -> Arc<Seal> {
        match self.run(Work::Seal(recording)) {
            Some(Outcome::Sealed { seal, .. }) => seal,
            other => panic!("{recording} was not sealed: {other:?}"),
        }
    }

    pub(super) fn seal(&mut self, recording: RecordingId) {
        let seal = self.draft(recording);
        self.stage(Record::Sealed { recording, seal });
    }
}
