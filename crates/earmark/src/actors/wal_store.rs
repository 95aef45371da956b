//! `WalStore`: owns the journal and the recordings, and is where every promise becomes durable.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};
use earmark_core::wal_store::{DiskTask, Effect, Event, Health, Journal, Ticket};
use earmark_core::{CaptureId, ConversationId, Effects, FrameSeq, Machine, RecordingId, Step};
use earmark_store::{Done, Links, Outcome, Record, Store};
use tokio::sync::oneshot;

use super::guard::Guarded;
use super::message::{
    Append, AskInventory, AskRelease, AwaitFiles, Delete, Durable, Inventory, LinkRecorded, Note,
    OpenFile, Opened, Purpose, RecordUpload, RecordingGone, ReleaseDecided, Relink, Seal,
    SealAndLink, SealFailed, Sealed, StoreHealth, UploadRecorded,
};
use super::peers::tell;
use super::timer::Timer;
use super::{Peers, Shared, Stop};
use crate::event::Event as Announced;
use crate::runtime::{DiskMode, DiskPace};
use crate::source::SourceKey;

mod answers;
mod files;
mod link;
mod removal;
mod stop;

const NAME: &str = "WalStore";

/// How often synced recordings are looked through for those that have stayed long enough.
const EXPIRE_EVERY: Duration = Duration::from_secs(3_600);

/// Owns the store.
pub(crate) struct WalStore {
    shared: Shared,
    peers: Peers,
    store: Store,
    machine: Machine<Journal>,
    terms: DiskTerms,
    timer: Timer,
    /// Those who wait until something is durable, by its place.
    waiting: BTreeMap<Ticket, Vec<Waiting>>,
    /// Frames on their way to the disk, by the place after them.
    appended: VecDeque<(Ticket, CaptureId, FrameSeq)>,
    /// Recordings whose seal is queued or under way.
    sealing: BTreeSet<RecordingId>,
    /// Recordings that are let go and whose files are not unlinked yet.
    removing: BTreeSet<RecordingId>,
    /// Seals and removals that the disk has refused, and that are tried again.
    refused: BTreeSet<DiskTask>,
    /// Recordings that a person wants gone and that still take frames.
    unwanted: BTreeSet<RecordingId>,
    links: Links,
    /// Somebody who waits until no seal and no removal is under way.
    stopping: Option<oneshot::Sender<()>>,
}

/// How the disk is used.
pub(crate) struct DiskTerms {
    /// Where its work is done.
    pub(crate) mode: DiskMode,
    /// How long a piece of work takes that is done inline; no time without it.
    pub(crate) pace: Option<DiskPace>,
    /// How long a synced recording stays on the disk.
    pub(crate) retention: Duration,
}

/// Somebody who waits until something is durable.
#[derive(Debug)]
enum Waiting {
    Sealed(RecordingId),
    Linked { conversation: ConversationId, asked: Vec<RecordingId>, recordings: Vec<RecordingId> },
    Uploaded { recording: RecordingId, purpose: Purpose },
    Removing(RecordingId),
    Stopped(oneshot::Sender<()>),
}

impl WalStore {
    pub(crate) fn new(shared: Shared, peers: Peers, store: Store, terms: DiskTerms) -> Self {
        let durable = place(store.durable());
        Self {
            shared,
            peers,
            store,
            machine: Machine::new(Journal::new(durable)),
            terms,
            timer: Timer::default(),
            waiting: BTreeMap::new(),
            appended: VecDeque::new(),
            sealing: BTreeSet::new(),
            removing: BTreeSet::new(),
            refused: BTreeSet::new(),
            unwanted: BTreeSet::new(),
            links: Links::default(),
            stopping: None,
        }
    }

    fn stage(&mut self, record: Record, urgent: bool, ctx: &mut Context<Self>) -> Ticket {
        let ticket = place(self.store.stage(record));
        self.step(Event::Staged { ticket, urgent }, ctx);
        ticket
    }

    fn wait(&mut self, ticket: Ticket, waiting: Waiting, ctx: &mut Context<Self>) {
        self.waiting.entry(ticket).or_default().push(waiting);
        self.answer(ctx);
    }

