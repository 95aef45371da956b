//! `WalStore` with the production machine and ledger, on a disk that keeps what is written apart
//! from what is synced.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use earmark_core::ingest::Refusal;
use earmark_core::invariant::durability::{Acknowledgement, acknowledge_after_sync};
use earmark_core::session::Event as TrackEvent;
use earmark_core::wal_store::{DiskTask, Effect, Event, Journal, Ticket};
use earmark_core::{
    CaptureId, ConversationId, Effects, FrameSeq, Machine, RecordingId, SessionId, Step,
};
use earmark_store::{Ledger, Links, Record, Staging};

use super::checks::{self, Turn};
use super::words::{Consed, Held, Now, Out, Purpose, ToSource, ToStore, ToSync, ToTrack, Token};

mod disk;
mod life;
mod seal;

use disk::File;

/// The store's actor, its machine and its disk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Store {
    machine: Machine<Journal>,
    /// With everything that was staged.
    ledger: Consed<Ledger>,
    /// With everything that the journal holds durably.
    base: Consed<Ledger>,
    /// What was staged and is not durable, with its place.
    tail: VecDeque<(Ticket, Consed<Record>)>,
    file: File,
    running: Option<DiskTask>,
    waiting: BTreeMap<Ticket, Vec<Waiting>>,
    appended: VecDeque<(Ticket, CaptureId, FrameSeq)>,
    /// How far the frames of each capture were called durable. Nobody but the checks reads it.
    acknowledged: BTreeMap<CaptureId, FrameSeq>,
    sealing: BTreeSet<RecordingId>,
    links: Links,
    is_alive: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Waiting {
    Sealed(RecordingId),
    Linked { conversation: ConversationId, asked: Vec<RecordingId>, recordings: Vec<RecordingId> },
    Uploaded { recording: RecordingId, purpose: Purpose },
}

impl Store {
    /// A store that was just made, and is open.
    pub(super) fn new() -> Self {
        let empty = Consed::from(Ledger::default());
        Self {
            machine: Machine::new(Journal::new(Ticket(0))),
            ledger: empty.clone(),
            base: empty,
            tail: VecDeque::new(),
            file: File::default(),
            running: None,
            waiting: BTreeMap::new(),
            appended: VecDeque::new(),
            acknowledged: BTreeMap::new(),
            sealing: BTreeSet::new(),
            links: Links::default(),
            is_alive: true,
        }
    }

    pub(super) fn step(&mut self, event: &ToStore, now: Now, outs: &mut Vec<Out>) -> Held {
        let mut turn = Turn::new(now, outs);
        let turn = &mut turn;
        match event {
            ToStore::Append { capture, first, at } => self.append(*capture, *first, *at, turn),
            ToStore::Note(record) => drop(self.stage(record.clone(), false, turn)),
            ToStore::Seal(recording) => self.queue_seal(*recording, turn),
            ToStore::SealAndLink { conversation, recordings } => {
                self.begin_link(conversation, recordings, turn);
            }
            ToStore::RecordUpload { recording, facts, purpose } => {
                self.record_upload(*recording, facts, purpose, turn);
            }
            ToStore::Relink { recording, reason } => {
                let known = self.ledger.recordings.get(recording);
                if let Some(old) = known.and_then(|facts| facts.conversation.clone()) {
                    let (recording, reason) = (*recording, reason.clone());
                    self.stage(Record::Relinked { recording, old, reason }, true, turn);
                }
            }
            ToStore::OpenFile { recording, conversation, ordinal } => {
                let named = conversation.as_ref();
                checks::may_leave(&self.base, *recording, named, *ordinal, turn);
                let (recording, conversation) = (*recording, conversation.clone());
                turn.outs.push(Out::Sync(ToSync::FileOpened { recording, conversation }));
            }
            ToStore::TimerFired => self.machine_step(&Event::TimerFired, turn),
            ToStore::DiskEnded { task, well } => self.disk_ended(*task, *well, turn),
            ToStore::Died { surviving } => self.die(*surviving, turn),
            ToStore::Opened { healthy } => self.open(*healthy, turn),
        }
        self.answer(turn);
        std::mem::replace(&mut turn.held, Ok(()))
    }

    fn append(
        &mut self,
        capture: CaptureId,
        first: FrameSeq,
        at: earmark_core::WallTime,
        turn: &mut Turn<'_>,
    ) {
        let span = earmark_store::FrameSpan { capture, first, count: 1, first_at: at, last_at: at };
        let ticket = self.stage(Record::Frames(span), false, turn);
        self.appended.push_back((ticket, capture, first.plus(1)));
    }

    fn stage(&mut self, record: Record, urgent: bool, turn: &mut Turn<'_>) -> Ticket {
        let ticket = self.keep(record, turn);
        self.machine_step(&Event::Staged { ticket, urgent }, turn);
        ticket
    }

    /// Puts a record behind the others without telling the machine.
    fn keep(&mut self, record: Record, turn: &mut Turn<'_>) -> Ticket {
        let mut ledger = (*self.ledger).clone();
        ledger.apply(&record);
        checks::ledger_went_on(&self.ledger, &ledger, &record, turn);
        self.ledger = Consed::from(ledger);
        let last = self.tail.back().map_or(self.file.durable, |(ticket, _)| *ticket);
        let ticket = Ticket(last.0 + 1);
        self.tail.push_back((ticket, Consed::from(record)));
        ticket
    }

