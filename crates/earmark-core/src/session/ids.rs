//! Where new sessions and recordings get their numbers from.

use crate::{RecordingId, SessionId};

/// The next numbers of one store. The store says at its opening where they stand.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ids {
    incarnation: u32,
    next_session: u32,
    next_recording: u32,
}

impl Ids {
    /// Goes on after the numbers that the store has already given.
    pub const fn starting_at(session: SessionId, recording: RecordingId) -> Self {
        Self {
            incarnation: session.incarnation(),
            next_session: session.number(),
            next_recording: recording.number(),
        }
    }

    pub(super) fn session(&mut self) -> SessionId {
        let id = SessionId::new(self.incarnation, self.next_session);
        self.next_session += 1;
        id
    }

    pub(super) fn recording(&mut self) -> RecordingId {
        let id = RecordingId::new(self.incarnation, self.next_recording);
        self.next_recording += 1;
        id
    }
}