    /// One event, one step, all effects; then the timer is set anew.
    fn step(&mut self, event: Event, ctx: &mut Context<Self>) {
        let mut effects = Effects::new();
        let now = self.shared.now();
        self.machine.step(&event, &mut Step { now, effects: &mut effects });
        while let Some(effect) = effects.pop() {
            self.obey(effect, ctx);
        }
        self.set_timer(ctx);
    }

    fn obey(&mut self, effect: Effect, ctx: &mut Context<Self>) {
        match effect {
            Effect::Start(task) => self.start(task, ctx),
            Effect::RefuseFrames(refusal) => tell(&self.peers.ingest, StoreHealth(Some(refusal))),
            Effect::TakeFrames => tell(&self.peers.ingest, StoreHealth(None)),
            Effect::ReportTaskFailed { task, reason } => self.report_failed(task, reason, ctx),
            Effect::ReportUnexpected { state, event } => {
                self.shared.unexpected(NAME, state, event);
            }
        }
    }

    /// Has the disk do something: off this thread in real time, here in simulated time.
    fn start(&mut self, task: DiskTask, ctx: &mut Context<Self>) {
        let Some(job) = self.store.begin(work_of(task)) else {
            return self.end_without_work(task, ctx);
        };
        match self.terms.mode {
            DiskMode::Inline => {
                let done = job.run();
                let takes = self.terms.pace.as_ref().map_or(Duration::ZERO, |pace| pace());
                if takes.is_zero() {
                    return self.end(task, Some(done), ctx);
                }
                ctx.run_later(takes, move |actor, ctx| {
                    actor.guarded(|actor| actor.end(task, Some(done), ctx));
                });
            }
            DiskMode::Blocking => {
                let running = tokio::task::spawn_blocking(move || job.run());
                ctx.spawn(running.into_actor(self).map(move |done, actor, ctx| {
                    actor.guarded(|actor| {
                        let done = done.expect("a disk job does not panic, and nobody aborts it");
                        actor.end(task, Some(done), ctx);
                    });
                }));
            }
        }
    }

    /// The store had nothing to do, or its journal takes nothing before it has begun a new file.
    fn end_without_work(&mut self, task: DiskTask, ctx: &mut Context<Self>) {
        if task.is_journal() && self.store.journal_is_dead() {
            let reason = String::from("the journal has no file that takes anything");
            self.step(Event::DiskFailed { task, reason }, ctx);
            return self.answer(ctx);
        }
        self.end(task, None, ctx);
    }

    fn end(&mut self, task: DiskTask, done: Option<Done>, ctx: &mut Context<Self>) {
        let ended = done.map(|done| self.store.end(done)).transpose();
        let event = match ended {
            Ok(outcome) => {
                let through = self.through(task, outcome.as_ref());
                self.take_outcome(outcome, ctx);
                self.file_is_done(task, ctx);
                self.finished(task, through)
            }
            Err(failure) => {
                // Twice a second as long as the disk is full, which was said.
                if task != DiskTask::Refill {
                    tracing::warn!(%failure, ?task, "the disk failed");
                }
                Event::DiskFailed { task, reason: failure.to_string() }
            }
        };
        self.step(event, ctx);
        self.answer(ctx);
    }

    fn finished(&self, task: DiskTask, through: Ticket) -> Event {
        if task == DiskTask::Replace && self.store.reserve_is_spent() {
            return Event::ReserveSpent { through };
        }
        Event::DiskFinished { task, through }
    }

    fn through(&self, task: DiskTask, outcome: Option<&Outcome>) -> Ticket {
        match outcome {
            Some(Outcome::Written { up_to }) => place(*up_to),
            None if task == DiskTask::Write => self.staged(),
            Some(
                Outcome::Synced { .. }
                | Outcome::Replaced { .. }
                | Outcome::Refilled
                | Outcome::Sealed { .. }
                | Outcome::Removed { .. }
                | Outcome::Snapshotted
                | Outcome::Pruned { .. },
            )
            | None => place(self.store.durable()),
        }
    }

    fn staged(&self) -> Ticket {
        self.machine.shared().staged()
    }

