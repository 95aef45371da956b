//! The machine of one source.

use std::time::Duration;

use earmark_core::ingest::{Effect, Event, HELD_BYTES_MAX, Refusal, Source};
use earmark_core::{
    CaptureId, Codec, Delivery, Effects, Encoding, FRAME_BYTES_MAX, FrameSeq, Machine, Moment, Step,
};
use earmark_tests::models::ingest::Model;

use super::story::Story;
use super::{Bench, Choice, ensure};

const EARLY: &str = "frames count as durable before they are";
const STALE: &str = "what an earlier connection proved counts for the present one";

pub(super) const BENCH: Bench =
    Bench { name: "ingest", run, bugs: &[EARLY, STALE], share: 0.1, replay };

const OPUS: Encoding = Encoding::mono_16k(Codec::Opus);
const KINDS: u32 = 14;
/// Within this time the runtime syncs what it took, hears what a socket proved, and finds out that
/// a disk is full or is not full any more.
const SOON: Duration = Duration::from_secs(1);

fn run(choices: &[u32], bug: Option<&str>) -> Result<(), String> {
    World::new(choices, bug).live(choices)
}

fn replay(choices: &[u32]) -> String {
    let mut world = World::new(choices, None);
    let why = world.live(choices).err().unwrap_or_default();
    // All that was taken reaches the server in the end.
    world.story.stop().disk_full(false);
    world.story.to_feed(&why)
}

struct World {
    machine: Machine<Source>,
    model: Model,
    bug: Option<String>,
    story: Story,
}

impl World {
    /// How frames count as delivered follows from the first choice.
    fn new(choices: &[u32], bug: Option<&str>) -> Self {
        let deliveries = [Delivery::Delivered, Delivery::Sent, Delivery::Keep];
        let first = choices.first().copied().unwrap_or(0);
        let delivery = Choice { kind: 0, rest: first }.one_of(&deliveries);
        Self {
            machine: Machine::new(Source::new(delivery, false)),
            model: Model::new(delivery),
            bug: bug.map(str::to_owned),
            story: Story::beginning(Moment::ZERO),
        }
    }

    fn live(&mut self, choices: &[u32]) -> Result<(), String> {
        choices.iter().try_for_each(|choice| self.take(&Choice::of(*choice, KINDS)))
    }

    fn take(&mut self, choice: &Choice) -> Result<(), String> {
        match choice.kind {
            0 => {
                let capture = self.model.start();
                self.story.start();
                self.expect(&Event::CaptureStarted { capture, encoding: OPUS }, None)
            }
            1 => self.stop(),
            2 => self.frames(choice, 1),
            3 => self.frames(choice, 64),
            4 => self.frames(choice, 3_000),
            5 | 6 => self.durable(choice),
            7 => self.refuse(choice),
            8 => {
                self.model.muted = choice.rest.is_multiple_of(2);
                self.story.mute(self.model.muted);
                let event = if self.model.muted { Event::Muted } else { Event::Unmuted };
                self.expect(&event, None)
            }
            9 => self.socket(choice),
            10 | 11 => self.delivered(choice, false),
            _ => self.delivered(choice, true),
        }
    }

    fn step(&mut self, event: &Event) -> Vec<Effect> {
        let mut effects = Effects::new();
        self.machine.step(event, &mut Step { now: Moment::ZERO, effects: &mut effects });
        effects.drain().collect()
    }

    fn expect(&mut self, event: &Event, effect: Option<Effect>) -> Result<(), String> {
        let found = self.step(event);
        let expected: Vec<Effect> = effect.into_iter().collect();
        ensure(found == expected, || {
            format!("{event:?} ordered {found:?}, and the model {expected:?}")
        })?;
        let shared = self.machine.shared();
        let position = self.model.running.map(|one| (one, FrameSeq(self.model.count(one))));
        ensure(shared.position() == position, || format!("{event:?} led to another position"))?;
        let gate = match (position, self.model.muted, &self.model.refusal) {
            (None, _, _) => "stopped",
            (Some(_), true, _) => "muted",
            (Some(_), false, Some(_)) => "refusing",
            (Some(_), false, None) => "capturing",
        };
        let state = self.machine.state().name();
        ensure(state == gate, || format!("{event:?} led to {state}, and the model to {gate}"))
    }

    fn stop(&mut self) -> Result<(), String> {
        let state = self.machine.state().name();
        let event = Event::CaptureStopped;
        let unexpected = Effect::ReportUnexpected { state, event: event.name() };
        let effect = self.model.running.is_none().then_some(unexpected);
        self.model.running = None;
        self.story.stop();
        self.expect(&event, effect)
    }

