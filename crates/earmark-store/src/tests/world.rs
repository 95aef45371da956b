//! A store on a simulated disk, and short words for what a host does with it.

use std::sync::Arc;

use bytes::Bytes;
use earmark_core::sync::{UploadFacts, UploadStage};
use earmark_core::{
    Account, BootId, CaptureId, Codec, ConversationId, Device, Encoding, Frame, FrameSeq, Moment,
    RecordingId, SessionId, Stamp, WallTime,
};

use crate::{
    Config, Disk, Failure, Outcome, Record, RecordingReader, Recovered, Seal, SimDisk, Store,
    Ticket, Work,
};

pub(super) const SMALL: Config =
    Config { journal_file_bytes_max: 8 << 10, snapshot_after_bytes: 8 << 10 };
const START: i64 = 1_775_260_800_000_000;

pub(super) fn stamp() -> Stamp {
    Stamp {
        boot: BootId::from_u128(7),
        moment: Moment::from_micros(5),
        wall: WallTime::from_unix_micros(START),
    }
}

/// The frame that belongs to a number: every test can tell an invented one.
pub(super) fn frame(capture: CaptureId, seq: u64) -> Frame {
    let len = 20 + (seq * 37 % 100) as usize;
    let fill = capture.number().wrapping_mul(31).wrapping_add(seq as u32 * 7) as u8;
    let mut bytes = vec![fill; len];
    bytes[..8].copy_from_slice(&seq.to_le_bytes());
    let at = WallTime::from_unix_micros(START + seq as i64 * 10_000);
    Frame { at, bytes: Bytes::from(bytes) }
}

pub(super) fn device() -> Device {
    Device::new("pendant").expect("a short name")
}

pub(super) fn conversation(text: &str) -> ConversationId {
    ConversationId::new(text).expect("a short name")
}

pub(super) struct World {
    pub(super) disk: SimDisk,
    pub(super) store: Store,
    pub(super) recovered: Recovered,
    dice: u64,
    config: Config,
    /// Everything that was staged in this life, with its ticket.
    pub(super) staged: Vec<(Ticket, Record)>,
}

pub(super) fn open(disk: &SimDisk, config: Config, seed: u64) -> (Store, Recovered) {
    let mut dice = seed;
    let mut entropy = || {
        dice += 1;
        crate::journal::mix(dice)
    };
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    Store::open(disk, config, &mut entropy, stamp()).expect("the store opens")
}

impl World {
    pub(super) fn new() -> Self {
        Self::on(SimDisk::new(1), SMALL)
    }

    pub(super) fn on(disk: SimDisk, config: Config) -> Self {
        let (store, recovered) = open(&disk, config, 100);
        Self { disk, store, recovered, dice: 100, config, staged: Vec::new() }
    }

    /// The next process opens the same disk.
    pub(super) fn reopen(mut self) -> Self {
        self.disk.kill();
        self.disk = self.disk.life();
        self.dice += 1_000;
        let (store, recovered) = open(&self.disk, self.config, self.dice);
        Self { store, recovered, staged: Vec::new(), ..self }
    }

    pub(super) fn power_cut(self, seed: u64) -> Self {
        self.disk.power_cut(seed);
        self.reopen()
    }

    pub(super) fn run(&mut self, work: Work) -> Result<Option<Outcome>, Failure> {
        match self.store.begin(work) {
            Some(job) => self.store.end(job.run()).map(Some),
            None => Ok(None),
        }
    }

    pub(super) fn stage(&mut self, record: Record) -> Ticket {
        let ticket = self.store.stage(record.clone());
        self.staged.push((ticket, record));
        ticket
    }

    pub(super) fn flush(&mut self) {
        self.run(Work::Write).expect("the disk is healthy");
        self.run(Work::Sync).expect("the disk is healthy");
    }

    pub(super) fn capture(&mut self) -> (CaptureId, SessionId) {
        let (capture, session) = (self.store.next_capture(), self.store.next_session());
        self.stage(Record::CaptureOpened {
            capture,
            device: device(),
            account: Account::new("default").expect("a short name"),
            encoding: Encoding::mono_16k(Codec::Opus),
            at: stamp(),
        });
        let first = FrameSeq(0);
        self.stage(Record::SessionOpened { session, capture, first, at: stamp() });
        (capture, session)
    }