    fn take_outcome(&mut self, outcome: Option<Outcome>, ctx: &mut Context<Self>) {
        match outcome {
            Some(Outcome::Sealed { recording, seal, damage }) => {
                self.sealed(recording, seal, &damage, ctx);
            }
            Some(Outcome::Removed { recording }) => {
                self.stage(Record::Removed { recording }, false, ctx);
            }
            // The reserve may be in use, or may have been lost with the old file.
            Some(Outcome::Replaced { .. }) => self.keep_house(ctx),
            Some(
                Outcome::Written { .. }
                | Outcome::Synced { .. }
                | Outcome::Refilled
                | Outcome::Snapshotted
                | Outcome::Pruned { .. },
            )
            | None => {}
        }
    }

    fn report_failed(&mut self, task: DiskTask, reason: String, ctx: &mut Context<Self>) {
        self.file_is_refused(task, ctx);
        // A recording that is let go meanwhile needs no seal, and its session may be gone.
        if let DiskTask::Seal(recording) = task
            && !self.store.ledger().needs_no_seal(recording)
            && let Some(key) = self.key_of(recording)
        {
            let reason = reason.clone();
            tell(&self.peers.supervisor, SealFailed { key, recording, reason });
        }
        let task = format!("{task:?}");
        self.shared.bus.announce(NAME, Announced::DiskTaskFailed { task, reason });
    }

    fn key_of(&self, recording: RecordingId) -> Option<SourceKey> {
        let facts = self.store.ledger().recordings.get(&recording)?;
        Some(SourceKey { device: facts.device.clone(), account: facts.account.clone() })
    }

    fn set_timer(&mut self, ctx: &mut Context<Self>) {
        let health: &Health = self.machine.state();
        let next = self.machine.shared().deadline(health);
        let clock = self.shared.clock.clone();
        self.timer.set(next, clock.as_ref(), ctx, Self::fire);
    }

    fn fire(&mut self, ctx: &mut Context<Self>) {
        self.timer.fired();
        self.guarded(|actor| actor.step(Event::TimerFired, ctx));
    }

    fn queue(&mut self, task: DiskTask, after: Ticket, ctx: &mut Context<Self>) {
        self.step(Event::TaskQueued { task, after }, ctx);
    }

    /// Opening the store closes what it found open. On a disk that failed just then, that is not
    /// durable yet, and no recording can be sealed before it is.
    fn stage_what_opening_left(&mut self, ctx: &mut Context<Self>) {
        let ticket = place(self.store.staged());
        if ticket > self.machine.shared().durable() {
            let urgent = true;
            self.step(Event::Staged { ticket, urgent }, ctx);
        }
    }

    /// Tells what the store held. It is said before the runtime has a handle, so that nothing a
    /// host wants can come first.
    pub(crate) fn announce_opening(&self) {
        let ledger = self.store.ledger().clone();
        let sealed = ledger
            .recordings
            .keys()
            .filter_map(|id| Some((*id, self.store.sealed(*id)?)))
            .collect::<BTreeMap<_, _>>();
        let ledger = std::sync::Arc::new(ledger);
        let opened = || Opened { ledger: ledger.clone(), sealed: sealed.clone() };
        tell(&self.peers.sync, opened());
        tell(&self.peers.supervisor, opened());
    }
}

pub(super) fn place(ticket: earmark_store::Ticket) -> Ticket {
    Ticket(ticket.number())
}

const fn work_of(task: DiskTask) -> earmark_store::Work {
    match task {
        DiskTask::Write => earmark_store::Work::Write,
        DiskTask::Sync => earmark_store::Work::Sync,
        DiskTask::Replace => earmark_store::Work::Replace,
        DiskTask::Refill => earmark_store::Work::Refill,
        DiskTask::Seal(recording) => earmark_store::Work::Seal(recording),
        DiskTask::Remove(recording) => earmark_store::Work::Remove(recording),
        DiskTask::Snapshot => earmark_store::Work::Snapshot,
        DiskTask::Prune => earmark_store::Work::Prune,
    }
}

const fn recording_cut_by(record: &Record) -> Option<RecordingId> {
    if let Record::RecordingCut { recording, .. } = record { Some(*recording) } else { None }
}