    fn some_capture(&self, choice: &Choice) -> CaptureId {
        let known = self.model.captures.max(1);
        let back = (choice.rest / 7) % 3;
        CaptureId::new(1, (known - 1).saturating_sub(back))
    }

    fn frames(&mut self, choice: &Choice, count: u32) -> Result<(), String> {
        let sizes = [80, FRAME_BYTES_MAX, 1, 0, FRAME_BYTES_MAX + 1, 640, FRAME_BYTES_MAX];
        let (capture, bytes) = (self.some_capture(choice), choice.one_of(&sizes));
        let mut offered = 0;
        for _ in 0..count {
            offered += 1;
            let expected = self.model.answer(capture, bytes);
            let taken = matches!(expected, Effect::TakeFrame(_));
            self.expect(&Event::FrameArrived { capture, bytes }, Some(expected))?;
            if !taken {
                break;
            }
        }
        self.tell_frames(capture, offered, bytes);
        let held = self.model.held_bytes();
        ensure(held <= HELD_BYTES_MAX, || format!("{held} bytes are held"))
    }

    /// In a feed frames are always those of the latest capture, so that the late ones of another
    /// cannot be told.
    fn tell_frames(&mut self, capture: CaptureId, count: u64, bytes: usize) {
        if capture == self.model.last_capture() {
            self.story.burst(count, bytes);
        }
    }

    /// The store makes captures durable in their order.
    fn durable(&mut self, choice: &Choice) -> Result<(), String> {
        let capture = self.some_capture(choice);
        let (before, all) =
            (self.model.durable.get(&capture).copied().unwrap_or(0), self.model.count(capture));
        let up_to = before + u64::from(choice.rest / 21) % (all - before + 1);
        for (earlier, taken) in self.model.taken.range(..capture) {
            self.model.durable.insert(*earlier, taken.len() as u64);
        }
        self.model.durable.insert(capture, up_to);
        self.story.wait(SOON);
        let told = if self.bug.as_deref() == Some(EARLY) { all } else { up_to };
        self.expect(&Event::FramesDurable { capture, up_to: FrameSeq(told) }, None)?;
        let held: usize = self.machine.shared().held_frames();
        let expected: u64 = self
            .model
            .taken
            .iter()
            .map(|(one, taken)| {
                taken.len() as u64 - self.model.durable.get(one).copied().unwrap_or(0)
            })
            .sum();
        ensure(held as u64 == expected, || format!("{held} frames are held, not {expected}"))
    }

    fn refuse(&mut self, choice: &Choice) -> Result<(), String> {
        let refusal = match choice.rest % 3 {
            0 => None,
            1 => Some(Refusal::DiskStalled),
            _ => Some(Refusal::DiskFailed(String::from("EIO"))),
        };
        self.model.refusal.clone_from(&refusal);
        self.story.disk_full(refusal.is_some()).wait(SOON);
        let event = refusal.map_or(Event::StoreTook, Event::StoreRefused);
        self.expect(&event, None)
    }

    fn socket(&mut self, choice: &Choice) -> Result<(), String> {
        if choice.rest.is_multiple_of(3) {
            self.model.carried = None;
            self.story.disconnect();
            return self.expect(&Event::SocketWentDown, None);
        }
        let stale = self.model.carried.take().filter(|_| self.bug.as_deref() == Some(STALE));
        let now = self.model.running.map(|one| {
            let next = self.model.count(one);
            (one, (next, next, next))
        });
        self.model.carried = Some(stale.unwrap_or_else(|| now.into_iter().collect()));
        self.story.connect();
        self.expect(&Event::SocketCameUp, None)
    }

    fn delivered(&mut self, choice: &Choice, proven: bool) -> Result<(), String> {
        let capture = self.some_capture(choice);
        let taken = self.model.count(capture);
        let up_to = u64::from(choice.rest / 21) % (taken + 2);
        // A socket sends no more than it was given.
        let up_to = if proven { up_to } else { up_to.min(taken) };
        let effect = self.model.deliver(capture, up_to, proven);
        let seq = FrameSeq(up_to);
        let event = if proven {
            self.story.wait(SOON);
            Event::FramesDelivered { capture, up_to: seq }
        } else {
            Event::FramesSent { capture, up_to: seq }
        };
        self.expect(&event, effect)
    }
}
