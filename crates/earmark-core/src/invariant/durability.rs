//! What was acknowledged is kept, and nothing else appears.

use core::fmt::Debug;

use super::{Check, Invariant, hold};

/// Where a run of frames of one capture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Custody {
    /// Whether the runtime said that they are durable.
    pub acknowledged: bool,
    /// In how many recordings they are, the one that still takes frames included.
    pub homes: u32,
    /// The server confirmed them.
    pub confirmed: bool,
    /// The policy or a person let them go.
    pub let_go: bool,
    /// They are reported as damaged.
    pub reported: bool,
    /// Somebody changed their durable bytes.
    pub rotted: bool,
}

/// D1.
///
/// # Errors
///
/// The violation.
pub fn no_loss(frames: &Custody) -> Check {
    let is_excused = frames.confirmed || frames.let_go || (frames.reported && frames.rotted);
    let is_kept = frames.homes == 1 || is_excused || !frames.acknowledged;
    hold(Invariant::NoLoss, is_kept && frames.homes <= 1, frames)
}

/// A run of frames that somebody found in a recording, an upload or the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// They are those that were taken: the bytes, the device, the capture and the numbers.
    pub taken: bool,
    /// How often they are there.
    pub copies: u32,
    /// Each number is above the one before.
    pub rising: bool,
}

/// D2.
///
/// # Errors
///
/// The violation.
pub fn no_invention(frames: &Found) -> Check {
    hold(Invariant::NoInvention, frames.taken && frames.copies <= 1 && frames.rising, frames)
}

/// A moment at which frames are acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// A sync that began after they were written returned success.
    pub synced: bool,
    /// The name of their file is synced too.
    pub named: bool,
    /// A write or a sync of that file had failed.
    pub failed_before: bool,
}

/// D3.
///
/// # Errors
///
/// The violation.
pub fn acknowledge_after_sync(at: &Acknowledgement) -> Check {
    let holds = at.synced && at.named && !at.failed_before;
    hold(Invariant::AcknowledgeAfterSync, holds, at)
}

/// An append to a file, a sync of it, or an acknowledgement that rests on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileUse<'a> {
    /// Which file.
    pub file: &'a str,
    /// What is done with it, in words.
    pub what: &'a str,
    /// A write or a sync of it has failed.
    pub failed_before: bool,
}

/// D4.
///
/// # Errors
///
/// The violation.
pub fn failed_file_is_dead(file: &FileUse<'_>) -> Check {
    hold(Invariant::FailedFileIsDead, !file.failed_before, file)
}

/// The frames of one capture after a recovery, as numbers from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The number after the last that was taken.
    pub taken: u64,
    /// The number after the last that was acknowledged.
    pub acknowledged: u64,
    /// The number after the last that was found; all before it are there.
    pub found: u64,
    /// Somebody changed durable bytes of it.
    pub rotted: bool,
}

/// D5.
///
/// # Errors
///
/// The violation.
pub fn prefix_recovery(capture: &Recovered) -> Check {
    let keeps = capture.found >= capture.acknowledged || capture.rotted;
    hold(Invariant::PrefixRecovery, keeps && capture.found <= capture.taken, capture)
}

/// A new id, or the number that a capture goes on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbered<N> {
    /// The new one.
    pub next: N,
    /// The highest that was ever given or found.
    pub highest: Option<N>,
}

/// D6.
///
/// # Errors
///
/// The violation.
pub fn fencing<N: Ord + Debug>(numbered: &Numbered<N>) -> Check {
    let is_above = numbered.highest.as_ref().is_none_or(|highest| numbered.next > *highest);
    hold(Invariant::Fencing, is_above, numbered)
}

/// D7: what two recoveries of the same bytes found.
///
/// # Errors
///
/// The violation.
pub fn recovery_is_idempotent<T: PartialEq + Debug>(once: &T, twice: &T) -> Check {
    hold(Invariant::RecoveryIsIdempotent, once == twice, &(once, twice))
}

/// The hash of a recording's file, now and when it was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedFile<H> {
    /// When it was sealed.
    pub sealed: H,
    /// Now.
    pub now: H,
    /// Somebody changed its bytes.
    pub rotted: bool,
}

/// D8.
///
/// # Errors
///
/// The violation.
pub fn sealed_is_immutable<H: PartialEq + Debug>(file: &SealedFile<H>) -> Check {
    hold(Invariant::SealedIsImmutable, file.sealed == file.now || file.rotted, file)
}

/// A moment at which a recording's file is unlinked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unlink {
    /// That it goes, and why, is durable.
    pub removal_is_durable: bool,
}

/// D9.
///
/// # Errors
///
/// The violation.
pub fn delete_last(unlink: &Unlink) -> Check {
    hold(Invariant::DeleteLast, unlink.removal_is_durable, unlink)
}

/// An opening of a store with damaged files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// It opened.
    pub opened: bool,
    /// Recordings whose files are not damaged, and that are not as they were.
    pub others_harmed: u32,
    /// Files that cannot be read and are gone.
    pub unreadable_gone: u32,
    /// What was rebuilt from recordings and journal is what was there.
    pub rebuilt_same: bool,
}

/// D10.
///
/// # Errors
///
/// The violation.
pub fn contain_and_keep(opening: &Opening) -> Check {
    let is_contained = opening.opened && opening.others_harmed == 0;
    let is_kept = opening.unreadable_gone == 0 && opening.rebuilt_same;
    hold(Invariant::ContainAndKeep, is_contained && is_kept, opening)
}

/// A store and the processes that want it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owners {
    /// Processes that have it open for writing.
    pub owners: u32,
    /// What a process wrote that did not get it, in operations.
    pub loser_wrote: u64,
}

/// D11.
///
/// # Errors
///
/// The violation.
pub fn one_owner(owners: &Owners) -> Check {
    hold(Invariant::OneOwner, owners.owners <= 1 && owners.loser_wrote == 0, owners)
}

/// A time in which the disk had no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FullTime {
    /// Acknowledged frames that are gone since.
    pub acknowledged_lost: u64,
    /// Frames that were neither taken nor given back with a reason.
    pub dropped: u64,
    /// Decisions of that time that are not durable.
    pub decisions_lost: u64,
}

/// D12.
///
/// # Errors
///
/// The violation.
pub fn full_disk(full: &FullTime) -> Check {
    let lost = full.acknowledged_lost + full.dropped + full.decisions_lost;
    hold(Invariant::FullDisk, lost == 0, full)
}
