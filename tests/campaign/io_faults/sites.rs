//! Where a disk can fail, and in which ways.

use std::collections::BTreeMap;

use earmark_store::{Aim, DiskError, DiskOp, Fault};

use super::case::Case;
use crate::crash_states::workload::Workload;

/// Workloads whose sites are tried: one of each kind.
const WORKLOADS: u64 = 16;
/// A fault that lasts.
const FOR_EVER: i64 = -1;

/// Each site of each workload, with each fault that fits it.
pub(super) fn cases(seed: u64) -> Vec<Case> {
    let workloads = (0..WORKLOADS).map(|number| Workload::new(seed, number));
    workloads.flat_map(|workload| of_workload(&workload)).collect()
}

fn of_workload(workload: &Workload) -> Vec<Case> {
    let mut counts: BTreeMap<(DiskOp, String), u64> = BTreeMap::new();
    let mut cases = Vec::new();
    for (op, path) in Case::healthy(workload).asked() {
        let prefix = path.split(['/', '.']).next().unwrap_or_default().to_owned();
        let count = counts.entry((op, prefix.clone())).or_default();
        let skip = *count;
        *count += 1;
        for (fault, times) in faults(op) {
            let aim = Aim { op, prefix: prefix.clone(), skip, times, fault };
            cases.push(Case::new(workload, aim));
        }
    }
    cases
}

/// What can go wrong with an operation, and how often. A signal does not come for ever.
fn faults(op: DiskOp) -> Vec<(Fault, i64)> {
    use DiskError::{Eacces, Edquot, Eintr, Eio, Emfile, Enospc, Erofs};
    let errors: &[DiskError] = match op {
        DiskOp::Create => &[Eio, Enospc, Edquot, Eacces, Erofs, Emfile],
        DiskOp::Write => &[Eio, Enospc, Edquot, Erofs],
        DiskOp::Sync => &[Eio, Enospc, Edquot, Erofs, Eintr],
        DiskOp::Rename => &[Eio, Enospc, Edquot, Eacces, Erofs],
        DiskOp::Remove => &[Eio, Eacces, Erofs],
        DiskOp::Read => &[Eio, Eacces, Emfile],
    };
    let each = errors
        .iter()
        .flat_map(|error| [(Fault::Error(*error), 1), (Fault::Error(*error), FOR_EVER)]);
    let interrupted = matches!(op, DiskOp::Write | DiskOp::Read | DiskOp::Create);
    let interrupted = interrupted.then_some((Fault::Error(Eintr), 1));
    let short = [(Fault::ShortWrite, 1), (Fault::ShortWrite, FOR_EVER)];
    let short = short.into_iter().filter(|_| op == DiskOp::Write);
    each.chain(interrupted).chain(short).collect()
}
