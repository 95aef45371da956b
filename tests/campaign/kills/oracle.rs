//! What the server must hold in the end, by what was durable at the kill.

use std::ops::Range;

use earmark_backend::server::StateReport;
use earmark_core::sync::UploadStage;
use earmark_core::{Device, RecordingId};
use earmark_sim::feed::PseudoFrames;
use earmark_store::{CaptureFacts, Inspection, Sha256Sum};
use sha2::{Digest as _, Sha256};

/// The bytes of a frame of a feed that says nothing else.
const FRAME_BYTES: usize = 80;

/// What a trial has looked at.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) recordings: u64,
    pub(super) frames: u64,
    pub(super) linked: u64,
    /// Recordings that the server got twice, since a kill swallowed its answer.
    pub(super) sent_again: u64,
    /// Hosts that had to refuse frames, because the disk of a busy machine stood still for seconds.
    pub(super) stalled: u64,
}

/// A recording that was durable at the kill.
#[derive(Debug)]
struct Durable {
    /// None for frames whose recording was not opened yet; the recovery makes one of them.
    id: Option<RecordingId>,
    frames: u64,
    sha256: String,
    conversation: Option<String>,
    /// Every frame of it was proven delivered, so that it may be released.
    may_be_released: bool,
    /// A request may have been on its way.
    may_be_sent_again: bool,
}

/// All of them.
pub(super) struct Expected(Vec<Durable>);

impl Expected {
    /// Reads what is durable from the journal; what it must contain follows from the feed.
    pub(super) fn of(found: &Inspection, seed: u64) -> Result<Self, String> {
        if !found.damage.is_empty() {
            return Err(format!("a kill damaged the store: {:?}", found.damage));
        }
        let ledger = &found.ledger;
        let mut durable = Vec::new();
        for (id, facts) in &ledger.recordings {
            let frames = ledger.frames(*id);
            if frames == 0 || facts.removing.is_some() {
                continue;
            }
            let conversation = facts.conversation.as_ref();
            durable.push(Durable {
                id: Some(*id),
                frames,
                sha256: of_device(&facts.device, seed, facts.first.0..facts.first.0 + frames),
                conversation: conversation.map(|id| id.as_str().to_owned()),
                may_be_released: ledger.undelivered(*id) == 0,
                may_be_sent_again: matches!(facts.upload.stage, UploadStage::Uploading),
            });
        }
        let ownerless = |capture: &&CaptureFacts| {
            capture.closed.is_none()
                && capture.open.is_empty()
                && capture.covered < capture.next_seq
        };
        let captures = ledger.captures.values().filter(ownerless);
        durable.extend(captures.map(|capture| Durable::ownerless(capture, seed)));
        Ok(Self(durable))
    }

    /// Whether the server and the store agree with it in the end.
    pub(super) fn compare(&self, state: &StateReport, after: &Inspection) -> Result<Seen, String> {
        let mut seen = Seen::default();
        for durable in &self.0 {
            durable.arrived(state, after, &mut seen)?;
        }
        let known = |sha256: &str| self.0.iter().any(|durable| durable.sha256 == sha256);
        let stray = state.uploads.iter().find(|upload| !known(&upload.sha256));
        match stray {
            Some(upload) => Err(format!("the server holds what was never durable: {upload:?}")),
            None => Ok(seen),
        }
    }
}

impl Durable {
    fn ownerless(capture: &CaptureFacts, seed: u64) -> Self {
        let (first, frames) = (capture.covered, capture.next_seq.since(capture.covered));
        Self {
            id: None,
            frames,
            sha256: of_device(&capture.device, seed, first.0..first.0 + frames),
            conversation: None,
            may_be_released: false,
            may_be_sent_again: false,
        }
    }

    fn arrived(
        &self,
        state: &StateReport,
        after: &Inspection,
        seen: &mut Seen,
    ) -> Result<(), String> {
        let own: Vec<_> =
            state.uploads.iter().filter(|upload| upload.sha256 == self.sha256).collect();
        let is_there = |id: RecordingId| after.ledger.recordings.contains_key(&id);
        let is_gone = !self.id.is_some_and(is_there);
        match own[..] {
            [] if self.may_be_released && is_gone => {}
            [] => return Err(format!("{self:?} did not reach the server")),
            [upload] => {
                let is_right =
                    upload.conversation == self.conversation && upload.frames == self.frames;
                if !is_right {
                    return Err(format!("{self:?} reached the server as {upload:?}"));
                }
                if upload.times > 1 && !self.may_be_sent_again {
                    return Err(format!("{self:?} was sent {} times", upload.times));
                }
                seen.sent_again += u64::from(upload.times > 1);
            }
            _ => return Err(format!("{self:?} is on the server more than once: {own:?}")),
        }
        seen.recordings += 1;
        seen.frames += self.frames;
        seen.linked += u64::from(self.conversation.is_some());
        Ok(())
    }
}

/// The hash of the file that these frames of a device make.
fn of_device(device: &Device, seed: u64, places: Range<u64>) -> String {
    content(&PseudoFrames::new(device, seed, FRAME_BYTES), places)
}

/// The hash of a recording's file: each frame behind its length.
pub(crate) fn content(frames: &PseudoFrames, places: Range<u64>) -> String {
    let mut hash = Sha256::new();
    for frame in places.map(|place| frames.frame(place)) {
        hash.update(u32::try_from(frame.len()).unwrap_or(u32::MAX).to_le_bytes());
        hash.update(&frame);
    }
    Sha256Sum(hash.finalize().into()).to_string()
}
