//! `SyncWorker` with the production upload machines and queue.

use std::collections::BTreeMap;

use earmark_core::invariant::upload::{
    AfterRefusal, Budget, Flights, Lease, Receipt, Wait, accepted_has_a_lease, final_is_final,
    one_flight, only_content_spends, synced_is_the_servers_word, wait_as_told,
};
use earmark_core::session::Event as TrackEvent;
use earmark_core::sync::{
    Api, Effect, Event, JOB_LEASE, PollVerdict, Queue, RETRY_AFTER_MAX, Settlement, Setup, State,
    Upload, UploadFacts, UploadStage, UploadStep, Verdict,
};
use earmark_core::{ConversationId, Effects, Machine, Moment, RecordingId};
use earmark_store::Ledger;

use super::checks::{self, Turn};
use super::words::{Held, Now, Out, Purpose, ToServer, ToStore, ToSync, ToTrack, Token};

/// Requests in flight at the same time. With one, two recordings contend for it.
const FLIGHTS_MAX: usize = 1;

/// The uploads' actor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Worker {
    uploads: BTreeMap<RecordingId, Flight>,
    queue: Queue<RecordingId>,
    granted: usize,
    is_online: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Flight {
    machine: Machine<Upload<Token>>,
    has_slot: bool,
    timer: Option<(Moment, u64)>,
    /// Requests that have left and have not ended; one at most.
    in_flight: u32,
    /// Until when the server has told it to wait. Nobody but the checks reads it.
    told: Option<Moment>,
}

impl Worker {
    pub(super) fn new() -> Self {
        Self { uploads: BTreeMap::new(), queue: Queue::new(), granted: 0, is_online: true }
    }

    pub(super) fn step(&mut self, event: &ToSync, now: Now, outs: &mut Vec<Out>) -> Held {
        let mut turn = Turn::new(now, outs);
        let turn = &mut turn;
        match event {
            // The policy of the model keeps everything, so nothing is released.
            ToSync::StartUpload { recording, conversation } => {
                self.flight(recording);
                let conversation = conversation.clone();
                self.hear(recording.0, &Event::Due { conversation }, turn);
            }
            ToSync::Recorded { recording, purpose, refused } => {
                self.hear(*recording, &recorded(purpose, refused), turn);
            }
            ToSync::FileOpened { recording, conversation } => {
                self.leave(*recording, conversation.clone(), turn);
            }
            ToSync::Opened { ledger, durable } => self.recover(ledger, durable, turn),
            ToSync::Network { online } => self.network(*online, turn),
            ToSync::FlightLimit { .. } => {}
            ToSync::Replied { recording, verdict } => self.replied(*recording, verdict, turn),
            ToSync::Polled { recording, verdict } => self.polled(*recording, verdict, turn),
            ToSync::TimerFired(recording) => self.fire(*recording, turn),
            ToSync::Died => *self = Self::new(),
        }
        self.grant(turn);
        std::mem::replace(&mut turn.held, Ok(()))
    }

    fn flight(&mut self, recording: &Token) -> &mut Flight {
        let setup = Setup { online: self.is_online, signed_in: true, jitter: false, api: Api::V2 };
        self.uploads.entry(recording.0).or_insert_with(|| Flight {
            machine: Machine::new(Upload::new(recording.clone(), setup)),
            has_slot: false,
            timer: None,
            in_flight: 0,
            told: None,
        })
    }

    fn recover(&mut self, ledger: &Ledger, durable: &Ledger, turn: &mut Turn<'_>) {
        for (id, facts) in &ledger.recordings {
            let proven = durable.recordings.get(id).is_some_and(|facts| facts.sealed.is_some());
            let is_fresh = facts.upload.requests == 0 && !facts.upload.is_final();
            if !proven || is_fresh || facts.is_synced() {
                continue;
            }
            let (facts, conversation) = (facts.upload.clone(), facts.conversation.clone());
            self.flight(&Token(*id)).told = told(&facts, turn.now);
            self.hear(*id, &Event::Recovered { facts, conversation }, turn);
        }
    }

    fn network(&mut self, online: bool, turn: &mut Turn<'_>) {
        self.is_online = online;
        let all: Vec<RecordingId> = self.uploads.keys().copied().collect();
        for recording in all {
            let event = if online { Event::NetworkReturned } else { Event::NetworkLost };
            self.hear(recording, &event, turn);
        }
    }

