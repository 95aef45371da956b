//! One source.

use earmark_core::ingest::{Effect, Event, Refusal, Source};
use earmark_core::{
    CaptureId, Codec, Delivery, Effects, Encoding, FRAME_BYTES_MAX, FrameSeq, Machine, Moment, Step,
};
use earmark_tests::models::ingest::Model;
use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

/// One thing that happens at a source.
#[derive(Clone, Debug)]
enum Transition {
    Start,
    Stop,
    /// So many frames of a size are offered, for the capture so many before the last.
    Frames(u32, u16, usize),
    /// So many percent of the last capture are durable, and all before it.
    Durable(u8),
    Refuse(Option<Refusal>),
    Mute(bool),
    Socket(bool),
    /// So many percent of a capture went out, or were proven to be read.
    Sent(u32, u8),
    Proven(u32, u8),
}

/// The model, and what the last transition was to the machine: each event with its order.
#[derive(Clone, Debug)]
struct Reference {
    model: Model,
    last: Vec<(Event, Option<Effect>)>,
}

impl Reference {
    fn capture(&self, back: u32) -> CaptureId {
        CaptureId::new(1, self.model.last_capture().number().saturating_sub(back))
    }

    fn place(&self, capture: CaptureId, percent: u8) -> u64 {
        self.model.count(capture) * u64::from(percent) / 100
    }

    fn hear(&mut self, transition: &Transition) {
        self.last.clear();
        let one = match transition {
            Transition::Frames(back, count, bytes) => return self.offer(*back, *count, *bytes),
            Transition::Start => {
                let (capture, encoding) = (self.model.start(), Encoding::mono_16k(Codec::Opus));
                (Event::CaptureStarted { capture, encoding }, None)
            }
            Transition::Stop => {
                let (state, event) = ("stopped", Event::CaptureStopped.name());
                let was_running = self.model.running.take().is_some();
                let order = Effect::ReportUnexpected { state, event };
                (Event::CaptureStopped, (!was_running).then_some(order))
            }
            Transition::Durable(percent) => (self.make_durable(*percent), None),
            Transition::Refuse(refusal) => {
                self.model.refusal.clone_from(refusal);
                (refusal.clone().map_or(Event::StoreTook, Event::StoreRefused), None)
            }
            Transition::Mute(muted) => {
                self.model.muted = *muted;
                (if *muted { Event::Muted } else { Event::Unmuted }, None)
            }
            Transition::Socket(up) => (self.connect(*up), None),
            Transition::Sent(back, percent) => {
                let capture = self.capture(*back);
                let up_to = self.place(capture, *percent);
                let order = self.model.deliver(capture, up_to, false);
                (Event::FramesSent { capture, up_to: FrameSeq(up_to) }, order)
            }
            Transition::Proven(back, percent) => {
                let capture = self.capture(*back);
                let up_to = self.place(capture, *percent);
                let order = self.model.deliver(capture, up_to, true);
                (Event::FramesDelivered { capture, up_to: FrameSeq(up_to) }, order)
            }
        };
        self.last.push(one);
    }

    fn offer(&mut self, back: u32, count: u16, bytes: usize) {
        let capture = self.capture(back);
        for _ in 0..count {
            let order = self.model.answer(capture, bytes);
            self.last.push((Event::FrameArrived { capture, bytes }, Some(order)));
        }
    }

    fn make_durable(&mut self, percent: u8) -> Event {
        let capture = self.capture(0);
        let before = self.model.durable.get(&capture).copied().unwrap_or(0);
        let up_to = before.max(self.place(capture, percent));
        let all = self.model.taken.range(..capture).map(|(one, taken)| (*one, taken.len() as u64));
        let all: Vec<(CaptureId, u64)> = all.chain([(capture, up_to)]).collect();
        self.model.durable.extend(all);
        Event::FramesDurable { capture, up_to: FrameSeq(up_to) }
    }

    fn connect(&mut self, up: bool) -> Event {
        let from = |one| {
            let next = self.model.count(one);
            (one, (next, next, next))
        };
        self.model.carried = up.then(|| self.model.running.map(from).into_iter().collect());
        if up { Event::SocketCameUp } else { Event::SocketWentDown }
    }
}

impl ReferenceStateMachine for Reference {
    type State = Self;
    type Transition = Transition;

    fn init_state() -> BoxedStrategy<Self> {
        let all = [Delivery::Delivered, Delivery::Sent, Delivery::Keep];
        let delivery = proptest::sample::select(all.to_vec());
        delivery.prop_map(|one| Self { model: Model::new(one), last: Vec::new() }).boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Transition> {
        let sizes = vec![80, 1, 0, FRAME_BYTES_MAX, FRAME_BYTES_MAX + 1];
        let size = proptest::sample::select(sizes);
        let counts = prop_oneof![4 => 1..50_u16, 1 => Just(3_300)];
        let refusals =
            vec![None, Some(Refusal::DiskStalled), Some(Refusal::DiskFailed(String::from("EIO")))];
        let percent = || 0..=100_u8;
        prop_oneof![
            2 => Just(Transition::Start),
            1 => Just(Transition::Stop),
            6 => (0..2_u32, counts, size).prop_map(|(b, n, size)| Transition::Frames(b, n, size)),
            3 => percent().prop_map(Transition::Durable),
            1 => proptest::sample::select(refusals).prop_map(Transition::Refuse),
            1 => any::<bool>().prop_map(Transition::Mute),
            2 => any::<bool>().prop_map(Transition::Socket),
            3 => (0..6_u32, percent()).prop_map(|(back, part)| Transition::Sent(back, part)),
            3 => (0..6_u32, percent()).prop_map(|(back, part)| Transition::Proven(back, part)),
        ]
        .boxed()
    }

    fn apply(mut state: Self, transition: &Transition) -> Self {
        state.hear(transition);
        state
    }
}

struct Test;

impl StateMachineTest for Test {
    type SystemUnderTest = Machine<Source>;
    type Reference = Reference;

    fn init_test(reference: &Reference) -> Machine<Source> {
        Machine::new(Source::new(reference.model.delivery, false))
    }

    fn apply(
        mut machine: Machine<Source>,
        reference: &Reference,
        _: Transition,
    ) -> Machine<Source> {
        for (event, expected) in &reference.last {
            let mut effects = Effects::new();
            machine.step(event, &mut Step { now: Moment::ZERO, effects: &mut effects });
            let found: Vec<Effect> = effects.drain().collect();
            let expected: Vec<Effect> = expected.iter().cloned().collect();
            assert_eq!(found, expected, "{event:?}");
        }
        machine
    }

    fn check_invariants(machine: &Machine<Source>, Reference { model, .. }: &Reference) {
        let position = model.running.map(|one| (one, FrameSeq(model.count(one))));
        assert_eq!(machine.shared().position(), position);
        let durable = |one| model.durable.get(one).copied().unwrap_or(0);
        let held = model.taken.iter().map(|(one, taken)| taken.len() as u64 - durable(one));
        assert_eq!(machine.shared().held_frames() as u64, held.sum::<u64>());
    }
}

prop_state_machine! {
    #![proptest_config(crate::config())]

    #[test]
    fn a_source_takes_what_the_reference_takes(sequential 1..60 => Test);
}