impl Guarded for WalStore {
    const NAME: &'static str = NAME;

    fn shared(&self) -> &Shared {
        &self.shared
    }
}

impl Actor for WalStore {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.guarded(|actor| {
            actor.stage_what_opening_left(ctx);
            actor.finish_removals(ctx);
            actor.expire(ctx);
            actor.keep_house(ctx);
        });
        ctx.run_interval(EXPIRE_EVERY, |actor, ctx| {
            actor.guarded(|actor| actor.expire(ctx));
        });
    }
}

impl Handler<Append> for WalStore {
    type Result = ();

    fn handle(&mut self, append: Append, ctx: &mut Context<Self>) {
        self.guarded(|actor| {
            let Append { capture, first, frames } = append;
            let ticket = place(actor.store.stage_frames(capture, first, &frames));
            let end = first.plus(frames.len() as u64);
            actor.appended.push_back((ticket, capture, end));
            actor.step(Event::Staged { ticket, urgent: false }, ctx);
            actor.answer(ctx);
        });
    }
}

impl Handler<Note> for WalStore {
    type Result = ();

    fn handle(&mut self, Note(records): Note, ctx: &mut Context<Self>) {
        self.guarded(|actor| {
            for record in records {
                let cut = recording_cut_by(&record);
                actor.stage(record, false, ctx);
                actor.drop_unwanted(cut, ctx);
            }
        });
    }
}

impl Handler<Seal> for WalStore {
    type Result = ();

    fn handle(&mut self, Seal(recording): Seal, ctx: &mut Context<Self>) {
        self.guarded(|actor| actor.queue_seal(recording, ctx));
    }
}

impl Handler<SealAndLink> for WalStore {
    type Result = ();

    fn handle(&mut self, link: SealAndLink, ctx: &mut Context<Self>) {
        self.guarded(|actor| actor.begin_link(link, ctx));
    }
}

impl Handler<RecordUpload> for WalStore {
    type Result = ();

    fn handle(&mut self, record: RecordUpload, ctx: &mut Context<Self>) {
        self.guarded(|actor| actor.record_upload(record, ctx));
    }
}

impl Handler<Relink> for WalStore {
    type Result = ();

    fn handle(&mut self, Relink { recording, reason }: Relink, ctx: &mut Context<Self>) {
        self.guarded(|actor| actor.relink(recording, reason, ctx));
    }
}

impl Handler<AskRelease> for WalStore {
    type Result = ();

    fn handle(&mut self, AskRelease(recording): AskRelease, ctx: &mut Context<Self>) {
        self.guarded(|actor| {
            let released = actor.release(&recording, ctx);
            tell(&actor.peers.sync, ReleaseDecided { recording, released });
        });
    }
}

impl Handler<Delete> for WalStore {
    type Result = ();

    fn handle(&mut self, Delete(chosen): Delete, ctx: &mut Context<Self>) {
        self.guarded(|actor| actor.delete(chosen, ctx));
    }
}

impl Handler<OpenFile> for WalStore {
    type Result = ();

    fn handle(&mut self, open: OpenFile, ctx: &mut Context<Self>) {
        self.guarded(|actor| actor.open_file(open, ctx));
    }
}

impl Handler<AskInventory<Inventory>> for WalStore {
    type Result = ();

    fn handle(&mut self, asked: AskInventory<Inventory>, _: &mut Context<Self>) {
        self.guarded(|actor| {
            // Whoever asked may have given up waiting.
            let _ = asked.0.send(Inventory { ledger: actor.store.ledger().clone() });
        });
    }
}

impl Handler<Stop> for WalStore {
    type Result = ();

    fn handle(&mut self, Stop(answer): Stop, ctx: &mut Context<Self>) {
        self.guarded(|actor| actor.flush(answer, ctx));
    }
}

impl Handler<AwaitFiles> for WalStore {
    type Result = ();

    fn handle(&mut self, AwaitFiles(answer): AwaitFiles, ctx: &mut Context<Self>) {
        self.guarded(|actor| actor.await_files(answer, ctx));
    }
}
