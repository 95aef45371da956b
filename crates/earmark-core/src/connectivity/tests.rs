use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::graph::{Walk, assert_same, edges_in_doc};
use crate::{Effects, Machine, Moment};

const EVENTS: [Event; 4] =
    [Event::HostOffline, Event::HostOnline, Event::RequestSucceeded, Event::RequestFailed];

fn step(machine: &mut Machine<Connectivity>, event: Event) -> Vec<Effect> {
    let mut effects = Effects::new();
    let mut step = Step { now: Moment::ZERO, effects: &mut effects };
    machine.step(&event, &mut step);
    effects.drain().collect()
}

fn after(events: &[Event]) -> (Machine<Connectivity>, Vec<Effect>) {
    let mut machine = Machine::new(Connectivity);
    let effects = events.iter().flat_map(|event| step(&mut machine, *event)).collect();
    (machine, effects)
}

#[test]
fn the_diagram_shows_the_edges_that_the_machine_has() {
    let walk = Walk {
        step: &|machine: &Machine<Connectivity>, event: &Event| {
            let mut machine = machine.clone();
            step(&mut machine, *event);
            machine
        },
        events: &|_| EVENTS.to_vec(),
        state: &|machine| machine.state().name(),
        event: &|event| match event {
            Event::HostOffline => "HostOffline",
            Event::HostOnline => "HostOnline",
            Event::RequestSucceeded => "RequestSucceeded",
            Event::RequestFailed => "RequestFailed",
        },
        key: &|machine| *machine.state(),
    };
    let real = walk.edges(&[Machine::new(Connectivity)]);
    assert_same(&edges_in_doc(include_str!("../connectivity.rs")), &real);
}

#[test]
fn the_host_is_believed_at_once_both_ways() {
    let (machine, effects) = after(&[Event::HostOffline]);
    assert!(!machine.state().is_usable());
    assert_eq!(effects, [Effect::AnnounceLost]);
    let (machine, effects) = after(&[Event::HostOffline, Event::HostOnline]);
    assert!(machine.state().is_usable());
    assert_eq!(effects, [Effect::AnnounceLost, Effect::AnnounceReturned]);
}

#[test]
fn two_failures_are_chance_and_three_in_a_row_are_suspect() {
    let (machine, effects) = after(&[Event::RequestFailed; 2]);
    assert_eq!(machine.state().name(), "Online");
    assert_eq!(effects, []);
    let (machine, effects) = after(&[Event::RequestFailed; 3]);
    assert_eq!(*machine.state(), State::Suspect);
    assert_eq!(effects, [Effect::LimitFlights { to_one: true }]);
}

#[test]
fn a_success_between_failures_starts_the_count_anew() {
    let (machine, _) = after(&[
        Event::RequestFailed,
        Event::RequestFailed,
        Event::RequestSucceeded,
        Event::RequestFailed,
        Event::RequestFailed,
    ]);
    assert_eq!(machine.state().name(), "Online");
}

#[test]
fn the_first_answer_over_a_suspect_network_is_its_return() {
    let (mut machine, _) = after(&[Event::RequestFailed; 7]);
    assert!(machine.state().is_usable());
    let effects = step(&mut machine, Event::RequestSucceeded);
    assert_eq!(effects, [Effect::LimitFlights { to_one: false }, Effect::AnnounceReturned]);
}

#[test]
fn a_request_that_ends_after_the_host_went_offline_changes_nothing() {
    let (machine, effects) =
        after(&[Event::HostOffline, Event::RequestSucceeded, Event::RequestFailed]);
    assert_eq!(*machine.state(), State::Offline);
    assert_eq!(effects, [Effect::AnnounceLost]);
}

proptest! {
    #[test]
    fn edges_alternate_and_the_limit_on_flights_is_lifted_whenever_it_was_set(
        events in prop::collection::vec(prop::sample::select(EVENTS.to_vec()), 0..60)
    ) {
        let mut machine = Machine::new(Connectivity);
        let (mut usable, mut limited) = (true, false);
        for event in events {
            for effect in step(&mut machine, event) {
                match effect {
                    Effect::AnnounceLost => prop_assert!(core::mem::take(&mut usable)),
                    Effect::AnnounceReturned => usable = true,
                    Effect::LimitFlights { to_one } => {
                        prop_assert_ne!(limited, to_one);
                        limited = to_one;
                    }
                }
            }
            prop_assert_eq!(machine.state().is_usable(), usable);
            prop_assert_eq!(*machine.state() == State::Suspect, limited);
        }
        step(&mut machine, Event::HostOnline);
        prop_assert_eq!(machine.state().name(), "Online");
    }
}
