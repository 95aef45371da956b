//! Every bit flip and every truncation of both snapshots and of `store.json`: the state stays.

use earmark_store::{Config, Harm, Ledger, RecordingFacts, SimDisk, Work, inspect};

use super::host::{self, Host};
use super::journal_bytes;
use super::story;
use super::sweep::{Sweep, Swept};
use crate::request::Slice;

/// The file that names the store.
pub(super) const IDENTITY: &str = "store.json";
const LIFE: u64 = 4_712;
const CONFIG: Config = Config { journal_file_bytes_max: 8 << 10, snapshot_after_bytes: 1 };

/// A store with two snapshots, the latest last, and a journal that goes back behind both.
pub(super) struct State {
    files: Vec<(String, Vec<u8>)>,
    pub(super) snapshots: Vec<String>,
    ledger: Ledger,
    /// The state once it was opened, and the incarnation of what it makes from there on.
    opened: (Ledger, u32),
}

/// The length of a snapshot's piece, and which kind it is.
const PIECE_HEAD_BYTES: usize = 5;

impl State {
    pub(super) fn new() -> Self {
        let mut host = Host::new(CONFIG);
        for round in 0..4 {
            story::tell_round(&mut host, round);
            host.run(Work::Snapshot);
            host.run(Work::Prune);
        }
        story::tell_round(&mut host, 4);
        let path = |path: String| {
            let bytes = host.disk.contents(&path).expect("it is listed");
            (path, bytes)
        };
        let files: Vec<_> = host.disk.paths().into_iter().map(path).collect();
        let paths = files.iter().map(|(path, _)| path.clone());
        let snapshots: Vec<_> = paths.filter(|path| path.starts_with("snapshots/")).collect();
        assert_eq!(snapshots.len(), 2, "the latest two are kept");
        let ledger = host.store.ledger().clone();
        let mut state = Self { files, snapshots, ledger, opened: Default::default() };
        state.opened = state.open(&state.disk()).expect("there is no damage");
        state
    }

    fn disk(&self) -> SimDisk {
        let disk = SimDisk::new(1);
        self.files.iter().for_each(|(path, bytes)| disk.plant(path, bytes));
        disk
    }

    pub(super) fn file(&self, path: &str) -> &[u8] {
        let found = self.files.iter().find(|(file, _)| file == path);
        &found.expect("it is one of the store's files").1
    }

    /// Opens the store: its state, without the ids that an opening may skip, and its incarnation.
    fn open(&self, disk: &SimDisk) -> Result<(Ledger, u32), String> {
        let (mut store, recovered) = host::open(disk, CONFIG, LIFE);
        if let Some(failure) = recovered.journal_failure {
            return Err(failure.to_string());
        }
        let mut ledger = store.ledger().clone();
        ledger.highest_id = 0;
        Ok((ledger, store.next_recording().incarnation()))
    }

    /// Reads and opens the store with these bytes in place of one file.
    pub(super) fn check(&self, path: &str, bytes: &[u8]) -> Result<(), String> {
        let disk = self.disk();
        disk.plant(path, bytes);
        let found = inspect(&disk).map_err(|error| format!("it cannot be read: {error}"))?;
        let [damage] = &found.damage[..] else {
            return Err(format!("reported {:?}", found.damage));
        };
        if damage.path != path || !matches!(damage.harm, Harm::Unreadable { .. }) {
            return Err(format!("reported {damage:?}"));
        }
        if found.ledger != self.ledger {
            return Err(differs(&found.ledger, &self.ledger));
        }
        let (opened, incarnation) = self.open(&disk)?;
        if opened != self.opened.0 {
            return Err(differs(&opened, &self.opened.0));
        }
        let is_new = incarnation != self.opened.1;
        if is_new != (path == IDENTITY) {
            return Err(format!("the incarnation is {incarnation}"));
        }
        Ok(())
    }

    /// Reads and opens the store with one bit of a file flipped; they are counted in circles.
    pub(super) fn check_flip(&self, path: &str, bit: u64) -> Result<(), String> {
        let mut file = self.file(path).to_vec();
        let bit = bit % (file.len() as u64 * 8);
        file[(bit / 8) as usize] ^= 1 << (bit % 8);
        self.check(path, &file)
    }

    /// Every bit of a file, then every length below its own.
    pub(super) fn sweep(&self, path: &str, slice: &Slice, until: f64) -> Swept {
        let file = self.file(path);
        let bits = file.len() as u64 * 8;
        let name = if path == IDENTITY { "store.json" } else { "snapshots" };
        let sweep = Sweep { slice, name, cases: bits + file.len() as u64, until };
        sweep.run(
            || (),
            |(), case| match case.checked_sub(bits) {
                Some(len) => self.check(path, &file[..len as usize]),
                None => self.check_flip(path, case),
            },
        )
    }

    /// Whether a snapshot with another content and checks that fit passes.
    pub(super) fn control_forged_snapshot(&self) -> Result<(), String> {
        let path = &self.snapshots[1];
        let mut file = self.file(path).to_vec();
        // The first piece holds the totals, and they begin with the frames that were uploaded.
        file[journal_bytes::COPY_BYTES + PIECE_HEAD_BYTES] ^= 1;
        journal_bytes::mend_snapshot(&mut file);
        self.check(path, &file)
    }

    /// Whether a snapshot without damage passes for one.
    pub(super) fn control_no_flip(&self) -> Result<(), String> {
        self.check(&self.snapshots[0], self.file(&self.snapshots[0]))
    }

    /// Whether the loss of both snapshots passes.
    pub(super) fn control_both_snapshots(&self) -> Result<(), String> {
        let disk = self.disk();
        self.snapshots.iter().for_each(|path| disk.plant(path, b"EARMARKS"));
        let found = inspect(&disk).map_err(|error| error.to_string())?;
        if found.ledger == self.ledger { Ok(()) } else { Err(differs(&found.ledger, &self.ledger)) }
    }
}

fn differs(found: &Ledger, truth: &Ledger) -> String {
    let unlike = |facts: &RecordingFacts| !truth.recordings.values().any(|other| **other == *facts);
    let recordings = found.recordings.values().filter(|facts| unlike(facts)).count();
    format!("the state differs, in {recordings} recordings")
}
