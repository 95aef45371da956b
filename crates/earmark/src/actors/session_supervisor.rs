//! `SessionSupervisor`: runs the tracks, and with them the sessions.

use std::collections::BTreeMap;
use std::time::Duration;

use actix::{Actor, Context, Handler};
use earmark_core::session::{Effect, Event, Ids, Track};
use earmark_core::{Effects, Moment};
use earmark_store::{Record, SealedRecording};

use super::guard::Guarded;
use super::message::{
    AskInventory, Heard, LinkRecorded, Note, Opened, ProveDelivery, Seal, SealAndLink, SealFailed,
    Sealed, SessionView, StartUpload, UploadBegan, UploadReopened, UploadSettled, What,
};
use super::peers::tell;
use super::timer::Timer;
use super::{Peers, Shared, Stop};
use crate::event::Event as Announced;
use crate::source::SourceKey;

mod recover;

const NAME: &str = "SessionSupervisor";

type Orders = Effects<Effect<SealedRecording>>;

/// Owns the sessions.
pub(crate) struct SessionSupervisor {
    shared: Shared,
    peers: Peers,
    ids: Ids,
    link_wait: Duration,
    tracks: BTreeMap<SourceKey, Track<SealedRecording>>,
    timer: Timer,
}

impl SessionSupervisor {
    pub(crate) fn new(shared: Shared, peers: Peers, ids: Ids, link_wait: Duration) -> Self {
        Self { shared, peers, ids, link_wait, tracks: BTreeMap::new(), timer: Timer::default() }
    }

    /// One event, one step, all effects; then the timer is set anew.
    fn step(
        &mut self,
        key: &SourceKey,
        event: Event<SealedRecording>,
        at: Moment,
        ctx: &mut Context<Self>,
    ) {
        self.guarded(|actor| {
            let mut effects = Effects::new();
            let new = || Track::new(actor.link_wait);
            let track = actor.tracks.entry(key.clone()).or_insert_with(new);
            track.step(event, at, &mut actor.ids, &mut effects);
            actor.obey(key, effects);
            actor.set_timer(ctx);
        });
    }

    fn obey(&mut self, key: &SourceKey, mut effects: Orders) {
        while let Some(effect) = effects.pop() {
            self.obey_one(key, effect);
        }
    }

    fn obey_one(&mut self, key: &SourceKey, effect: Effect<SealedRecording>) {
        match effect {
            Effect::OpenSession { session, capture, first } => {
                self.note(Record::SessionOpened {
                    session,
                    capture,
                    first,
                    at: self.shared.stamp(),
                });
            }
            Effect::CloseSession { session, end } => {
                let (end, at) = (end.into(), self.shared.stamp());
                self.note(Record::SessionClosed { session, end, at });
            }
            Effect::OpenRecording { recording, session, capture, first } => {
                self.note(Record::RecordingOpened { recording, session, capture, first });
            }
            Effect::CutRecording { recording, end } => {
                self.note(Record::RecordingCut { recording, end });
            }
            Effect::MoveRecording { recording, session } => {
                self.note(Record::SessionMoved { recording, session });
            }
            Effect::SealRecording(recording) => tell(&self.peers.store, Seal(recording)),
            Effect::SealAndLink { conversation, recordings } => {
                tell(&self.peers.store, SealAndLink { conversation, recordings });
            }
            Effect::StartUpload { recording, conversation } => {
                tell(&self.peers.sync, StartUpload { recording, conversation });
            }
            Effect::NoteSyncStarted { session, fallback } => {
                self.note(Record::SyncStarted { session, fallback });
            }
            Effect::ProveDelivery => tell(&self.peers.uplink, ProveDelivery(key.clone())),
            Effect::ReportNotSaved { recording, reason } => {
                self.shared.bus.announce(NAME, Announced::NotSaved { recording, reason });
            }
            Effect::ReportSession { session, state, conversation, fallback_fired } => {
                let device = key.device.clone();
                self.shared.bus.announce(
                    NAME,
                    Announced::SessionChanged {
                        session,
                        device,
                        state,
                        conversation,
                        fallback_fired,
                    },
                );
            }
            Effect::ReportIgnored(why) => self.shared.ignored(NAME, why),
            Effect::ReportUnexpected { state, event } => {
                self.shared.unexpected(NAME, state, event);
            }
        }
    }

    fn set_timer(&mut self, ctx: &mut Context<Self>) {
        let next = self.tracks.values().filter_map(Track::deadline).min();
        let clock = self.shared.clock.clone();
        self.timer.set(next, clock.as_ref(), ctx, Self::fire);
    }

    /// A runtime that a defect has stopped sets no timer again: what is due stays so, and it would
    /// ring for ever.
    fn fire(&mut self, ctx: &mut Context<Self>) {
        self.timer.fired();
        self.guarded(|actor| actor.step_due(ctx));
    }

