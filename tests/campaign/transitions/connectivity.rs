//! The machine that judges the network.

mod replay;

use earmark_core::connectivity::{Connectivity, Effect, Event};
use earmark_core::{Effects, Machine, Moment, Step};
use earmark_tests::models::connectivity::Model;

use super::{Bench, Choice, ensure};

const FLAP: &str = "a request's success counts as the host's word";

pub(super) const BENCH: Bench =
    Bench { name: "connectivity", run, bugs: &[FLAP], share: 0.05, replay: replay::replay };

const EVENTS: [Event; 4] =
    [Event::RequestFailed, Event::RequestSucceeded, Event::HostOffline, Event::HostOnline];

fn event(choice: u32) -> Event {
    Choice { kind: 0, rest: choice }.one_of(&EVENTS)
}

fn run(choices: &[u32], bug: Option<&str>) -> Result<(), String> {
    let mut machine = Machine::new(Connectivity);
    let mut model = Model::default();
    // What the others were told, from the orders alone.
    let (mut lost, mut to_one) = (false, false);
    for choice in choices {
        let event = event(*choice);
        let flaps = event == Event::RequestSucceeded && bug == Some(FLAP);
        let given = if flaps { Event::HostOnline } else { event };
        let mut effects = Effects::new();
        machine.step(&given, &mut Step { now: Moment::ZERO, effects: &mut effects });
        model.hear(event);
        for effect in effects.drain() {
            match effect {
                Effect::AnnounceLost => lost = true,
                Effect::AnnounceReturned => lost = false,
                Effect::LimitFlights { to_one: limit } => {
                    ensure(limit != to_one, || format!("the limit was {to_one} already"))?;
                    to_one = limit;
                }
            }
        }
        ensure(machine.state().is_usable() != model.host_says_no, || {
            format!("after {event:?} the state is {:?}", machine.state())
        })?;
        ensure(lost == model.host_says_no, || format!("after {event:?} lost was told: {lost}"))?;
        let suspect = model.is_suspect();
        ensure(to_one == suspect, || format!("after {event:?} one at a time: {to_one}"))?;
    }
    Ok(())
}
