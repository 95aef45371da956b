//! Whether the network is usable.
//!
//! The host is believed at once, both ways: its system knows of a lost link before any request
//! does. Requests tell the rest. A few failures of the network in a row, without one answer between
//! them, make it suspect: uploads go on, each at its own pace, but one at a time, and the first
//! answer of any kind counts as the network's return. What a server answers says nothing against
//! the network.
//!
//! ```text
//! Online  --RequestFailed--> Suspect
//! Suspect --RequestSucceeded | HostOnline--> Online
//! Online | Suspect --HostOffline--> Offline
//! Offline --HostOnline--> Online
//! ```
//!
//! The way out of `Suspect` is any request, since requests go on; the way out of `Offline` is the
//! host, who alone can know. Reports of requests that were in flight when the host spoke change
//! nothing.

use statig::Outcome;
use statig::blocking::{self, IntoStateMachine};

use crate::Step;

/// Failures in a row after which the network is suspect.
pub const FAILURES_MAX: u32 = 3;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// The host says that there is no network.
    HostOffline,
    /// The host says that there is a network.
    HostOnline,
    /// A request was answered, whatever the answer.
    RequestSucceeded,
    /// A request failed for the network's sake.
    RequestFailed,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Tell everybody that no request may leave.
    AnnounceLost,
    /// Tell everybody that requests may leave, and that waiting for the network is over.
    AnnounceReturned,
    /// Let one request leave at a time, or as many as is usual.
    LimitFlights {
        /// Whether only one may.
        to_one: bool,
    },
}

/// Whether the network is usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// As far as anybody knows.
    Online {
        /// Requests in a row that failed for the network's sake.
        failures: u32,
    },
    /// Perhaps; requests go one at a time.
    Suspect,
    /// The host says no.
    Offline,
}

impl State {
    /// The state's name, as it stands in the diagram.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Online { .. } => "Online",
            Self::Suspect => "Suspect",
            Self::Offline => "Offline",
        }
    }

    /// Whether requests may leave.
    pub const fn is_usable(self) -> bool {
        match self {
            Self::Online { .. } | Self::Suspect => true,
            Self::Offline => false,
        }
    }
}

/// The machine; all it knows is its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Connectivity;

impl IntoStateMachine for Connectivity {
    type Event<'evt> = Event;
    type Context<'ctx> = Step<'ctx, Effect>;
    type State = State;
    type Superstate<'sub> = ();

    fn initial() -> State {
        State::Online { failures: 0 }
    }
}

impl blocking::State<Connectivity> for State {
    fn call_handler(
        &mut self,
        _: &mut Connectivity,
        event: &Event,
        step: &mut Step<'_, Effect>,
    ) -> Outcome<Self> {
        match self {
            Self::Online { failures } => online(*failures, *event, step),
            Self::Suspect => suspect(*event, step),
            Self::Offline => offline(*event, step),
        }
    }
}

fn online(failures: u32, event: Event, step: &mut Step<'_, Effect>) -> Outcome<State> {
    match event {
        Event::HostOffline => lost(step),
        Event::HostOnline | Event::RequestSucceeded => {
            Outcome::Transition(State::Online { failures: 0 })
        }
        Event::RequestFailed if failures + 1 < FAILURES_MAX => {
            let failures = failures + 1;
            Outcome::Transition(State::Online { failures })
        }
        Event::RequestFailed => {
            step.order(Effect::LimitFlights { to_one: true });
            Outcome::Transition(State::Suspect)
        }
    }
}

fn suspect(event: Event, step: &mut Step<'_, Effect>) -> Outcome<State> {
    match event {
        Event::HostOffline => {
            step.order(Effect::LimitFlights { to_one: false });
            lost(step)
        }
        Event::HostOnline | Event::RequestSucceeded => {
            step.order(Effect::LimitFlights { to_one: false });
            returned(step)
        }
        Event::RequestFailed => Outcome::Handled,
    }
}

fn offline(event: Event, step: &mut Step<'_, Effect>) -> Outcome<State> {
    match event {
        Event::HostOnline => returned(step),
        Event::HostOffline | Event::RequestSucceeded | Event::RequestFailed => Outcome::Handled,
    }
}

fn lost(step: &mut Step<'_, Effect>) -> Outcome<State> {
    step.order(Effect::AnnounceLost);
    Outcome::Transition(State::Offline)
}

fn returned(step: &mut Step<'_, Effect>) -> Outcome<State> {
    step.order(Effect::AnnounceReturned);
    Outcome::Transition(State::Online { failures: 0 })
}

#[cfg(test)]
mod tests;