    fn wait(&mut self, ticket: Ticket, waiting: Waiting) {
        self.waiting.entry(ticket).or_default().push(waiting);
    }

    fn machine_step(&mut self, event: &Event, turn: &mut Turn<'_>) {
        let mut effects = Effects::new();
        self.machine.step(event, &mut Step { now: turn.now.moment(), effects: &mut effects });
        while let Some(effect) = effects.pop() {
            self.obey(effect, turn);
        }
    }

    fn obey(&mut self, effect: Effect, turn: &mut Turn<'_>) {
        match effect {
            Effect::Start(task) => self.start(task, turn),
            Effect::RefuseFrames(refusal) => tell_source(Some(refusal), turn),
            Effect::TakeFrames => tell_source(None, turn),
            Effect::ReportTaskFailed { task: DiskTask::Seal(recording), reason } => {
                let failed = TrackEvent::SealFailed { recording, reason };
                turn.outs.push(Out::Track(ToTrack::Told(failed)));
            }
            Effect::ReportTaskFailed { .. } => {}
            Effect::ReportUnexpected { state, event } => checks::unexpected(state, event, turn),
        }
    }

    fn record_upload(
        &mut self,
        recording: RecordingId,
        facts: &earmark_core::sync::UploadFacts,
        purpose: &Purpose,
        turn: &mut Turn<'_>,
    ) {
        let names = match purpose {
            Purpose::Attempt { conversation } => Some(conversation),
            Purpose::Outcome { .. } => None,
        };
        let purpose = purpose.clone();
        if let Some(why) = self.ledger.refuses_upload(recording, names) {
            let refused = Some(why.to_owned());
            return turn.outs.push(Out::Sync(ToSync::Recorded { recording, purpose, refused }));
        }
        let facts = facts.clone();
        let ticket = self.stage(Record::Upload { recording, facts }, true, turn);
        self.wait(ticket, Waiting::Uploaded { recording, purpose });
    }

    /// Whoever waits for something durable is answered when the machine says that it is.
    fn answer(&mut self, turn: &mut Turn<'_>) {
        let durable = self.machine.shared().durable();
        while let Some((_, capture, up_to)) =
            self.appended.pop_front_if(|(ticket, _, _)| *ticket <= durable)
        {
            self.check_acknowledgement(durable, turn);
            self.acknowledged.insert(capture, up_to);
            turn.outs.push(Out::Source(ToSource::Durable { capture, up_to }));
        }
        while let Some(entry) = self.waiting.first_entry() {
            if *entry.key() > durable {
                break;
            }
            for waiting in entry.remove() {
                self.check_acknowledgement(durable, turn);
                self.answer_one(waiting, turn);
            }
        }
    }

    /// What the machine calls durable, the disk has.
    fn check_acknowledgement(&self, durable: Ticket, turn: &mut Turn<'_>) {
        turn.check(acknowledge_after_sync(&Acknowledgement {
            synced: durable <= self.file.durable,
            named: true,
            failed_before: false,
        }));
    }

    fn answer_one(&self, waiting: Waiting, turn: &mut Turn<'_>) {
        turn.outs.push(match waiting {
            Waiting::Sealed(recording) => {
                Out::Track(ToTrack::Told(TrackEvent::RecordingSealed(Token(recording))))
            }
            Waiting::Linked { conversation, asked, recordings } => {
                let sealed = recordings.into_iter().filter(|id| self.is_sealed(*id));
                let recordings = sealed.map(Token).collect();
                let linked = TrackEvent::LinkRecorded { conversation, asked, recordings };
                Out::Track(ToTrack::Told(linked))
            }
            Waiting::Uploaded { recording, purpose } => {
                Out::Sync(ToSync::Recorded { recording, purpose, refused: None })
            }
        });
    }

    fn is_sealed(&self, recording: RecordingId) -> bool {
        self.base.recordings.get(&recording).is_some_and(|facts| facts.sealed.is_some())
    }

    /// Whether nothing is on its way to the disk.
    pub(super) fn is_idle(&self) -> bool {
        self.machine.shared().is_idle() && self.running.is_none() && self.file.is_idle()
    }

    pub(super) fn deadline(&self) -> Option<earmark_core::Moment> {
        let alive = self.is_alive.then_some(());
        alive.and_then(|()| self.machine.shared().deadline(self.machine.state()))
    }
}

fn tell_source(refusal: Option<Refusal>, turn: &mut Turn<'_>) {
    turn.outs.push(Out::Source(ToSource::Health(refusal)));
}

/// What an opening stages goes through the production code.
struct Closing<'a, 'b> {
    store: &'a mut Store,
    turn: &'a mut Turn<'b>,
}

impl Staging for Closing<'_, '_> {
    fn ledger(&self) -> &Ledger {
        &self.store.ledger
    }

    fn stage(&mut self, record: Record) {
        self.store.keep(record, self.turn);
    }

    fn next_session(&mut self) -> SessionId {
        SessionId::new(1, self.next_id())
    }

    fn next_recording(&mut self) -> RecordingId {
        RecordingId::new(1, self.next_id())
    }
}

impl Closing<'_, '_> {
    fn next_id(&self) -> u32 {
        self.store.ledger.highest_id + 1
    }
}
