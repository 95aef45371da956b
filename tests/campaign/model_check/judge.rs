//! `Connectivity` with the production machine.

use earmark_core::connectivity::{Connectivity, Effect, Event};
use earmark_core::{Effects, Machine, Step};

use super::words::{Held, Now, Out, ToJudge, ToSync};

/// The judgement about the network.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Judge {
    machine: Machine<Connectivity>,
}

impl Judge {
    pub(super) fn new() -> Self {
        Self { machine: Machine::new(Connectivity) }
    }

    pub(super) fn step(&mut self, message: &ToJudge, now: Now, outs: &mut Vec<Out>) -> Held {
        let event = match message {
            ToJudge::Host { online: true } => Event::HostOnline,
            ToJudge::Host { online: false } => Event::HostOffline,
            ToJudge::RequestEnded { carried: true } => Event::RequestSucceeded,
            ToJudge::RequestEnded { carried: false } => Event::RequestFailed,
            ToJudge::Died => {
                *self = Self::new();
                return Ok(());
            }
        };
        let mut effects = Effects::new();
        self.machine.step(&event, &mut Step { now: now.moment(), effects: &mut effects });
        outs.extend(effects.drain().map(|effect| {
            Out::Sync(match effect {
                Effect::AnnounceLost => ToSync::Network { online: false },
                Effect::AnnounceReturned => ToSync::Network { online: true },
                Effect::LimitFlights { to_one } => ToSync::FlightLimit { to_one },
            })
        }));
        Ok(())
    }
}
