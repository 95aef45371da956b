//! What the live socket has carried of a source's captures.

use alloc::collections::VecDeque;

use crate::{CaptureId, FrameSeq};

/// How many captures' deliveries are followed at once: a proof may come after the next capture
/// began.
pub const CAPTURES_CARRIED_MAX: usize = 4;

/// The frames of one capture that one connection carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Carried {
    /// The capture.
    pub capture: CaptureId,
    /// The first frame that the connection carries.
    pub from: FrameSeq,
    /// The number after the last frame that was handed to the socket.
    pub sent: FrameSeq,
    /// The number after the last frame whose reading was proven.
    pub delivered: FrameSeq,
}

/// The captures that the present connection has carried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Connection {
    carried: VecDeque<Carried>,
}

impl Connection {
    pub(super) fn carry(&mut self, capture: CaptureId, from: FrameSeq) {
        if self.carried.len() == CAPTURES_CARRIED_MAX {
            self.carried.pop_front();
        }
        self.carried.push_back(Carried { capture, from, sent: from, delivered: from });
    }

    pub(super) fn of(&self, capture: CaptureId) -> Option<&Carried> {
        self.carried.iter().find(|carried| carried.capture == capture)
    }

    /// Marks frames as sent; returns which are so for the first time.
    pub(super) fn mark_sent(
        &mut self,
        capture: CaptureId,
        up_to: FrameSeq,
    ) -> Option<(FrameSeq, FrameSeq)> {
        let carried = self.carried.iter_mut().find(|carried| carried.capture == capture)?;
        let new = (carried.sent, up_to);
        carried.sent = carried.sent.max(up_to);
        (new.0 < new.1).then_some(new)
    }

    /// Marks frames as delivered, as far as they were sent; returns which are so for the first
    /// time.
    pub(super) fn mark_delivered(
        &mut self,
        capture: CaptureId,
        up_to: FrameSeq,
    ) -> Option<(FrameSeq, FrameSeq)> {
        let carried = self.carried.iter_mut().find(|carried| carried.capture == capture)?;
        let new = (carried.delivered, up_to.min(carried.sent));
        carried.delivered = carried.delivered.max(new.1);
        (new.0 < new.1).then_some(new)
    }
}
