//! `FrameIngest`: takes what enters at the sources and passes it on, in order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};
use earmark_core::ingest::{Effect, Event, Refusal};
use earmark_core::session::{Announcement, RECORDING_GAP_MAX, Run};
use earmark_core::{CaptureId, Frame, FrameSeq, Moment};
use earmark_store::{Record, SealedRecording};
use earmark_wire::{MessageFault, ServerMessage};

use super::guard::Guarded;
use super::message::{
    Append, AwaitDelivery, CaptureBegan, ConversationEnded, DeliverySettled, Durable, Heard,
    LiveFrames, Note, StoreHealth, WantLive, What,
};
use super::peers::tell;
use super::{Peers, Shared, Stop};
use crate::event::Event as Announced;
use crate::source::{Entry, Inbox, Item, SourceKey};

const NAME: &str = "FrameIngest";

/// How long the decision to release or upload a recording waits for the other end's proof.
pub(crate) const DELIVERY_WAIT: Duration = Duration::from_secs(20);

/// How long a frame waits at most until it is on its way to the disk, while frames come.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// After so long without a frame the next one has to ring.
const LOOK_FOR: Duration = Duration::from_secs(1);

/// Owns the frames that are on their way to the store, and what the live sockets have carried of
/// them.
pub(crate) struct FrameIngest {
    shared: Shared,
    peers: Peers,
    inbox: Arc<Inbox>,
    /// Whose frames a capture's are, while it runs or has frames that are not durable.
    captures: BTreeMap<CaptureId, Arc<Entry>>,
    refusal: Option<Refusal>,
    waiting: Vec<Waiting>,
    /// Whether frames are looked for at intervals, …
    is_watching: bool,
    /// … and when there were some.
    last_frames: Moment,
}

/// A recording whose delivery somebody waits for.
struct Waiting {
    recording: SealedRecording,
    end: FrameSeq,
    until: Moment,
}

/// Frames that follow each other, on their way.
struct Batch {
    capture: CaptureId,
    first: FrameSeq,
    frames: Vec<Frame>,
    at: (Moment, Moment),
}

impl FrameIngest {
    pub(crate) fn new(shared: Shared, peers: Peers, inbox: Arc<Inbox>) -> Self {
        Self {
            shared,
            peers,
            inbox,
            captures: BTreeMap::new(),
            refusal: None,
            waiting: Vec::new(),
            is_watching: false,
            last_frames: Moment::ZERO,
        }
    }

    fn listen(&self, ctx: &mut Context<Self>) {
        let inbox = Arc::clone(&self.inbox);
        let rung = async move { inbox.bell.notified().await };
        ctx.spawn(rung.into_actor(self).map(|(), actor, ctx| {
            actor.guarded(|actor| actor.look(ctx));
            actor.listen(ctx);
        }));
    }

    /// Takes what has come. While frames come they are looked for at intervals: to be woken for
    /// each would cost the runtime, and whoever pushes it, more than the frame itself.
    fn look(&mut self, ctx: &mut Context<Self>) {
        if !self.drain() {
            return;
        }
        self.last_frames = self.shared.now();
        if !self.is_watching {
            self.is_watching = true;
            self.inbox.watch(true);
            Self::look_later(ctx);
        }
    }

    fn look_later(ctx: &mut Context<Self>) {
        ctx.run_later(LOOK_EVERY, |actor, ctx| {
            actor.guarded(|actor| actor.look_again(ctx));
        });
    }

    fn look_again(&mut self, ctx: &mut Context<Self>) {
        self.look(ctx);
        if self.shared.now().since(self.last_frames) < LOOK_FOR {
            return Self::look_later(ctx);
        }
        self.is_watching = false;
        self.inbox.watch(false);
        // One may have come that saw no need to ring.
        self.look(ctx);
    }

    fn drain(&mut self) -> bool {
        let mut had_frames = false;
        while let Some(entry) = self.inbox.next() {
            let mut batch = None;
            for item in entry.take() {
                had_frames |= matches!(item, Item::Frame { .. });
                self.pass_on(&entry, item, &mut batch);
            }
            self.flush(&entry, batch);
        }
        had_frames
    }

    fn pass_on(&mut self, entry: &Arc<Entry>, item: Item, batch: &mut Option<Batch>) {
        if let Item::Frame { capture, seq, frame, at } = item {
            let goes_on = batch.as_ref().is_some_and(|batch| batch.goes_on(capture, seq, at));
            if !goes_on {
                self.flush(entry, batch.take());
            }
            let first = || Batch { capture, first: seq, frames: Vec::new(), at: (at, at) };
            let batch = batch.get_or_insert_with(first);
            batch.frames.push(frame);
            batch.at.1 = at;
            return;
        }
        self.flush(entry, batch.take());
        self.pass_news(entry, item);
    }

