//! A host that drives the store, and knows what it was promised.

use std::sync::Arc;

use earmark_core::sync::{UploadFacts, UploadStage};
use earmark_core::{
    Account, BootId, CaptureId, Codec, ConversationId, Device, Encoding, Frame, FrameSeq, Moment,
    RecordingId, SessionId, Stamp, WallTime,
};
use earmark_store::{
    Config, Disk, OpenError, Outcome, Record, Recovered, Removal, SessionEnd, SimDisk, Store, Work,
};

use super::dice::{Dice, mix};
use super::facts::{Fact, Span, Story};
use super::sabotage::Sabotage;

/// Small files, so that a short story has them all.
pub(crate) const SMALL: Config =
    Config { journal_file_bytes_max: 3 << 10, snapshot_after_bytes: 3 << 10 };
const START: i64 = 1_775_260_800_000_000;

pub(crate) fn stamp() -> Stamp {
    Stamp {
        boot: BootId::from_u128(7),
        moment: Moment::from_micros(5),
        wall: WallTime::from_unix_micros(START),
    }
}

/// The frame that belongs to a number, so that an invented one can be told.
pub(crate) fn frame(capture: CaptureId, seq: u64) -> Frame {
    let bytes = frame_bytes(capture, seq);
    Frame { at: WallTime::from_unix_micros(START + seq as i64 * 10_000), bytes: bytes.into() }
}

/// Its bytes.
pub(crate) fn frame_bytes(capture: CaptureId, seq: u64) -> Vec<u8> {
    let drawn = mix(u64::from(capture.number()) << 32 ^ seq);
    let mut bytes = vec![drawn as u8; 9 + (drawn >> 8) as usize % 90];
    bytes[..8].copy_from_slice(&seq.to_le_bytes());
    bytes
}

/// Opens a store; each life has random numbers of its own.
pub(crate) fn open(disk: &SimDisk, life: u64) -> Result<(Store, Recovered), OpenError> {
    let mut dice = Dice::new(life);
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    Store::open(disk, SMALL, &mut || dice.roll(), stamp())
}

/// A capture that runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Running {
    pub(crate) capture: CaptureId,
    pub(crate) session: SessionId,
    pub(crate) recording: RecordingId,
}

/// The host.
pub(crate) struct Host {
    pub(crate) disk: SimDisk,
    pub(crate) store: Store,
    pub(crate) recovered: Recovered,
    pub(crate) story: Story,
    pub(crate) running: Vec<Running>,
    pub(crate) dice: Dice,
    sabotage: Option<Sabotage>,
    conversations: u64,
}

impl Host {
    pub(crate) fn open(
        disk: SimDisk,
        seed: u64,
        sabotage: Option<Sabotage>,
    ) -> Result<Self, OpenError> {
        let mut dice = Dice::new(seed);
        let (store, recovered) = open(&disk, dice.roll())?;
        let mut host = Self {
            disk,
            store,
            recovered,
            story: Story::default(),
            running: Vec::new(),
            dice,
            sabotage,
            conversations: 0,
        };
        host.note();
        Ok(host)
    }

    /// The process is killed, and the next one opens what it left.
    ///
    /// # Errors
    ///
    /// When it does not open; then the host can only try again.
    pub(crate) fn restart(&mut self) -> Result<(), OpenError> {
        let durable = self.store.durable().number();
        self.disk.kill();
        self.disk = self.disk.life();
        self.story.restart(durable);
        self.running.clear();
        (self.store, self.recovered) = open(&self.disk, self.dice.roll())?;
        self.note();
        Ok(())
    }

    fn note(&mut self) {
        let durable = self.store.durable().number();
        self.story.note(self.disk.log_len(), durable);
    }

    /// Does work of the store, and notes what is durable afterwards.
    pub(crate) fn run(&mut self, work: Work) -> Option<Outcome> {
        let job = self.store.begin(work)?;
        let outcome = self.store.end(job.run());
        match &outcome {
            Ok(Outcome::Written { up_to }) if self.sabotage == Some(Sabotage::AckAtWrite) => {
                self.story.note(self.disk.log_len(), up_to.number());
            }
            Ok(_) | Err(_) => self.note(),
        }
        outcome.ok()
    }

    /// Makes everything durable, if the disk lets it.
    pub(crate) fn flush(&mut self) {
        self.run(Work::Write);
        self.run(Work::Sync);
        self.revive();
    }

    /// Goes on in a new journal file when the old one is dead.
    pub(crate) fn revive(&mut self) {
        if self.store.journal_is_dead() {
            self.run(Work::Replace);
        }
    }

