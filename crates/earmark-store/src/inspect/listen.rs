//! The audio of one recording, as far as it can be read: from its file, or from the journal while
//! it has none.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use earmark_core::RecordingId;

use super::DAMAGE_TRIES_MAX;
use super::audio::{LENGTH_BYTES, add_up, bad_blocks, frames};
use super::recordings::FILE_BYTES_READ_MAX;
use crate::damage::Damage;
use crate::disk::{Disk, read_what_can_be};
use crate::layout;
use crate::ledger::RecordingFacts;
use crate::reader::{RecordingError, RecordingReader};
use crate::record::Seal;
use crate::recovery::{ReadError, Recovery};
use crate::seal::{self, Order};
use crate::sums;

/// What can be read of a recording.
#[derive(Debug)]
pub struct FoundAudio {
    /// What is known of the recording.
    pub facts: Arc<RecordingFacts>,
    /// Its file, or what that would be: for each frame its length as `u32` little-endian and its
    /// bytes.
    pub bytes: Vec<u8>,
    /// Frames that are missing behind the last one of [`Self::frames`], as far as is known.
    pub missing: u64,
    /// Why the file is not as it was sealed, if it is not; or what is damaged of the journal.
    pub faults: Vec<String>,
    ranges: Vec<Range<usize>>,
    bad: Vec<Range<usize>>,
}

impl FoundAudio {
    /// The frames, first one first; none in the place of one whose bytes are not those that were
    /// taken.
    pub fn frames(&self) -> impl Iterator<Item = Option<&[u8]>> {
        let is_good = |frame: &Range<usize>| {
            !self.bad.iter().any(|bad| bad.start < frame.end && frame.start < bad.end)
        };
        self.ranges.iter().map(move |frame| {
            is_good(frame).then(|| &self.bytes[frame.start + LENGTH_BYTES..frame.end])
        })
    }

    fn new(facts: &Arc<RecordingFacts>) -> Self {
        Self {
            facts: Arc::clone(facts),
            bytes: Vec::new(),
            missing: 0,
            faults: Vec::new(),
            ranges: Vec::new(),
            bad: Vec::new(),
        }
    }
}

/// Why nothing was read of a recording.
#[derive(Debug, thiserror::Error)]
pub enum ReadAudioError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] ReadError),
    /// The recording's file, or the journal, cannot be read.
    #[error(transparent)]
    Recording(#[from] RecordingError),
}

/// Reads the audio of a recording, sealed or not; none when there is no such recording. Nothing is
/// written, and the store's owner may go on.
///
/// # Errors
///
/// [`ReadAudioError`] when nothing can be read; damage that leaves something is no error.
pub fn read_audio(
    disk: &dyn Disk,
    recording: RecordingId,
) -> Result<Option<FoundAudio>, ReadAudioError> {
    let mut tries = 1;
    loop {
        let recovery = super::read(disk)?;
        let found = recovery.ledger.recordings.get(&recording);
        let Some(facts) = found.filter(|facts| facts.removing.is_none()) else {
            return Ok(None);
        };
        let is_last = tries == DAMAGE_TRIES_MAX;
        let read = match &facts.sealed {
            Some(seal) => from_file(disk, recording, facts, seal),
            None => from_journal(disk, recording, facts, &recovery, is_last),
        };
        match read {
            Ok(found) => return Ok(Some(found)),
            Err(error) if is_last => return Err(error.into()),
            // The owner may have sealed or removed it meanwhile.
            Err(_) => tries += 1,
        }
    }
}

fn from_file(
    disk: &dyn Disk,
    recording: RecordingId,
    facts: &Arc<RecordingFacts>,
    seal: &Arc<Seal>,
) -> Result<FoundAudio, RecordingError> {
    let io = |error| RecordingError::Io { recording, error };
    let file = disk.open(&layout::recording_path(recording)).map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            return RecordingError::Missing { recording };
        }
        io(error)
    })?;
    let (bytes, _) = read_what_can_be(file.as_ref(), FILE_BYTES_READ_MAX).map_err(io)?;
    let mut found = FoundAudio { ranges: frames(&bytes), bytes, ..FoundAudio::new(facts) };
    let checked =
        RecordingReader::open_seal(disk, recording, seal).and_then(|mut reader| reader.verify());
    if let Err(error) = checked {
        found.faults.push(error.to_string());
        found.leave_out(disk, recording, seal);
    }
    Ok(found)
}

impl FoundAudio {
    /// Leaves out what is not as it was sealed. Which frames that are only the sums of the blocks
    /// tell; without them all is kept that can be told apart.
    fn leave_out(&mut self, disk: &dyn Disk, recording: RecordingId, seal: &Seal) {
        let whole = usize::try_from(seal.bytes).unwrap_or(usize::MAX).min(self.bytes.len());
        self.bytes.truncate(whole);
        self.ranges = frames(&self.bytes);
        let kept = sums::open(disk, recording).map_err(sums::SumsFault::from);
        match kept.and_then(|file| sums::read(file.as_ref(), seal)) {
            Ok(sums) => self.bad = bad_blocks(&self.bytes, seal.bytes as usize, &sums),
            Err(error) => self.faults.push(format!(
                "which of its frames that are cannot be told: {}: {error}",
                layout::sums_path(recording)
            )),
        }
        if !add_up(&self.ranges, &self.bytes, seal) {
            // A length is damaged, and what lies behind it cannot be told apart.
            let first = self.bad.first().map_or(self.bytes.len(), |bad| bad.start);
            self.ranges.retain(|frame| frame.end <= first);
        }
        self.missing = u64::from(seal.frames).saturating_sub(self.ranges.len() as u64);
    }
}

/// Reads what the journal has of a recording that is not sealed yet.
fn from_journal(
    disk: &dyn Disk,
    recording: RecordingId,
    facts: &Arc<RecordingFacts>,
    recovery: &Recovery,
    leave_unreadable: bool,
) -> Result<FoundAudio, RecordingError> {
    let (first, end) = (facts.first, recovery.ledger.end(facts));
    let batches = recovery.all_batches().overlapping(facts.capture, first, end);
    let started_at = facts.started_at.unwrap_or_default();
    let order = Order { recording, first, end, batches, started_at, leave_unreadable };
    let mut found = FoundAudio::new(facts);
    let read = seal::each_frame(disk, &order, &mut |frame| {
        found.bytes.extend_from_slice(&(frame.bytes.len() as u32).to_le_bytes());
        found.bytes.extend_from_slice(frame.bytes);
        Ok(())
    });
    let damage = read.map_err(|fault| RecordingError::Io { recording, error: fault.error })?;
    found.faults = damage.iter().map(Damage::to_string).collect();
    found.ranges = frames(&found.bytes);
    found.missing = end.since(first).saturating_sub(found.ranges.len() as u64);
    if found.missing > 0 && found.faults.is_empty() {
        found.faults.push(format!("the journal lacks frames of {recording}"));
    }
    Ok(found)
}
