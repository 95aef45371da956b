//! Taking over what an Omi app has recorded, and giving it back.
//!
//! An app keeps its recordings in one folder: `wals.json`, a backup of it, and a file for each
//! recording. [`AppFolder`] reads such a folder and never changes it; with an
//! [`Adopter`](earmark_store::Adopter) its audio becomes recordings of a store. [`export`] writes a
//! store's recordings to a folder that the app can read. Every call blocks.

mod describe;
mod export;
mod folder;
mod import;

use earmark_core::{ConversationId, RecordingId};
use serde::Serialize;

pub use export::{ExportError, export};
pub use folder::AppFolder;

/// The longest audio file that is taken over, in bytes: no server takes a longer one.
pub const AUDIO_FILE_BYTES_MAX: u64 = 64 << 20;

const INDEX: &str = "wals.json";
const BACKUP: &str = "wals_backup.json";

/// What became of one recording of the app, or of the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Its file; none when it has none.
    pub file: Option<String>,
    /// What became of it.
    pub outcome: Fate,
    /// Its id in the store.
    pub recording: Option<RecordingId>,
    /// Where its upload stands.
    pub status: Option<&'static str>,
    /// The conversation it is linked to.
    pub conversation: Option<ConversationId>,
    /// Attempts that were spent.
    pub attempts: u32,
    /// Frames that it holds.
    pub frames: u64,
    /// What else there is to say, in words.
    pub note: Option<String>,
}

/// What became of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is in the store now, durable.
    Adopted,
    /// It was in the store before.
    Known,
    /// It was in the store, and has gone since.
    Gone,
    /// Its audio is still on the device.
    OnDevice,
    /// Its audio is gone, and was delivered or given up before.
    Settled,
    /// Its audio should be there and is not.
    Missing,
    /// It cannot be taken.
    Refused,
    /// It was written to the folder.
    Exported,
    /// It lay in the folder already.
    InPlace,
}

impl Fate {
    /// Whether a person should look after it.
    pub const fn is_wrong(self) -> bool {
        match self {
            Self::Missing | Self::Refused => true,
            Self::Adopted
            | Self::Known
            | Self::Gone
            | Self::OnDevice
            | Self::Settled
            | Self::Exported
            | Self::InPlace => false,
        }
    }
}

impl Told {
    fn new(file: Option<&str>, outcome: Fate, note: Option<String>) -> Self {
        Self {
            file: file.map(String::from),
            outcome,
            recording: None,
            status: None,
            conversation: None,
            attempts: 0,
            frames: 0,
            note,
        }
    }
}

#[cfg(test)]
mod tests;
