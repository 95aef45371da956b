//! What the writer does: a little of everything that a host has a store do.

use std::sync::Arc;

use earmark_core::sync::{UploadFacts, UploadStage};
use earmark_core::{
    Account, CaptureId, Codec, ConversationId, Device, Encoding, Frame, FrameSeq, RecordingId,
};
use earmark_sim::feed::PseudoFrames;
use earmark_store::{Record, RecordingFacts, Removal, Seal, SessionEnd};

use super::Sabotage;
use super::host::Host;
use crate::exit::Failure;

const DEVICES: [&str; 3] = ["pendant", "phone", "glasses"];
/// Frames that come at once, at most.
const FRAMES_MAX: u64 = 24;
const FRAME_BYTES: usize = 80;
/// From so many frames on a recording may be cut.
const CUT_FRAMES_MIN: u64 = 20;
/// Beyond so many, recordings go.
const RECORDINGS_MAX: usize = 10;
/// Recordings that one link names, at most, beside one that it seals.
const LINKED_MAX: usize = 2;

impl Host {
    /// Does so many things; a third of them end with a write.
    pub(super) fn work(&mut self, steps: u64) -> Result<(), Failure> {
        for _ in 0..steps {
            self.step();
            if self.dice.below(3) == 0 {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn step(&mut self) {
        if self.store.ledger().recordings.len() > RECORDINGS_MAX {
            self.remove();
        }
        match self.dice.below(20) {
            0..=8 => self.take_frames(),
            9 => self.open_capture(),
            10..=12 => self.cut(),
            13 => self.close_capture(),
            14 => self.link(Vec::new()),
            15..=16 => self.attempt(),
            17 => self.deliver(),
            18 => self.take_link_back(),
            _ => self.mute(),
        }
    }

    fn open_captures(&self) -> Vec<CaptureId> {
        let all = self.store.ledger().captures.iter();
        all.filter(|(_, facts)| facts.closed.is_none()).map(|(id, _)| *id).collect()
    }

    fn any_capture(&mut self) -> Option<CaptureId> {
        let open = self.open_captures();
        self.dice.pick(&open)
    }

    /// Any of the recordings of which something holds.
    fn any_recording(&mut self, fits: impl Fn(&RecordingFacts) -> bool) -> Option<RecordingId> {
        let all = self.store.ledger().recordings.iter();
        let fit = all.filter(|(_, facts)| facts.removing.is_none() && fits(facts));
        let fit: Vec<RecordingId> = fit.map(|(id, _)| *id).collect();
        self.dice.pick(&fit)
    }

    fn open_capture(&mut self) {
        if self.open_captures().len() >= DEVICES.len() {
            return;
        }
        let device = self.dice.pick(&DEVICES).unwrap_or(DEVICES[0]);
        let (capture, session) = (self.store.next_capture(), self.store.next_session());
        let (at, first) = (self.now(), FrameSeq(0));
        self.stage(Record::CaptureOpened {
            capture,
            device: Device::new(device).expect("the name is short"),
            account: Account::new("default").expect("the name is short"),
            encoding: Encoding::mono_16k(Codec::Opus),
            at,
        });
        self.stage(Record::SessionOpened { session, capture, first, at });
    }

    /// Frames come before or after the recording that they belong to is opened.
    fn take_frames(&mut self) {
        let Some(capture) = self.any_capture() else {
            return self.open_capture();
        };
        let late = self.dice.below(2) == 0;
        if !late {
            self.open_recording(capture);
        }
        let frames = self.frames(capture);
        let first = self.next(capture);
        self.stage_frames(capture, first, &frames);
        if late {
            self.open_recording(capture);
        }
    }

    fn next(&self, capture: CaptureId) -> FrameSeq {
        self.store.ledger().captures.get(&capture).map_or(FrameSeq(0), |facts| facts.next_seq)
    }

    fn frames(&mut self, capture: CaptureId) -> Vec<Frame> {
        let (first, count) = (self.next(capture).0, 1 + self.dice.below(FRAMES_MAX));
        let name = Device::new(&capture.to_string()).expect("an id is short");
        let maker = PseudoFrames::new(&name, self.frames_seed, FRAME_BYTES);
        let at = self.now().wall;
        let frame = |seq| Frame { at, bytes: maker.frame(seq) };
        let mut frames: Vec<Frame> = (first..first + count).map(frame).collect();
        match self.sabotage {
            Some(Sabotage::ForeignFrame) => frames[0] = frame(first + 1_000_000),
            Some(Sabotage::DoubleFrames) if count > 1 => frames[1] = frame(first),
            Some(
                Sabotage::DoubleFrames
                | Sabotage::EarlyAck
                | Sabotage::DropLink
                | Sabotage::NoSync
                | Sabotage::IgnoreSyncError,
            )
            | None => {}
        }
        frames
    }

    fn open_recording(&mut self, capture: CaptureId) {
        let ledger = self.store.ledger();
        let is_open = ledger.open_recording(capture).is_some();
        let first = ledger.captures.get(&capture).map(|facts| facts.covered);
        let all = ledger.sessions.iter();
        let session =
            all.filter(|(_, facts)| facts.capture == capture).map(|(id, _)| *id).next_back();
        if let (false, Some(first), Some(session)) = (is_open, first, session) {
            let recording = self.store.next_recording();
            self.stage(Record::RecordingOpened { recording, session, capture, first });
        }
    }

    fn cut(&mut self) {
        let Some(capture) = self.any_capture() else {
            return;
        };
        let ledger = self.store.ledger();
        let open = ledger.open_recording(capture);
        if let Some(recording) = open.filter(|id| ledger.frames(*id) >= CUT_FRAMES_MIN) {
            let end = self.next(capture);
            self.stage(Record::RecordingCut { recording, end });
        }
    }

    fn close_capture(&mut self) {
        let Some(capture) = self.any_capture().filter(|id| self.next(*id) > FrameSeq(0)) else {
            return;
        };
        self.open_recording(capture);
        let (end, at) = (self.next(capture), self.now());
        if let Some(recording) = self.store.ledger().open_recording(capture) {
            if self.store.ledger().frames(recording) == 0 {
                return;
            }
            self.stage(Record::RecordingCut { recording, end });
        }
        let all = self.store.ledger().sessions.iter();
        let own = all.filter(|(_, facts)| facts.capture == capture && facts.closed.is_none());
        for session in own.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.stage(Record::SessionClosed { session, end: SessionEnd::Stopped, at });
        }
        self.stage(Record::CaptureClosed { capture, at });
    }

    /// A recording's file is durable: its seal goes into a link, or into a record of its own.
    pub(super) fn sealed(&mut self, recording: RecordingId, seal: Arc<Seal>) {
        if self.dice.below(2) == 0 {
            self.link(vec![(recording, seal)]);
        } else {
            self.stage(Record::Sealed { recording, seal });
        }
    }

    fn link(&mut self, seals: Vec<(RecordingId, Arc<Seal>)>) {
        let mut recordings: Vec<RecordingId> = seals.iter().map(|(id, _)| *id).collect();
        for _ in 0..LINKED_MAX {
            let free =
                |facts: &RecordingFacts| facts.sealed.is_some() && facts.conversation.is_none();
            let other = self.any_recording(free).filter(|other| !recordings.contains(other));
            recordings.extend(other);
        }
        if recordings.is_empty() {
            return;
        }
        self.conversations += 1;
        let name = format!("{:016x}-{}", self.life, self.conversations);
        let conversation = ConversationId::new(&name).expect("the name is short");
        let at = self.now();
        self.stage(Record::Linked { conversation, recordings, seals, at });
    }

    fn take_link_back(&mut self) {
        let linked = self.any_recording(|facts| facts.conversation.is_some());
        let Some(recording) = linked else {
            return;
        };
        let facts = self.store.ledger().recordings.get(&recording);
        if let Some(old) = facts.and_then(|facts| facts.conversation.clone()) {
            let reason = String::from("the server has no such conversation");
            self.stage(Record::Relinked { recording, old, reason });
        }
    }

    /// A request leaves, or the answer to one is kept.
    fn attempt(&mut self) {
        let open = |facts: &RecordingFacts| facts.sealed.is_some() && !facts.upload.is_final();
        let Some(recording) = self.any_recording(open) else {
            return;
        };
        let known = self.store.ledger().recordings.get(&recording);
        let Some(mut facts) = known.map(|facts| facts.upload.clone()) else {
            return;
        };
        let (at, answer) = (self.now(), self.dice.below(4));
        facts = match facts.stage {
            UploadStage::Uploading if answer == 0 => {
                let reason = String::from("the server refused it");
                UploadFacts { stage: UploadStage::Failed { reason }, ..facts }
            }
            UploadStage::Uploading if answer == 1 => {
                UploadFacts { stage: UploadStage::Synced { at }, ..facts }
            }
            UploadStage::Uploading
            | UploadStage::Pending { .. }
            | UploadStage::Accepted { .. }
            | UploadStage::Synced { .. }
            | UploadStage::Failed { .. }
            | UploadStage::Corrupted { .. } => {
                let (requests, attempts) = (facts.requests + 1, facts.attempts + 1);
                UploadFacts { requests, attempts, stage: UploadStage::Uploading, ..facts }
            }
        };
        self.stage(Record::Upload { recording, facts });
    }

    fn deliver(&mut self) {
        let Some(capture) = self.any_capture() else {
            return;
        };
        let next = self.next(capture).0;
        let from = self.dice.below(next + 1);
        let to = from + self.dice.below(next - from + 1);
        if from < to {
            let (from, to) = (FrameSeq(from), FrameSeq(to));
            self.stage(Record::Delivered { capture, from, to });
        }
    }

    fn remove(&mut self) {
        let whys = [Removal::Released, Removal::Deleted, Removal::Expired];
        let why = self.dice.pick(&whys).unwrap_or(Removal::Deleted);
        if let Some(recording) = self.any_recording(|facts| facts.sealed.is_some()) {
            self.stage(Record::Removing { recording, why });
        }
    }

    fn mute(&mut self) {
        let device = self.dice.pick(&DEVICES).unwrap_or(DEVICES[0]);
        let muted = self.dice.below(2) == 0;
        let device = Device::new(device).expect("the name is short");
        self.stage(Record::MuteSet { device, muted });
    }
}
