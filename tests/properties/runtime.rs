//! The whole runtime beside the model of it, in lock step.
//!
//! A history is what a host, a server, a disk and a person do. After each step of it the runtime is
//! given the time to handle what has come in, and the model hears what was done and what the
//! runtime says of itself. They must agree at every step, refusals included, and in the end the
//! server must hold what the model says.

mod action;
mod host;
mod observe;

use earmark_sim::world::in_virtual_time;
use earmark_tests::reference::Disagreement;
use proptest::collection::vec;
use proptest::prelude::*;

use action::{Action, Trouble, action};
use host::Host;

/// Steps of a history at most.
const STEPS_MAX: usize = 40;

/// Lives a history in virtual time, to its settled end.
fn live(actions: &[Action]) -> Result<(), Disagreement> {
    in_virtual_time(async {
        let mut host = Host::start().await;
        for (step, action) in actions.iter().enumerate() {
            let done = host.act(action).await;
            done.map_err(|why| format!("step {step}, {action:?}: {why}"))?;
        }
        host.end_well().await.map_err(|why| format!("at the end: {why}"))
    })
    .expect("a runtime without I/O needs nothing of the system")
}

fn histories(trouble: Trouble) -> impl Strategy<Value = Vec<Action>> {
    vec(action(trouble), 1..=STEPS_MAX)
}

proptest! {
    #![proptest_config(super::config())]

    #[test]
    fn the_runtime_does_what_the_model_says_on_a_good_day(
        actions in histories(Trouble::None),
    ) {
        live(&actions).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn the_runtime_does_what_the_model_says_of_deaths(
        actions in histories(Trouble::Deaths),
    ) {
        live(&actions).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn the_runtime_does_what_the_model_says_of_bad_disks_and_deaths(
        actions in histories(Trouble::Disks),
    ) {
        live(&actions).map_err(TestCaseError::fail)?;
    }
}
