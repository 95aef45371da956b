//! The judgement about the network.

use earmark_core::connectivity::{Connectivity, Effect, Event};
use earmark_core::{Effects, Machine, Moment, Step};
use earmark_tests::models::connectivity::Model;
use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

struct Reference;

impl ReferenceStateMachine for Reference {
    type State = Model;
    type Transition = Event;

    fn init_state() -> BoxedStrategy<Model> {
        Just(Model::default()).boxed()
    }

    fn transitions(_: &Model) -> BoxedStrategy<Event> {
        let failed = Just(Event::RequestFailed);
        let succeeded = Just(Event::RequestSucceeded);
        let host = prop_oneof![Just(Event::HostOffline), Just(Event::HostOnline)];
        prop_oneof![4 => failed, 1 => succeeded, 1 => host].boxed()
    }

    fn apply(mut model: Model, event: &Event) -> Model {
        model.hear(*event);
        model
    }
}

/// The machine, and what everybody was told.
struct Told {
    machine: Machine<Connectivity>,
    is_lost: bool,
    to_one: bool,
}

struct Test;

impl StateMachineTest for Test {
    type SystemUnderTest = Told;
    type Reference = Reference;

    fn init_test(_: &Model) -> Told {
        Told { machine: Machine::new(Connectivity), is_lost: false, to_one: false }
    }

    fn apply(mut told: Told, _: &Model, event: Event) -> Told {
        let mut effects = Effects::new();
        told.machine.step(&event, &mut Step { now: Moment::ZERO, effects: &mut effects });
        for effect in effects.drain() {
            match effect {
                Effect::AnnounceLost => told.is_lost = true,
                Effect::AnnounceReturned => told.is_lost = false,
                Effect::LimitFlights { to_one } => {
                    assert_ne!(to_one, told.to_one, "it was told already");
                    told.to_one = to_one;
                }
            }
        }
        told
    }

    fn check_invariants(told: &Told, model: &Model) {
        assert_eq!(told.machine.state().is_usable(), !model.host_says_no);
        assert_eq!(told.is_lost, model.host_says_no);
        assert_eq!(told.to_one, model.is_suspect());
    }
}

prop_state_machine! {
    #![proptest_config(crate::config())]

    #[test]
    fn the_network_is_judged_as_the_reference_does(sequential 1..60 => Test);
}
