//! Which audio an adopted recording is of, and what its former program kept of it: a file for each
//! recording in `takeover/`, which no part of the store but this one reads.

use std::collections::BTreeMap;
use std::io;

use earmark_core::RecordingId;
use serde::{Deserialize, Serialize};

use super::Adoption;
use crate::disk::{Disk, read_whole, replace_whole};
use crate::format::VERSION;
use crate::record::Sha256Sum;
use crate::recovery::{ReadError, names};

const TAKEOVER: &str = "takeover";
const TEMP: &str = "takeover/new.tmp";
const REST: &str = "takeover/rest.json";
const SUFFIX: &str = ".json";

/// The longest note that is read, in bytes.
const NOTE_BYTES_MAX: u64 = 1 << 20;

/// The longest text that is kept beside the recordings, in bytes.
const REST_BYTES_MAX: u64 = 128 << 20;

/// What is kept of one adopted recording.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Note {
    pub(super) version: u32,
    pub(super) recording: RecordingId,
    /// Of the audio that was to be adopted.
    pub(super) sha256: Sha256Sum,
    pub(super) frames: u32,
    /// Whether the recording was durable and only its upload's facts were missing, or not even
    /// these.
    pub(super) sealed: bool,
    pub(super) adoption: Adoption,
}

impl Note {
    pub(super) fn new(
        recording: RecordingId,
        adoption: &Adoption,
        sha256: Sha256Sum,
        frames: u32,
    ) -> Self {
        let adoption = adoption.clone();
        Self { version: VERSION, recording, sha256, frames, sealed: false, adoption }
    }

    /// What tells this audio from all other.
    pub(super) fn source(&self) -> (String, Sha256Sum) {
        (self.adoption.name.clone(), self.sha256)
    }
}

/// What is known of the adopted recordings of a store beside what its records say.
#[derive(Debug, Default)]
pub struct Notes {
    pub(super) notes: BTreeMap<RecordingId, Note>,
    /// Notes that cannot be read any more.
    pub damaged: Vec<String>,
    /// The text that is kept beside the recordings.
    pub rest: Option<String>,
}

impl Notes {
    /// What a recording was adopted with; none when it was captured here.
    pub fn of(&self, recording: RecordingId) -> Option<&Adoption> {
        self.notes.get(&recording).map(|note| &note.adoption)
    }
}

/// Reads what is kept of the adopted recordings of a store, and changes nothing.
///
/// # Errors
///
/// [`ReadError`].
pub fn read_notes(disk: &dyn Disk) -> Result<Notes, ReadError> {
    let mut found = Notes { rest: read_rest(disk)?, ..Notes::default() };
    for name in names(disk, TAKEOVER)? {
        let recording = name.strip_suffix(SUFFIX).and_then(|id| id.parse::<RecordingId>().ok());
        let Some(recording) = recording else {
            continue;
        };
        let path = path_of(recording);
        match read(disk, &path)?.filter(|note| note.recording == recording) {
            Some(note) if note.version > VERSION => {
                return Err(ReadError::Newer { path, version: note.version });
            }
            Some(note) => {
                found.notes.insert(recording, note);
            }
            None => found.damaged.push(path),
        }
    }
    Ok(found)
}

/// A note; none when it says nothing.
fn read(disk: &dyn Disk, path: &str) -> Result<Option<Note>, ReadError> {
    let read = disk.open(path).and_then(|file| read_whole(file.as_ref(), NOTE_BYTES_MAX));
    match read {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(None),
        Err(error) => Err(ReadError::io(path, error)),
    }
}

fn path_of(recording: RecordingId) -> String {
    format!("{TAKEOVER}/{recording}{SUFFIX}")
}

/// Makes the folder.
pub(super) fn prepare(disk: &dyn Disk) -> Result<(), ReadError> {
    let made = disk.create_dir(TAKEOVER).and_then(|()| disk.sync_dir(""));
    made.map_err(|error| ReadError::io(TAKEOVER, error))
}

/// Writes a note, durably, in the place of an earlier one.
pub(super) fn write(disk: &dyn Disk, note: &Note) -> Result<(), ReadError> {
    let bytes = serde_json::to_vec(note).expect("every note has a JSON form");
    replace(disk, &path_of(note.recording), &bytes)
}

/// Writes the text that is kept beside the recordings, durably.
pub(super) fn write_rest(disk: &dyn Disk, text: &str) -> Result<(), ReadError> {
    replace(disk, REST, text.as_bytes())
}

/// Reads that text; none when there is none, or none that can be read.
pub(super) fn read_rest(disk: &dyn Disk) -> Result<Option<String>, ReadError> {
    match disk.open(REST).and_then(|file| read_whole(file.as_ref(), REST_BYTES_MAX)) {
        Ok(bytes) => Ok(String::from_utf8(bytes).ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(None),
        Err(error) => Err(ReadError::io(REST, error)),
    }
}

fn replace(disk: &dyn Disk, path: &str, bytes: &[u8]) -> Result<(), ReadError> {
    replace_whole(disk, TEMP, path, bytes).map_err(|error| ReadError::io(path, error))
}

/// Removes a note, durably.
pub(super) fn remove(disk: &dyn Disk, recording: RecordingId) -> Result<(), ReadError> {
    let path = path_of(recording);
    let removed = disk.remove(&path).and_then(|()| disk.sync_dir(TAKEOVER));
    removed.map_err(|error| ReadError::io(&path, error))
}
