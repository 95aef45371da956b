//! The frame that all machines share: a statig machine that is a value.

use core::fmt;
use core::hash::{Hash, Hasher};

use statig::blocking::{
    IntoStateMachine, IntoStateMachineExt as _, State, StateMachine, Superstate,
};

use crate::{Effects, Moment};

/// What a handler sees of the world: the time, and where its orders go.
#[derive(Debug)]
pub struct Step<'a, E> {
    /// The time at which the event is handled.
    pub now: Moment,
    /// The orders of this step.
    pub effects: &'a mut Effects<E>,
}

impl<E> Step<'_, E> {
    /// Gives an order.
    pub fn order(&mut self, effect: E) {
        self.effects.push(effect);
    }
}

/// A statig machine as a value: it can be cloned, compared and hashed, so that a search can walk
/// the code that ships.
pub struct Machine<M: IntoStateMachine> {
    inner: StateMachine<M>,
}

impl<M> Machine<M>
where
    M: IntoStateMachine,
    M::State: State<M>,
    for<'sub> M::Superstate<'sub>: Superstate<M>,
{
    /// The machine in its initial state.
    pub fn new(shared: M) -> Self {
        Self { inner: shared.state_machine() }
    }

    /// Handles one event; the orders are then in the context's [`Effects`].
    pub fn step(&mut self, event: &M::Event<'_>, context: &mut M::Context<'_>) {
        self.inner.handle_with_context(event, context);
    }

    /// The state it is in.
    pub fn state(&self) -> &M::State {
        self.inner.state()
    }

    /// What it knows in every state.
    pub fn shared(&self) -> &M {
        self.inner.inner()
    }
}

impl<M> Clone for Machine<M>
where
    M: IntoStateMachine + Clone,
    StateMachine<M>: Clone,
{
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<M> PartialEq for Machine<M>
where
    M: IntoStateMachine + PartialEq,
    M::State: State<M> + PartialEq,
    for<'sub> M::Superstate<'sub>: Superstate<M>,
{
    fn eq(&self, other: &Self) -> bool {
        self.state() == other.state() && self.shared() == other.shared()
    }
}

impl<M> Eq for Machine<M>
where
    M: IntoStateMachine + Eq,
    M::State: State<M> + Eq,
    for<'sub> M::Superstate<'sub>: Superstate<M>,
{
}

impl<M> Hash for Machine<M>
where
    M: IntoStateMachine + Hash,
    M::State: State<M> + Hash,
    for<'sub> M::Superstate<'sub>: Superstate<M>,
{
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.state().hash(hasher);
        self.shared().hash(hasher);
    }
}

impl<M> fmt::Debug for Machine<M>
where
    M: IntoStateMachine + fmt::Debug,
    M::State: State<M> + fmt::Debug,
    for<'sub> M::Superstate<'sub>: Superstate<M>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine")
            .field("state", self.state())
            .field("shared", self.shared())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;
    use alloc::format;
    use core::hash::{BuildHasher as _, BuildHasherDefault, Hasher};

    use super::*;
    use crate::ingest::{Event, Source};
    use crate::{CaptureId, Codec, Delivery, Encoding};

    /// Adds up what it is given: enough to tell a few values apart, the same in every run.
    #[derive(Default)]
    struct Sum(u64);

    impl Hasher for Sum {
        fn write(&mut self, bytes: &[u8]) {
            for byte in bytes {
                self.0 = self.0.wrapping_mul(31).wrapping_add(u64::from(*byte));
            }
        }

        fn finish(&self) -> u64 {
            self.0
        }
    }

    fn stopped() -> Machine<Source> {
        Machine::new(Source::new(Delivery::Delivered, false))
    }

    fn after(event: &Event) -> Machine<Source> {
        let (mut machine, mut effects) = (stopped(), Effects::new());
        machine.step(event, &mut Step { now: Moment::ZERO, effects: &mut effects });
        machine
    }

    /// Machines that differ in their state, in what they know, and in both.
    fn different() -> [Machine<Source>; 3] {
        let encoding = Encoding::mono_16k(Codec::Opus);
        let capture = CaptureId::new(1, 1);
        [
            stopped(),
            after(&Event::SocketCameUp),
            after(&Event::CaptureStarted { capture, encoding }),
        ]
    }

    #[test]
    fn machines_are_the_same_when_they_stand_in_one_state_and_know_the_same() {
        let hasher = BuildHasherDefault::<Sum>::default();
        for (row, machine) in different().iter().enumerate() {
            for (column, other) in different().iter().enumerate() {
                assert_eq!(machine == other, row == column, "{row} {column}");
            }
        }
        let hashes: BTreeSet<u64> = different().iter().map(|one| hasher.hash_one(one)).collect();
        assert_eq!(hashes.len(), different().len());
    }

    #[test]
    fn a_machine_shows_its_state_and_what_it_knows() {
        let shown = format!("{:?}", stopped());
        assert!(shown.contains("Stopped") && shown.contains("Delivered"), "{shown}");
    }
}
