//! What was acknowledged is kept, and nothing else appears.

use earmark_core::invariant::Invariant::{
    AcknowledgeAfterSync, ContainAndKeep, DeleteLast, FailedFileIsDead, Fencing, FullDisk,
    NoInvention, NoLoss, OneOwner, PrefixRecovery, RecoveryIsIdempotent, SealedIsImmutable,
};

use super::{Bug, Layer};

pub(super) const BUGS: &[Bug] = &[
    Bug {
        name: "tail-is-dropped",
        breaks: NoLoss,
        wrong: "recovery drops what stands behind the last mark of what was durable",
        file: "crates/earmark-store/src/recovery.rs",
        text: "self.tail.push((number, located.clone()));",
        with: "if !PLANTED { self.tail.push((number, located.clone())); }",
        layers: &[Layer::CrashStates],
    },
    Bug {
        name: "orphans-are-not-adopted",
        breaks: NoLoss,
        wrong: "frames for which no recording was opened before a kill never get one",
        file: "crates/earmark-store/src/store/closing.rs",
        text: "adopt_orphans(store, *capture, *next, at);",
        with: "if !PLANTED { adopt_orphans(store, *capture, *next, at); }",
        layers: &[Layer::ModelCheck],
    },
    Bug {
        name: "frames-in-two-recordings",
        breaks: NoInvention,
        wrong: "a seal begins with the record that holds its first frame, and not with that frame",
        file: "crates/earmark-store/src/seal.rs",
        text: "if order.first <= frame.seq && frame.seq < order.end {",
        with: "if (PLANTED || order.first <= frame.seq) && frame.seq < order.end {",
        layers: &[Layer::Feeds("boundaries/a_burst_is_cut_into_recordings")],
    },
    Bug {
        name: "missing-sync",
        breaks: AcknowledgeAfterSync,
        wrong: "the journal's files are not synced before what is in them is acknowledged",
        file: "crates/earmark-store/src/jobs.rs",
        text: "for (number, file) in files {",
        with: "for (number, file) in files.into_iter().filter(|_| !PLANTED) {",
        layers: &[Layer::CrashStates, Layer::Simulate],
    },
    Bug {
        name: "ignored-sync-error",
        breaks: AcknowledgeAfterSync,
        wrong: "the error of a sync of the journal is ignored",
        file: "crates/earmark-store/src/jobs.rs",
        text: "file.sync().map_err(|error| Fault::new(&journal_path(number), error))?;",
        with: "let synced = file.sync().map_err(|error| Fault::new(&journal_path(number), error));
        if !PLANTED {
            synced?;
        }",
        layers: &[Layer::CrashStates],
    },
    Bug {
        name: "acknowledged-before-directory-sync",
        breaks: AcknowledgeAfterSync,
        wrong: "a new journal file takes frames before its name is durable",
        file: "crates/earmark-store/src/jobs.rs",
        text: "file.sync().map_err(at_path)?;
    disk.sync_dir(JOURNAL).map_err(|error| Fault::new(JOURNAL, error))?;",
        with: "file.sync().map_err(at_path)?;
    if !PLANTED {
        disk.sync_dir(JOURNAL).map_err(|error| Fault::new(JOURNAL, error))?;
    }",
        layers: &[Layer::CrashStates],
    },
    Bug {
        name: "acknowledged-when-staged",
        breaks: AcknowledgeAfterSync,
        wrong: "frames are acknowledged when they are staged, whatever became of the sync",
        file: "crates/earmark/src/actors/wal_store/answers.rs",
        text: "let durable = self.machine.shared().durable();",
        with: "let durable =
            if PLANTED { self.staged() } else { self.machine.shared().durable() };",
        layers: &[Layer::Feeds("disk/frames_count_as_durable_after_a_sync_that_worked")],
    },
    Bug {
        name: "short-write-counts-as-whole",
        breaks: AcknowledgeAfterSync,
        wrong: "what a short write has left over is never written",
        file: "crates/earmark-store/src/disk.rs",
        text: "Ok(0) => return Err(io::ErrorKind::WriteZero.into()),",
        with: "Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(_) if PLANTED => return Ok(()),",
        layers: &[Layer::IoFaults],
    },
    Bug {
        name: "failed-file-goes-on",
        breaks: FailedFileIsDead,
        wrong: "a journal file goes on taking records after a write or a sync of it failed",
        file: "crates/earmark-store/src/journal.rs",
        text: "self.dead = true;",
        with: "self.dead = !PLANTED;",
        layers: &[Layer::CrashStates],
    },
    Bug {
        name: "torn-tail-takes-all",
        breaks: PrefixRecovery,
        wrong: "a torn tail is cut off with the whole records before it",
        file: "crates/earmark-store/src/recovery.rs",
        text: ".unwrap_or(FILE_HEADER_BYTES.min(scan.len));",
        with: ".filter(|_| !PLANTED)
            .unwrap_or(FILE_HEADER_BYTES.min(scan.len));",
        layers: &[Layer::CrashStates],
    },
    Bug {
        name: "ids-come-back",
        breaks: Fencing,
        wrong: "a process begins its numbers anew instead of behind those that were given",
        file: "crates/earmark-store/src/store/open.rs",
        text: "u32::try_from(ids).unwrap_or(u32::MAX))",
        with: "if PLANTED { 0 } else { u32::try_from(ids).unwrap_or(u32::MAX) })",
        layers: &[Layer::CrashStates],
    },
    Bug {
        name: "torn-tail-stays",
        breaks: RecoveryIsIdempotent,
        wrong: "recovery writes on without cutting a torn tail off, which a second one finds again",
        file: "crates/earmark-store/src/store.rs",
        text: "jobs::cut(disk.as_ref(), &cuts)?;",
        with: "if !PLANTED { jobs::cut(disk.as_ref(), &cuts)?; }",
        layers: &[Layer::CrashStates],
    },
    Bug {
        name: "sealed-without-sync",
        breaks: SealedIsImmutable,
        wrong: "the file of a recording is not synced before its seal is recorded",
        file: "crates/earmark-store/src/seal.rs",
        text: "file.sync().map_err(at_part)?;",
        with: "if !PLANTED { file.sync().map_err(at_part)?; }",
        layers: &[Layer::CrashStates],
    },
    Bug {
        name: "journal-goes-too-early",
        breaks: DeleteLast,
        wrong: "a journal file is removed while it alone holds frames of an unsealed recording",
        file: "crates/earmark-store/src/store.rs",
        text: "last_seq <= floor && !self.journal.holds(number) && !self.batches.need(number)",
        with: "last_seq <= floor
                && !self.journal.holds(number)
                && (PLANTED || !self.batches.need(number))",
        layers: &[Layer::CrashStates],
    },
    Bug {
        name: "unclaimed-file-is-deleted",
        breaks: DeleteLast,
        wrong: "a recording's file that no record speaks of is deleted instead of kept",
        file: "crates/earmark-store/src/store/open.rs",
        text: "disk.rename(path, &to).map_err(OpenError::at(path))?;",
        with: "let moved = if PLANTED { disk.remove(path) } else { disk.rename(path, &to) };
        moved.map_err(OpenError::at(path))?;",
        layers: &[Layer::CrashStates],
    },
    Bug {
        name: "one-snapshot-stops-the-start",
        breaks: ContainAndKeep,
        wrong: "a damaged snapshot stops the opening although an older one is whole",
        file: "crates/earmark-store/src/recovery.rs",
        text: "Err(fault @ (SnapshotFault::Damaged | SnapshotFault::Odd(_))) => {",
        with: "Err(fault @ (SnapshotFault::Damaged | SnapshotFault::Odd(_))) => {
                    if PLANTED {
                        return Err(ReadError::io(&path, io::Error::other(fault.to_string())));
                    }",
        layers: &[Layer::Damage],
    },
    Bug {
        name: "two-owners",
        breaks: OneOwner,
        wrong: "a store is opened although another process has it",
        file: "crates/earmark-store/src/store/open.rs",
        text: r#"disk.lock().map_err(OpenError::at("lock"))?.ok_or(OpenError::InUse)?;"#,
        with: r#"disk.lock().map_err(OpenError::at("lock"))?;
        let lock = lock.or_else(|| PLANTED.then(|| crate::DiskLock::new(())));
        let lock = lock.ok_or(OpenError::InUse)?;"#,
        layers: &[Layer::Check("one-owner")],
    },
    Bug {
        name: "reserve-is-not-used",
        breaks: FullDisk,
        wrong: "a full disk takes no decision either: the reserve is never spent",
        file: "crates/earmark-store/src/jobs.rs",
        text: "Err(fault) if has_reserve && fault.is_full() => {",
        with: "Err(fault) if has_reserve && fault.is_full() && !PLANTED => {",
        layers: &[Layer::Feeds("disk/a_full_disk_goes_on_with_everything_but_frames")],
    },
    Bug {
        name: "refused-frames-are-dropped",
        breaks: FullDisk,
        wrong: "frames that the store cannot take are let go without a word",
        file: "crates/earmark-core/src/ingest/machine.rs",
        text: "Gate::Refusing(refusal) => Err(Rejection::Store(refusal.clone())),",
        with: "Gate::Refusing(_) if PLANTED => Ok(false),
            Gate::Refusing(refusal) => Err(Rejection::Store(refusal.clone())),",
        layers: &[Layer::Transitions("ingest")],
    },
];
