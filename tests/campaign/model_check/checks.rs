//! The invariants, over what the pieces of the model know.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use earmark_core::invariant::durability::{
    Custody, Numbered, Recovered, fencing, no_loss, prefix_recovery,
};
use earmark_core::invariant::linkage::{
    Link, LinkEffect, event_tolerance, link_before_effect, no_mixing, one_conversation,
};
use earmark_core::invariant::progress::{Rank, monotone};
use earmark_core::invariant::upload::{
    Budget, Leaving, attempt_written_ahead, budget_is_kept, upload_after_seal,
};
use earmark_core::invariant::{Check, Invariant, Tally};
use earmark_core::{CaptureId, ConversationId, FrameSeq, RecordingId};
use earmark_store::{Ledger, Record, RecordingFacts};

use super::words::{Held, Now, Out};

/// How often each invariant was checked, by all threads.
static TALLY: Mutex<Tally> = Mutex::new(Tally::new());

/// A step of a piece: when it is, what it says, and whether everything held so far.
pub(super) struct Turn<'a> {
    pub(super) now: Now,
    pub(super) outs: &'a mut Vec<Out>,
    /// The first invariant that broke.
    pub(super) held: Held,
}

impl<'a> Turn<'a> {
    pub(super) fn new(now: Now, outs: &'a mut Vec<Out>) -> Self {
        Self { now, outs, held: Ok(()) }
    }

    pub(super) fn check(&mut self, check: Check) {
        let noted = note(check);
        if self.held.is_ok() {
            self.held = noted;
        }
    }
}

/// Counts a check.
pub(super) fn note(check: Check) -> Held {
    TALLY.lock().unwrap_or_else(PoisonError::into_inner).note(check)
}

