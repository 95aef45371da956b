//! The proof that a recording is sealed.

use std::sync::Arc;

use earmark_core::{
    Account, CaptureId, Device, Encoding, FrameSeq, RecordingId, SealedToken, SessionId, WallTime,
};

use crate::ledger::RecordingFacts;
use crate::record::{Seal, Sha256Sum};

/// A recording whose file and whose seal's record are durable. Only the store makes one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SealedRecording {
    recording: RecordingId,
    session: SessionId,
    capture: CaptureId,
    span: (FrameSeq, FrameSeq),
    device: Device,
    account: Account,
    encoding: Encoding,
    seal: Arc<Seal>,
}

impl SealedToken for SealedRecording {
    fn recording(&self) -> RecordingId {
        self.recording
    }
}

impl SealedRecording {
    pub(crate) fn of(recording: RecordingId, facts: &RecordingFacts) -> Option<Self> {
        Some(Self {
            recording,
            session: facts.session,
            capture: facts.capture,
            span: (facts.first, facts.end?),
            device: facts.device.clone(),
            account: facts.account.clone(),
            encoding: facts.encoding,
            seal: Arc::clone(facts.sealed.as_ref()?),
        })
    }

    pub(crate) const fn seal(&self) -> &Arc<Seal> {
        &self.seal
    }

    /// The recording.
    pub const fn recording(&self) -> RecordingId {
        self.recording
    }

    /// The session it belonged to when the proof was made.
    pub const fn session(&self) -> SessionId {
        self.session
    }

    /// The capture whose frames it holds.
    pub const fn capture(&self) -> CaptureId {
        self.capture
    }

    /// Its first frame, and the first that is no longer in it.
    pub const fn span(&self) -> (FrameSeq, FrameSeq) {
        self.span
    }

    /// The device.
    pub const fn device(&self) -> &Device {
        &self.device
    }

    /// Whose audio it is.
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// What its frames are.
    pub const fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Frames in the file.
    pub fn frames(&self) -> u32 {
        self.seal.frames
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> u64 {
        self.seal.bytes
    }

    /// SHA-256 of the file.
    pub fn sha256(&self) -> Sha256Sum {
        self.seal.sha256
    }

    /// When the first frame was captured.
    pub fn started_at(&self) -> WallTime {
        self.seal.started_at
    }

    /// How many earlier recordings' uploads have the same name but for this number.
    pub fn twin(&self) -> u32 {
        self.seal.twin
    }
}
