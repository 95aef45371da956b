//! `Uplink`: the live sockets, one a source, for hosts that have none of their own.
//!
//! A socket carries the frames that are taken while it is up. That a frame was sent proves nothing;
//! a WebSocket ping that carries a number is sent behind it, and the pong with that number proves
//! that the other end has read everything before.
//!
//! ```text
//! off ──wanted──▶ waiting ──▶ connecting ──▶ up
//!                  ▲  ▲            │ refused   │ closed, broken, given up
//!                  │  └─back-off───┴───────────┤      (`live::reaction` has the table)
//!                  │                           │
//!                  ├──fresh token── signing_in ◀
//!                  └──host──────────── stopped ◀
//! ```

mod carry;
mod ends;
mod link;
mod wedge;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};
use earmark_core::session::CONVERSATION_GAP;
use earmark_core::{Account, Codec, Encoding};
use futures_util::stream::{self, StreamExt};
use tokio::sync::oneshot;

use super::Shared;
use super::guard::Guarded;
use super::message::{
    AccountChanged, AskInventory, Came, CaptureBegan, ConversationEnded, Dialled, LiveFrames,
    LiveView, NetworkState, ProveDelivery, WantLive,
};
use crate::live::{
    CLOSE_BROKEN, ClientConversationId, Closed, Dial, Hello, Incoming, LiveSocket, LiveTerms,
    Verdict,
};
use crate::source::{SocketNews, SourceKey};
use ends::SignIn;
use link::{Link, State, Up};

const NAME: &str = "Uplink";
/// The code of a socket that the host wants no more.
const DONE: u16 = 1000;
/// Why a socket is down, in words.
const NO_NETWORK: &str = "the network is gone";
const NO_ACCOUNT: &str = "the account is signed out";

/// Owns the live sockets.
pub(crate) struct Uplink {
    shared: Shared,
    dialer: Option<Arc<dyn Dial>>,
    reconnects: bool,
    terms: LiveTerms,
    is_online: bool,
    signed_out: BTreeSet<Account>,
    sign_ins: BTreeMap<Account, SignIn>,
    links: BTreeMap<SourceKey, Link>,
    /// What each source's latest capture sends, which a socket must say when it comes up.
    encodings: BTreeMap<SourceKey, Encoding>,
    generations: u64,
}

impl Uplink {
    pub(crate) fn new(
        shared: Shared,
        dialer: Option<Arc<dyn Dial>>,
        reconnects: bool,
        terms: LiveTerms,
    ) -> Self {
        Self {
            shared,
            dialer,
            reconnects,
            terms,
            is_online: true,
            signed_out: BTreeSet::new(),
            sign_ins: BTreeMap::new(),
            links: BTreeMap::new(),
            encodings: BTreeMap::new(),
            generations: 0,
        }
    }

    /// Brings a socket up if it is wanted and can be.
    fn dial(&mut self, key: &SourceKey, ctx: &mut Context<Self>) {
        let Some((dialer, encoding)) = self.ready(key) else {
            return;
        };
        let now = self.shared.now();
        let missing = self.missing(key);
        let conversation = self.conversation(key, dialer.as_ref());
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        link.abandon(ctx);
        if let Some(missing) = missing {
            link.state = State::down(self.reconnects);
            link.ended = Some(missing.into());
            return;
        }
        if link.not_before > now {
            let wait = link.not_before.since(now);
            return self.retry_in(key, wait, ctx);
        }
        self.generations += 1;
        let generation = self.generations;
        let (device, account) = (key.device.clone(), key.account.clone());
        let dialled = dialer.dial(Hello { device, account, encoding, conversation });
        let dialled = self.foreign(dialled);
        let source = key.clone();
        let ended = dialled.into_actor(self).map(move |result, actor: &mut Self, ctx| {
            let dialled = Dialled { key: source, generation, result };
            actor.guarded(|actor| actor.dialled(dialled, ctx));
        });
        let dialling = ctx.spawn(ended);
        if let Some(link) = self.links.get_mut(key) {
            link.state = State::Dialling { generation, dialling };
        }
    }