/// How often each invariant was checked since the program began.
pub(super) fn tally() -> Tally {
    TALLY.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The invariants that this model cannot break or cannot see, each with the reason.
pub(super) const EXCUSED: [(Invariant, &str); 20] = [
    (Invariant::NoInvention, "frames have numbers here and no bytes"),
    (Invariant::FailedFileIsDead, "a guard of the store itself, on its files"),
    (Invariant::SealedIsImmutable, "files have no bytes here"),
    (Invariant::DeleteLast, "nobody deletes here"),
    (Invariant::ContainAndKeep, "nothing rots here"),
    (Invariant::OneOwner, "there is one process at a time"),
    (Invariant::FullDisk, "the disk has no size here"),
    (Invariant::TenantWall, "there is one device and one account"),
    (Invariant::NoStorm, "the pace is left out; it has properties of its own"),
    (Invariant::NoPoison, "two recordings at most wait here"),
    (Invariant::BytesMatch, "files have no bytes here"),
    (Invariant::TerminalAndVisible, "V2 says more here: from every state, without a bound"),
    (Invariant::HonestStatus, "there is no status here"),
    (Invariant::Conservation, "no counts are kept here"),
    (Invariant::Bounded, "no queue comes near its limit here"),
    (Invariant::OrderlyStop, "every stop is a kill here"),
    (Invariant::ClockFree, "the wall clock goes with the monotonic one here"),
    (Invariant::Suspend, "time passes in steps of any length: suspend is one of them"),
    (Invariant::Sandbox, "there are no paths, modes or tokens here"),
    (Invariant::Versions, "there is one version here"),
];

/// A request is about to leave; `durable` is what a power cut could not take back.
pub(super) fn may_leave(
    durable: &Ledger,
    recording: RecordingId,
    named: Option<&ConversationId>,
    ordinal: u32,
    turn: &mut Turn<'_>,
) {
    let facts = durable.recordings.get(&recording);
    let linked = facts.and_then(|facts| facts.conversation.as_ref());
    let started = facts.and_then(|facts| durable.sessions.get(&facts.session));
    let request = Leaving {
        sealed: facts.is_some_and(|facts| facts.sealed.is_some()),
        due: linked.is_some() || started.is_some_and(|session| session.sync_started.is_some()),
        ordinal,
        journalled: facts.map_or(0, |facts| facts.upload.requests),
    };
    turn.check(upload_after_seal(&request));
    turn.check(attempt_written_ahead(&request));
    let effect = LinkEffect { what: "a request", supposed: named, durable: linked };
    turn.check(link_before_effect(&effect));
}

/// A record was folded in.
pub(super) fn ledger_went_on(old: &Ledger, new: &Ledger, record: &Record, turn: &mut Turn<'_>) {
    let relinked = matches!(record, Record::Relinked { .. });
    for (id, after) in &new.recordings {
        if let Some(before) = old.recordings.get(id) {
            recording_went_on(before, after, relinked, turn);
        }
    }
    ids_are_fresh(old, record, turn);
    belongings_agree(new, record, turn);
}

fn recording_went_on(
    before: &RecordingFacts,
    after: &RecordingFacts,
    relinked: bool,
    turn: &mut Turn<'_>,
) {
    let (old, new) = (before.conversation.as_ref(), after.conversation.as_ref());
    turn.check(one_conversation(&Link { old, new, relinked }));
    let rank = |facts: &RecordingFacts| facts.upload.is_final();
    turn.check(monotone(&Rank { before: rank(before), now: rank(after), person: false }));
    let budget = Budget {
        before: before.upload.attempts,
        after: after.upload.attempts,
        content: true,
        person: false,
    };
    turn.check(budget_is_kept(&budget));
}

fn ids_are_fresh(old: &Ledger, record: &Record, turn: &mut Turn<'_>) {
    match record {
        Record::CaptureOpened { capture, .. } => {
            let highest = old.captures.keys().next_back().copied();
            turn.check(fencing(&Numbered { next: *capture, highest }));
        }
        Record::SessionOpened { session, .. } => {
            let highest = old.sessions.keys().next_back().copied();
            turn.check(fencing(&Numbered { next: *session, highest }));
        }
        Record::RecordingOpened { recording, .. } => {
            let highest = old.recordings.keys().next_back().copied();
            turn.check(fencing(&Numbered { next: *recording, highest }));
        }
        Record::CaptureClosed { .. }
        | Record::MuteSet { .. }
        | Record::SessionClosed { .. }
        | Record::SessionMoved { .. }
        | Record::Frames(_)
        | Record::RecordingCut { .. }
        | Record::Sealed { .. }
        | Record::Linked { .. }
        | Record::Relinked { .. }
        | Record::SyncStarted { .. }
        | Record::Delivered { .. }
        | Record::Upload { .. }
        | Record::Removing { .. }
        | Record::Removed { .. } => {}
    }
}

/// A recording is of its session's capture, whichever record put it there.
fn belongings_agree(new: &Ledger, record: &Record, turn: &mut Turn<'_>) {
    let (Record::RecordingOpened { recording, .. } | Record::SessionMoved { recording, .. }) =
        record
    else {
        return;
    };
    let facts = new.recordings.get(recording);
    let owner = facts.and_then(|facts| new.sessions.get(&facts.session));
    if let (Some(facts), Some(owner)) = (facts, owner) {
        let of_recording = (facts.capture, &facts.device, &facts.account);
        turn.check(no_mixing(&(owner.capture, &owner.device, &owner.account), &of_recording));
    }
}

/// After a death, what was acknowledged is in what survives, and what survives was taken.
pub(super) fn nothing_durable_is_lost(
    acknowledged: &BTreeMap<CaptureId, FrameSeq>,
    taken: &Ledger,
    survivors: &Ledger,
    turn: &mut Turn<'_>,
) {
    for (capture, up_to) in acknowledged {
        let recovered = Recovered {
            taken: end_of(taken, *capture).unwrap_or(*up_to).0,
            acknowledged: up_to.0,
            found: end_of(survivors, *capture).map_or(0, |end| end.0),
            rotted: false,
        };
        turn.check(prefix_recovery(&recovered));
    }
}

fn end_of(ledger: &Ledger, capture: CaptureId) -> Option<FrameSeq> {
    let of_capture = |facts: &&std::sync::Arc<RecordingFacts>| facts.capture == capture;
    let recordings = ledger.recordings.values().filter(of_capture);
    let ends = recordings.map(|facts| ledger.end(facts));
    ends.chain(ledger.captures.get(&capture).map(|facts| facts.next_seq)).max()
}

/// After an opening every frame that was found is in exactly one recording.
pub(super) fn found_is_whole(ledger: &Ledger, turn: &mut Turn<'_>) {
    let captures = ledger.recordings.values().map(|facts| facts.capture);
    for capture in captures.chain(ledger.captures.keys().copied()) {
        let of_capture = |facts: &&std::sync::Arc<RecordingFacts>| facts.capture == capture;
        let recordings = ledger.recordings.values().filter(of_capture);
        let mut spans: Vec<_> = recordings.map(|facts| (facts.first, ledger.end(facts))).collect();
        spans.sort_unstable();
        spans.extend(end_of(ledger, capture).map(|end| (end, end)));
        let mut behind = FrameSeq(0);
        for (first, end) in spans {
            let homes = 1 + u32::from(first < behind) - u32::from(first > behind);
            turn.check(no_loss(&Custody {
                acknowledged: true,
                homes,
                confirmed: false,
                let_go: false,
                reported: false,
                rotted: false,
            }));
            behind = end;
        }
    }
}

/// A machine had no answer to an event.
pub(super) fn unexpected(state: &str, event: &str, turn: &mut Turn<'_>) {
    turn.check(event_tolerance(&"an answer", &format!("none: {event} in {state}").as_str()));
}
