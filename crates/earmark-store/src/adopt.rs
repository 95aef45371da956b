//! Audio that another program has recorded becomes recordings of the store.
//!
//! An adopted recording is an ordinary one: its frames go through the journal, its file is made by
//! a seal, and what is known of its upload is a record like any other. Nothing that reads a store
//! can tell it from one that was captured.
//!
//! ```text
//! opened, and not to be uploaded ── durable ─▶ note ─▶ frames, cut ── durable ─▶ sealed ── durable
//!    ─▶ note: sealed ─▶ linked, where its upload stands ── durable ─▶ adopted
//! ```
//!
//! Until the last step the recording says that its upload has failed, so that a host that starts
//! after a crash in between uploads no part of it. The note beside the journal says which audio it
//! is of: with it the next [`Adopter`] goes on, or begins anew where the audio is not all there.
//! The note stays when the recording goes, so that what was uploaded and removed is not adopted
//! again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use earmark_core::sync::{UploadFacts, UploadStage};
use earmark_core::{
    Account, ConversationId, Device, Encoding, Frame, FrameSeq, RecordingId, Stamp, WallTime, slug,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::disk::Disk;
use crate::ledger::RecordingFacts;
use crate::record::{Record, Removal, SessionEnd, Sha256Sum};
use crate::recovery::ReadError;
use crate::store::{Config, OpenError, Store};
use crate::work::{Failure, Outcome, Work};

mod notes;

use notes::Note;
pub use notes::{Notes, read_notes};

/// Why a recording whose adoption has not ended is not uploaded.
pub const UNFINISHED: &str = "its takeover was cut short; `earmark import` goes on with it";

/// So many frames are staged between two syncs.
const FRAMES_STAGED_MAX: usize = 8_192;

/// What another program knew of audio that it has recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adoption {
    /// The name of the file that the audio comes in.
    pub name: String,
    /// The device.
    pub device: Device,
    /// Whose audio it is.
    pub account: Account,
    /// What its frames are.
    pub encoding: Encoding,
    /// When the first frame was captured.
    pub started_at: WallTime,
    /// The conversation it is linked to.
    pub conversation: Option<ConversationId>,
    /// Where its upload stands. With no request in it the audio could still be linked to what
    /// servers say of its device now.
    pub upload: UploadFacts,
    /// What else the other program keeps of it, in its own form, to be given back.
    pub kept: Option<String>,
}

/// What became of audio that was to be adopted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adopted {
    /// It is a recording now, and durable.
    New(RecordingId),
    /// It was one before.
    Known(RecordingId),
    /// It was one, which has gone since.
    Gone(RecordingId),
}

/// Why audio was not adopted. What was adopted before stays, and the next [`Adopter`] goes on.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// The store was not opened, or a file of it refused.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Work of the store failed.
    #[error(transparent)]
    Work(#[from] Failure),
    /// There is no frame in it.
    #[error("there is no frame in it")]
    NoFrames,
    /// The file of the recording is not what was to be written to it.
    #[error("{recording} was not written as it was given")]
    Differs {
        /// The recording.
        recording: RecordingId,
    },
}

impl From<ReadError> for AdoptError {
    fn from(error: ReadError) -> Self {
        Self::Open(OpenError::Files(error))
    }
}

/// An open store that adopts audio. Every call blocks.
#[derive(Debug)]
pub struct Adopter {
    store: Store,
    notes: BTreeMap<RecordingId, Note>,
    /// The recordings by the names and the content of the files they come from.
    sources: BTreeMap<(String, Sha256Sum), RecordingId>,
    /// Those whose adoption an earlier adopter has begun and this one has ended.
    finished: BTreeSet<RecordingId>,
    damaged: Vec<String>,
}

impl Adopter {
    /// Opens a store, as [`Store::open`] does, and ends what an earlier adopter has begun.
    ///
    /// # Errors
    ///
    /// [`AdoptError`].
    pub fn open(
        disk: Arc<dyn Disk>,
        config: Config,
        entropy: &mut dyn FnMut() -> u64,
        at: Stamp,
    ) -> Result<Self, AdoptError> {
        let (store, recovered) = Store::open(disk, config, entropy, at)?;
        if let Some(failure) = recovered.journal_failure {
            return Err(failure.into());
        }
        notes::prepare(store.disk().as_ref())?;
        let Notes { notes, damaged, .. } = read_notes(store.disk().as_ref())?;
        let (sources, finished) = Default::default();
        let mut adopter = Self { store, notes, sources, finished, damaged };
        adopter.go_on(at)?;
        let source = |(id, note): (&RecordingId, &Note)| (note.source(), *id);
        adopter.sources = adopter.notes.iter().map(source).collect();
        Ok(adopter)
    }

    /// The notes that cannot be read any more: what they say of their recordings is lost, and the
    /// recordings themselves are not.
    pub fn damaged(&self) -> &[String] {
        &self.damaged
    }