    fn pass_news(&mut self, entry: &Arc<Entry>, item: Item) {
        let key = entry.key.clone();
        match item {
            Item::Frame { .. } => {}
            Item::Started { capture, encoding, at } => {
                self.forget_captures(entry);
                self.captures.insert(capture, Arc::clone(entry));
                if let Some(refusal) = &self.refusal {
                    entry.tell(&Event::StoreRefused(refusal.clone()), at.moment);
                }
                let (device, account) = (key.device.clone(), key.account.clone());
                self.note(Record::CaptureOpened { capture, device, account, encoding, at });
                tell(&self.peers.uplink, CaptureBegan { key: key.clone(), encoding });
                self.report(key, at.moment, What::Started { capture, encoding });
            }
            Item::Stopped { capture, at } => {
                self.report(key, at.moment, What::Stopped(capture));
                self.note(Record::CaptureClosed { capture, at });
            }
            Item::SocketUp { position, at } => {
                self.announce_socket(&key, None);
                self.report(key, at, What::SocketUp(position));
            }
            Item::SocketDown { code } => {
                self.announce_socket(&key, Some(code));
                self.settle_deliveries(self.shared.now());
            }
            Item::Server { text, position, at } => {
                if let Some(announcement) = self.read(&text) {
                    if let Announcement::ProcessingStarted(Some(_)) = announcement {
                        tell(&self.peers.uplink, ConversationEnded(key.clone()));
                    }
                    self.report(key, at, What::Said { announcement, position });
                }
            }
            Item::Delivered { capture, up_to } => {
                self.obey(entry, &Event::FramesDelivered { capture, up_to });
                self.settle_deliveries(self.shared.now());
            }
            Item::Finished { position, at } => {
                tell(&self.peers.uplink, ConversationEnded(key.clone()));
                self.report(key, at, What::Finished(position));
            }
            Item::Muted { muted } => self.note(Record::MuteSet { device: key.device, muted }),
            Item::WantsLive { wanted } => {
                tell(&self.peers.uplink, WantLive { entry: Arc::clone(entry), wanted });
            }
        }
    }

    /// Forgets the captures of a source for which nothing is awaited any more: no frame of the
    /// source waits for the disk, and no connection carries them.
    fn forget_captures(&mut self, entry: &Arc<Entry>) {
        let is_awaited = |capture: &CaptureId| {
            entry.look(|source| source.held_frames() > 0 || source.carried(*capture).is_some())
        };
        self.captures.retain(|capture, of| !Arc::ptr_eq(of, entry) || is_awaited(capture));
    }

    fn flush(&mut self, entry: &Arc<Entry>, batch: Option<Batch>) {
        let Some(batch) = batch else { return };
        let Batch { capture, first, frames, at } = batch;
        let (Some(oldest), Some(latest)) = (frames.first(), frames.last()) else {
            return;
        };
        let walls = (oldest.at, latest.at);
        let count = frames.len() as u64;
        let frames = Arc::new(frames);
        tell(&self.peers.store, Append { capture, first, frames: Arc::clone(&frames) });
        let run = Run { capture, first, count, at, walls };
        self.report(entry.key.clone(), at.0, What::Frames(run));
        // A connection carries what was captured since it came up, which these may not be.
        let carried = entry.look(|source| source.carried(capture).copied());
        if carried.is_some_and(|carried| carried.from <= first) {
            let key = entry.key.clone();
            tell(&self.peers.uplink, LiveFrames { key, capture, first, frames });
            self.obey(entry, &Event::FramesSent { capture, up_to: first.plus(count) });
        }
    }

    /// What the server said, as far as it concerns conversations.
    fn read(&self, text: &str) -> Option<Announcement> {
        match ServerMessage::parse(text) {
            Ok(ServerMessage::ProcessingStarted { conversation }) => {
                Some(Announcement::ProcessingStarted(conversation))
            }
            Ok(ServerMessage::ConversationEvent { conversation, started_at, finished_at }) => {
                let span = started_at.zip(finished_at);
                Some(Announcement::ConversationEvent { conversation, span })
            }
            Ok(ServerMessage::ConversationSession { conversation, .. }) => {
                Some(Announcement::ConversationSession(conversation))
            }
            Ok(ServerMessage::Unknown { kind }) => {
                self.shared.ignored(NAME, format!("a message of the unknown type {kind:?}"));
                None
            }
            Ok(_) => None,
            Err(fault) => {
                self.unreadable(&fault);
                None
            }
        }
    }

    fn unreadable(&self, fault: &MessageFault) {
        self.shared.ignored(NAME, format!("a message that cannot be read: {fault}"));
    }

