//! What is asked of all recordings of a capture, a session or a moment, so that no answer takes
//! longer the more recordings there are. It follows from the ledger and stands in no file.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use earmark_core::{CaptureId, FrameSeq, RecordingId, SessionId};

use super::{Ledger, RecordingFacts};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Index {
    /// The recordings of each capture by their first frames.
    of_capture: BTreeSet<(CaptureId, FrameSeq, RecordingId)>,
    /// Those of them that are not sealed.
    unsealed: BTreeSet<(CaptureId, RecordingId)>,
    /// How many recordings a session has.
    of_session: BTreeMap<SessionId, u32>,
    /// Sessions that have ended and have none.
    idle: BTreeSet<SessionId>,
    /// The sealed recordings by the second in which they begin.
    starts: BTreeSet<(i64, RecordingId)>,
}

impl Index {
    /// The index of a ledger, from nothing.
    pub(super) fn of(ledger: &Ledger) -> Self {
        let all = || ledger.recordings.iter().map(|(id, facts)| (*id, &**facts));
        let unsealed = all().filter(|(_, facts)| facts.sealed.is_none());
        let starts = all().filter_map(|(id, facts)| Some((start(facts)?, id)));
        let mut index = Self {
            of_capture: all().map(|(id, facts)| (facts.capture, facts.first, id)).collect(),
            unsealed: unsealed.map(|(id, facts)| (facts.capture, id)).collect(),
            starts: starts.collect(),
            ..Self::default()
        };
        all().for_each(|(_, facts)| index.entered(facts.session));
        let ended = ledger.sessions.iter().filter(|(_, facts)| facts.closed.is_some());
        ended.for_each(|(id, _)| index.closed(*id));
        index
    }

    pub(super) fn opened(&mut self, id: RecordingId, facts: &RecordingFacts) {
        self.of_capture.insert((facts.capture, facts.first, id));
        self.unsealed.insert((facts.capture, id));
        self.entered(facts.session);
    }

    /// A recording came to a session.
    pub(super) fn entered(&mut self, session: SessionId) {
        *self.of_session.entry(session).or_default() += 1;
        self.idle.remove(&session);
    }

    /// A recording left a session, which has ended or not.
    pub(super) fn left(&mut self, session: SessionId, has_ended: bool) {
        let Some(count) = self.of_session.get_mut(&session) else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            self.of_session.remove(&session);
            if has_ended {
                self.idle.insert(session);
            }
        }
    }

    /// A session has ended.
    pub(super) fn closed(&mut self, session: SessionId) {
        if !self.of_session.contains_key(&session) {
            self.idle.insert(session);
        }
    }

    pub(super) fn sealed(&mut self, id: RecordingId, facts: &RecordingFacts) {
        self.unsealed.remove(&(facts.capture, id));
        self.starts.extend(start(facts).map(|second| (second, id)));
    }

    pub(super) fn removed(&mut self, id: RecordingId, facts: &RecordingFacts, has_ended: bool) {
        self.of_capture.remove(&(facts.capture, facts.first, id));
        self.unsealed.remove(&(facts.capture, id));
        if let Some(second) = start(facts) {
            self.starts.remove(&(second, id));
        }
        self.left(facts.session, has_ended);
    }

    /// The session without recordings that ended first, once there are more than so many.
    pub(super) fn surplus(&mut self, kept: usize) -> Option<SessionId> {
        if self.idle.len() > kept { self.idle.pop_first() } else { None }
    }

    /// The first frame of the first recording of a capture.
    pub(super) fn first_of(&self, capture: CaptureId) -> Option<FrameSeq> {
        self.of_capture(capture).next().map(|(first, _)| first)
    }

    /// The recordings of a capture by their first frames.
    pub(super) fn of_capture(
        &self,
        capture: CaptureId,
    ) -> impl Iterator<Item = (FrameSeq, RecordingId)> {
        let from = (capture, FrameSeq(0), RecordingId::new(0, 0));
        let of = self.of_capture.range((Bound::Included(from), Bound::Unbounded));
        of.take_while(move |key| key.0 == capture).map(|(_, first, id)| (*first, *id))
    }

    /// The recordings of a capture that are not sealed.
    pub(super) fn unsealed(&self, capture: CaptureId) -> impl Iterator<Item = RecordingId> {
        let from = (capture, RecordingId::new(0, 0));
        let of = self.unsealed.range((Bound::Included(from), Bound::Unbounded));
        of.take_while(move |key| key.0 == capture).map(|(_, id)| *id)
    }

    /// All recordings that are not sealed.
    pub(super) fn all_unsealed(&self) -> impl Iterator<Item = RecordingId> {
        self.unsealed.iter().map(|(_, id)| *id)
    }

    /// The sealed recordings that begin in a second.
    pub(super) fn starting_in(&self, second: i64) -> impl Iterator<Item = RecordingId> {
        let ids = RecordingId::new(0, 0)..=RecordingId::new(u32::MAX, u32::MAX);
        let of = self.starts.range((second, *ids.start())..=(second, *ids.end()));
        of.map(|(_, id)| *id)
    }
}

/// The second in which a sealed recording begins.
fn start(facts: &RecordingFacts) -> Option<i64> {
    facts.sealed.as_ref().map(|seal| seal.started_at.unix_seconds())
}