    /// Keeps a text beside the recordings, in the place of the one that was kept before.
    ///
    /// # Errors
    ///
    /// [`AdoptError`].
    pub fn keep(&self, text: &str) -> Result<(), AdoptError> {
        Ok(notes::write_rest(self.store.disk().as_ref(), text)?)
    }

    /// The text that was kept.
    ///
    /// # Errors
    ///
    /// [`AdoptError`].
    pub fn kept(&self) -> Result<Option<String>, AdoptError> {
        Ok(notes::read_rest(self.store.disk().as_ref())?)
    }

    /// Adopts audio: when it is [`Adopted::New`], its frames are in a sealed recording, and all
    /// that is known of it is durable.
    ///
    /// # Errors
    ///
    /// [`AdoptError`].
    pub fn adopt(
        &mut self,
        adoption: &Adoption,
        frames: &[Frame],
        at: Stamp,
    ) -> Result<Adopted, AdoptError> {
        let count = u32::try_from(frames.len()).unwrap_or(u32::MAX);
        if count == 0 {
            return Err(AdoptError::NoFrames);
        }
        let note = |recording| Note::new(recording, adoption, digest(frames), count);
        if let Some(known) = self.known(&note(RecordingId::new(0, 0)), at)? {
            return Ok(known);
        }
        let recording = self.begin(adoption, at)?;
        self.note(note(recording))?;
        self.take_frames(recording, frames, at)?;
        if !self.seal(recording)? {
            return Err(AdoptError::Differs { recording });
        }
        self.finish(recording, at)?;
        self.run(Work::Snapshot)?;
        self.run(Work::Prune)?;
        Ok(Adopted::New(recording))
    }

    /// Whether audio was adopted before. A recording with the same bytes, device and start is the
    /// same audio, whatever its file is called: what an export gave away comes back so.
    fn known(&mut self, wanted: &Note, at: Stamp) -> Result<Option<Adopted>, AdoptError> {
        if let Some(recording) = self.sources.get(&wanted.source()).copied() {
            let is_new = self.finished.remove(&recording);
            let there = self.facts(recording).is_some_and(|facts| facts.removing.is_none());
            return Ok(Some(match (there, is_new) {
                (true, true) => Adopted::New(recording),
                (true, false) => Adopted::Known(recording),
                (false, _) => Adopted::Gone(recording),
            }));
        }
        let Some(recording) = self.same_audio(wanted) else {
            return Ok(None);
        };
        if !self.is_unfinished(recording) {
            return Ok(Some(Adopted::Known(recording)));
        }
        // Its note is lost.
        self.note(Note { recording, ..wanted.clone() })?;
        self.finish(recording, at)?;
        Ok(Some(Adopted::New(recording)))
    }

    fn same_audio(&self, wanted: &Note) -> Option<RecordingId> {
        let adoption = &wanted.adoption;
        let is_same = |facts: &RecordingFacts| {
            facts.sealed.as_ref().is_some_and(|seal| seal.sha256 == wanted.sha256)
                && facts.encoding == adoption.encoding
                && facts.removing.is_none()
                && slug(facts.device.as_str()) == slug(adoption.device.as_str())
        };
        let second = adoption.started_at.unix_seconds();
        let mut all = self.store.ledger().starting_in(second);
        all.find(|(_, facts)| is_same(facts)).map(|(id, _)| id)
    }

    fn facts(&self, recording: RecordingId) -> Option<&RecordingFacts> {
        self.store.ledger().recordings.get(&recording).map(|facts| &**facts)
    }

    fn is_unfinished(&self, recording: RecordingId) -> bool {
        let facts = self.facts(recording).filter(|facts| facts.removing.is_none());
        facts.is_some_and(|facts| facts.upload.stage == unfinished().stage)
    }

    /// Opens a recording that no host will upload. Its note comes behind it, so that a note never
    /// speaks of an id that was not given.
    fn begin(&mut self, adoption: &Adoption, at: Stamp) -> Result<RecordingId, AdoptError> {
        let (capture, session) = (self.store.next_capture(), self.store.next_session());
        let (recording, first) = (self.store.next_recording(), FrameSeq(0));
        let Adoption { device, account, encoding, .. } = adoption.clone();
        self.store.stage(Record::CaptureOpened { capture, device, account, encoding, at });
        self.store.stage(Record::SessionOpened { session, capture, first, at });
        self.store.stage(Record::RecordingOpened { recording, session, capture, first });
        self.store.stage(Record::Upload { recording, facts: unfinished() });
        self.flush()?;
        Ok(recording)
    }

