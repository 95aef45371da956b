//! `SyncWorker`: runs the uploads, under one limit and at one pace.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use actix::{Actor, Context, Handler, SpawnHandle};
use earmark_core::sync::{
    Api, Effect, Errand, Event, Gate, Pace, Queue, Report, Setup, Slot, State, Upload, UploadStep,
};
use earmark_core::{Account, Effects, Machine, RecordingId};
use earmark_store::SealedRecording;

use super::guard::Guarded;
use super::message::{
    AccountChanged, AskInventory, AskRelease, AwaitDelivery, DeliverySettled, FlightLimit,
    NetworkState, Opened, Purpose, RecordingGone, ReleaseDecided, Retry, StartUpload, Stop,
    UploadRecorded, UploadSettled, UploadView,
};
use super::peers::tell;
use super::timer::Timer;
use super::{Peers, Shared};
use crate::event::Event as Announced;
use crate::source::SourceKey;
use crate::target::SyncTarget;

mod held;
mod obey;
mod requests;

const NAME: &str = "SyncWorker";

type Orders = Effects<Effect<SealedRecording>>;

/// Owns the uploads.
pub(crate) struct SyncWorker {
    shared: Shared,
    peers: Peers,
    target: Option<Arc<dyn SyncTarget>>,
    api: Api,
    uploads: BTreeMap<RecordingId, Flight>,
    queue: Queue<RecordingId>,
    pace: Pace,
    gate: Gate<RecordingId>,
    timer: Timer,
    is_online: bool,
    /// Whether the runtime stops: what began now would be cut short.
    is_stopping: bool,
    signed_out: BTreeSet<Account>,
}

/// One recording's upload.
struct Flight {
    machine: Machine<Upload<SealedRecording>>,
    slot: Option<Slot>,
    timer: Option<SpawnHandle>,
    /// The request that is under way.
    request: Option<SpawnHandle>,
    /// Whether its session has let it go, and the conversation it belongs to is known for good.
    due: Option<StartUpload>,
    report: Option<Report>,
}

impl SyncWorker {
    pub(crate) fn new(
        shared: Shared,
        peers: Peers,
        target: Option<Arc<dyn SyncTarget>>,
        pace: Pace,
        api: Api,
    ) -> Self {
        Self {
            shared,
            peers,
            target,
            api,
            uploads: BTreeMap::new(),
            queue: Queue::new(),
            pace,
            gate: Gate::new(),
            timer: Timer::default(),
            is_online: true,
            is_stopping: false,
            signed_out: BTreeSet::new(),
        }
    }

    /// One event, one step, all effects; then whoever lines up gets what is free.
    fn step(&mut self, recording: RecordingId, event: &Event, ctx: &mut Context<Self>) {
        self.step_each([recording], event, ctx);
    }

    /// The same for many. What is free is given once, when all of them stand in line: to look
    /// through the line after each would take the time of all of them squared.
    fn step_each(
        &mut self,
        recordings: impl IntoIterator<Item = RecordingId>,
        event: &Event,
        ctx: &mut Context<Self>,
    ) {
        self.guarded(|actor| {
            for recording in recordings {
                actor.step_one(recording, event, ctx);
            }
            actor.grant(ctx);
        });
    }

    fn step_one(&mut self, recording: RecordingId, event: &Event, ctx: &mut Context<Self>) {
        let (now, roll) = (self.shared.stamp(), self.shared.chance.roll());
        let Some(flight) = self.uploads.get_mut(&recording) else {
            return;
        };
        let mut effects: Orders = Effects::new();
        flight.machine.step(event, &mut UploadStep { now, roll, effects: &mut effects });
        while let Some(effect) = effects.pop() {
            self.obey(recording, effect, ctx);
        }
        self.forget_if_gone(recording);
    }

    /// What is synced or deleted needs nothing any more, and the store knows it.
    fn forget_if_gone(&mut self, recording: RecordingId) {
        let is_gone = self.uploads.get(&recording).is_some_and(|flight| {
            matches!(flight.machine.state(), State::Synced { .. } | State::Deleted)
        });
        if is_gone {
            self.uploads.remove(&recording);
            self.gate.forget(recording);
        }
    }

