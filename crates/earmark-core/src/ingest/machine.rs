//! The machine of one source.

use alloc::collections::VecDeque;

use statig::Outcome;
use statig::blocking::{IntoStateMachine, State};

use super::carried::{Carried, Connection};
use super::{Effect, Event, Refusal, Rejection};
use crate::{CaptureId, Delivery, Encoding, FrameFault, FrameSeq, Step};

/// How many bytes of one device's frames may wait for the disk.
pub const HELD_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What a source knows in every state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    delivery: Delivery,
    capture: Option<(CaptureId, Encoding)>,
    next: FrameSeq,
    /// The frames that are not durable yet, oldest first.
    held: VecDeque<Held>,
    held_bytes: usize,
    connection: Option<Connection>,
    refusal: Option<Refusal>,
    is_muted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Held {
    capture: CaptureId,
    seq: FrameSeq,
    bytes: u16,
}

/// Whether frames may pass.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Gate {
    /// No capture runs.
    Stopped,
    /// Frames are taken.
    Capturing,
    /// The store takes no frames; they are given back.
    Refusing(Refusal),
    /// Frames are let go.
    Muted,
}

impl Gate {
    /// The state's name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Capturing => "capturing",
            Self::Refusing(_) => "refusing",
            Self::Muted => "muted",
        }
    }
}

type Context<'a> = Step<'a, Effect>;

impl IntoStateMachine for Source {
    type Event<'evt> = Event;
    type Context<'ctx> = Context<'ctx>;
    type State = Gate;
    type Superstate<'sub> = ();

    fn initial() -> Gate {
        Gate::Stopped
    }
}

impl State<Source> for Gate {
    fn call_handler(
        &mut self,
        source: &mut Source,
        event: &Event,
        step: &mut Context<'_>,
    ) -> Outcome<Self> {
        match event {
            Event::FrameArrived { capture, bytes } => {
                source.answer(self, *capture, *bytes, step);
                Outcome::Handled
            }
            Event::CaptureStarted { capture, encoding } => {
                source.start(*capture, *encoding);
                source.gate(self)
            }
            Event::CaptureStopped if *self == Self::Stopped => {
                step.order(Effect::ReportUnexpected { state: self.name(), event: event.name() });
                Outcome::Handled
            }
            Event::CaptureStopped => {
                source.capture = None;
                source.gate(self)
            }
            Event::StoreRefused(refusal) => {
                source.refusal = Some(refusal.clone());
                source.gate(self)
            }
            Event::StoreTook => {
                source.refusal = None;
                source.gate(self)
            }
            Event::Muted => {
                source.is_muted = true;
                source.gate(self)
            }
            Event::Unmuted => {
                source.is_muted = false;
                source.gate(self)
            }
            Event::FramesDurable { .. }
            | Event::SocketCameUp
            | Event::SocketWentDown
            | Event::FramesSent { .. }
            | Event::FramesDelivered { .. } => {
                source.follow(event, step);
                Outcome::Handled
            }
        }
    }
}

impl Source {
    /// A source that captures nothing.
    pub const fn new(delivery: Delivery, is_muted: bool) -> Self {
        Self {
            delivery,
            capture: None,
            next: FrameSeq(0),
            held: VecDeque::new(),
            held_bytes: 0,
            connection: None,
            refusal: None,
            is_muted,
        }
    }

    /// The running capture and the number of its next frame.
    pub fn position(&self) -> Option<(CaptureId, FrameSeq)> {
        self.capture.map(|(capture, _)| (capture, self.next))
    }

    /// What the running capture's frames are.
    pub fn encoding(&self) -> Option<Encoding> {
        self.capture.map(|(_, encoding)| encoding)
    }

    /// Whether a capture runs and is not muted, so that its frames are expected.
    pub const fn expects_frames(&self) -> bool {
        self.capture.is_some() && !self.is_muted
    }

    /// How many taken frames are not durable yet.
    pub fn held_frames(&self) -> usize {
        self.held.len()
    }

    /// What the present connection has carried of a capture.
    pub fn carried(&self, capture: CaptureId) -> Option<&Carried> {
        self.connection.as_ref().and_then(|connection| connection.of(capture))
    }

