//! What an opening finds open is closed: nobody is there to go on with it.

use earmark_core::{CaptureId, FrameSeq, RecordingId, SessionId, Stamp};

use crate::ledger::Ledger;
use crate::record::{Record, Removal, SessionEnd};

/// Where records are staged: a store, or a model of one.
pub trait Staging {
    /// The state with everything that was staged.
    fn ledger(&self) -> &Ledger;

    /// Stages a record; it counts in the ledger at once.
    fn stage(&mut self, record: Record);

    /// A session id that was never given before.
    fn next_session(&mut self) -> SessionId;

    /// A recording id that was never given before.
    fn next_recording(&mut self) -> RecordingId;
}

/// Cuts recordings, closes sessions and captures that were found open. Returns these captures and
/// the number of the next frame of each.
pub fn close_what_is_open(store: &mut impl Staging, at: Stamp) -> Vec<(CaptureId, FrameSeq)> {
    let all = store.ledger().captures.iter();
    let all: Vec<_> =
        all.map(|(id, facts)| (*id, facts.next_seq, facts.closed.is_none())).collect();
    for (capture, next, _) in &all {
        while let Some(recording) = store.ledger().open_recording(*capture) {
            close_recording(store, recording, *next);
        }
    }
    for (capture, next, _) in &all {
        adopt_orphans(store, *capture, *next, at);
    }
    let open = all.into_iter().filter(|(.., is_open)| *is_open);
    let open: Vec<(CaptureId, FrameSeq)> = open.map(|(id, next, _)| (id, next)).collect();
    let all = store.ledger().sessions.iter();
    let sessions: Vec<SessionId> =
        all.filter(|(_, facts)| facts.closed.is_none()).map(|(id, _)| *id).collect();
    for session in sessions {
        store.stage(Record::SessionClosed { session, end: SessionEnd::Recovered, at });
    }
    for (capture, _) in &open {
        store.stage(Record::CaptureClosed { capture: *capture, at });
    }
    open
}

/// Where a recording that was found open ends. If it is the record of its cut that is lost, its
/// seal or the recording behind it tells; else it goes as far as its capture.
fn end_of(ledger: &Ledger, recording: RecordingId, next: FrameSeq) -> FrameSeq {
    let Some(facts) = ledger.recordings.get(&recording) else {
        return next;
    };
    if let Some(seal) = &facts.sealed {
        return facts.first.plus(u64::from(seal.frames) + u64::from(seal.missing));
    }
    ledger.first_behind(facts.capture, facts.first).unwrap_or(next)
}

fn close_recording(store: &mut impl Staging, recording: RecordingId, next: FrameSeq) {
    let end = end_of(store.ledger(), recording, next);
    let first = store.ledger().recordings.get(&recording).map(|facts| facts.first);
    if first.is_some_and(|first| first < end) {
        store.stage(Record::RecordingCut { recording, end });
    } else {
        store.stage(Record::Removing { recording, why: Removal::Released });
        store.stage(Record::Removed { recording });
    }
}

/// Frames whose recording was not opened before the crash get one: they were acknowledged. Their
/// capture may have ended by then, since whoever opens recordings hears of frames after the store.
fn adopt_orphans(store: &mut impl Staging, capture: CaptureId, end: FrameSeq, at: Stamp) {
    let Some(facts) = store.ledger().captures.get(&capture) else {
        return;
    };
    let first = facts.covered;
    if first >= end {
        return;
    }
    let sessions = store.ledger().sessions.iter().rev();
    let open = sessions.filter(|(_, facts)| facts.capture == capture);
    let open = open.filter(|(_, facts)| facts.closed.is_none()).map(|(id, _)| *id).next();
    let session = open.unwrap_or_else(|| {
        let session = store.next_session();
        store.stage(Record::SessionOpened { session, capture, first, at });
        session
    });
    let recording = store.next_recording();
    store.stage(Record::RecordingOpened { recording, session, capture, first });
    store.stage(Record::RecordingCut { recording, end });
}
