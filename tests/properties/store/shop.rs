//! The real store, and short words for what its owner does.

use std::sync::Arc;

use bytes::Bytes;
use earmark_core::sync::{UploadFacts, UploadStage};
use earmark_core::{
    Account, BootId, CaptureId, Codec, ConversationId, Device, Encoding, Frame, FrameSeq, Moment,
    RecordingId, Stamp, WallTime,
};
use earmark_store::{
    Config, Disk, Ledger, Outcome, Record, RecordingReader, Removal, SimDisk, Store, Work,
};

use super::book::{Came, Facts, Page};
use super::{Chore, FAULT, Transition};

/// So small that files are closed, snapshots taken and files removed within a short history.
const SMALL: Config = Config { journal_file_bytes_max: 8 << 10, snapshot_after_bytes: 8 << 10 };

/// A store and its disk.
pub(super) struct Shop {
    disk: SimDisk,
    store: Store,
    /// Each recording by the order in which it was opened, with its capture.
    opened: Vec<(RecordingId, CaptureId)>,
    dice: u64,
}

fn stamp() -> Stamp {
    Stamp {
        boot: BootId::from_u128(7),
        moment: Moment::from_micros(5),
        wall: WallTime::from_unix_micros(1_775_260_800_000_000),
    }
}

/// The frame that belongs to a number: an invented one is told apart.
fn frame(capture: CaptureId, seq: u64) -> Frame {
    let mut bytes = vec![capture.number() as u8; 20 + (seq * 37 % 100) as usize];
    bytes[..8].copy_from_slice(&seq.to_le_bytes());
    let at = WallTime::from_unix_micros(1_775_260_800_000_000 + seq as i64 * 10_000);
    Frame { at, bytes: Bytes::from(bytes) }
}

fn open(disk: &SimDisk, seed: u64) -> Store {
    let mut dice = seed;
    let mut entropy = || {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        dice
    };
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let (store, recovered) = Store::open(disk, SMALL, &mut entropy, stamp()).expect("it opens");
    assert!(recovered.damage.is_empty(), "{:?}", recovered.damage);
    store
}

fn conversation(which: bool) -> ConversationId {
    ConversationId::new(if which { "c1" } else { "c0" }).expect("the name is short")
}

impl Shop {
    pub(super) fn new() -> Self {
        let disk = SimDisk::new(1);
        Self { store: open(&disk, 1), disk, opened: Vec::new(), dice: 1 }
    }

    /// What is staged, and what is durable.
    pub(super) fn found(&self) -> (Page, Page) {
        (self.page(self.store.ledger()), self.page(self.store.durable_ledger()))
    }

    fn page(&self, ledger: &Ledger) -> Page {
        let facts = |id: RecordingId| {
            let known = &ledger.recordings[&id];
            Facts {
                frames: ledger.frames(id),
                is_cut: known.end.is_some(),
                is_sealed: known.sealed.is_some(),
                conversation: known.conversation.as_ref().map(|one| *one == conversation(true)),
                is_synced: known.is_synced(),
                is_going: known.removing.is_some(),
            }
        };
        ledger.recordings.keys().map(|id| (self.number(*id), facts(*id))).collect()
    }

    /// The latest recording that has this id: what no disk remembers gives its id back.
    fn number(&self, id: RecordingId) -> usize {
        self.opened.iter().rposition(|(one, _)| *one == id).expect("nothing opens by itself")
    }

    fn nth(&self, nth: u8) -> Option<(RecordingId, CaptureId)> {
        let there: Vec<usize> = self.found().0.into_keys().collect();
        let number = there.get(usize::from(nth) % there.len().max(1))?;
        Some(self.opened[*number])
    }

    pub(super) fn act(&mut self, transition: &Transition) -> Came {
        match transition {
            Transition::Open => self.open(),
            Transition::Frames(nth, count) => self.frames(*nth, *count),
            Transition::Cut(nth) => {
                let Some((recording, capture)) = self.nth(*nth) else {
                    return Came::Nothing;
                };
                let end = self.store.ledger().captures[&capture].next_seq;
                self.stage(Record::RecordingCut { recording, end })
            }
            Transition::Seal(nth, link) => self.seal(*nth, *link),
            Transition::Link(nth, to) => self.stage_of(*nth, |recording| Record::Linked {
                conversation: conversation(*to),
                recordings: vec![recording],
                seals: Vec::new(),
                at: stamp(),
            }),
            Transition::Synced(nth) => self.stage_of(*nth, |recording| {
                let stage = UploadStage::Synced { at: stamp() };
                Record::Upload { recording, facts: UploadFacts { stage, ..UploadFacts::new() } }
            }),
            Transition::Removing(nth) => self.want_gone(*nth),
            Transition::Remove(nth) => self.remove(*nth),
            Transition::Work(chore) => self.run(chore.work()).0,
            Transition::Failing(chore, op) => {
                let op = if *chore == Chore::Replace { *op } else { of(*chore) };
                self.disk.set_fault(op, FAULT, 1);
                let came = self.run(chore.work()).0;
                self.disk.clear_faults();
                came
            }
            Transition::Kill => self.reopen(None),
            Transition::PowerCut(seed) => self.reopen(Some(*seed)),
        }
    }