    /// Steps a source's machine and carries out its orders.
    fn obey(&self, entry: &Entry, event: &Event) {
        for effect in entry.tell(event, self.shared.now()).drain() {
            match effect {
                Effect::RecordDelivered { capture, from, to } => {
                    self.shared.numbers.delivered.add(to.since(from));
                    self.note(Record::Delivered { capture, from, to });
                }
                Effect::ReportUnexpected { state, event } => {
                    self.shared.unexpected(NAME, state, event);
                }
                Effect::TakeFrame(_) | Effect::RejectFrame(_) | Effect::DiscardFrame => {}
            }
        }
    }

    /// Answers those who wait for a proof that has come, cannot come any more, or is overdue.
    fn settle_deliveries(&mut self, now: Moment) {
        let waiting = std::mem::take(&mut self.waiting);
        for one in waiting {
            if one.until > now && self.is_proof_due(one.recording.capture(), one.end) {
                self.waiting.push(one);
            } else {
                tell(&self.peers.sync, DeliverySettled(one.recording));
            }
        }
    }

    fn await_delivery(&mut self, asked: AwaitDelivery, ctx: &mut Context<Self>) {
        let AwaitDelivery { recording, end } = asked;
        let until = self.shared.now() + DELIVERY_WAIT;
        self.waiting.push(Waiting { recording, end, until });
        self.settle_deliveries(self.shared.now());
        if !self.waiting.is_empty() {
            ctx.run_later(DELIVERY_WAIT, |actor, _| {
                actor.guarded(|actor| actor.settle_deliveries(actor.shared.now()));
            });
        }
    }

    /// The store takes no frames for now, or takes them again.
    fn follow_store(&mut self, refusal: Option<Refusal>) {
        let event = refusal.clone().map_or(Event::StoreTook, Event::StoreRefused);
        for entry in self.captures.values() {
            entry.tell(&event, self.shared.now());
        }
        match &refusal {
            Some(reason) => tracing::warn!(%reason, "frames are refused"),
            None => tracing::info!("frames are taken again"),
        }
        self.shared.bus.announce(
            NAME,
            match &refusal {
                Some(refusal) => Announced::FramesRefused { reason: refusal.to_string() },
                None => Announced::FramesTakenAgain,
            },
        );
        self.refusal = refusal;
    }

    /// Whether frames before `end` went out on the present connection and are not proven yet.
    fn is_proof_due(&self, capture: CaptureId, end: FrameSeq) -> bool {
        let carried = |entry: &Arc<Entry>| entry.look(|source| source.carried(capture).copied());
        self.captures
            .get(&capture)
            .and_then(carried)
            .is_some_and(|carried| carried.delivered < end.min(carried.sent))
    }

    fn note(&self, record: Record) {
        tell(&self.peers.store, Note(vec![record]));
    }

    fn report(&self, key: SourceKey, at: Moment, what: What) {
        tell(&self.peers.supervisor, Heard { key, at, what });
    }

    fn announce_socket(&self, key: &SourceKey, closed: Option<u16>) {
        let (device, account) = (key.device.clone(), key.account.clone());
        self.shared.bus.announce(NAME, Announced::SocketChanged { device, account, closed });
    }
}

impl Batch {
    fn goes_on(&self, capture: CaptureId, seq: FrameSeq, at: Moment) -> bool {
        self.capture == capture
            && self.first.plus(self.frames.len() as u64) == seq
            && at.since(self.at.1) <= RECORDING_GAP_MAX
    }
}

impl Guarded for FrameIngest {
    const NAME: &'static str = NAME;

    fn shared(&self) -> &Shared {
        &self.shared
    }
}

impl Actor for FrameIngest {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.listen(ctx);
    }
}

impl Handler<Durable> for FrameIngest {
    type Result = ();

    fn handle(&mut self, Durable { capture, up_to }: Durable, _: &mut Context<Self>) {
        self.guarded(|actor| {
            let Some(entry) = actor.captures.get(&capture) else {
                return;
            };
            entry.tell(&Event::FramesDurable { capture, up_to }, actor.shared.now());
        });
    }
}

impl Handler<StoreHealth> for FrameIngest {
    type Result = ();

    fn handle(&mut self, StoreHealth(refusal): StoreHealth, _: &mut Context<Self>) {
        self.guarded(|actor| actor.follow_store(refusal));
    }
}

impl Handler<AwaitDelivery> for FrameIngest {
    type Result = ();

    fn handle(&mut self, asked: AwaitDelivery, ctx: &mut Context<Self>) {
        self.guarded(|actor| actor.await_delivery(asked, ctx));
    }
}

impl Handler<Stop> for FrameIngest {
    type Result = ();

    fn handle(&mut self, Stop(answer): Stop, _: &mut Context<Self>) {
        self.guarded(|actor| {
            actor.drain();
        });
        // Whoever asked may have given up waiting.
        let _ = answer.send(());
    }
}
