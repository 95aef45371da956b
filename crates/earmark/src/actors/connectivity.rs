//! `Connectivity`: tells everybody whether the network is usable.

use actix::{Actor, Context, Handler};
use earmark_core::connectivity::{Connectivity as Machinery, Effect, Event};
use earmark_core::{Effects, Machine, Step};

use super::guard::Guarded;
use super::message::{FlightLimit, HostNetwork, NetworkState, RequestEnded};
use super::peers::tell;
use super::{Peers, Shared};
use crate::event::Event as Announced;

const NAME: &str = "Connectivity";

/// Owns the judgement about the network.
pub(crate) struct Connectivity {
    shared: Shared,
    peers: Peers,
    machine: Machine<Machinery>,
}

impl Connectivity {
    pub(crate) fn new(shared: Shared, peers: Peers) -> Self {
        Self { shared, peers, machine: Machine::new(Machinery) }
    }

    fn step(&mut self, event: Event) {
        self.guarded(|actor| {
            let mut effects = Effects::new();
            let now = actor.shared.now();
            actor.machine.step(&event, &mut Step { now, effects: &mut effects });
            effects.drain().for_each(|effect| actor.obey(effect));
        });
    }

    fn obey(&self, effect: Effect) {
        match effect {
            Effect::AnnounceLost => self.announce(false),
            Effect::AnnounceReturned => self.announce(true),
            Effect::LimitFlights { to_one } => tell(&self.peers.sync, FlightLimit { to_one }),
        }
    }

    fn announce(&self, online: bool) {
        self.shared.bus.announce(NAME, Announced::NetworkChanged { online });
        tell(&self.peers.sync, NetworkState { online });
        tell(&self.peers.uplink, NetworkState { online });
    }
}

impl Guarded for Connectivity {
    const NAME: &'static str = NAME;

    fn shared(&self) -> &Shared {
        &self.shared
    }
}

impl Actor for Connectivity {
    type Context = Context<Self>;
}

impl Handler<HostNetwork> for Connectivity {
    type Result = ();

    fn handle(&mut self, said: HostNetwork, _: &mut Context<Self>) {
        self.step(if said.online { Event::HostOnline } else { Event::HostOffline });
    }
}

impl Handler<RequestEnded> for Connectivity {
    type Result = ();

    fn handle(&mut self, ended: RequestEnded, _: &mut Context<Self>) {
        self.step(if ended.carried { Event::RequestSucceeded } else { Event::RequestFailed });
    }
}
