//! What is durable, read from the disk by the real reader, against what was promised.

use std::collections::BTreeMap;

use earmark_core::invariant::Check;
use earmark_core::invariant::durability::{
    self, Custody, FullTime, Numbered, Opening, Recovered, SealedFile,
};
use earmark_core::invariant::linkage::{self, Link};
use earmark_core::invariant::progress::{self, Rank};
use earmark_core::invariant::upload::{self, Lease, Leaving, Receipt};
use earmark_core::sync::{JOB_LEASE, SWALLOWED_MAX, UploadStage};
use earmark_core::{CaptureId, ConversationId, Moment, RecordingId};
use earmark_store::{Ledger, RecordingFacts, Sha256Sum, SimDisk, inspect};

use super::frames::Frames;
use super::uploads::Uploads;

/// What a recording must still be after another recovery.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Essence {
    capture: CaptureId,
    first: u64,
    sealed: Option<Sha256Sum>,
    conversation: Option<ConversationId>,
    requests: u32,
    stage: &'static str,
}

/// What was durable when it was looked at last.
#[derive(Debug, Default)]
pub(super) struct Durable {
    seals: BTreeMap<RecordingId, Sha256Sum>,
    before: BTreeMap<RecordingId, Essence>,
    /// Recordings that the ledger says are to go.
    pub(super) removing: Vec<RecordingId>,
    /// Whether the disk was ever full.
    pub(super) was_full: bool,
    /// Where each recording begins that was ever found.
    begins: BTreeMap<RecordingId, (CaptureId, u64)>,
}

/// What a look may excuse.
#[derive(Clone, Copy, Debug)]
pub(super) struct Excuse {
    /// Durable bytes were changed behind the process's back.
    pub(super) rotted: bool,
    /// A recording was removed whose frames nobody has seen.
    pub(super) removed: bool,
    /// The process goes on: what it has decided may not be written yet.
    pub(super) alive: bool,
    /// Nothing but a kill lies between this look and the one before.
    pub(super) unchanged: bool,
}

impl Durable {
    /// Looks at the disk.
    pub(super) fn look(
        &mut self,
        disk: &SimDisk,
        (frames, uploads): (&mut Frames, &mut Uploads),
        excuse: Excuse,
    ) -> Vec<Check> {
        let Ok(found) = inspect(&disk.aside()) else {
            return vec![durability::contain_and_keep(&Opening {
                opened: excuse.rotted,
                others_harmed: 0,
                unreadable_gone: 0,
                rebuilt_same: true,
            })];
        };
        let ledger = found.ledger;
        let mut checks = Vec::new();
        frames.found(ledger.captures.keys().copied());
        self.captures(&ledger, frames, excuse, &mut checks);
        for (id, facts) in &ledger.recordings {
            self.recording((*id, facts), (frames, uploads), excuse, &mut checks);
        }
        let highest = self.begins.keys().map(|known| known.number()).max();
        checks.extend(ledger.recordings.iter().map(|(id, facts)| {
            let highest = highest.filter(|_| !self.is_known(*id, facts, excuse));
            durability::fencing(&Numbered { next: id.number(), highest })
        }));
        let begins = |facts: &RecordingFacts| (facts.capture, facts.first.0);
        self.begins.extend(ledger.recordings.iter().map(|(id, facts)| (*id, begins(facts))));
        checks.extend(self.compare(&ledger, excuse));
        self.removing = ledger
            .recordings
            .iter()
            .filter(|(_, facts)| facts.removing.is_some())
            .map(|(id, _)| *id)
            .collect();
        checks
    }

    /// Every acknowledged frame is in one recording, or let go, or behind the last recording.
    fn captures(&self, ledger: &Ledger, frames: &Frames, excuse: Excuse, checks: &mut Vec<Check>) {
        let mut homeless = 0;
        for (id, capture) in &frames.captures {
            let known = ledger.captures.get(id);
            let mut ranges = ranges(ledger, *id);
            if let Some(facts) = known {
                checks.push(durability::prefix_recovery(&Recovered {
                    taken: capture.keys.len() as u64,
                    acknowledged: capture.acked,
                    found: facts.next_seq.0,
                    rotted: excuse.rotted,
                }));
                let reached = ranges.iter().map(|(_, end)| *end).max().unwrap_or(0);
                ranges.push((facts.covered.0.max(reached), facts.next_seq.0));
            }
            let (missing, doubled) = holes(&ranges, capture.acked);
            homeless += missing;
            if doubled {
                checks.push(no_loss(2, false, excuse));
            }
        }
        let let_go = ledger.totals.released_frames + ledger.totals.deleted_frames;
        let expired = if excuse.removed { ledger.totals.uploaded_frames } else { 0 };
        let is_excused = homeless <= let_go + expired;
        checks.push(no_loss(u32::from(homeless == 0), is_excused, excuse));
        if self.was_full {
            let acknowledged_lost = if is_excused || excuse.rotted { 0 } else { homeless };
            let full = FullTime { acknowledged_lost, dropped: 0, decisions_lost: 0 };
            checks.push(durability::full_disk(&full));
        }
    }

    /// Whether a recording was there before, and is the same: a new one must have a number above
    /// all that were.
    fn is_known(&self, id: RecordingId, facts: &RecordingFacts, excuse: Excuse) -> bool {
        let is_same = |begins: &(CaptureId, u64)| *begins == (facts.capture, facts.first.0);
        self.begins.get(&id).is_some_and(|begins| is_same(begins) || excuse.rotted)
    }

