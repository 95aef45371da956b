//! What each damage has cost.

use super::{journal, recordings};
use crate::damage::{Cost, Damage, Harm};
use crate::disk::Disk;
use crate::layout::{IDENTITY, SNAPSHOTS};
use crate::recovery::Recovery;

/// Weighs one damage that reading the store has found.
pub(super) fn of(disk: &dyn Disk, recovery: &Recovery, damage: &Damage) -> Cost {
    let facts = damage
        .harm
        .recording()
        .and_then(|id| recovery.ledger.recordings.get(&id).map(|facts| (id, facts)));
    match (&damage.harm, facts) {
        (Harm::Rot, _) => {
            let range = damage.range.clone().unwrap_or_default();
            let cost = journal::hole(disk, recovery, &damage.path, &range);
            cost.unwrap_or_else(|| Cost::nothing("what only these bytes told is not used"))
        }
        (Harm::RecordsMissing { from, to }, _) => journal::missing(recovery, &(*from..*to)),
        (_, Some((recording, facts))) => recordings::cost(recording, facts, None),
        (harm, None) => elsewhere(recovery, &damage.path, harm),
    }
}

fn elsewhere(recovery: &Recovery, path: &str, harm: &Harm) -> Cost {
    let of_snapshot = path.starts_with(SNAPSHOTS);
    Cost::nothing(match harm {
        Harm::Unclaimed => {
            "what audio it holds is neither listed nor uploaded; the next start puts the file aside"
        }
        Harm::Stranger => "it cost nothing; nothing reads the file",
        Harm::IdentityMissing => NEW_INCARNATION,
        Harm::Unreadable { .. } if path == IDENTITY => NEW_INCARNATION,
        Harm::Unreadable { .. } if of_snapshot && !recovery.snapshots.is_empty() => {
            "it cost nothing: another snapshot and the journal give the same state"
        }
        Harm::Unreadable { .. } if of_snapshot => {
            "what the journal has in full is used; what only this snapshot told is lost"
        }
        Harm::Unreadable { .. }
        | Harm::Rot
        | Harm::RecordsMissing { .. }
        | Harm::FramesMissing { .. }
        | Harm::FileMissing { .. }
        | Harm::WrongLength { .. }
        | Harm::WrongContent { .. }
        | Harm::WrongSum { .. } => "what only this told is not used",
    })
}

const NEW_INCARNATION: &str =
    "it cost nothing: the next start gives the store a new incarnation, and older ids stay valid";
