//! The points at which a writer dies: an operation, the kind of path, and before, in the middle or
//! after.

/// A point, and how often a life passes it for sure.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) name: &'static str,
    pub(super) passages: u64,
    /// Where the life before must die so that this one comes here.
    pub(super) behind: Option<(&'static str, u64)>,
}

const fn at(name: &'static str, passages: u64) -> Point {
    Point { name, passages, behind: None }
}

const fn behind(name: &'static str, point: &'static str, passage: u64) -> Point {
    Point { name, passages: 1, behind: Some((point, passage)) }
}

/// The points of the making of a store: only its first life passes them.
pub(super) const BIRTH: &[Point] = &[
    at("create.identity-temp.before", 1),
    at("create.identity-temp.after", 1),
    at("write.identity-temp.before", 1),
    at("write.identity-temp.mid", 1),
    at("write.identity-temp.after", 1),
    at("sync.identity-temp.before", 1),
    at("sync.identity-temp.after", 1),
    at("rename.identity-temp.before", 1),
    at("rename.identity-temp.after", 1),
    behind("remove.identity-temp.before", "sync.identity-temp.before", 1),
    behind("remove.identity-temp.after", "sync.identity-temp.before", 1),
    at("create_dir.journal.after", 1),
];

/// The points of a life.
pub(super) const LIFE: &[Point] = &[
    at("lock.lock.before", 1),
    at("lock.lock.after", 1),
    at("create_dir.quarantine.before", 1),
    at("create_dir.snapshots.after", 1),
    at("sync_dir.root.before", 2),
    at("sync_dir.root.after", 2),
    at("sync_dir.quarantine.before", 1),
    at("sync_dir.quarantine.after", 1),
    at("open.identity.before", 1),
    at("open.journal.before", 4),
    at("open.journal.after", 4),
    at("create.journal.before", 20),
    at("create.journal.after", 20),
    at("write.journal.before", 100),
    at("write.journal.mid", 100),
    at("write.journal.after", 100),
    at("sync.journal.before", 60),
    at("sync.journal.after", 60),
    at("sync_dir.journal.before", 20),
    at("sync_dir.journal.after", 20),
    at("remove.journal.before", 8),
    at("remove.journal.after", 8),
    at("create.spare.before", 3),
    at("create.spare.after", 3),
    at("fill.spare.before", 3),
    at("fill.spare.after", 3),
    at("open.spare.after", 8),
    at("rename.spare.before", 8),
    at("rename.spare.after", 8),
    at("create.part.before", 20),
    at("create.part.after", 20),
    at("write.part.before", 20),
    at("write.part.mid", 20),
    at("write.part.after", 20),
    at("sync.part.before", 20),
    at("sync.part.after", 20),
    at("create.sums.before", 20),
    at("create.sums.after", 20),
    at("write.sums.before", 20),
    at("write.sums.mid", 20),
    at("write.sums.after", 20),
    at("sync.sums.before", 20),
    at("sync.sums.after", 20),
    at("sync_dir.sums.before", 20),
    at("sync_dir.sums.after", 20),
    at("rename.part.before", 20),
    at("rename.part.after", 20),
    at("sync_dir.recordings.before", 20),
    at("sync_dir.recordings.after", 20),
    at("remove.recording.before", 10),
    at("remove.recording.after", 10),
    at("open.recording.before", 1),
    at("create.snapshot-temp.before", 5),
    at("create.snapshot-temp.after", 5),
    at("write.snapshot-temp.before", 5),
    at("write.snapshot-temp.mid", 5),
    at("write.snapshot-temp.after", 5),
    at("sync.snapshot-temp.before", 5),
    at("sync.snapshot-temp.after", 5),
    at("rename.snapshot-temp.before", 5),
    at("rename.snapshot-temp.after", 5),
    at("sync_dir.snapshots.before", 5),
    at("sync_dir.snapshots.after", 5),
    at("remove.snapshot.before", 3),
    at("remove.snapshot.after", 3),
    at("remove.snapshot-temp.before", 3),
    at("open.snapshot.before", 1),
    behind("remove.snapshot-temp.after", "sync.snapshot-temp.before", 2),
    behind("remove.part.before", "sync.part.before", 3),
    behind("remove.part.after", "sync.part.before", 3),
    behind("remove.sums.before", "sync.sums.after", 3),
    behind("remove.sums.after", "sync.sums.after", 3),
    behind("set_len.journal.before", "write.journal.mid", 9),
    behind("set_len.journal.after", "write.journal.mid", 9),
    behind("rename.journal.before", "write.journal.before", 1),
    behind("rename.journal.after", "write.journal.before", 1),
];