    fn stage(&mut self, record: Record) -> Came {
        self.store.stage(record);
        Came::Done
    }

    fn stage_of(&mut self, nth: u8, record: impl FnOnce(RecordingId) -> Record) -> Came {
        match self.nth(nth) {
            Some((recording, _)) => self.stage(record(recording)),
            None => Came::Nothing,
        }
    }

    fn open(&mut self) -> Came {
        let (capture, session) = (self.store.next_capture(), self.store.next_session());
        let (recording, first) = (self.store.next_recording(), FrameSeq(0));
        self.opened.push((recording, capture));
        self.stage(Record::CaptureOpened {
            capture,
            device: Device::new("pendant").expect("the name is short"),
            account: Account::new("default").expect("the name is short"),
            encoding: Encoding::mono_16k(Codec::Opus),
            at: stamp(),
        });
        self.stage(Record::SessionOpened { session, capture, first, at: stamp() });
        self.stage(Record::RecordingOpened { recording, session, capture, first })
    }

    fn frames(&mut self, nth: u8, count: u8) -> Came {
        let Some((recording, capture)) = self.nth(nth) else {
            return Came::Nothing;
        };
        let ledger = self.store.ledger();
        if ledger.recordings[&recording].end.is_some() {
            return Came::Nothing;
        }
        let first = ledger.captures[&capture].next_seq;
        let seqs = first.0..first.0 + u64::from(count);
        let frames: Vec<Frame> = seqs.map(|seq| frame(capture, seq)).collect();
        self.store.stage_frames(capture, first, &frames);
        Came::Done
    }

    fn seal(&mut self, nth: u8, link: bool) -> Came {
        let Some((recording, _)) = self.nth(nth) else {
            return Came::Nothing;
        };
        let (came, outcome) = self.run(Work::Seal(recording));
        if let Some(Outcome::Sealed { seal, .. }) = outcome {
            self.stage(if link {
                let (conversation, recordings) = (conversation(false), vec![recording]);
                let seals = vec![(recording, seal)];
                Record::Linked { conversation, recordings, seals, at: stamp() }
            } else {
                Record::Sealed { recording, seal }
            });
        }
        came
    }

    fn want_gone(&mut self, nth: u8) -> Came {
        let is_sealed = |id: &RecordingId| self.store.ledger().recordings[id].sealed.is_some();
        match self.nth(nth).filter(|(recording, _)| is_sealed(recording)) {
            Some((recording, _)) => {
                let why = Removal::Deleted;
                self.stage(Record::Removing { recording, why })
            }
            None => Came::Nothing,
        }
    }

    fn remove(&mut self, nth: u8) -> Came {
        let Some((recording, _)) = self.nth(nth) else {
            return Came::Nothing;
        };
        let (came, _) = self.run(Work::Remove(recording));
        if came == Came::Done {
            self.stage(Record::Removed { recording });
        }
        came
    }

    fn run(&mut self, work: Work) -> (Came, Option<Outcome>) {
        let Some(job) = self.store.begin(work) else {
            return (Came::Nothing, None);
        };
        match self.store.end(job.run()) {
            Ok(outcome) => (Came::Done, Some(outcome)),
            Err(_) => (Came::Failed, None),
        }
    }

    fn reopen(&mut self, power_cut: Option<u64>) -> Came {
        match power_cut {
            Some(seed) => self.disk.power_cut(seed),
            None => self.disk.kill(),
        }
        self.disk = self.disk.life();
        self.dice += 1_000;
        self.store = open(&self.disk, self.dice);
        Came::Done
    }

    /// Every file whose seal is durable holds the frames of its recording.
    pub(super) fn files_are_true(&self) {
        for (recording, facts) in &self.store.durable_ledger().recordings {
            let Some(sealed) = self.store.sealed(*recording) else {
                continue;
            };
            let mut reader = RecordingReader::open(&self.disk, &sealed).expect("it is there");
            let mut bytes = Vec::new();
            while reader.read_block(&mut bytes).expect("it is sound") > 0 {}
            let end = facts.end.expect("it is cut").0;
            let mut expected = Vec::new();
            for seq in facts.first.0..end {
                let frame = frame(facts.capture, seq).bytes;
                expected.extend((frame.len() as u32).to_le_bytes());
                expected.extend_from_slice(&frame);
            }
            assert_eq!(bytes, expected, "{recording} holds other frames");
        }
    }
}

const fn of(chore: Chore) -> earmark_store::DiskOp {
    match chore {
        Chore::Sync => earmark_store::DiskOp::Sync,
        Chore::Write | Chore::Replace | Chore::Snapshot | Chore::Prune => {
            earmark_store::DiskOp::Write
        }
    }
}