    fn stage(&mut self, record: Record, fact: Option<Fact>) {
        let ticket = self.store.stage(record).number();
        if let Some(fact) = fact {
            self.story.stage(ticket, fact);
        }
    }

    pub(crate) fn start(&mut self) {
        let (capture, session) = (self.store.next_capture(), self.store.next_session());
        let device = Device::new(&format!("device-{}", self.running.len())).expect("a short name");
        let (account, at) = (Account::new("default").expect("a short name"), stamp());
        let encoding = Encoding::mono_16k(Codec::Opus);
        let opened = Record::CaptureOpened { capture, device, account, encoding, at };
        self.stage(opened, Some(Fact::Id(capture.number())));
        let first = FrameSeq(0);
        let opened = Record::SessionOpened { session, capture, first, at };
        self.stage(opened, Some(Fact::Id(session.number())));
        let recording = self.open_recording(capture, session);
        self.running.push(Running { capture, session, recording });
    }

    fn open_recording(&mut self, capture: CaptureId, session: SessionId) -> RecordingId {
        let (recording, first) = (self.store.next_recording(), self.next(capture));
        let opened = Record::RecordingOpened { recording, session, capture, first };
        self.stage(opened, Some(Fact::Id(recording.number())));
        recording
    }

    fn next(&self, capture: CaptureId) -> FrameSeq {
        let facts = self.store.ledger().captures.get(&capture);
        facts.map_or(FrameSeq(0), |facts| facts.next_seq)
    }

    pub(crate) fn frames(&mut self, device: usize, count: u64) {
        let Some(Running { capture, .. }) = self.running.get(device).copied() else { return };
        let first = self.next(capture);
        let mut frames: Vec<Frame> =
            (first.0..first.0 + count).map(|seq| frame(capture, seq)).collect();
        if self.sabotage == Some(Sabotage::WrongFrame) {
            let last = frames.last_mut().expect("there is a frame");
            *last = frame(capture, first.0 + count);
        }
        let ticket = self.store.stage_frames(capture, first, &frames).number();
        self.story.stage(ticket, Fact::Frames { capture, next: first.0 + count });
    }

    /// Ends the recording of a device and begins the next one.
    pub(crate) fn cut(&mut self, device: usize) {
        let Some(Running { capture, session, recording }) = self.running.get(device).copied()
        else {
            return;
        };
        let (first, end) = (self.first(recording), self.next(capture));
        if first.is_none_or(|first| first >= end) {
            return;
        }
        self.stage(Record::RecordingCut { recording, end }, None);
        self.running[device].recording = self.open_recording(capture, session);
    }

    fn first(&self, recording: RecordingId) -> Option<FrameSeq> {
        self.store.ledger().recordings.get(&recording).map(|facts| facts.first)
    }

    /// Ends a capture.
    pub(crate) fn stop(&mut self, device: usize) {
        if device >= self.running.len() {
            return;
        }
        let Running { capture, session, recording } = self.running.remove(device);
        let (end, at) = (self.next(capture), stamp());
        if self.first(recording).is_some_and(|first| first < end) {
            self.stage(Record::RecordingCut { recording, end }, None);
        } else {
            self.remove_empty(recording);
        }
        let end = SessionEnd::Stopped;
        self.stage(Record::SessionClosed { session, end, at }, None);
        self.stage(Record::CaptureClosed { capture, at }, None);
    }

    fn remove_empty(&mut self, recording: RecordingId) {
        self.stage(Record::Removing { recording, why: Removal::Released }, None);
        self.stage(Record::Removed { recording }, None);
    }

    /// Recordings, the oldest first, that are not about to go.
    pub(crate) fn find(
        &self,
        wanted: impl Fn(&earmark_store::RecordingFacts) -> bool,
    ) -> Vec<RecordingId> {
        let all = self.store.ledger().recordings.iter();
        let found = all.filter(|(_, facts)| facts.removing.is_none() && wanted(facts));
        found.map(|(id, _)| *id).collect()
    }

    /// Seals what is cut, without a link.
    pub(crate) fn seal(&mut self) {
        for recording in self.find(|facts| facts.end.is_some() && facts.sealed.is_none()) {
            if let Some(Outcome::Sealed { seal, .. }) = self.run(Work::Seal(recording)) {
                let fact = Fact::Sealed { recording, seal: Arc::clone(&seal) };
                self.stage(Record::Sealed { recording, seal }, Some(fact));
            }
        }
    }

