//! What was found damaged.

use std::fmt;
use std::ops::Range;

use earmark_core::RecordingId;

/// One damage, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file, relative to the store's root.
    pub path: String,
    /// The bytes of the file that are affected, when they can be told.
    pub range: Option<Range<u64>>,
    /// What is wrong.
    pub harm: Harm,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Harm {
    /// Bytes that were durable no longer match their checksum.
    Rot,
    /// Records that were durable are nowhere.
    RecordsMissing {
        /// The first of them.
        from: u64,
        /// The first that is there again.
        to: u64,
    },
    /// Frames of a recording were lost with the journal's bytes; the others are in its file.
    FramesMissing {
        /// The recording.
        recording: RecordingId,
        /// How many.
        frames: u32,
    },
    /// The file of a sealed recording is not there.
    FileMissing {
        /// The recording.
        recording: RecordingId,
    },
    /// The file of a sealed recording has another length than its seal says.
    WrongLength {
        /// The recording.
        recording: RecordingId,
        /// What the seal says.
        expected: u64,
        /// What the file has.
        found: u64,
    },
    /// The file of a sealed recording differs from its seal.
    WrongContent {
        /// The recording.
        recording: RecordingId,
    },
    /// No record speaks of the file.
    Unclaimed,
    /// The file cannot be read or understood.
    Unreadable {
        /// Why, in words.
        reason: String,
    },
}

impl Damage {
    pub(crate) fn new(path: impl Into<String>, range: Option<Range<u64>>, harm: Harm) -> Self {
        Self { path: path.into(), range, harm }
    }

    pub(crate) fn unreadable(path: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self::new(path, None, Harm::Unreadable { reason: reason.to_string() })
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path)?;
        if let Some(range) = &self.range {
            write!(f, ", bytes {} to {}", range.start, range.end)?;
        }
        write!(f, ": {}", self.harm)
    }
}

impl fmt::Display for Harm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rot => f.write_str("what was durable here no longer matches its checksum"),
            Self::RecordsMissing { from, to } => {
                write!(f, "the records {from} to {} are missing", to - 1)
            }
            Self::FramesMissing { recording, frames } => {
                write!(f, "{frames} frames of {recording} are lost; the others are kept")
            }
            Self::FileMissing { recording } => write!(f, "the file of {recording} is missing"),
            Self::WrongLength { recording, expected, found } => {
                write!(f, "{recording} has {found} bytes; {expected} were sealed")
            }
            Self::WrongContent { recording } => {
                write!(f, "{recording} differs from what was sealed")
            }
            Self::Unclaimed => f.write_str("no record speaks of this file"),
            Self::Unreadable { reason } => f.write_str(reason),
        }
    }
}
