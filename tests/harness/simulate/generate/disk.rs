//! What goes wrong with the disk.

use earmark_sim::feed::{Action, DiskError, DiskOp, FileKind, Slip, Times};

use super::super::kinds::FaultKind;
use super::super::story::{SECOND, Story};

/// Operations that fail: the kind, the operation, and the errors that it may fail with.
const FAILING: [(FaultKind, DiskOp, &[DiskError]); 10] = [
    (FaultKind::WriteEio, DiskOp::Write, &[DiskError::Eio]),
    (FaultKind::WriteEnospc, DiskOp::Write, &[DiskError::Enospc, DiskError::Edquot]),
    (FaultKind::SyncEnospc, DiskOp::Sync, &[DiskError::Enospc]),
    (FaultKind::SyncEio, DiskOp::Sync, &[DiskError::Eio]),
    (FaultKind::DirSyncFails, DiskOp::SyncDir, &[DiskError::Eio]),
    (FaultKind::RenameFails, DiskOp::Rename, &[DiskError::Eio, DiskError::Enospc]),
    (FaultKind::RemoveFails, DiskOp::Remove, &[DiskError::Eio, DiskError::Eacces]),
    (FaultKind::OpenEmfile, DiskOp::Open, &[DiskError::Emfile]),
    (FaultKind::Forbidden, DiskOp::Create, &[DiskError::Eacces, DiskError::Erofs]),
    (FaultKind::ReadEio, DiskOp::Read, &[DiskError::Eio]),
];

/// Everything that goes wrong with the disk.
pub(super) fn faults(story: &mut Story) {
    for (kind, op, errors) in FAILING {
        if story.has(kind) {
            for _ in 0..story.dice.between(1, 3) {
                let at = story.moment();
                let error = story.dice.pick(errors);
                let times = Times::Count(story.dice.pick(&[1, 1, 1, 2, 5]));
                story.tell(at, Action::DiskFault { op, error, times });
            }
        }
    }
    sticky(story);
    full(story);
    slow(story);
    slips(story);
    rot(story);
}

/// Syncs that fail until the disk is healed.
fn sticky(story: &mut Story) {
    if story.has(FaultKind::SyncEioSticky) {
        let at = story.moment();
        let (op, error, times) = (DiskOp::Sync, DiskError::Eio, Times::ForEver);
        story.tell(at, Action::DiskFault { op, error, times });
        let until = at + story.dice.between(1, 60) * SECOND;
        story.tell(until.min(story.end), Action::DiskHeal);
    }
}

fn full(story: &mut Story) {
    if story.has(FaultKind::WriteEnospc) {
        let at = story.moment();
        let until = at + story.dice.between(1, 90) * SECOND;
        story.tell(at, Action::DiskFull);
        story.tell(until.min(story.end), Action::DiskFreed);
    }
}

/// Work that takes time: a little all the time in a third of the worlds, 10 s now and then.
fn slow(story: &mut Story) {
    if story.dice.percent(33) {
        let micros = story.dice.pick(&[100, 1_000, 5_000, 40_000, 400_000]);
        story.tell(0, Action::DiskSlow { micros, times: Times::ForEver });
    }
    if story.has(FaultKind::Stall) {
        let at = story.moment();
        let times = Times::Count(story.dice.pick(&[1, 1, 2, 4]));
        story.tell(at, Action::DiskSlow { micros: 10 * SECOND, times });
    }
}

fn slips(story: &mut Story) {
    for (kind, slip) in [
        (FaultKind::TornWrite, Slip::Torn),
        (FaultKind::LostWrite, Slip::Lost),
        (FaultKind::MisdirectedWrite, Slip::Misdirected),
    ] {
        if story.has(kind) {
            let at = story.moment();
            let kinds = [FileKind::Any, FileKind::Journal, FileKind::Recording, FileKind::Snapshot];
            let files = story.dice.pick(&kinds);
            story.tell(at, Action::DiskSlip { slip, files, times: 1 });
        }
    }
}

fn rot(story: &mut Story) {
    if story.has(FaultKind::BitFlip) {
        for _ in 0..story.dice.between(1, 3) {
            let at = story.moment();
            let (files, index) = (story.dice.pick(&FileKind::ALL), -1);
            let (offset, bits) = (story.dice.below(1 << 16), story.dice.pick(&[1, 1, 3, 64]));
            story.tell(at, Action::DiskDamage { files, index, offset, bits });
        }
    }
}
