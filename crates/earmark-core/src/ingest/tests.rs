//! One source on a bench: a producer, a store and a live socket, all of them the test itself.

use alloc::string::String;
use alloc::vec::Vec;

use super::*;
use crate::{
    CaptureId, Codec, Delivery, Effects, Encoding, FRAME_BYTES_MAX, FrameFault, FrameSeq, Machine,
    Moment, Step,
};

mod deliveries;
mod diagram;
mod frames;
mod gates;
mod orders;

const OPUS: Encoding = Encoding::mono_16k(Codec::Opus);
const FIRST: CaptureId = CaptureId::new(1, 1);
const SECOND: CaptureId = CaptureId::new(1, 2);

#[derive(Clone, Debug)]
struct Bench {
    machine: Machine<Source>,
}

impl Bench {
    fn new(delivery: Delivery) -> Self {
        Self { machine: Machine::new(Source::new(delivery, false)) }
    }

    /// The first capture runs.
    fn capturing() -> Self {
        let mut bench = Self::new(Delivery::Delivered);
        bench.start(FIRST);
        bench
    }

    fn hear(&mut self, event: &Event) -> Vec<Effect> {
        let mut effects = Effects::new();
        let mut step = Step { now: Moment::ZERO, effects: &mut effects };
        self.machine.step(event, &mut step);
        effects.drain().collect()
    }

    fn start(&mut self, capture: CaptureId) {
        let event = Event::CaptureStarted { capture, encoding: OPUS };
        assert_eq!(self.hear(&event), []);
    }

    /// The answer to one frame.
    fn offer(&mut self, capture: CaptureId, bytes: usize) -> Effect {
        let mut answers = self.hear(&Event::FrameArrived { capture, bytes });
        assert_eq!(answers.len(), 1, "one frame has one answer");
        answers.remove(0)
    }

    /// So many usual frames are taken.
    fn take(&mut self, capture: CaptureId, count: u64) {
        for _ in 0..count {
            assert!(matches!(self.offer(capture, 80), Effect::TakeFrame(_)));
        }
    }

    fn durable(&mut self, capture: CaptureId, up_to: u64) {
        let event = Event::FramesDurable { capture, up_to: FrameSeq(up_to) };
        assert_eq!(self.hear(&event), []);
    }

    fn sent(&mut self, capture: CaptureId, up_to: u64) -> Vec<Effect> {
        self.hear(&Event::FramesSent { capture, up_to: FrameSeq(up_to) })
    }

    fn delivered(&mut self, capture: CaptureId, up_to: u64) -> Vec<Effect> {
        self.hear(&Event::FramesDelivered { capture, up_to: FrameSeq(up_to) })
    }

    fn state(&self) -> &'static str {
        self.machine.state().name()
    }
}

const fn taken(seq: u64) -> Effect {
    Effect::TakeFrame(FrameSeq(seq))
}

fn failed() -> Refusal {
    Refusal::DiskFailed(String::from("no space is left"))
}
