//! `Uplink`: the live sockets, one a source, for hosts that have none of their own.
//!
//! A socket carries the frames that are taken while it is up. That a frame was sent proves nothing;
//! a WebSocket ping that carries a number is sent behind it, and the pong with that number proves
//! that the other end has read everything before.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, SpawnHandle, WrapFuture};
use bytes::Bytes;
use earmark_core::{Account, CaptureId, Encoding, FrameSeq};
use futures_util::stream::{self, StreamExt};
use tokio::sync::mpsc;

use super::guard::Guarded;
use super::message::{
    AccountChanged, Came, CaptureBegan, Dialled, LiveFrames, NetworkState, ProveDelivery, WantLive,
};
use super::{Peers, Shared};
use crate::live::{Dial, Hello, Incoming, LiveSocket, Outgoing};
use crate::source::{Entry, SocketNews, SourceKey};

const NAME: &str = "Uplink";

/// How often the other end is asked what it has read.
pub(crate) const PING_EVERY: Duration = Duration::from_secs(10);
/// How long an answer may take before the socket counts as down.
pub(crate) const PONG_WAIT: Duration = Duration::from_secs(20);
/// The first wait before a socket is brought up again; each further one is twice as long.
pub(crate) const RECONNECT_WAIT_MIN: Duration = Duration::from_secs(1);
/// The longest such wait.
pub(crate) const RECONNECT_WAIT_MAX: Duration = Duration::from_secs(32);
/// The close code of a socket that broke.
const BROKEN: u16 = 1006;

/// Owns the live sockets.
pub(crate) struct Uplink {
    shared: Shared,
    dialer: Option<Arc<dyn Dial>>,
    reconnects: bool,
    is_online: bool,
    signed_out: BTreeSet<Account>,
    links: BTreeMap<SourceKey, Link>,
    /// What each source's latest capture sends, which a socket must say when it comes up.
    encodings: BTreeMap<SourceKey, Encoding>,
    generations: u64,
}

/// One source's socket.
struct Link {
    entry: Arc<Entry>,
    failures: u32,
    state: State,
}

/// What a source's socket does.
enum State {
    /// It is not wanted.
    Idle,
    /// It is wanted and waits: for a capture, the network, or the time of the next try.
    Waiting { retry: Option<SpawnHandle> },
    /// It is being brought up.
    Dialling { generation: u64 },
    /// It is up.
    Up(Up),
}

/// A socket that is up.
struct Up {
    generation: u64,
    outgoing: mpsc::Sender<Outgoing>,
    /// The number after the last frame that was sent, and its capture.
    sent: Option<(CaptureId, FrameSeq)>,
    /// The pings without an answer, and what each would prove.
    pings: VecDeque<(u64, Option<(CaptureId, FrameSeq)>)>,
    next_ping: u64,
    heartbeat: SpawnHandle,
}

impl State {
    /// A socket that could not be kept up: it waits for the next try, or for a host that wants it
    /// anew.
    const fn down(reconnects: bool) -> Self {
        if reconnects { Self::Waiting { retry: None } } else { Self::Idle }
    }
}

impl Uplink {
    pub(crate) fn new(
        shared: Shared,
        _peers: Peers,
        dialer: Option<Arc<dyn Dial>>,
        reconnects: bool,
    ) -> Self {
        let (links, encodings) = (BTreeMap::new(), BTreeMap::new());
        Self {
            shared,
            dialer,
            reconnects,
            is_online: true,
            signed_out: BTreeSet::new(),
            links,
            encodings,
            generations: 0,
        }
    }

