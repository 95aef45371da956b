//! The bytes of a small store, for those who damage them otherwise.

use earmark_core::Stamp;
use earmark_store::{Config, Work};

use super::host::{Host, stamp};
use super::story;

/// The journal file that other bytes are put in place of.
pub(crate) const JOURNAL: &str = "journal/0000000000000001.log";
/// A journal file that takes one round of the story and never more.
const CONFIG: Config = Config { journal_file_bytes_max: 64 << 10, snapshot_after_bytes: 1 };

/// A moment.
pub(crate) fn now() -> Stamp {
    stamp()
}

/// The files of a small store.
pub(crate) struct Seeds {
    pub(crate) files: Vec<(String, Vec<u8>)>,
    pub(crate) snapshot: String,
    pub(crate) recording: String,
    pub(crate) sums: String,
}

/// A store with one journal file, a snapshot of some of it, and sealed recordings.
pub(crate) fn make() -> Seeds {
    let mut host = Host::new(CONFIG);
    story::tell_round(&mut host, 0);
    host.run(Work::Snapshot);
    story::tell_short(&mut host);
    let paths = host.disk.paths().into_iter();
    let files: Vec<_> = paths
        .map(|path| {
            let bytes = host.disk.contents(&path).expect("it is listed");
            (path, bytes)
        })
        .collect();
    let first = |folder: &str| {
        let path = files.iter().map(|(path, _)| path).find(|path| path.starts_with(folder));
        path.expect("the store has one").clone()
    };
    let (snapshot, recording) = (first("snapshots/"), first("recordings/"));
    let sums = first("sums/");
    Seeds { files, snapshot, recording, sums }
}

impl Seeds {
    /// What the store itself has written for a target.
    pub(crate) fn of(&self, target: &str) -> Vec<Vec<u8>> {
        let path = match target {
            "journal" => JOURNAL,
            "snapshot" => &self.snapshot,
            "recording" => &self.recording,
            "sums" => &self.sums,
            "identity" => "store.json",
            _ => return Vec::new(),
        };
        let file = self.files.iter().find(|(file, _)| file == path);
        file.map(|(_, bytes)| bytes.clone()).into_iter().collect()
    }
}