    pub(super) fn recording(&mut self, capture: CaptureId, session: SessionId) -> RecordingId {
        let recording = self.store.next_recording();
        let first = self.next(capture);
        self.stage(Record::RecordingOpened { recording, session, capture, first });
        recording
    }

    pub(super) fn next(&self, capture: CaptureId) -> FrameSeq {
        self.store.ledger().captures[&capture].next_seq
    }

    pub(super) fn frames(&mut self, capture: CaptureId, count: u64) -> Ticket {
        let first = self.next(capture);
        let frames: Vec<Frame> =
            (first.0..first.0 + count).map(|seq| frame(capture, seq)).collect();
        let ticket = self.store.stage_frames(capture, first, &frames);
        let (first_at, last_at) = (frames[0].at, frames[frames.len() - 1].at);
        let span = crate::FrameSpan { capture, first, count: count as u32, first_at, last_at };
        self.staged.push((ticket, Record::Frames(span)));
        ticket
    }

    pub(super) fn cut(&mut self, capture: CaptureId, recording: RecordingId) -> Ticket {
        let end = self.next(capture);
        self.stage(Record::RecordingCut { recording, end })
    }

    pub(super) fn seal(&mut self, recording: RecordingId) -> Arc<Seal> {
        match self.run(Work::Seal(recording)).expect("the disk is healthy") {
            Some(Outcome::Sealed { seal, .. }) => seal,
            other => panic!("{recording} was not sealed: {other:?}"),
        }
    }

    /// A recording of the next frames, so many, and cut behind them.
    pub(super) fn cut_recording(
        &mut self,
        capture: CaptureId,
        session: SessionId,
        count: u64,
    ) -> RecordingId {
        let recording = self.recording(capture, session);
        self.frames(capture, count);
        self.cut(capture, recording);
        recording
    }

    /// A recording of so many frames, sealed and durable.
    pub(super) fn sealed_recording(&mut self, count: u64) -> RecordingId {
        let (capture, session) = self.capture();
        let recording = self.cut_recording(capture, session, count);
        self.flush();
        let seal = self.seal(recording);
        self.stage(Record::Sealed { recording, seal });
        self.stage(Record::CaptureClosed { capture, at: stamp() });
        self.flush();
        recording
    }

    pub(super) fn synced(&mut self, recording: RecordingId) -> Ticket {
        let facts =
            UploadFacts { stage: UploadStage::Synced { at: stamp() }, ..UploadFacts::new() };
        self.stage(Record::Upload { recording, facts })
    }

    /// Seals what recovery has cut, as a host does after a start.
    pub(super) fn seal_all(&mut self) {
        let open = self.store.ledger().awaiting_seal();
        let cut: Vec<RecordingId> =
            open.filter(|(_, facts)| facts.end.is_some()).map(|(id, _)| id).collect();
        for recording in cut {
            let seal = self.seal(recording);
            self.stage(Record::Sealed { recording, seal });
        }
        self.flush();
    }

    /// The frames of a sealed recording's file.
    pub(super) fn read(&self, recording: RecordingId) -> Vec<Vec<u8>> {
        let sealed = self.store.sealed(recording).expect("it is sealed");
        let mut reader = RecordingReader::open(&self.disk, &sealed).expect("it can be opened");
        reader.verify().expect("it is sound");
        let mut bytes = Vec::new();
        while reader.read_block(&mut bytes).expect("it is sound") > 0 {}
        split(&bytes)
    }

    /// Whether a recording holds exactly the frames that its numbers stand for.
    pub(super) fn assert_true_frames(&self, recording: RecordingId) {
        let facts = &self.store.ledger().recordings[&recording];
        let frames = self.read(recording);
        let end = facts.end.expect("it is cut");
        assert_eq!(frames.len() as u64, end.since(facts.first), "{recording}");
        for (seq, bytes) in (facts.first.0..).zip(&frames) {
            assert_eq!(frame(facts.capture, seq).bytes, *bytes, "{recording}, frame {seq}");
        }
    }
}

fn split(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while let Some((len, rest)) = bytes.split_first_chunk::<4>() {
        let (frame, rest) = rest.split_at(u32::from_le_bytes(*len) as usize);
        frames.push(frame.to_vec());
        bytes = rest;
    }
    frames
}