    /// Links all that has no conversation to a new one, and seals what is cut with it.
    pub(crate) fn link(&mut self) {
        let open = self.find(|facts| facts.end.is_some() && facts.conversation.is_none());
        let (mut recordings, mut seals) = (Vec::new(), Vec::new());
        for recording in open {
            let sealed = self.store.ledger().recordings[&recording].sealed.is_some();
            if sealed {
                recordings.push(recording);
            } else if let Some(Outcome::Sealed { seal, .. }) = self.run(Work::Seal(recording)) {
                recordings.push(recording);
                seals.push((recording, seal));
            }
        }
        if !recordings.is_empty() {
            self.stage_link(recordings, seals);
        }
    }

    fn stage_link(
        &mut self,
        recordings: Vec<RecordingId>,
        seals: Vec<(RecordingId, Arc<earmark_store::Seal>)>,
    ) {
        self.conversations += 1;
        let named = |number: u64| ConversationId::new(&format!("c{number}")).expect("it is short");
        let conversation = named(self.conversations);
        let claimed =
            Fact::Linked { recordings: recordings.clone(), conversation: conversation.clone() };
        let sealed: Vec<Fact> = seals
            .iter()
            .map(|(recording, seal)| Fact::Sealed { recording: *recording, seal: Arc::clone(seal) })
            .collect();
        let (conversation, linked) = match self.sabotage {
            Some(Sabotage::WrongLink) => (named(self.conversations + 1), recordings),
            Some(Sabotage::HalfLink) => (conversation, recordings[1..].to_vec()),
            Some(_) | None => (conversation, recordings),
        };
        let record = Record::Linked { conversation, recordings: linked, seals, at: stamp() };
        self.stage(record, Some(claimed));
        let ticket = self.store.staged().number();
        sealed.into_iter().for_each(|fact| self.story.stage(ticket, fact));
    }

    /// Writes ahead that a request is about to leave for a recording that is sealed.
    pub(crate) fn attempt(&mut self) {
        let waiting = self.find(|facts| facts.sealed.is_some() && !facts.is_synced());
        let Some(recording) = waiting.first().copied() else { return };
        let mut facts = self.store.ledger().recordings[&recording].upload.clone();
        facts.requests += 1;
        facts.stage = UploadStage::Uploading;
        let requests = facts.requests;
        let fact = Fact::Upload { recording, requests, synced: false };
        if self.sabotage == Some(Sabotage::LateAttempt) {
            let ticket = self.store.staged().number();
            self.story.stage(ticket, fact);
            return;
        }
        self.stage(Record::Upload { recording, facts }, Some(fact));
    }

    /// The server has confirmed the oldest recording that it has not confirmed yet.
    pub(crate) fn receipt(&mut self) {
        let waiting = self.find(|facts| facts.sealed.is_some() && !facts.is_synced());
        let Some(recording) = waiting.first().copied() else { return };
        let before = &self.store.ledger().recordings[&recording].upload;
        let stage = UploadStage::Synced { at: stamp() };
        let facts = UploadFacts { stage, ..before.clone() };
        let fact = Fact::Upload { recording, requests: facts.requests, synced: true };
        self.stage(Record::Upload { recording, facts }, Some(fact));
    }

    /// Begins to remove the oldest sealed recording, and unlinks what may go.
    pub(crate) fn remove(&mut self, why: Removal) {
        let fits = |facts: &earmark_store::RecordingFacts| match why {
            Removal::Expired => facts.is_synced(),
            Removal::Released | Removal::Deleted => facts.sealed.is_some(),
        };
        let Some(recording) = self.find(fits).first().copied() else { return };
        let facts = &self.store.ledger().recordings[&recording];
        let (capture, first) = (facts.capture, facts.first.0);
        let span = Span { capture, first, end: facts.end.map_or(first, |end| end.0) };
        let fact = Fact::Removing { recording, span };
        self.stage(Record::Removing { recording, why }, Some(fact));
        if self.sabotage == Some(Sabotage::EarlyUnlink) {
            let _ = self.disk.remove(&earmark_store::recording_path(recording));
        }
    }

    /// Unlinks the files of all whose removal is durable.
    pub(crate) fn unlink(&mut self) {
        let all = self.store.durable_ledger().recordings.iter();
        let going: Vec<RecordingId> =
            all.filter(|(_, facts)| facts.removing.is_some()).map(|(id, _)| *id).collect();
        for recording in going {
            if self.run(Work::Remove(recording)).is_some() {
                self.stage(Record::Removed { recording }, None);
            }
        }
    }

    /// Keeps the journal short.
    pub(crate) fn keep_house(&mut self) {
        self.run(Work::Snapshot);
        self.run(Work::Refill);
        self.run(Work::Prune);
    }
}