    fn replied(&mut self, recording: RecordingId, verdict: &Verdict, turn: &mut Turn<'_>) {
        self.landed(recording);
        let verdict = verdict.clone();
        self.hear(recording, &Event::ReplyArrived { verdict }, turn);
    }

    fn polled(&mut self, recording: RecordingId, verdict: &PollVerdict, turn: &mut Turn<'_>) {
        self.landed(recording);
        let verdict = verdict.clone();
        self.hear(recording, &Event::JobPolled { verdict }, turn);
    }

    fn landed(&mut self, recording: RecordingId) {
        if let Some(flight) = self.uploads.get_mut(&recording) {
            flight.in_flight = flight.in_flight.saturating_sub(1);
        }
    }

    /// Only a timer that is due fires; the world sees to that.
    fn fire(&mut self, recording: RecordingId, turn: &mut Turn<'_>) {
        let timer = self.uploads.get_mut(&recording).and_then(|flight| flight.timer.take());
        if let Some((_, generation)) = timer {
            self.hear(recording, &Event::TimerFired { generation }, turn);
        }
    }

    fn grant(&mut self, turn: &mut Turn<'_>) {
        while self.granted < FLIGHTS_MAX {
            let Some(recording) = self.queue.pop(|_| true) else { return };
            if let Some(flight) = self.uploads.get_mut(&recording) {
                flight.has_slot = true;
                self.granted += 1;
                self.hear(recording, &Event::SlotGranted, turn);
            }
        }
    }

    fn hear(&mut self, recording: RecordingId, event: &Event, turn: &mut Turn<'_>) {
        let Some(flight) = self.uploads.get_mut(&recording) else { return };
        let (now, mut effects) = (turn.now.stamp(), Effects::new());
        let before = facts(&flight.machine);
        flight.machine.step(event, &mut UploadStep { now, roll: 0, effects: &mut effects });
        check_step(&before, &facts(&flight.machine), event, turn);
        while let Some(effect) = effects.pop() {
            self.obey(recording, effect, turn);
        }
        self.forget_if_gone(recording);
    }

    fn obey(&mut self, recording: RecordingId, effect: Effect<Token>, turn: &mut Turn<'_>) {
        let Some(flight) = self.uploads.get_mut(&recording) else { return };
        match effect {
            Effect::RequestSlot { turn } => self.queue.ask(recording, turn),
            Effect::ReleaseSlot => self.release(recording),
            Effect::RecordAttempt { facts } => {
                let conversation = flight.machine.shared().conversation().cloned();
                let purpose = Purpose::Attempt { conversation };
                let record = ToStore::RecordUpload { recording, facts, purpose };
                turn.outs.push(Out::Store(record));
            }
            Effect::RecordOutcome { facts, generation } => {
                flight.told = told(&facts, turn.now).or(flight.told);
                let purpose = Purpose::Outcome { generation };
                let record = ToStore::RecordUpload { recording, facts, purpose };
                turn.outs.push(Out::Store(record));
            }
            Effect::SendUpload { conversation, ordinal, .. } => {
                let open = ToStore::OpenFile { recording, conversation, ordinal };
                turn.outs.push(Out::Store(open));
            }
            Effect::PollJob { .. } => {
                self.check_leaving(recording, turn);
                turn.outs.push(Out::Server(ToServer::Poll { recording }));
            }
            Effect::Relink { reason } => {
                turn.outs.push(Out::Store(ToStore::Relink { recording, reason }));
            }
            Effect::ArmTimer { at, generation } => {
                let (now, until, cap) = (turn.now.moment(), at, RETRY_AFTER_MAX);
                turn.check(wait_as_told(&Wait { now, until, cap, leaves: false }));
                flight.timer = Some((at, generation));
            }
            Effect::CancelTimer => flight.timer = None,
            Effect::Settled { how } => {
                let gone = matches!(how, Settlement::Synced | Settlement::Deleted);
                let settled = TrackEvent::UploadSettled { recording, gone };
                turn.outs.push(Out::Track(ToTrack::Told(settled)));
            }
            Effect::AskSignIn | Effect::Reopened | Effect::Report(_) => {}
            Effect::Unexpected { state, event } => checks::unexpected(state, event, turn),
        }
    }

    fn release(&mut self, recording: RecordingId) {
        self.queue.withdraw(recording);
        let flight = self.uploads.get_mut(&recording);
        if let Some(flight) = flight.filter(|flight| flight.has_slot) {
            flight.has_slot = false;
            self.granted -= 1;
        }
    }

