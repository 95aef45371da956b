//! Looking at a store without owning it: nothing is written, and its owner may go on.

use std::io;
use std::sync::Arc;

use earmark_core::RecordingId;

use crate::damage::{Damage, Harm};
use crate::disk::Disk;
use crate::layout::QUARANTINE;
use crate::ledger::{Ledger, RecordingFacts};
use crate::reader::{RecordingError, RecordingReader};
use crate::record::Seal;
use crate::recovery::{self, Depth, ReadError, Recovery};

mod audio;
mod cost;
mod journal;
mod listen;
mod recordings;
mod strangers;

use recordings::Look;

pub use strangers::is_store;

pub use listen::{FoundAudio, ReadAudioError, read_audio};

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
    let Recovery { ledger, damage, .. } = read(disk)?;
    Ok(Inspection { ledger, damage })
}

pub(crate) fn read(disk: &dyn Disk) -> Result<Recovery, ReadError> {
    let vanished = |error: &ReadError| match error {
        ReadError::Io { error, .. } => error.kind() == io::ErrorKind::NotFound,
        ReadError::Newer { .. } => false,
    };
    let mut before = Vec::new();
    let mut tries = 1;
    loop {
        match recovery::read(disk, Depth::Whole) {
            Err(error) if vanished(&error) && tries < TRIES_MAX => {}
            // What the owner does meanwhile can look like damage, but not again and again.
            Ok(recovery) if !recovery.damage.is_empty() && tries < DAMAGE_TRIES_MAX => {
                before = recovery.damage;
            }
            result => return result.map(|recovery| without_the_explained(recovery, &before)),
        }
        tries += 1;
    }
}

/// A file that is new to this look may have been made behind it. One that a look before has seen is
/// older than the journal that this one has read.
fn without_the_explained(mut recovery: Recovery, before: &[Damage]) -> Recovery {
    let stays = |damage: &Damage| damage.harm != Harm::Unclaimed || before.contains(damage);
    recovery.damage.retain(stays);
    recovery
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
    /// Recordings that were given up before, and whose files were put aside.
    pub given_up: usize,
    /// Files that lie in `quarantine/`.
    pub quarantined: usize,
    /// What is damaged, each with its cost; a torn tail is not.
    pub damage: Vec<Damage>,
}

/// Reads everything, checks every hash, changes nothing. `progress` hears how many recordings are
/// done, and how many there are.
///
/// # Errors
///
/// [`ReadError`] when not even the list of recordings can be had, or when this process may not read
/// a file: nobody can tell then whether it is damaged.
pub fn verify(
    disk: &dyn Disk,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Verification, ReadError> {
    check(disk, &read(disk)?, progress)
}

pub(crate) fn check(
    disk: &dyn Disk,
    recovery: &Recovery,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Verification, ReadError> {
    let all = recovery.ledger.recordings.iter();
    let sealed = all.filter(|(_, facts)| facts.removing.is_none());
    let sealed: Vec<(RecordingId, &Arc<RecordingFacts>, &Arc<Seal>)> =
        sealed.filter_map(|(id, facts)| Some((*id, facts, facts.sealed.as_ref()?))).collect();
    let quarantined = recovery::names(disk, QUARANTINE)?.len();
    let mut found = Verification { quarantined, ..Verification::default() };
    for damage in recovery.damage.iter().chain(&strangers::find(disk)?) {
        let cost = cost::of(disk, recovery, damage);
        found.damage.push(Damage { cost: Some(cost), ..damage.clone() });
    }
    for (done, (recording, facts, seal)) in sealed.iter().enumerate() {
        progress(done, sealed.len());
        match recordings::check(disk, *recording, facts, seal) {
            Look::Sound => {
                found.recordings += 1;
                found.bytes += seal.bytes;
            }
            Look::Missing => found.given_up += usize::from(facts.is_given_up()),
            Look::Damaged(damage) => found.damage.push(damage),
            Look::Forbidden(path, error) => return Err(ReadError::Io { path, error }),
        }
    }
    progress(sealed.len(), sealed.len());
    Ok(found)
}
