//! What a repair does about each damage.

use std::fmt;

use earmark_core::sync::UploadStage;

use crate::damage::{Damage, Harm};
use crate::disk::Disk;
use crate::inspect::{self, Verification};
use crate::layout::{self, IDENTITY, JOURNAL, RECORDINGS, SUMS};
use crate::ledger::Ledger;
use crate::recovery::{ReadError, Recovery};

/// One thing that a repair does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The file or folder, relative to the store's root.
    pub path: String,
    /// What is done.
    pub action: Action,
    /// The damage that it is done about; none when it is not about damage.
    pub damage: Option<Damage>,
}

/// What is done about a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It goes to `quarantine/`.
    PutAside,
    /// What the journal still holds goes into recordings and a snapshot, then its damaged files
    /// and those behind them go to `quarantine/`.
    Rewrite,
    /// The recording is given up: marked corrupted, its file in `quarantine/`.
    GiveUp,
    /// The recording's entry goes and its file goes to `quarantine/`: the server has it.
    Forget,
    /// A new one is written.
    Renew,
    /// So many bytes that were never acknowledged are cut off.
    Cut {
        /// How many.
        bytes: u64,
    },
    /// The checksums of a recording that is whole are made anew.
    Rebuild,
    /// An unfinished file goes; it can be made again.
    Clear,
    /// Nothing.
    Leave {
        /// Why not.
        reason: String,
    },
}

impl Step {
    /// Whether every opening of the store does it.
    pub const fn is_done_by_opening(&self) -> bool {
        match self.action {
            Action::Cut { .. } | Action::Clear | Action::Renew => true,
            Action::PutAside
            | Action::Rewrite
            | Action::GiveUp
            | Action::Forget
            | Action::Rebuild
            | Action::Leave { .. } => false,
        }
    }
}

/// Says what a repair would do, and changes nothing. `progress` hears how many recordings are read,
/// and how many there are.
///
/// # Errors
///
/// [`ReadError`] when not even the list of recordings can be had.
pub fn plan(
    disk: &dyn Disk,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<Step>, ReadError> {
    let recovery = inspect::read(disk)?;
    let found = inspect::check(disk, &recovery, progress)?;
    let mut steps = about_damage(&recovery.ledger, &found);
    steps.extend(by_opening(&recovery));
    Ok(steps)
}

pub(super) fn about_damage(ledger: &Ledger, found: &Verification) -> Vec<Step> {
    let step = |damage: &Damage| Step {
        path: damage.path.clone(),
        action: action(ledger, damage),
        damage: Some(damage.clone()),
    };
    found.damage.iter().map(step).collect()
}

fn by_opening(recovery: &Recovery) -> Vec<Step> {
    let step = |path: &str, action| Step { path: path.to_owned(), action, damage: None };
    let damaged = |path: &String| recovery.damage.iter().any(|damage| damage.path == *path);
    let useless = recovery.useless.iter().filter(|path| !damaged(path));
    let aside = useless.map(|path| step(path, Action::PutAside));
    let cleared = recovery.unfinished.iter().map(|path| step(path, Action::Clear));
    let bytes = recovery.torn_bytes;
    let cut = (bytes > 0).then(|| step(JOURNAL, Action::Cut { bytes }));
    aside.chain(cleared).chain(cut).collect()
}

fn action(ledger: &Ledger, damage: &Damage) -> Action {
    match &damage.harm {
        Harm::Unclaimed | Harm::Stranger => Action::PutAside,
        Harm::IdentityMissing => Action::Renew,
        Harm::Rot | Harm::RecordsMissing { .. } => Action::Rewrite,
        Harm::FramesMissing { .. }
        | Harm::FileMissing { .. }
        | Harm::WrongLength { .. }
        | Harm::WrongContent { .. }
        | Harm::WrongSum { .. } => about_recording(ledger, &damage.path),
        Harm::Unreadable { reason } => about_unreadable(ledger, damage, reason),
    }
}

fn about_unreadable(ledger: &Ledger, damage: &Damage, reason: &str) -> Action {
    match (folder(&damage.path), &damage.range) {
        ("", _) if damage.path == IDENTITY => Action::Renew,
        (JOURNAL, Some(_)) => Action::Rewrite,
        (SUMS, _) => Action::Rebuild,
        (RECORDINGS, Some(_)) => about_recording(ledger, &damage.path),
        // The disk does not even open it, and may do so another time.
        (RECORDINGS, None) => Action::Leave { reason: reason.to_owned() },
        (_, _) => Action::PutAside,
    }
}

fn about_recording(ledger: &Ledger, path: &str) -> Action {
    let name = path.rsplit('/').next().unwrap_or(path);
    let facts = layout::recording_of(name).and_then(|id| ledger.recordings.get(&id));
    match facts.map(|facts| &facts.upload.stage) {
        Some(UploadStage::Synced { .. }) => Action::Forget,
        Some(UploadStage::Accepted { .. }) => Action::Leave {
            reason: String::from(
                "the server works on its copy; `earmark sync` asks for the result",
            ),
        },
        Some(
            UploadStage::Pending { .. }
            | UploadStage::Uploading
            | UploadStage::Failed { .. }
            | UploadStage::Corrupted { .. },
        )
        | None => Action::GiveUp,
    }
}

/// The folder of a path; empty at the top.
pub(super) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(dir, _)| dir)
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PutAside => "the file goes to quarantine/",
            Self::Rewrite => {
                "what is whole goes into recordings and a snapshot, then this goes to quarantine/"
            }
            Self::GiveUp => "the recording is marked corrupted; its file goes to quarantine/",
            Self::Forget => "the file goes to quarantine/ and the recording is no longer listed",
            Self::Renew => "a new one is written; what is left of the old one goes to quarantine/",
            Self::Rebuild => "they are made anew from the recording, which is whole",
            Self::Clear => "the unfinished file goes; it can be made again",
            Self::Cut { bytes } => {
                return write!(f, "{bytes} bytes are cut off that were never acknowledged");
            }
            Self::Leave { reason } => return write!(f, "nothing is done: {reason}"),
        })
    }
}