    /// The file was checked: the request leaves.
    fn leave(
        &mut self,
        recording: RecordingId,
        conversation: Option<ConversationId>,
        turn: &mut Turn<'_>,
    ) {
        self.check_leaving(recording, turn);
        turn.outs.push(Out::Track(ToTrack::Told(TrackEvent::UploadBegan(recording))));
        turn.outs.push(Out::Server(ToServer::Upload { recording, conversation }));
    }

    fn check_leaving(&mut self, recording: RecordingId, turn: &mut Turn<'_>) {
        let Some(flight) = self.uploads.get_mut(&recording) else { return };
        flight.in_flight += 1;
        let flights = Flights { in_flight: flight.in_flight, same_content: true };
        turn.check(one_flight(&flights));
        let now = turn.now.moment();
        let until = flight.told.take().unwrap_or(now);
        turn.check(wait_as_told(&Wait { now, until, cap: RETRY_AFTER_MAX, leaves: true }));
    }

    fn forget_if_gone(&mut self, recording: RecordingId) {
        let is_gone = |flight: &Flight| {
            matches!(flight.machine.state(), State::Synced { .. } | State::Deleted)
        };
        if self.uploads.get(&recording).is_some_and(is_gone) {
            self.uploads.remove(&recording);
        }
    }

    /// The timers that run.
    pub(super) fn timers(&self) -> impl Iterator<Item = (RecordingId, Moment)> {
        let timer = |(id, flight): (&RecordingId, &Flight)| Some((*id, flight.timer?.0));
        self.uploads.iter().filter_map(timer)
    }

    /// Whether every upload has ended, or waits for its session.
    pub(super) fn is_quiet(&self) -> bool {
        self.uploads.values().all(|flight| {
            matches!(
                flight.machine.state(),
                State::Held | State::Failed { .. } | State::Corrupted { .. }
            )
        })
    }
}

fn recorded(purpose: &Purpose, refused: &Option<String>) -> Event {
    match (purpose, refused) {
        (Purpose::Attempt { .. }, None) => Event::AttemptRecorded,
        (Purpose::Attempt { .. }, Some(reason)) => Event::AttemptNotMade { reason: reason.clone() },
        (Purpose::Outcome { generation }, None) => {
            Event::OutcomeRecorded { generation: *generation }
        }
        (Purpose::Outcome { generation }, Some(_)) => {
            Event::OutcomeNotRecorded { generation: *generation }
        }
    }
}

fn facts(machine: &Machine<Upload<Token>>) -> UploadFacts {
    machine.shared().facts(machine.state())
}

/// Until when the server has asked for patience.
fn told(facts: &UploadFacts, now: Now) -> Option<Moment> {
    match &facts.stage {
        UploadStage::Pending { next: Some(next), told: true, .. }
        | UploadStage::Accepted { not_before: Some(next), .. } => Some(next.moment(now.stamp())),
        UploadStage::Pending { .. }
        | UploadStage::Accepted { .. }
        | UploadStage::Uploading
        | UploadStage::Synced { .. }
        | UploadStage::Failed { .. }
        | UploadStage::Corrupted { .. } => None,
    }
}

/// What one step of an upload may do.
fn check_step(before: &UploadFacts, after: &UploadFacts, event: &Event, turn: &mut Turn<'_>) {
    if matches!(event, Event::Recovered { .. }) {
        return;
    }
    let content = matches!(
        event,
        Event::ReplyArrived { verdict: Verdict::Spends { .. } }
            | Event::JobPolled { verdict: PollVerdict::Spends { .. } }
    );
    let (before_it, after_it) = (before.attempts, after.attempts);
    let budget = Budget { before: before_it, after: after_it, content, person: false };
    turn.check(only_content_spends(&budget));
    if let UploadStage::Failed { reason } = &before.stage {
        let tried = !matches!(after.stage, UploadStage::Failed { .. });
        turn.check(final_is_final(&AfterRefusal { tried, person: false, reason }));
    }
    let receipt = matches!(before.stage, UploadStage::Synced { .. })
        || matches!(
            event,
            Event::ReplyArrived { verdict: Verdict::Synced }
                | Event::JobPolled { verdict: PollVerdict::Synced }
        );
    let synced = matches!(after.stage, UploadStage::Synced { .. });
    turn.check(synced_is_the_servers_word(&Receipt { synced, receipt }));
    if let UploadStage::Accepted { lease, .. } = &after.stage {
        let now = turn.now.stamp();
        let ends = Some(lease.moment(now));
        turn.check(accepted_has_a_lease(&Lease { ends, now: now.moment, cap: JOB_LEASE }));
    }
}