    fn recording(
        &mut self,
        (id, facts): (RecordingId, &RecordingFacts),
        (frames, uploads): (&Frames, &mut Uploads),
        excuse: Excuse,
        checks: &mut Vec<Check>,
    ) {
        if let Some(capture) = frames.captures.get(&facts.capture) {
            let owner = (&capture.owner.0, &capture.owner.1, capture.encoding);
            checks
                .push(linkage::no_mixing(&owner, &(&facts.device, &facts.account, facts.encoding)));
        }
        if let Some(seal) = &facts.sealed {
            let sealed = *self.seals.entry(id).or_insert(seal.sha256);
            let file = SealedFile { sealed, now: seal.sha256, rotted: excuse.rotted };
            checks.push(durability::sealed_is_immutable(&file));
        }
        let owner = (facts.device.clone(), facts.account.clone());
        if let Some(conversation) = &facts.conversation {
            let is_named = uploads.named_to(&owner).contains(conversation);
            checks.push(linkage::tenant_wall(&true, &is_named));
        }
        if !excuse.rotted {
            promises((id, facts), uploads, checks);
        }
        let known = uploads.of(id);
        known.conversation.clone_from(&facts.conversation);
        known.relinked |= facts.relinked.is_some();
        known.sealed |= facts.sealed.is_some();
        if matches!(facts.upload.stage, UploadStage::Uploading) {
            known.content |= facts.upload.swallowed + 1 >= SWALLOWED_MAX;
        }
        if !excuse.alive {
            known.attempts = facts.upload.attempts;
        }
    }

    /// What was durable is: a recovery that was cut short has changed nothing of it.
    fn compare(&mut self, ledger: &Ledger, excuse: Excuse) -> Option<Check> {
        let essence = |facts: &RecordingFacts| Essence {
            capture: facts.capture,
            first: facts.first.0,
            sealed: facts.sealed.as_ref().map(|seal| seal.sha256),
            conversation: facts.conversation.clone(),
            requests: facts.upload.requests,
            stage: facts.upload.stage.name(),
        };
        let now: BTreeMap<RecordingId, Essence> =
            ledger.recordings.iter().map(|(id, facts)| (*id, essence(facts))).collect();
        let before = std::mem::replace(&mut self.before, now);
        if !excuse.unchanged || excuse.rotted {
            return None;
        }
        let again: BTreeMap<RecordingId, Essence> = self
            .before
            .iter()
            .filter(|(id, _)| before.contains_key(id))
            .map(|(id, essence)| (*id, essence.clone()))
            .collect();
        let gone = |id: &RecordingId| self.removing.contains(id);
        let before = before.into_iter().filter(|(id, _)| !gone(id) || again.contains_key(id));
        Some(durability::recovery_is_idempotent(&before.collect(), &again))
    }
}

fn no_loss(homes: u32, let_go: bool, excuse: Excuse) -> Check {
    durability::no_loss(&Custody {
        acknowledged: true,
        homes,
        confirmed: false,
        let_go,
        reported: excuse.rotted,
        rotted: excuse.rotted,
    })
}

/// What was announced about a recording is durable.
fn promises(
    (id, facts): (RecordingId, &RecordingFacts),
    uploads: &mut Uploads,
    checks: &mut Vec<Check>,
) {
    let known = uploads.of(id);
    let link = Link {
        old: known.conversation.as_ref(),
        new: facts.conversation.as_ref(),
        relinked: known.relinked || facts.relinked.is_some(),
    };
    let (stage, requests) = (&facts.upload.stage, facts.upload.requests);
    let leaving =
        Leaving { sealed: true, due: true, ordinal: known.requests, journalled: requests };
    let is_synced = matches!(stage, UploadStage::Synced { .. });
    let is_failed = matches!(stage, UploadStage::Failed { .. } | UploadStage::Corrupted { .. });
    let synced = Receipt { synced: is_synced, receipt: known.receipt };
    let stays = |before: bool, now: bool, person: bool| {
        progress::monotone(&Rank { before: u8::from(before), now: u8::from(now), person })
    };
    checks.extend([
        linkage::one_conversation(&link),
        upload::attempt_written_ahead(&leaving),
        upload::synced_is_the_servers_word(&synced),
        stays(known.synced, is_synced, false),
        stays(known.failed.is_some(), is_failed, known.person),
        stays(known.sealed, facts.sealed.is_some(), false),
    ]);
    if let UploadStage::Accepted { lease, .. } = stage {
        let now = Moment::ZERO;
        let ends = Some(now + lease.wait);
        checks.push(upload::accepted_has_a_lease(&Lease { ends, now, cap: JOB_LEASE }));
    }
}

/// The frames of each recording of a capture, in order; one that is open ends where the next
/// begins.
fn ranges(ledger: &Ledger, capture: CaptureId) -> Vec<(u64, u64)> {
    let own = ledger.recordings.values().filter(|facts| facts.capture == capture);
    let mut own: Vec<(u64, u64, bool)> =
        own.map(|facts| (facts.first.0, ledger.end(facts).0, facts.end.is_none())).collect();
    own.sort_unstable();
    let next = |place: usize| own.get(place + 1).map_or(u64::MAX, |next| next.0);
    let end = |place: usize, end: u64, open: bool| if open { end.min(next(place)) } else { end };
    own.iter()
        .enumerate()
        .map(|(place, (first, last, open))| (*first, end(place, *last, *open)))
        .collect()
}

/// How many of the first `count` frames are in none of the ranges, which are in order but for the
/// last; and whether any is in two.
fn holes(ranges: &[(u64, u64)], count: u64) -> (u64, bool) {
    let mut ranges = ranges.to_vec();
    ranges.retain(|(first, end)| first < end);
    ranges.sort_unstable();
    let (mut reached, mut missing, mut doubled) = (0, 0, false);
    for (first, end) in ranges {
        doubled |= first < reached;
        missing += first.min(count).saturating_sub(reached);
        reached = reached.max(end);
    }
    (missing + count.saturating_sub(reached), doubled)
}
