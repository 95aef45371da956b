//! One source: which frames are taken, and what of them counts as delivered.

use std::collections::BTreeMap;

use earmark_core::ingest::{CAPTURES_CARRIED_MAX, Effect, HELD_BYTES_MAX, Refusal, Rejection};
use earmark_core::{CaptureId, Codec, Delivery, Encoding, FrameFault, FrameSeq};

const OPUS: Encoding = Encoding::mono_16k(Codec::Opus);

/// What a source must know, kept as lists that are never cut.
#[derive(Clone, Debug)]
pub struct Model {
    /// What counts as delivered.
    pub delivery: Delivery,
    /// The capture that runs.
    pub running: Option<CaptureId>,
    /// How many captures there were.
    pub captures: u32,
    /// Whether it is muted.
    pub muted: bool,
    /// Why the store takes nothing.
    pub refusal: Option<Refusal>,
    /// Taken frames with their sizes, by capture; a frame's number is its place.
    pub taken: BTreeMap<CaptureId, Vec<usize>>,
    /// The number after the last durable frame, by capture.
    pub durable: BTreeMap<CaptureId, u64>,
    /// By capture, for the present connection: from where on it carries, sent, and proven.
    pub carried: Option<BTreeMap<CaptureId, (u64, u64, u64)>>,
}

impl Model {
    /// A source that captures nothing.
    pub const fn new(delivery: Delivery) -> Self {
        Self {
            delivery,
            running: None,
            captures: 0,
            muted: false,
            refusal: None,
            taken: BTreeMap::new(),
            durable: BTreeMap::new(),
            carried: None,
        }
    }

    /// The capture that was started last, or would be the first.
    pub fn last_capture(&self) -> CaptureId {
        CaptureId::new(1, self.captures.max(1) - 1)
    }

    /// How many frames of a capture were taken.
    pub fn count(&self, capture: CaptureId) -> u64 {
        self.taken.get(&capture).map_or(0, |taken| taken.len() as u64)
    }

    /// How many bytes are taken and not durable.
    pub fn held_bytes(&self) -> usize {
        let of = |(capture, taken): (&CaptureId, &Vec<usize>)| -> usize {
            let durable = self.durable.get(capture).copied().unwrap_or(0);
            taken.iter().skip(durable as usize).sum()
        };
        self.taken.iter().map(of).sum()
    }

    /// The answer to a frame.
    pub fn answer(&mut self, capture: CaptureId, bytes: usize) -> Effect {
        if self.running != Some(capture) {
            return Effect::RejectFrame(Rejection::NotCapturing);
        }
        if let Err(fault) = FrameFault::check(OPUS, bytes) {
            return Effect::RejectFrame(Rejection::Fault(fault));
        }
        if self.muted {
            return Effect::DiscardFrame;
        }
        if let Some(refusal) = &self.refusal {
            return Effect::RejectFrame(Rejection::Store(refusal.clone()));
        }
        if self.held_bytes() + bytes > HELD_BYTES_MAX {
            return Effect::RejectFrame(Rejection::Full);
        }
        let taken = self.taken.entry(capture).or_default();
        taken.push(bytes);
        Effect::TakeFrame(FrameSeq(taken.len() as u64 - 1))
    }

    /// What must be recorded as delivered after frames were sent or proven.
    pub fn deliver(&mut self, capture: CaptureId, up_to: u64, proven: bool) -> Option<Effect> {
        let carried = self.carried.as_mut()?.get_mut(&capture)?;
        let (from, to) =
            if proven { (carried.2, up_to.min(carried.1)) } else { (carried.1, up_to) };
        let edge = if proven { &mut carried.2 } else { &mut carried.1 };
        *edge = (*edge).max(to);
        let counts = proven == (self.delivery != Delivery::Sent);
        (counts && from < to).then_some(Effect::RecordDelivered {
            capture,
            from: FrameSeq(from),
            to: FrameSeq(to),
        })
    }

    /// A capture begins.
    pub fn start(&mut self) -> CaptureId {
        let capture = CaptureId::new(1, self.captures);
        self.captures += 1;
        self.running = Some(capture);
        if let Some(carried) = &mut self.carried {
            carried.insert(capture, (0, 0, 0));
            // Only the latest few are followed.
            while carried.len() > CAPTURES_CARRIED_MAX {
                carried.pop_first();
            }
        }
        capture
    }
}
