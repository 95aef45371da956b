//! Looking at a store without owning it: nothing is written, and its owner may go on.

use std::io;

use earmark_core::RecordingId;

use crate::damage::{Damage, Harm};
use crate::disk::Disk;
use crate::layout;
use crate::ledger::Ledger;
use crate::reader::{RecordingError, RecordingReader};
use crate::recovery::{self, ReadError, Recovery};

/// The owner may prune a file between its listing and its opening; then all is read again.
const TRIES_MAX: u32 = 16;
const DAMAGE_TRIES_MAX: u32 = 3;

/// What a store holds.
#[derive(Debug)]
pub struct Inspection {
    /// The state with everything that can be read, a torn tail left out.
    pub ledger: Ledger,
    /// What is damaged.
    pub damage: Vec<Damage>,
}

/// Reads a store as recovery would, and changes nothing.
///
/// # Errors
///
/// [`ReadError`].
pub fn inspect(disk: &dyn Disk) -> Result<Inspection, ReadError> {
    let Recovery { ledger, mut damage, .. } = read(disk)?;
    // A file that is new to this look may have been made behind it.
    damage.retain(|damage| damage.harm != Harm::Unclaimed);
    Ok(Inspection { ledger, damage })
}

fn read(disk: &dyn Disk) -> Result<Recovery, ReadError> {
    let vanished = |error: &ReadError| match error {
        ReadError::Io { error, .. } => error.kind() == io::ErrorKind::NotFound,
        ReadError::Newer { .. } => false,
    };
    let mut tries = 1;
    loop {
        match recovery::read(disk) {
            Err(error) if vanished(&error) && tries < TRIES_MAX => {}
            // What the owner does meanwhile can look like damage, but not again and again.
            Ok(recovery) if !recovery.damage.is_empty() && tries < DAMAGE_TRIES_MAX => {}
            result => return result,
        }
        tries += 1;
    }
}

impl Inspection {
    /// Opens the file of a sealed recording; none when it is not sealed or not known.
    ///
    /// # Errors
    ///
    /// [`RecordingError`].
    pub fn reader(
        &self,
        disk: &dyn Disk,
        recording: RecordingId,
    ) -> Result<Option<RecordingReader>, RecordingError> {
        let facts = self.ledger.recordings.get(&recording);
        let seal = facts.and_then(|facts| facts.sealed.as_ref());
        seal.map(|seal| RecordingReader::open_seal(disk, recording, seal)).transpose()
    }
}

/// What a full check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// Sealed recordings whose files were read.
    pub recordings: usize,
    /// Their bytes.
    pub bytes: u64,
    /// What is damaged; a torn tail is not.
    pub damage: Vec<Damage>,
}

/// Reads everything, checks every hash, changes nothing. `progress` hears how many recordings are
/// done, and how many there are.
///
/// # Errors
///
/// [`ReadError`] when not even the list of recordings can be had.
pub fn verify(
    disk: &dyn Disk,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Verification, ReadError> {
    let inspection = inspect(disk)?;
    let all = inspection.ledger.recordings.iter();
    let sealed: Vec<RecordingId> = all
        .filter(|(_, facts)| facts.sealed.is_some() && facts.removing.is_none())
        .map(|(id, _)| *id)
        .collect();
    let mut verification =
        Verification { damage: inspection.damage.clone(), ..Verification::default() };
    for (done, recording) in sealed.iter().enumerate() {
        progress(done, sealed.len());
        match check(&inspection, disk, *recording) {
            Ok(bytes) => {
                verification.recordings += 1;
                verification.bytes += bytes;
            }
            Err(error) => verification.note(*recording, error),
        }
    }
    progress(sealed.len(), sealed.len());
    Ok(verification)
}

fn check(
    inspection: &Inspection,
    disk: &dyn Disk,
    recording: RecordingId,
) -> Result<u64, RecordingError> {
    let Some(mut reader) = inspection.reader(disk, recording)? else {
        return Ok(0);
    };
    reader.verify().map(|()| reader.bytes())
}

impl Verification {
    fn note(&mut self, recording: RecordingId, error: RecordingError) {
        let path = layout::recording_path(recording);
        let damage = match error {
            // The inspection has listed these two.
            RecordingError::Missing { .. } | RecordingError::WrongLength { .. } => return,
            RecordingError::Damaged { range, .. } => {
                Damage::new(path, Some(range), Harm::WrongContent { recording })
            }
            RecordingError::Io { error, .. } => Damage::unreadable(path, error),
        };
        self.damage.push(damage);
    }
}