    fn step_due(&mut self, ctx: &mut Context<Self>) {
        let now = self.shared.now();
        let is_due = |track: &Track<SealedRecording>| track.deadline().is_some_and(|at| at <= now);
        let due: Vec<SourceKey> =
            self.tracks.iter().filter(|(_, one)| is_due(one)).map(|(key, _)| key.clone()).collect();
        for key in due {
            self.step(&key, Event::TimerFired, now, ctx);
        }
        self.set_timer(ctx);
    }

    fn note(&self, record: Record) {
        tell(&self.peers.store, Note(vec![record]));
    }
}

impl Guarded for SessionSupervisor {
    const NAME: &'static str = NAME;

    fn shared(&self) -> &Shared {
        &self.shared
    }
}

impl Actor for SessionSupervisor {
    type Context = Context<Self>;
}

impl Handler<Heard> for SessionSupervisor {
    type Result = ();

    fn handle(&mut self, Heard { key, at, what }: Heard, ctx: &mut Context<Self>) {
        let event = match what {
            What::Started { capture, encoding } => Event::CaptureStarted { capture, encoding },
            What::Frames(run) => Event::FramesTaken(run),
            What::Stopped(capture) => Event::CaptureStopped(capture),
            What::SocketUp(position) => Event::SocketCameUp(position),
            What::Said { announcement, position } => Event::ServerSpoke { announcement, position },
            What::Finished(position) => Event::ConversationFinished(position),
            What::SocketWanted(wanted) => Event::SocketWanted(wanted),
        };
        self.step(&key, event, at, ctx);
    }
}

impl Handler<Opened> for SessionSupervisor {
    type Result = ();

    fn handle(&mut self, opened: Opened, ctx: &mut Context<Self>) {
        self.guarded(|actor| {
            actor.recover(&opened);
            actor.set_timer(ctx);
        });
    }
}

impl Handler<Sealed> for SessionSupervisor {
    type Result = ();

    fn handle(&mut self, Sealed(token): Sealed, ctx: &mut Context<Self>) {
        let key = SourceKey::of(&token);
        self.step(&key, Event::RecordingSealed(token), self.shared.now(), ctx);
    }
}

impl Handler<SealFailed> for SessionSupervisor {
    type Result = ();

    fn handle(&mut self, failed: SealFailed, ctx: &mut Context<Self>) {
        let SealFailed { key, recording, reason } = failed;
        self.step(&key, Event::SealFailed { recording, reason }, self.shared.now(), ctx);
    }
}

impl Handler<LinkRecorded> for SessionSupervisor {
    type Result = ();

    fn handle(&mut self, linked: LinkRecorded, ctx: &mut Context<Self>) {
        let LinkRecorded { conversation, asked, recordings } = linked;
        let waiting: Vec<SourceKey> = self.tracks.keys().cloned().collect();
        for key in waiting {
            let own = |token: &&SealedRecording| SourceKey::of(token) == key;
            let event = Event::LinkRecorded {
                conversation: conversation.clone(),
                asked: asked.clone(),
                recordings: recordings.iter().filter(own).cloned().collect(),
            };
            self.step(&key, event, self.shared.now(), ctx);
        }
    }
}

impl Handler<UploadBegan> for SessionSupervisor {
    type Result = ();

    fn handle(&mut self, began: UploadBegan, ctx: &mut Context<Self>) {
        self.step(&began.key, Event::UploadBegan(began.recording), self.shared.now(), ctx);
    }
}

impl Handler<UploadSettled> for SessionSupervisor {
    type Result = ();

    fn handle(&mut self, settled: UploadSettled, ctx: &mut Context<Self>) {
        let UploadSettled { recording, key, gone } = settled;
        self.step(&key, Event::UploadSettled { recording, gone }, self.shared.now(), ctx);
    }
}

impl Handler<UploadReopened> for SessionSupervisor {
    type Result = ();

    fn handle(&mut self, reopened: UploadReopened, ctx: &mut Context<Self>) {
        let event = Event::UploadReopened(reopened.recording);
        self.step(&reopened.key, event, self.shared.now(), ctx);
    }
}

impl Handler<AskInventory<Vec<SessionView>>> for SessionSupervisor {
    type Result = ();

    fn handle(&mut self, asked: AskInventory<Vec<SessionView>>, _: &mut Context<Self>) {
        self.guarded(|actor| {
            let sessions = actor.tracks.values().flat_map(Track::sessions);
            let views = sessions.map(|(session, machine)| SessionView {
                session,
                state: machine.state().name(),
                conversation: machine.shared().conversation().cloned(),
                fallback_fired: machine.shared().fallback_fired(),
            });
            // Whoever asked may have given up waiting.
            let _ = asked.0.send(views.collect());
        });
    }
}

impl Handler<Stop> for SessionSupervisor {
    type Result = ();

    fn handle(&mut self, Stop(answer): Stop, _: &mut Context<Self>) {
        self.guarded(|_| {
            // What came before has been passed on. Whoever asked may have given up waiting.
            let _ = answer.send(());
        });
    }
}