    /// Brings a socket up if it is wanted and can be.
    fn dial(&mut self, key: &SourceKey, ctx: &mut Context<Self>) {
        let (Some(dialer), Some(link)) = (&self.dialer, self.links.get_mut(key)) else {
            return;
        };
        let is_waiting = matches!(link.state, State::Waiting { .. });
        let encoding = match (self.encodings.get(key), dialer.needs_encoding()) {
            (Some(encoding), _) => *encoding,
            (None, false) => Encoding::mono_16k(earmark_core::Codec::Opus),
            (None, true) => return,
        };
        if !is_waiting {
            return;
        }
        if !self.is_online || self.signed_out.contains(&key.account) {
            link.state = State::down(self.reconnects);
            return;
        }
        self.generations += 1;
        let generation = self.generations;
        link.cancel_retry(ctx);
        link.state = State::Dialling { generation };
        let (device, account) = (key.device.clone(), key.account.clone());
        let dialled = dialer.dial(Hello { device, account, encoding });
        let key = key.clone();
        ctx.spawn(dialled.into_actor(self).map(move |result, actor: &mut Self, ctx| {
            actor.guarded(|actor| actor.dialled(Dialled { key, generation, result }, ctx));
        }));
    }

    /// A dial ended; one that is not waited for any more does nothing.
    fn dialled(&mut self, dialled: Dialled, ctx: &mut Context<Self>) {
        let Dialled { key, generation, result } = dialled;
        let Some(link) = self.links.get_mut(&key) else {
            return;
        };
        if !matches!(link.state, State::Dialling { generation: expected } if expected == generation)
        {
            return;
        }
        match result {
            Ok(socket) => self.came_up(&key, generation, socket, ctx),
            Err(fault) => {
                tracing::info!(device = %key.device, %fault, "the live socket did not come up");
                link.state = State::down(self.reconnects);
                self.retry_later(&key, ctx);
            }
        }
    }

    fn came_up(
        &mut self,
        key: &SourceKey,
        generation: u64,
        socket: LiveSocket,
        ctx: &mut Context<Self>,
    ) {
        let LiveSocket { outgoing, mut incoming } = socket;
        let source = key.clone();
        let came = stream::poll_fn(move |cx| incoming.poll_recv(cx))
            .chain(stream::iter([Incoming::Closed(BROKEN)]))
            .map(move |incoming| Came { key: source.clone(), generation, incoming });
        ctx.add_message_stream(came);
        let beats = key.clone();
        let heartbeat = ctx.run_interval(PING_EVERY, move |actor, ctx| {
            actor.guarded(|actor| actor.ping(&beats, ctx));
        });
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        link.failures = 0;
        let (sent, pings, next_ping) = (None, VecDeque::new(), 1);
        link.state = State::Up(Up { generation, outgoing, sent, pings, next_ping, heartbeat });
        link.enter(SocketNews::Up, &self.shared);
    }

