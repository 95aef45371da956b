//! What ends the program, and with which exit code: every error comes through here.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use earmark::{ClientError, StartError};
use earmark_sim::feed::FeedError;
use earmark_sim::play::PlayError;
use earmark_store::{OpenError, ReadError};

use crate::owner;

/// How a command ended that ran to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All is well.
    Done,
    /// It ran, and what it printed says what is wrong.
    Wrong,
}

impl Outcome {
    pub(crate) const fn good_if(good: bool) -> Self {
        if good { Self::Done } else { Self::Wrong }
    }
}

/// Why a command did not run to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// It ran, and something is wrong.
    #[error("{0}")]
    Wrong(String),
    /// The request was unusable, and nothing was written.
    #[error("{0}")]
    Unusable(String),
    /// Another process owns the store.
    #[error("{} is in use by {owner}; nothing was changed", folder.display())]
    InUse { folder: PathBuf, owner: String },
    /// The store cannot be read or written.
    #[error("the store in {} cannot be used: {reason}", folder.display())]
    Store { folder: PathBuf, reason: String },
}

impl Failure {
    pub(crate) fn wrong(reason: impl fmt::Display) -> Self {
        Self::Wrong(reason.to_string())
    }

    pub(crate) fn unusable(reason: impl fmt::Display) -> Self {
        Self::Unusable(reason.to_string())
    }

    pub(crate) fn store(folder: &Path, reason: impl fmt::Display) -> Self {
        Self::Store { folder: folder.to_owned(), reason: reason.to_string() }
    }

    /// Another process owns the store in this folder.
    pub(crate) fn in_use(folder: &Path, owner: impl fmt::Display) -> Self {
        Self::InUse { folder: folder.to_owned(), owner: owner.to_string() }
    }

    /// The runtime did not start on this folder.
    pub(crate) fn start(folder: &Path, error: &StartError) -> Self {
        match error {
            StartError::Store(error) => Self::open(folder, error),
            StartError::Folder { error, .. } => Self::store(folder, error),
            StartError::Thread(_) => Self::wrong(error),
        }
    }

    /// A file of the store that this process may not touch, or whatever else is wrong with one.
    fn files(folder: &Path, error: &ReadError) -> Self {
        match error {
            ReadError::Io { error: io, .. } if io.kind() == io::ErrorKind::PermissionDenied => {
                let advice = "run earmark as the user who owns the store, or have that user own \
                              all of it (chown -R USER) and read and write it (chmod -R u+rwX)";
                Self::store(folder, format!("{error}; {advice}"))
            }
            ReadError::Io { .. } | ReadError::Newer { .. } => Self::store(folder, error),
        }
    }

    /// The store in this folder was not opened.
    pub(crate) fn open(folder: &Path, error: &OpenError) -> Self {
        match error {
            OpenError::InUse => match owner::of(folder) {
                Some(owner) => Self::in_use(folder, owner),
                None => Self::in_use(folder, "another process"),
            },
            OpenError::Files(error) => Self::files(folder, error),
        }
    }

    /// The store in this folder cannot be looked at.
    pub(crate) fn read(folder: &Path, error: &ReadError) -> Self {
        Self::files(folder, error)
    }

    /// A feed could not be played to its end in the simulated world.
    pub(crate) fn play(path: &Path, error: &PlayError) -> Self {
        match error {
            PlayError::Start { .. }
            | PlayError::Script { .. }
            | PlayError::NoRecording { .. }
            | PlayError::Stuck { .. }
            | PlayError::Runtime(_) => Self::wrong(format!("{}: {error}", path.display())),
        }
    }

    /// A file or folder that a flag names cannot be used.
    pub(crate) fn named(what: &str, path: &Path, error: &io::Error) -> Self {
        Self::Unusable(format!("{what} {} cannot be used: {error}", path.display()))
    }

    const fn code(&self) -> u8 {
        match self {
            Self::Wrong(_) => 1,
            Self::Unusable(_) => 2,
            Self::InUse { .. } => 3,
            Self::Store { .. } => 4,
        }
    }
}

impl From<FeedError> for Failure {
    fn from(error: FeedError) -> Self {
        Self::unusable(error)
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Url(_) | ClientError::Root { .. } | ClientError::NoRoots => {
                Self::unusable(error)
            }
            ClientError::Tls(_) | ClientError::Http(_) => Self::wrong(error),
        }
    }
}

/// The exit code of a command, after its error was told.
pub(crate) fn code(result: Result<Outcome, Failure>) -> ExitCode {
    match result {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Wrong) => ExitCode::from(1),
        Err(failure) => {
            crate::log::say(&failure);
            ExitCode::from(failure.code())
        }
    }
}
