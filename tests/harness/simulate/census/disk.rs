//! Which faults of the disk were met.

use earmark_sim::witness::DiskCall;
use earmark_store::DiskOp;

use super::super::kinds::{FaultKind, Kinds};

/// So many syncs that fail in a row are more than one that fails.
const STICKY: u32 = 3;

/// Errors as the operating system numbers them.
const EIO: i32 = 5;
const EACCES: i32 = 13;
const EMFILE: i32 = 24;
const ENOSPC: i32 = 28;
const EROFS: i32 = 30;
const EDQUOT: i32 = 122;

/// What was met of the disk so far.
#[derive(Debug, Default)]
pub(super) struct DiskFaults {
    failed_syncs: u32,
}

impl DiskFaults {
    pub(super) fn hear(&mut self, call: &DiskCall<'_>, met: &mut Kinds) {
        let Some(error) = call.error else {
            if call.op == DiskOp::Write && call.len < call.wanted {
                met.add(FaultKind::ShortWrite);
            }
            if call.op == DiskOp::Sync {
                self.failed_syncs = 0;
            }
            return;
        };
        let Some(number) = error.raw_os_error() else {
            return;
        };
        let kind = match (call.op, number) {
            (_, EACCES | EROFS) => FaultKind::Forbidden,
            (DiskOp::Write | DiskOp::Create, ENOSPC | EDQUOT) => FaultKind::WriteEnospc,
            (DiskOp::Write, EIO) => FaultKind::WriteEio,
            (DiskOp::Sync, _) if call.is_dir => FaultKind::DirSyncFails,
            (DiskOp::Sync, ENOSPC) => FaultKind::SyncEnospc,
            (DiskOp::Sync, _) => self.sync_failed(met),
            (DiskOp::Rename, _) => FaultKind::RenameFails,
            (DiskOp::Remove, _) => FaultKind::RemoveFails,
            (DiskOp::Read, EMFILE) => FaultKind::OpenEmfile,
            (DiskOp::Read, _) => FaultKind::ReadEio,
            (DiskOp::Create | DiskOp::Write, _) => return,
        };
        met.add(kind);
    }

    fn sync_failed(&mut self, met: &mut Kinds) -> FaultKind {
        self.failed_syncs += 1;
        if self.failed_syncs >= STICKY {
            met.add(FaultKind::SyncEioSticky);
        }
        FaultKind::SyncEio
    }
}
