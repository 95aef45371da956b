//! What can go wrong with a disk in a feed, beside operations that fail.

pub use earmark_store::Slip;

/// A kind of files of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// The journal.
    Journal,
    /// Sealed recordings.
    Recording,
    /// The checksums of their blocks.
    Sums,
    /// Snapshots.
    Snapshot,
    /// The file that names the store's incarnation.
    Identity,
    /// Any file.
    Any,
}

impl FileKind {
    /// All kinds.
    pub const ALL: [Self; 6] =
        [Self::Journal, Self::Recording, Self::Sums, Self::Snapshot, Self::Identity, Self::Any];

    /// The name in feeds.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Journal => "journal",
            Self::Recording => "recording",
            Self::Sums => "sums",
            Self::Snapshot => "snapshot",
            Self::Identity => "identity",
            Self::Any => "any",
        }
    }

    /// How the paths of its files begin.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Journal => "journal/",
            Self::Recording => "recordings/",
            Self::Sums => "sums/",
            Self::Snapshot => "snapshots/",
            Self::Identity => "store.json",
            Self::Any => "",
        }
    }
}

/// All slips, in the order of the reference.
pub const SLIPS: [Slip; 3] = [Slip::Torn, Slip::Lost, Slip::Misdirected];

/// The name of a slip in feeds.
pub const fn slip_name(slip: Slip) -> &'static str {
    match slip {
        Slip::Torn => "torn",
        Slip::Lost => "lost",
        Slip::Misdirected => "misdirected",
    }
}