    /// Takes a socket down, or gives up bringing it up.
    fn take_down(&mut self, key: &SourceKey, code: u16, ctx: &mut Context<Self>) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        link.cancel_retry(ctx);
        if let State::Up(up) = &link.state {
            ctx.cancel_future(up.heartbeat);
            // A socket that takes no more is closed by being dropped.
            let _ = up.outgoing.try_send(Outgoing::Close);
            link.enter(SocketNews::Down(code), &self.shared);
        }
        link.state = State::Idle;
    }

    /// What a socket needs is there, or is there no longer: the network, or its account's
    /// credentials.
    fn follow(&mut self, key: &SourceKey, is_there: bool, ctx: &mut Context<Self>) {
        if is_there {
            return self.dial(key, ctx);
        }
        let is_wanted = !matches!(self.links[key].state, State::Idle);
        self.take_down(key, BROKEN, ctx);
        if let Some(link) = self.links.get_mut(key).filter(|_| is_wanted) {
            link.state = State::down(self.reconnects);
        }
    }

    /// A socket broke, or was closed by the other end.
    fn went_down(&mut self, key: &SourceKey, code: u16, ctx: &mut Context<Self>) {
        self.take_down(key, code, ctx);
        if self.reconnects
            && let Some(link) = self.links.get_mut(key)
        {
            link.state = State::Waiting { retry: None };
            self.retry_later(key, ctx);
        }
    }

    /// Waits longer each time, without ever giving up.
    fn retry_later(&mut self, key: &SourceKey, ctx: &mut Context<Self>) {
        let roll = self.shared.chance.roll();
        let Some(link) = self.links.get_mut(key).filter(|_| self.reconnects) else {
            return;
        };
        let factor = 1_u32.checked_shl(link.failures).unwrap_or(u32::MAX);
        let wait = RECONNECT_WAIT_MIN.saturating_mul(factor).min(RECONNECT_WAIT_MAX);
        // At random between half the wait and the whole of it, so that devices do not come back at
        // once.
        let wait = wait / 2 + wait / 2 * u32::from(roll) / u32::from(u16::MAX);
        link.failures += 1;
        let source = key.clone();
        let retry = ctx.run_later(wait, move |actor, ctx| {
            actor.guarded(|actor| actor.dial(&source, ctx));
        });
        link.state = State::Waiting { retry: Some(retry) };
    }

    /// Asks the other end what it has read.
    fn ping(&mut self, key: &SourceKey, ctx: &mut Context<Self>) {
        let Some(Link { state: State::Up(up), .. }) = self.links.get_mut(key) else {
            return;
        };
        let (number, generation) = (up.next_ping, up.generation);
        up.next_ping += 1;
        up.pings.push_back((number, up.sent));
        if up.outgoing.try_send(Outgoing::Ping(number)).is_err() {
            return self.went_down(key, BROKEN, ctx);
        }
        let key = key.clone();
        ctx.run_later(PONG_WAIT, move |actor, ctx| {
            actor.guarded(|actor| actor.miss_pong(&key, generation, number, ctx));
        });
    }

    fn miss_pong(
        &mut self,
        key: &SourceKey,
        generation: u64,
        number: u64,
        ctx: &mut Context<Self>,
    ) {
        let is_missing = self
            .up(key, generation)
            .is_some_and(|up| up.pings.front().is_some_and(|(oldest, _)| *oldest <= number));
        if is_missing {
            self.went_down(key, BROKEN, ctx);
        }
    }

    fn up(&mut self, key: &SourceKey, generation: u64) -> Option<&mut Up> {
        match &mut self.links.get_mut(key)?.state {
            State::Up(up) if up.generation == generation => Some(up),
            State::Up(_) | State::Idle | State::Waiting { .. } | State::Dialling { .. } => None,
        }
    }

    fn hear_pong(&mut self, key: &SourceKey, generation: u64, number: u64) {
        let Some(up) = self.up(key, generation) else {
            return;
        };
        let mut proven = None;
        while let Some((_, sent)) = up.pings.pop_front_if(|(sent, _)| *sent <= number) {
            proven = sent.or(proven);
        }
        if let Some((capture, up_to)) = proven
            && let Some(link) = self.links.get(key)
        {
            link.enter(SocketNews::Delivered(capture, up_to), &self.shared);
        }
    }

    fn hear_text(&mut self, key: &SourceKey, generation: u64, text: String) {
        let Some(up) = self.up(key, generation) else {
            return;
        };
        if text == "ping" {
            let pong = Bytes::copy_from_slice(&earmark_wire::pong());
            // A socket that takes no more is found out by its next ping.
            let _ = up.outgoing.try_send(Outgoing::Binary(pong));
        } else if let Some(link) = self.links.get(key) {
            link.enter(SocketNews::Text(text), &self.shared);
        }
    }

    fn send(&mut self, frames: &LiveFrames, ctx: &mut Context<Self>) {
        let LiveFrames { key, capture, first, frames } = frames;
        let Some(Link { state: State::Up(up), .. }) = self.links.get_mut(key) else {
            return;
        };
        for (place, frame) in (1..).zip(frames.iter()) {
            if up.outgoing.try_send(Outgoing::Binary(frame.bytes.clone())).is_err() {
                return self.went_down(key, BROKEN, ctx);
            }
            up.sent = Some((*capture, first.plus(place)));
        }
    }

    fn keys(&self, chosen: impl Fn(&SourceKey) -> bool) -> Vec<SourceKey> {
        self.links.keys().filter(|key| chosen(key)).cloned().collect()
    }
}

