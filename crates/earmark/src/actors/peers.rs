//! What the actors share: each other's addresses, and the few things that all of them need.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix::dev::ToEnvelope;
use actix::{Actor, Addr, Handler, Message};
use earmark_core::{Moment, Policy, Stamp};
use tokio::sync::Notify;

use super::{Connectivity, FrameIngest, SessionSupervisor, SyncWorker, Uplink, WalStore};
use crate::chance::Chance;
use crate::clock::SharedClock;
use crate::event::{Bus, Event};
use crate::numbers::Numbers;

/// The addresses of all actors.
#[derive(Clone, Debug)]
pub(crate) struct Peers {
    pub(crate) ingest: Addr<FrameIngest>,
    pub(crate) store: Addr<WalStore>,
    pub(crate) supervisor: Addr<SessionSupervisor>,
    pub(crate) sync: Addr<SyncWorker>,
    pub(crate) connectivity: Addr<Connectivity>,
    pub(crate) uplink: Addr<Uplink>,
}

/// What all actors need.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) clock: SharedClock,
    pub(crate) chance: Chance,
    pub(crate) policy: Policy,
    pub(crate) numbers: Arc<Numbers>,
    pub(crate) bus: Arc<Bus>,
    poisoned: Arc<AtomicBool>,
    pub(crate) fallen: Arc<Notify>,
}

impl Shared {
    pub(crate) fn new(
        clock: SharedClock,
        chance: Chance,
        policy: Policy,
        numbers: Arc<Numbers>,
        bus: Arc<Bus>,
    ) -> Self {
        let (poisoned, fallen) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
        Self { clock, chance, policy, numbers, bus, poisoned, fallen }
    }

    pub(super) fn now(&self) -> Moment {
        self.clock.stamp().moment
    }

    pub(super) fn stamp(&self) -> Stamp {
        self.clock.stamp()
    }

    pub(super) fn ignored(&self, actor: &'static str, why: impl Into<String>) {
        self.numbers.events_ignored.add(1);
        self.bus.announce(actor, Event::Ignored { why: why.into() });
    }

    pub(super) fn unexpected(&self, actor: &'static str, state: &'static str, event: &'static str) {
        self.numbers.events_unexpected.add(1);
        tracing::error!(actor, state, event, "no state answers this event");
        self.bus.announce(actor, Event::Unexpected { state, event });
    }

    pub(super) fn poison(&self) {
        self.poisoned.store(true, Ordering::SeqCst);
        self.fallen.notify_waiters();
        self.fallen.notify_one();
    }

    pub(crate) fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::SeqCst)
    }
}

/// Sends a control message. The number of these in flight is bounded by what causes them: a frame's
/// by the bytes that a source may hold, an answer's by its question, a timer's by its timer.
#[expect(clippy::disallowed_methods, reason = "the one wrapper that the rule leaves room for")]
pub(crate) fn tell<A, M>(to: &Addr<A>, message: M)
where
    A: Actor + Handler<M>,
    A::Context: ToEnvelope<A, M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    to.do_send(message);
}