    /// Gives free slots to those whose turn it is.
    fn grant(&mut self, ctx: &mut Context<Self>) {
        if self.is_stopping {
            return;
        }
        let mut again = self.gate.opens_at(self.shared.now());
        while !self.queue.is_empty() {
            let is_given = match self.pace.admit(self.shared.now()) {
                Ok(slot) => self.grant_slot(slot, ctx),
                Err(earmark_core::sync::Refusal::Full) => false,
                Err(earmark_core::sync::Refusal::NotBefore(at)) => {
                    again = again.map_or(Some(at), |opens| Some(opens.min(at)));
                    false
                }
            };
            if !is_given {
                break;
            }
        }
        let clock = self.shared.clock.clone();
        self.timer.set(again, clock.as_ref(), ctx, Self::fire);
    }

    fn fire(&mut self, ctx: &mut Context<Self>) {
        self.timer.fired();
        self.guarded(|actor| {
            actor.show_holds();
            actor.grant(ctx);
        });
    }

    fn flight(&mut self, recording: &SealedRecording) -> &mut Flight {
        let setup = self.setup(recording.account());
        self.uploads.entry(recording.recording()).or_insert_with(|| Flight {
            machine: Machine::new(Upload::new(recording.clone(), setup)),
            slot: None,
            timer: None,
            request: None,
            due: None,
            report: None,
        })
    }

    fn setup(&self, account: &Account) -> Setup {
        Setup {
            online: self.is_online && self.target.is_some(),
            signed_in: !self.signed_out.contains(account),
            jitter: self.shared.policy.jitter,
            api: self.api,
        }
    }

    fn key_of(&self, recording: RecordingId) -> Option<SourceKey> {
        self.uploads
            .get(&recording)
            .map(|flight| SourceKey::of(flight.machine.shared().recording()))
    }

    /// What can be tried again by hand, of those that were named.
    fn chosen(&self, chosen: Option<Vec<RecordingId>>) -> Vec<RecordingId> {
        chosen.unwrap_or_else(|| self.uploads.keys().copied().collect())
    }
}

impl Guarded for SyncWorker {
    const NAME: &'static str = NAME;

    fn shared(&self) -> &Shared {
        &self.shared
    }
}

impl Actor for SyncWorker {
    type Context = Context<Self>;
}

impl Handler<Opened> for SyncWorker {
    type Result = ();

    fn handle(&mut self, opened: Opened, ctx: &mut Context<Self>) {
        self.guarded(|actor| {
            for (id, facts) in &opened.ledger.recordings {
                let Some(token) = opened.sealed.get(id) else {
                    continue;
                };
                let is_fresh = facts.upload.requests == 0 && !facts.upload.is_final();
                if is_fresh || facts.is_synced() {
                    continue;
                }
                actor.flight(token);
                let (facts, conversation) = (facts.upload.clone(), facts.conversation.clone());
                actor.step_one(*id, &Event::Recovered { facts, conversation }, ctx);
            }
            actor.grant(ctx);
        });
    }
}

impl Handler<StartUpload> for SyncWorker {
    type Result = ();

    /// Whether a recording is released or uploaded is decided now, once the other end of the live
    /// socket has said what it read.
    fn handle(&mut self, start: StartUpload, _: &mut Context<Self>) {
        if self.is_stopping {
            return;
        }
        self.guarded(|actor| {
            let recording = start.recording.clone();
            let (_, end) = recording.span();
            actor.flight(&recording).due = Some(start);
            tell(&actor.peers.ingest, AwaitDelivery { recording, end });
        });
    }
}

impl Handler<DeliverySettled> for SyncWorker {
    type Result = ();

    fn handle(&mut self, DeliverySettled(recording): DeliverySettled, _: &mut Context<Self>) {
        self.guarded(|actor| tell(&actor.peers.store, AskRelease(recording)));
    }
}

impl Handler<ReleaseDecided> for SyncWorker {
    type Result = ();

    fn handle(&mut self, decided: ReleaseDecided, ctx: &mut Context<Self>) {
        let id = decided.recording.recording();
        if decided.released {
            return self.step(id, &Event::Deleted, ctx);
        }
        let due = self.uploads.get_mut(&id).and_then(|flight| flight.due.take());
        if let Some(StartUpload { conversation, .. }) = due {
            self.step(id, &Event::Due { conversation }, ctx);
        }
    }
}