    /// The state that follows from what is known. Being muted comes before being refused: what a
    /// person muted is nobody's fault.
    fn gate(&self, now: &Gate) -> Outcome<Gate> {
        let next = match (self.capture, self.is_muted, &self.refusal) {
            (None, _, _) => Gate::Stopped,
            (Some(_), true, _) => Gate::Muted,
            (Some(_), false, Some(refusal)) => Gate::Refusing(refusal.clone()),
            (Some(_), false, None) => Gate::Capturing,
        };
        if next == *now { Outcome::Handled } else { Outcome::Transition(next) }
    }

    fn start(&mut self, capture: CaptureId, encoding: Encoding) {
        self.capture = Some((capture, encoding));
        self.next = FrameSeq(0);
        if let Some(connection) = &mut self.connection {
            connection.carry(capture, FrameSeq(0));
        }
    }

    fn answer(&mut self, gate: &Gate, capture: CaptureId, bytes: usize, step: &mut Context<'_>) {
        step.order(match self.admit(gate, capture, bytes) {
            Ok(true) => Effect::TakeFrame(self.hold(capture, bytes)),
            Ok(false) => Effect::DiscardFrame,
            Err(rejection) => Effect::RejectFrame(rejection),
        });
    }

    /// Whether a frame is taken (`true`) or let go because of the mute (`false`).
    fn admit(&self, gate: &Gate, capture: CaptureId, bytes: usize) -> Result<bool, Rejection> {
        let encoding = match self.capture {
            Some((running, encoding)) if running == capture => encoding,
            Some(_) | None => return Err(Rejection::NotCapturing),
        };
        FrameFault::check(encoding, bytes)?;
        match gate {
            Gate::Muted => Ok(false),
            Gate::Stopped => Err(Rejection::NotCapturing),
            Gate::Refusing(refusal) => Err(Rejection::Store(refusal.clone())),
            Gate::Capturing if self.held_bytes + bytes > HELD_BYTES_MAX => Err(Rejection::Full),
            Gate::Capturing => Ok(true),
        }
    }

    fn hold(&mut self, capture: CaptureId, bytes: usize) -> FrameSeq {
        let seq = self.next;
        let held = Held { capture, seq, bytes: u16::try_from(bytes).unwrap_or(u16::MAX) };
        self.held.push_back(held);
        self.held_bytes += usize::from(held.bytes);
        self.next = seq.plus(1);
        seq
    }

    fn follow(&mut self, event: &Event, step: &mut Context<'_>) {
        let delivered = match event {
            Event::FramesDurable { capture, up_to } => {
                self.release(*capture, *up_to);
                None
            }
            Event::SocketCameUp => {
                let mut connection = Connection::default();
                if let Some((capture, _)) = self.capture {
                    connection.carry(capture, self.next);
                }
                self.connection = Some(connection);
                None
            }
            Event::SocketWentDown => {
                self.connection = None;
                None
            }
            Event::FramesSent { capture, up_to } => self.sent(*capture, *up_to),
            Event::FramesDelivered { capture, up_to } => self.delivered(*capture, *up_to),
            Event::CaptureStarted { .. }
            | Event::CaptureStopped
            | Event::FrameArrived { .. }
            | Event::StoreRefused(_)
            | Event::StoreTook
            | Event::Muted
            | Event::Unmuted => None,
        };
        if let Some((capture, from, to)) = delivered {
            step.order(Effect::RecordDelivered { capture, from, to });
        }
    }

    fn sent(
        &mut self,
        capture: CaptureId,
        up_to: FrameSeq,
    ) -> Option<(CaptureId, FrameSeq, FrameSeq)> {
        let (from, to) = self.connection.as_mut()?.mark_sent(capture, up_to)?;
        (self.delivery == Delivery::Sent).then_some((capture, from, to))
    }

    fn delivered(
        &mut self,
        capture: CaptureId,
        up_to: FrameSeq,
    ) -> Option<(CaptureId, FrameSeq, FrameSeq)> {
        let (from, to) = self.connection.as_mut()?.mark_delivered(capture, up_to)?;
        (self.delivery != Delivery::Sent).then_some((capture, from, to))
    }

    fn release(&mut self, capture: CaptureId, up_to: FrameSeq) {
        let is_durable =
            |held: &Held| held.capture < capture || (held.capture == capture && held.seq < up_to);
        while let Some(held) = self.held.front().copied().filter(is_durable) {
            self.held_bytes -= usize::from(held.bytes);
            self.held.pop_front();
        }
    }
}