impl Link {
    fn enter(&self, news: SocketNews, shared: &Shared) {
        if self.entry.socket_news(news, shared.now()).is_err() {
            shared.ignored(NAME, "4096 messages of this source wait to be handled");
        }
    }

    fn cancel_retry(&mut self, ctx: &mut Context<Uplink>) {
        if let State::Waiting { retry } = &mut self.state
            && let Some(retry) = retry.take()
        {
            ctx.cancel_future(retry);
        }
    }
}

impl Guarded for Uplink {
    const NAME: &'static str = NAME;

    fn shared(&self) -> &Shared {
        &self.shared
    }
}

impl Actor for Uplink {
    type Context = Context<Self>;
}

impl Handler<WantLive> for Uplink {
    type Result = ();

    fn handle(&mut self, WantLive { entry, wanted }: WantLive, ctx: &mut Context<Self>) {
        self.guarded(|actor| {
            let key = entry.key.clone();
            let idle = Link { entry, failures: 0, state: State::Idle };
            let link = actor.links.entry(key.clone()).or_insert(idle);
            match (&link.state, wanted) {
                (State::Idle, true) => {
                    link.state = State::Waiting { retry: None };
                    actor.dial(&key, ctx);
                }
                (_, true) => {}
                (_, false) => actor.take_down(&key, 1000, ctx),
            }
        });
    }
}

impl Handler<CaptureBegan> for Uplink {
    type Result = ();

    fn handle(&mut self, began: CaptureBegan, ctx: &mut Context<Self>) {
        self.guarded(|actor| {
            actor.encodings.insert(began.key.clone(), began.encoding);
            actor.dial(&began.key, ctx);
        });
    }
}

impl Handler<Came> for Uplink {
    type Result = ();

    fn handle(&mut self, came: Came, ctx: &mut Context<Self>) {
        self.guarded(|actor| {
            let Came { key, generation, incoming } = came;
            match incoming {
                Incoming::Text(text) => actor.hear_text(&key, generation, text),
                Incoming::Pong(number) => actor.hear_pong(&key, generation, number),
                Incoming::Closed(code) if actor.up(&key, generation).is_some() => {
                    actor.went_down(&key, code, ctx);
                }
                Incoming::Closed(_) => {}
            }
        });
    }
}

impl Handler<LiveFrames> for Uplink {
    type Result = ();

    fn handle(&mut self, frames: LiveFrames, ctx: &mut Context<Self>) {
        self.guarded(|actor| actor.send(&frames, ctx));
    }
}

impl Handler<ProveDelivery> for Uplink {
    type Result = ();

    fn handle(&mut self, ProveDelivery(key): ProveDelivery, ctx: &mut Context<Self>) {
        self.guarded(|actor| actor.ping(&key, ctx));
    }
}

impl Handler<NetworkState> for Uplink {
    type Result = ();

    fn handle(&mut self, state: NetworkState, ctx: &mut Context<Self>) {
        self.guarded(|actor| {
            actor.is_online = state.online;
            for key in actor.keys(|_| true) {
                actor.follow(&key, state.online, ctx);
            }
        });
    }
}

impl Handler<AccountChanged> for Uplink {
    type Result = ();

    fn handle(&mut self, changed: AccountChanged, ctx: &mut Context<Self>) {
        self.guarded(|actor| {
            let AccountChanged { account, signed_in } = changed;
            if signed_in {
                actor.signed_out.remove(&account);
            } else {
                actor.signed_out.insert(account.clone());
            }
            for key in actor.keys(|key| key.account == account) {
                actor.follow(&key, signed_in, ctx);
            }
        });
    }
}
