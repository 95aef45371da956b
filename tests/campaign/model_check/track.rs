//! `SessionSupervisor` with the production track of one device.

use earmark_core::invariant::linkage::{Sealed, event_tolerance, no_orphans, session_bounds};
use earmark_core::invariant::progress::{Waiting, armed};
use earmark_core::session::{Announcement, Effect, Event, Ids, LINK_WAIT, Phase, Position, Track};
use earmark_core::{Effects, Moment, RecordingId, SessionId};
use earmark_store::{Ledger, Record};

use super::checks::{self, Turn};
use super::words::{Held, Now, Out, ToStore, ToSync, ToTrack, Token, label};

/// The sessions' actor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Supervisor {
    track: Track<Token>,
    ids: Ids,
}

impl Supervisor {
    pub(super) fn new(highest_id: u32) -> Self {
        let (session, recording) = (highest_id + 2, highest_id + 3);
        let ids = Ids::starting_at(SessionId::new(1, session), RecordingId::new(1, recording));
        Self { track: Track::new(LINK_WAIT), ids }
    }

    pub(super) fn step(&mut self, event: &ToTrack, now: Now, outs: &mut Vec<Out>) -> Held {
        let mut turn = Turn::new(now, outs);
        match event {
            ToTrack::Heard(event, at) => self.hear(event, *at, &mut turn),
            ToTrack::Told(event) => self.hear(event, now.moment(), &mut turn),
            ToTrack::TimerFired => self.hear(&Event::TimerFired, now.moment(), &mut turn),
            ToTrack::Opened { ledger, durable } => self.recover(ledger, durable, &mut turn),
            ToTrack::Died => *self = Self::new(0),
        }
        self.check_waits(&mut turn);
        turn.held
    }

    fn hear(&mut self, event: &Event<Token>, at: Moment, turn: &mut Turn<'_>) {
        let mut effects = Effects::new();
        self.track.step(event.clone(), at, &mut self.ids, &mut effects);
        let ordered: Vec<Effect<Token>> = effects.drain().collect();
        if ordered.iter().any(|effect| matches!(effect, Effect::ReportIgnored(_))) {
            let links =
                ordered.iter().filter(|effect| matches!(effect, Effect::SealAndLink { .. }));
            turn.check(event_tolerance(&0, &links.count()));
        }
        for effect in ordered {
            if let Effect::SealAndLink { .. } = &effect {
                check_bounds(event, turn);
            }
            obey(effect, turn);
        }
    }

    fn recover(&mut self, ledger: &Ledger, durable: &Ledger, turn: &mut Turn<'_>) {
        *self = Self::new(ledger.highest_id);
        let sealed = |id| {
            let facts = durable.recordings.get(&id)?;
            facts.sealed.as_ref().map(|_| Token(id))
        };
        let found = ledger.found_sessions(sealed, turn.now.stamp());
        for sessions in found.into_values() {
            let mut effects = Effects::new();
            let now = turn.now.moment();
            self.track = Track::recover(LINK_WAIT, sessions, now, &mut self.ids, &mut effects);
            effects.drain().for_each(|effect| obey(effect, turn));
        }
    }

    /// Whatever waits for a conversation has a deadline.
    fn check_waits(&self, turn: &mut Turn<'_>) {
        let deadline = self.track.deadline();
        for (_, session) in self.track.sessions() {
            let state = session.state();
            match state {
                Phase::AwaitingLink => {
                    let waits = Sealed { linked: false, deadline, handed: false };
                    turn.check(no_orphans(&waits));
                }
                Phase::AwaitingConversation { .. } => turn.check(armed(&Waiting {
                    state: state.name(),
                    in_flight: false,
                    has_deadline: state.deadline().is_some(),
                    needs_host: false,
                })),
                Phase::Capturing | Phase::Sealing { .. } | Phase::Syncing | Phase::Settled => {}
            }
        }
    }

    pub(super) fn deadline(&self) -> Option<Moment> {
        self.track.deadline()
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.track.is_quiet()
    }
}

/// What is linked was captured before the server spoke: audio that comes after the word must not be
/// in a recording that is cut by it.
fn check_bounds(event: &Event<Token>, turn: &mut Turn<'_>) {
    let Event::ServerSpoke { position: Some(Position { capture, next }), announcement } = event
    else {
        return;
    };
    let Announcement::ProcessingStarted(_) = announcement else { return };
    let mut bounds = Vec::new();
    for out in turn.outs.iter() {
        if let Out::Store(ToStore::Note(Record::RecordingCut { end, .. })) = out {
            let within = (*end).min(*next);
            bounds.push(session_bounds(&(capture, within), &(capture, *end)));
        }
    }
    bounds.into_iter().for_each(|check| turn.check(check));
}

fn obey(effect: Effect<Token>, turn: &mut Turn<'_>) {
    let at = label();
    let message = match effect {
        Effect::OpenSession { session, capture, first } => {
            note(Record::SessionOpened { session, capture, first, at })
        }
        Effect::CloseSession { session, end } => {
            note(Record::SessionClosed { session, end: end.into(), at })
        }
        Effect::OpenRecording { recording, session, capture, first } => {
            note(Record::RecordingOpened { recording, session, capture, first })
        }
        Effect::CutRecording { recording, end } => note(Record::RecordingCut { recording, end }),
        Effect::MoveRecording { recording, session } => {
            note(Record::SessionMoved { recording, session })
        }
        Effect::SealRecording(recording) => Out::Store(ToStore::Seal(recording)),
        Effect::SealAndLink { conversation, recordings } => {
            Out::Store(ToStore::SealAndLink { conversation, recordings })
        }
        Effect::StartUpload { recording, conversation } => {
            Out::Sync(ToSync::StartUpload { recording, conversation })
        }
        Effect::NoteSyncStarted { session, fallback } => {
            note(Record::SyncStarted { session, fallback })
        }
        Effect::ReportUnexpected { state, event } => return checks::unexpected(state, event, turn),
        Effect::ProveDelivery
        | Effect::ReportNotSaved { .. }
        | Effect::ReportSession { .. }
        | Effect::ReportIgnored(_) => return,
    };
    turn.outs.push(message);
}

fn note(record: Record) -> Out {
    Out::Store(ToStore::Note(record))
}