    /// What it takes to bring a socket up, and is not there.
    fn missing(&self, key: &SourceKey) -> Option<&'static str> {
        if !self.is_online {
            return Some(NO_NETWORK);
        }
        self.signed_out.contains(&key.account).then_some(NO_ACCOUNT)
    }

    /// What a socket that waits is brought up with; nothing as long as that is not known.
    fn ready(&self, key: &SourceKey) -> Option<(Arc<dyn Dial>, Encoding)> {
        let (dialer, link) = (self.dialer.as_ref()?, self.links.get(key)?);
        let encoding = self.encodings.get(key).copied();
        let any = || Encoding::mono_16k(Codec::Opus);
        let encoding = encoding.or_else(|| (!dialer.needs_encoding()).then(any))?;
        let is_waiting = matches!(link.state, State::Waiting { .. });
        is_waiting.then(|| (Arc::clone(dialer), encoding))
    }

    /// The client's name for the conversation that goes on: the same at each reconnect, another
    /// after the conversation's end. A server that hears nothing for so long ends it by itself.
    fn conversation(&mut self, key: &SourceKey, dialer: &dyn Dial) -> Option<ClientConversationId> {
        let now = self.shared.now();
        let link = self.links.get_mut(key).filter(|_| dialer.names_conversations())?;
        if now.since(link.last_sent) >= CONVERSATION_GAP {
            link.conversation = None;
        }
        if link.conversation.is_none() {
            let draw = || self.shared.chance.draw();
            link.conversation = Some(ClientConversationId::random(draw(), draw()));
            link.last_sent = now;
        }
        link.conversation
    }

    /// A dial ended; one that is not waited for any more does nothing.
    fn dialled(&mut self, dialled: Dialled, ctx: &mut Context<Self>) {
        let Dialled { key, generation, result } = dialled;
        let is_awaited = self.links.get(&key).is_some_and(|link| {
            matches!(link.state, State::Dialling { generation: expected, .. }
                if expected == generation)
        });
        if !is_awaited {
            return;
        }
        match result {
            Ok(socket) => self.came_up(&key, generation, socket, ctx),
            Err(fault) => self.react(&key, Verdict::of_fault(&fault), ctx),
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
        let (listening, deaf) = oneshot::channel::<()>();
        let source = key.clone();
        let came = stream::poll_fn(move |cx| incoming.poll_recv(cx))
            .take_until(deaf)
            .chain(stream::iter([Incoming::Closed(Closed::broken(""))]))
            .map(move |incoming| Came { key: source.clone(), generation, incoming });
        ctx.add_message_stream(came);
        let beats = key.clone();
        let heartbeat = ctx.run_interval(self.terms.ping_every, move |actor, ctx| {
            actor.guarded(|actor| actor.ping(&beats, ctx));
        });
        let since = self.shared.now();
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        link.ended = None;
        link.state = State::Up(Up {
            generation,
            since,
            outgoing,
            _listening: listening,
            sent: None,
            unheard_since: None,
            was_heard: false,
            has_proven: false,
            pings: VecDeque::new(),
            next_ping: 1,
            heartbeat,
        });
        link.enter(SocketNews::Up, &self.shared);
    }

    /// Takes a socket down, or gives up bringing it up.
    fn take_down(&mut self, key: &SourceKey, code: u16, ctx: &mut Context<Self>) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        link.abandon(ctx);
        if let State::Up(_) = std::mem::replace(&mut link.state, State::Idle) {
            link.enter(SocketNews::Down(code), &self.shared);
        }
    }

    /// What a socket needs is there, or is missing: the network, or its account's credentials.
    fn follow(&mut self, key: &SourceKey, missing: Option<&str>, ctx: &mut Context<Self>) {
        let Some(missing) = missing else {
            return self.dial(key, ctx);
        };
        if self.links[key].state.is_given_up() {
            return;
        }
        self.take_down(key, CLOSE_BROKEN, ctx);
        if let Some(link) = self.links.get_mut(key).filter(|_| self.reconnects) {
            link.state = State::down(true);
            link.ended = Some(missing.into());
            self.show(key);
        }
    }

    /// The host wants a socket; one that was left down is tried anew.
    fn want(&mut self, key: &SourceKey, ctx: &mut Context<Self>) {
        if let Some(link) = self.links.get_mut(key).filter(|link| link.state.is_given_up()) {
            link.forgive();
            link.state = State::Waiting { retry: None };
            self.dial(key, ctx);
        }
    }

    /// A capture began. A socket that said that it carries something else, or was refused for it,
    /// is brought up anew.
    fn follow_capture(&mut self, began: CaptureBegan, ctx: &mut Context<Self>) {
        let CaptureBegan { key, encoding } = began;
        let before = self.encodings.insert(key.clone(), encoding);
        let is_other = before.is_some_and(|before| before != encoding)
            && self.dialer.as_ref().is_some_and(|dialer| dialer.needs_encoding());
        let state = self.links.get(&key).map(|link| &link.state);
        match state {
            Some(State::Up(_) | State::Dialling { .. } | State::Stopped { .. }) if is_other => {
                self.take_down(&key, DONE, ctx);
                self.want(&key, ctx);
            }
            Some(State::Waiting { retry: None }) => self.dial(&key, ctx),
            Some(
                State::Up(_)
                | State::Dialling { .. }
                | State::Stopped { .. }
                | State::Waiting { .. }
                | State::SigningIn
                | State::Idle,
            )
            | None => {}
        }
    }

    /// Somebody has signed in: what was left down for the lack of that is worth another try.
    fn welcome(&mut self, key: &SourceKey, signed_in: bool) {
        if let Some(link) = self.links.get_mut(key).filter(|_| signed_in && self.reconnects) {
            link.forgive();
            if matches!(link.state, State::Stopped { .. }) {
                link.state = State::Waiting { retry: None };
            }
        }
    }

    fn view(key: &SourceKey, link: &Link) -> LiveView {
        LiveView {
            key: key.clone(),
            state: link.state.name(),
            reason: link.ended.clone(),
            next_try: link.state.next_try(),
            needs_sign_in: matches!(link.state, State::Stopped { needs_sign_in: true }),
            fruitless: link.wedge.count(),
            is_wedged: link.is_wedged(),
        }
    }

    fn keys(&self, chosen: impl Fn(&SourceKey) -> bool) -> Vec<SourceKey> {
        self.links.keys().filter(|key| chosen(key)).cloned().collect()
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
            if wanted {
                actor.links.entry(key.clone()).or_insert_with(|| Link::new(entry));
                return actor.want(&key, ctx);
            }
            if let Some(link) = actor.links.get_mut(&key) {
                link.ended = None;
                link.wedge.clear();
            }
            actor.take_down(&key, DONE, ctx);
        });
    }
}

