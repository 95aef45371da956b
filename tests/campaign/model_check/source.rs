//! A source with the production machine: what `FrameIngest` and the handle do with it.

use earmark_core::ingest::{Effect, Event, Source as Machinery};
use earmark_core::session::{Announcement, Event as TrackEvent, Position, Run};
use earmark_core::{CaptureId, Delivery, Effects, FrameSeq, Machine, Step};
use earmark_store::Record;

use super::checks::{self, Turn};
use super::words::{
    ENCODING, Held, Now, Out, Said, ToSource, ToStore, ToTrack, Token, account, conversation,
    device, label,
};

/// Bytes of a frame.
const FRAME_BYTES: usize = 80;

/// The source and who feeds it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Source {
    machine: Machine<Machinery>,
    next_capture: CaptureId,
}

impl Source {
    pub(super) fn new(next_capture: CaptureId) -> Self {
        Self { machine: Machine::new(Machinery::new(Delivery::Keep, false)), next_capture }
    }

    pub(super) fn step(&mut self, event: &ToSource, now: Now, outs: &mut Vec<Out>) -> Held {
        let mut turn = Turn::new(now, outs);
        let turn = &mut turn;
        match event {
            ToSource::Start => self.start(turn),
            ToSource::Stop => self.stop(turn),
            ToSource::Frame => self.frame(turn),
            ToSource::Connected => {
                self.hear(&Event::SocketCameUp, turn);
                self.report(TrackEvent::SocketCameUp(self.position()), turn);
            }
            ToSource::Durable { capture, up_to } => {
                let (capture, up_to) = (*capture, *up_to);
                self.hear(&Event::FramesDurable { capture, up_to }, turn);
            }
            ToSource::Health(Some(refusal)) => {
                self.hear(&Event::StoreRefused(refusal.clone()), turn);
            }
            ToSource::Health(None) => self.hear(&Event::StoreTook, turn),
            ToSource::Heard(said) => {
                let (announcement, position) = (announcement(*said), self.position());
                self.report(TrackEvent::ServerSpoke { announcement, position }, turn);
            }
            ToSource::Died => *self = Self::new(CaptureId::new(1, 1)),
            ToSource::Opened { next_capture } => *self = Self::new(*next_capture),
        }
        std::mem::replace(&mut turn.held, Ok(()))
    }

    fn start(&mut self, turn: &mut Turn<'_>) {
        let (capture, encoding) = (self.next_capture, ENCODING);
        self.next_capture = CaptureId::new(capture.incarnation(), capture.number() + 1);
        self.hear(&Event::CaptureStarted { capture, encoding }, turn);
        let (device, account, at) = (device(), account(), label());
        let opened = Record::CaptureOpened { capture, device, account, encoding, at };
        turn.outs.push(Out::Store(ToStore::Note(opened)));
        self.report(TrackEvent::CaptureStarted { capture, encoding }, turn);
    }

    fn stop(&mut self, turn: &mut Turn<'_>) {
        let Some((capture, _)) = self.machine.shared().position() else { return };
        self.hear(&Event::CaptureStopped, turn);
        self.report(TrackEvent::CaptureStopped(capture), turn);
        let closed = Record::CaptureClosed { capture, at: label() };
        turn.outs.push(Out::Store(ToStore::Note(closed)));
    }

    /// One frame; the store and the sessions hear of it if the machine takes it.
    fn frame(&mut self, turn: &mut Turn<'_>) {
        let Some((capture, _)) = self.machine.shared().position() else { return };
        let mut effects = Effects::new();
        let event = Event::FrameArrived { capture, bytes: FRAME_BYTES };
        self.machine.step(&event, &mut Step { now: turn.now.moment(), effects: &mut effects });
        for effect in effects.drain() {
            if let Effect::TakeFrame(first) = effect {
                self.take(capture, first, turn);
            }
        }
    }

    fn take(&self, capture: CaptureId, first: FrameSeq, turn: &mut Turn<'_>) {
        let now = turn.now.stamp();
        turn.outs.push(Out::Store(ToStore::Append { capture, first, at: now.wall }));
        let run = Run {
            capture,
            first,
            count: 1,
            at: (now.moment, now.moment),
            walls: (now.wall, now.wall),
        };
        self.report(TrackEvent::FramesTaken(run), turn);
    }

    fn hear(&mut self, event: &Event, turn: &mut Turn<'_>) {
        let mut effects = Effects::new();
        self.machine.step(event, &mut Step { now: turn.now.moment(), effects: &mut effects });
        for effect in effects.drain() {
            match effect {
                Effect::ReportUnexpected { state, event } => checks::unexpected(state, event, turn),
                Effect::RecordDelivered { .. }
                | Effect::TakeFrame(_)
                | Effect::RejectFrame(_)
                | Effect::DiscardFrame => {}
            }
        }
    }

    fn report(&self, event: TrackEvent<Token>, turn: &mut Turn<'_>) {
        turn.outs.push(Out::Track(ToTrack::Heard(event, turn.now.moment())));
    }

    fn position(&self) -> Option<Position> {
        let (capture, next) = self.machine.shared().position()?;
        Some(Position { capture, next })
    }

    pub(super) fn is_capturing(&self) -> bool {
        self.machine.shared().position().is_some()
    }
}

fn announcement(said: Said) -> Announcement {
    match said {
        Said::Ended(number) => Announcement::ProcessingStarted(Some(conversation(number))),
        Said::Ready(number) => {
            let conversation = Some(conversation(number));
            Announcement::ConversationEvent { conversation, span: None }
        }
    }
}