impl Handler<UploadRecorded> for SyncWorker {
    type Result = ();

    fn handle(&mut self, recorded: UploadRecorded, ctx: &mut Context<Self>) {
        let UploadRecorded { recording, purpose, refused } = recorded;
        let event = match (purpose, refused) {
            (Purpose::Attempt { .. }, None) => Event::AttemptRecorded,
            (Purpose::Attempt { .. }, Some(reason)) => Event::AttemptNotMade { reason },
            (Purpose::Outcome { generation }, None) => Event::OutcomeRecorded { generation },
            (Purpose::Outcome { generation }, Some(_)) => Event::OutcomeNotRecorded { generation },
        };
        self.step(recording, &event, ctx);
    }
}

impl Handler<RecordingGone> for SyncWorker {
    type Result = ();

    fn handle(&mut self, gone: RecordingGone, ctx: &mut Context<Self>) {
        let RecordingGone { recording, key } = gone;
        if self.uploads.contains_key(&recording) {
            return self.step(recording, &Event::Deleted, ctx);
        }
        let gone = true;
        tell(&self.peers.supervisor, UploadSettled { recording, key, gone });
    }
}

impl Handler<NetworkState> for SyncWorker {
    type Result = ();

    fn handle(&mut self, state: NetworkState, ctx: &mut Context<Self>) {
        self.is_online = state.online;
        // Without a server to upload to there is no network that could return.
        let is_usable = state.online && self.target.is_some();
        let event = if is_usable { Event::NetworkReturned } else { Event::NetworkLost };
        let all: Vec<RecordingId> = self.uploads.keys().copied().collect();
        self.step_each(all, &event, ctx);
    }
}

impl Handler<FlightLimit> for SyncWorker {
    type Result = ();

    fn handle(&mut self, limit: FlightLimit, ctx: &mut Context<Self>) {
        self.pace.one_at_a_time(limit.to_one);
        self.guarded(|actor| actor.grant(ctx));
    }
}

impl Handler<AccountChanged> for SyncWorker {
    type Result = ();

    fn handle(&mut self, changed: AccountChanged, ctx: &mut Context<Self>) {
        let AccountChanged { account, signed_in } = changed;
        let event = if signed_in {
            self.signed_out.remove(&account);
            Event::SignedIn
        } else {
            self.signed_out.insert(account.clone());
            Event::SignedOut
        };
        let own = |flight: &Flight| *flight.machine.shared().recording().account() == account;
        let own: Vec<RecordingId> =
            self.uploads.iter().filter(|(_, flight)| own(flight)).map(|(id, _)| *id).collect();
        self.step_each(own, &event, ctx);
    }
}

impl Handler<Retry> for SyncWorker {
    type Result = ();

    fn handle(&mut self, Retry(chosen): Retry, ctx: &mut Context<Self>) {
        let (known, unknown): (Vec<_>, Vec<_>) =
            self.chosen(chosen).into_iter().partition(|one| self.uploads.contains_key(one));
        for recording in unknown {
            self.shared.ignored(NAME, format!("{recording} has no upload to try again"));
        }
        for recording in &known {
            self.gate.ask_for(*recording);
        }
        self.step_each(known, &Event::RetryRequested, ctx);
    }
}

impl Handler<AskInventory<Vec<UploadView>>> for SyncWorker {
    type Result = ();

    fn handle(&mut self, asked: AskInventory<Vec<UploadView>>, _: &mut Context<Self>) {
        let view = |(recording, flight): (&RecordingId, &Flight)| {
            let report = flight.machine.shared().report(flight.machine.state())?;
            Some((*recording, report))
        };
        self.guarded(|actor| {
            let reports = actor.uploads.iter().filter_map(view);
            let views = reports.map(|(recording, report)| UploadView {
                recording,
                report: actor.as_held(recording, report),
            });
            // Whoever asked may have given up waiting.
            let _ = asked.0.send(views.collect());
        });
    }
}

impl Handler<Stop> for SyncWorker {
    type Result = ();

    fn handle(&mut self, Stop(answer): Stop, _: &mut Context<Self>) {
        self.guarded(|actor| {
            actor.is_stopping = true;
            // Whoever asked may have given up waiting.
            let _ = answer.send(());
        });
    }
}
