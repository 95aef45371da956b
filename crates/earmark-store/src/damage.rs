//! What was found damaged.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

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
    /// What it has cost, once somebody has weighed it, as [`verify`](crate::verify()) does.
    pub cost: Option<Cost>,
}

/// What a damage has cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Audio that is lost.
    pub audio: Vec<LostAudio>,
    /// Decisions that are lost, by their names where those can still be read.
    pub decisions: Vec<String>,
    /// What else there is to say.
    pub remark: Option<String>,
}

/// Frames of a recording that are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostAudio {
    /// The recording.
    pub recording: RecordingId,
    /// How many frames.
    pub frames: u64,
    /// How much audio they hold.
    pub lasting: Duration,
    /// Whether it may be fewer: where the length of a frame is damaged, nobody can tell where the
    /// ones behind it begin.
    pub at_most: bool,
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
    /// The file of a sealed recording passes the checksum of each of its blocks, and is not what
    /// was sealed.
    WrongSum {
        /// The recording.
        recording: RecordingId,
    },
    /// No record speaks of the file.
    Unclaimed,
    /// A file lies in a folder of the store under a name that no file of a store has.
    Stranger,
    /// The file that names the store's incarnation is not there.
    IdentityMissing,
    /// The file cannot be read or understood.
    Unreadable {
        /// Why, in words.
        reason: String,
    },
}

impl Damage {
    pub(crate) fn new(path: impl Into<String>, range: Option<Range<u64>>, harm: Harm) -> Self {
        Self { path: path.into(), range, harm, cost: None }
    }

    pub(crate) fn unreadable(path: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self::new(path, None, Harm::Unreadable { reason: reason.to_string() })
    }
}

impl Harm {
    /// The sealed recording whose file is harmed.
    pub const fn recording(&self) -> Option<RecordingId> {
        match self {
            Self::FramesMissing { recording, .. }
            | Self::FileMissing { recording }
            | Self::WrongLength { recording, .. }
            | Self::WrongContent { recording }
            | Self::WrongSum { recording } => Some(*recording),
            Self::Rot
            | Self::RecordsMissing { .. }
            | Self::Unclaimed
            | Self::Stranger
            | Self::IdentityMissing
            | Self::Unreadable { .. } => None,
        }
    }
}

impl Cost {
    pub(crate) fn nothing(remark: &str) -> Self {
        Self { remark: Some(remark.to_owned()), ..Self::default() }
    }

    /// Whether neither audio nor a decision is known to be lost.
    pub const fn is_nothing(&self) -> bool {
        self.audio.is_empty() && self.decisions.is_empty()
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
            Self::WrongSum { recording } => {
                write!(f, "{recording} has another SHA-256 than was sealed")
            }
            Self::Unclaimed => f.write_str("no record speaks of this file"),
            Self::Stranger => f.write_str("no file of a store has such a name"),
            Self::IdentityMissing => f.write_str("the file is missing"),
            Self::Unreadable { reason } => f.write_str(reason),
        }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let audio = self.audio.iter().map(ToString::to_string);
        let decisions = self.decisions.iter().map(|name| format!("the decision {name}"));
        let lost: Vec<String> = audio.chain(decisions).collect();
        match (lost.is_empty(), &self.remark) {
            (true, None) => f.write_str("it cost nothing"),
            (true, Some(remark)) => f.write_str(remark),
            (false, None) => write!(f, "it cost {}", lost.join(", ")),
            (false, Some(remark)) => write!(f, "it cost {}; {remark}", lost.join(", ")),
        }
    }
}

impl fmt::Display for LostAudio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { recording, frames, lasting, at_most } = self;
        let about = if *at_most { "at most " } else { "" };
        write!(f, "{about}{frames} frames ({} s) of {recording}", lasting.as_secs_f64())
    }
}
