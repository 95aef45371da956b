//! Bugs that are planted, to see whether they are noticed.

use earmark_store::Lie;

/// A bug of the disk or of the host that stands for one of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// The disk deceives the store.
    Lie(Lie),
    /// What is written counts as durable before it is synced.
    AckAtWrite,
    /// A frame is stored with the bytes of another one.
    WrongFrame,
    /// One of the recordings of a link is left out.
    HalfLink,
    /// A link names another conversation than was said.
    WrongLink,
    /// An attempt counts as journalled before it is.
    LateAttempt,
    /// A file is unlinked before the record that says so is durable.
    EarlyUnlink,
}

impl Sabotage {
    pub(crate) const ALL: [Self; 9] = [
        Self::Lie(Lie::FileSyncs),
        Self::Lie(Lie::FileSyncErrors),
        Self::Lie(Lie::NameSyncs),
        Self::AckAtWrite,
        Self::WrongFrame,
        Self::HalfLink,
        Self::WrongLink,
        Self::LateAttempt,
        Self::EarlyUnlink,
    ];
}