    fn take_frames(
        &mut self,
        recording: RecordingId,
        frames: &[Frame],
        at: Stamp,
    ) -> Result<(), AdoptError> {
        let Some((session, capture)) =
            self.facts(recording).map(|facts| (facts.session, facts.capture))
        else {
            return Ok(());
        };
        let mut first = FrameSeq(0);
        for some in frames.chunks(FRAMES_STAGED_MAX) {
            self.store.stage_frames(capture, first, some);
            first = first.plus(some.len() as u64);
            self.flush()?;
        }
        self.store.stage(Record::RecordingCut { recording, end: first });
        self.store.stage(Record::SessionClosed { session, end: SessionEnd::Stopped, at });
        self.store.stage(Record::CaptureClosed { capture, at });
        self.flush()
    }

    /// Seals a recording that holds what its note says; whether it does.
    fn seal(&mut self, recording: RecordingId) -> Result<bool, AdoptError> {
        let note = self.notes.get(&recording).map(|note| (note.sha256, note.frames));
        let Some(((sha256, frames), facts)) = note.zip(self.facts(recording)) else {
            return Ok(false);
        };
        if let Some(seal) = &facts.sealed {
            return Ok(seal.sha256 == sha256);
        }
        if facts.end != Some(facts.first.plus(u64::from(frames))) {
            return Ok(false);
        }
        match self.run(Work::Seal(recording))? {
            Some(Outcome::Sealed { seal, .. }) if seal.sha256 == sha256 => {
                self.store.stage(Record::Sealed { recording, seal });
                self.flush()?;
                Ok(true)
            }
            Some(_) | None => Ok(false),
        }
    }

    /// The last step: what is known of a sealed recording comes to count.
    fn finish(&mut self, recording: RecordingId, at: Stamp) -> Result<(), AdoptError> {
        let Some(note) = self.notes.get(&recording).cloned() else {
            return Ok(());
        };
        let Adoption { conversation, upload, .. } = note.adoption.clone();
        if !note.sealed {
            self.note(Note { sealed: true, ..note })?;
        }
        let facts = self.facts(recording).map(|facts| (facts.session, &facts.conversation));
        let Some((session, linked)) = facts else {
            return Ok(());
        };
        if let Some(conversation) = conversation.filter(|_| linked.is_none()) {
            let (recordings, seals) = (vec![recording], Vec::new());
            self.store.stage(Record::Linked { conversation, recordings, seals, at });
        }
        // Its session waits for nothing that a server may still say.
        self.store.stage(Record::SyncStarted { session, fallback: false });
        self.store.stage(Record::Upload { recording, facts: upload });
        self.flush()
    }

    /// Ends what an earlier adopter has begun: what is all there is sealed and counts, what is not
    /// goes, and its file is adopted anew.
    fn go_on(&mut self, at: Stamp) -> Result<(), AdoptError> {
        let all: Vec<(RecordingId, bool)> =
            self.notes.iter().map(|(id, note)| (*id, note.sealed)).collect();
        for (recording, sealed) in all {
            let is_whole = match (self.is_unfinished(recording), sealed) {
                (true, _) => self.seal(recording)?,
                (false, true) => continue,
                (false, false) => false,
            };
            if is_whole {
                self.finish(recording, at)?;
                self.finished.insert(recording);
            } else {
                self.give_up(recording)?;
            }
        }
        Ok(())
    }

    /// Takes back what was adopted in part. A recording that a person has had tried again meanwhile
    /// stays as it is.
    fn give_up(&mut self, recording: RecordingId) -> Result<(), AdoptError> {
        if self.is_unfinished(recording) {
            self.store.stage(Record::Removing { recording, why: Removal::Released });
            self.flush()?;
            self.run(Work::Remove(recording))?;
            self.store.stage(Record::Removed { recording });
            self.flush()?;
        }
        notes::remove(self.store.disk().as_ref(), recording)?;
        self.notes.remove(&recording);
        Ok(())
    }

    fn note(&mut self, note: Note) -> Result<(), AdoptError> {
        notes::write(self.store.disk().as_ref(), &note)?;
        self.sources.insert(note.source(), note.recording);
        self.notes.insert(note.recording, note);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), AdoptError> {
        self.run(Work::Write)?;
        self.run(Work::Sync).map(drop)
    }

    fn run(&mut self, work: Work) -> Result<Option<Outcome>, AdoptError> {
        match self.store.begin(work) {
            Some(job) => Ok(Some(self.store.end(job.run())?)),
            None => Ok(None),
        }
    }
}

/// What keeps every host from uploading, or linking, a recording that is not adopted yet.
fn unfinished() -> UploadFacts {
    let stage = UploadStage::Failed { reason: String::from(UNFINISHED) };
    UploadFacts { requests: 1, stage, ..UploadFacts::new() }
}

/// The SHA-256 of the file that these frames make.
fn digest(frames: &[Frame]) -> Sha256Sum {
    let mut hash = Sha256::new();
    for frame in frames {
        let len = u32::try_from(frame.bytes.len()).unwrap_or(u32::MAX);
        hash.update(len.to_le_bytes());
        hash.update(&frame.bytes);
    }
    Sha256Sum(hash.finalize().into())
}
