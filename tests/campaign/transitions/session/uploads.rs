//! The uploads that sessions have let go: requests leave, and recordings settle.

use std::collections::BTreeSet;

use earmark_core::RecordingId;
use earmark_core::session::Event;

use super::World;
use crate::transitions::Choice;

/// Uploads by how far they are.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    waiting: BTreeSet<RecordingId>,
    flying: BTreeSet<RecordingId>,
    failed: BTreeSet<RecordingId>,
}

impl Uploads {
    pub(super) fn start(&mut self, recording: RecordingId) {
        if !self.flying.contains(&recording) {
            self.waiting.insert(recording);
        }
    }

    pub(super) fn crash(&mut self) {
        *self = Self::default();
    }
}

fn some(of: &BTreeSet<RecordingId>, choice: &Choice) -> Option<RecordingId> {
    let count = of.len();
    let place = (count > 0).then(|| choice.rest as usize / 8 % count)?;
    of.iter().nth(place).copied()
}

impl World {
    pub(super) fn begin_upload(&mut self, choice: &Choice) -> Result<(), String> {
        let Some(recording) = some(&self.uploads.waiting, choice) else {
            return Ok(());
        };
        self.uploads.waiting.remove(&recording);
        self.uploads.flying.insert(recording);
        if let Some(kept) = self.store.recordings.get_mut(&recording) {
            kept.has_left = true;
        }
        self.model.forget(recording);
        self.hear(Event::UploadBegan(recording))
    }

    /// A request ends well, ends badly, or a person asks for another.
    pub(super) fn settle_upload(&mut self, choice: &Choice) -> Result<(), String> {
        if choice.rest.is_multiple_of(8)
            && let Some(recording) = some(&self.uploads.failed, choice)
        {
            return self.reopen(recording);
        }
        let Some(recording) = some(&self.uploads.flying, choice) else {
            return Ok(());
        };
        self.uploads.flying.remove(&recording);
        let gone = choice.rest % 8 < 6;
        if !gone {
            self.uploads.failed.insert(recording);
        }
        if let Some(kept) = self.store.recordings.get_mut(&recording) {
            kept.is_settled = true;
        }
        self.model.forget(recording);
        self.hear(Event::UploadSettled { recording, gone })
    }

    fn reopen(&mut self, recording: RecordingId) -> Result<(), String> {
        self.uploads.failed.remove(&recording);
        self.uploads.flying.insert(recording);
        if let Some(kept) = self.store.recordings.get_mut(&recording) {
            kept.is_settled = false;
        }
        self.hear(Event::UploadReopened(recording))
    }

    /// Brings one upload to its end; whether there was one.
    pub(super) fn begin_upload_of_any(&mut self) -> Result<bool, String> {
        let well = Choice { kind: 0, rest: 1 };
        let any = !self.uploads.waiting.is_empty() || !self.uploads.flying.is_empty();
        self.begin_upload(&well)?;
        self.settle_upload(&well)?;
        Ok(any)
    }
}