impl Handler<CaptureBegan> for Uplink {
    type Result = ();

    fn handle(&mut self, began: CaptureBegan, ctx: &mut Context<Self>) {
        self.guarded(|actor| actor.follow_capture(began, ctx));
    }
}

impl Handler<ConversationEnded> for Uplink {
    type Result = ();

    fn handle(&mut self, ConversationEnded(key): ConversationEnded, _: &mut Context<Self>) {
        self.guarded(|actor| {
            if let Some(link) = actor.links.get_mut(&key) {
                link.conversation = None;
            }
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
                Incoming::Closed(closed) if actor.up(&key, generation).is_some() => {
                    actor.went_down(&key, &closed, ctx);
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
            let missing = (!state.online).then_some(NO_NETWORK);
            for key in actor.keys(|_| true) {
                actor.follow(&key, missing, ctx);
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
            let missing = (!signed_in).then_some(NO_ACCOUNT);
            for key in actor.keys(|key| key.account == account) {
                actor.welcome(&key, signed_in);
                actor.follow(&key, missing, ctx);
            }
        });
    }
}

impl Handler<AskInventory<Vec<LiveView>>> for Uplink {
    type Result = ();

    fn handle(&mut self, asked: AskInventory<Vec<LiveView>>, _: &mut Context<Self>) {
        self.guarded(|actor| {
            let views = actor.links.iter().map(|(key, link)| Self::view(key, link));
            // Whoever asked may have given up waiting.
            let _ = asked.0.send(views.collect());
        });
    }
}
