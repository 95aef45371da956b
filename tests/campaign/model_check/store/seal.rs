//! Seals and links, as the store's actor makes them.

use std::sync::Arc;

use earmark_core::wal_store::{DiskTask, Event};
use earmark_core::{ConversationId, RecordingId};
use earmark_store::{Link, Record, RecordingFacts, Seal, Sha256Sum};

use super::{Store, Turn, Waiting};
use crate::model_check::words::label;

impl Store {
    pub(super) fn queue_seal(&mut self, recording: RecordingId, turn: &mut Turn<'_>) {
        let after = self.machine.shared().staged();
        if self.ledger.needs_no_seal(recording) {
            return self.wait(after, Waiting::Sealed(recording));
        }
        if self.sealing.insert(recording) {
            let task = DiskTask::Seal(recording);
            self.machine_step(&Event::TaskQueued { task, after }, turn);
        }
    }

    pub(super) fn begin_link(
        &mut self,
        conversation: &ConversationId,
        recordings: &[RecordingId],
        turn: &mut Turn<'_>,
    ) {
        let unsealed = self.links.begin(conversation.clone(), recordings.to_vec(), &self.ledger);
        for recording in unsealed {
            self.queue_seal(recording, turn);
        }
        self.finish_links(turn);
    }

    /// The store begins a seal when all frames of the recording are durable and it is not sealed.
    pub(super) fn start_seal(&mut self, recording: RecordingId, turn: &mut Turn<'_>) {
        let task = DiskTask::Seal(recording);
        if self.can_seal(recording) {
            self.running = Some(task);
            return;
        }
        self.sealing.remove(&recording);
        let through = self.file.durable;
        self.machine_step(&Event::DiskFinished { task, through }, turn);
    }

    fn can_seal(&self, recording: RecordingId) -> bool {
        let durable = self.base.recordings.get(&recording);
        let next = |facts: &RecordingFacts| {
            self.base.captures.get(&facts.capture).map(|capture| capture.next_seq)
        };
        let is_whole = durable.is_some_and(|facts| facts.end.is_some() && next(facts) >= facts.end);
        is_whole && !self.ledger.needs_no_seal(recording)
    }

    /// The file of a recording is written.
    pub(super) fn sealed(&mut self, recording: RecordingId, turn: &mut Turn<'_>) {
        self.sealing.remove(&recording);
        let Some(seal) = self.seal_of(recording) else { return };
        if let Some(seal) = self.links.take_seal(recording, seal) {
            let ticket = self.stage(Record::Sealed { recording, seal }, true, turn);
            return self.wait(ticket, Waiting::Sealed(recording));
        }
        self.finish_links(turn);
    }

    fn seal_of(&self, recording: RecordingId) -> Option<Arc<Seal>> {
        let facts = self.ledger.recordings.get(&recording)?;
        let frames = facts.end?.since(facts.first);
        Some(Arc::new(Seal {
            frames: u32::try_from(frames).ok()?,
            bytes: frames * 84,
            sha256: Sha256Sum([0; 32]),
            started_at: facts.started_at?,
            ended_at: facts.ended_at?,
            twin: 0,
            missing: 0,
        }))
    }

    fn finish_links(&mut self, turn: &mut Turn<'_>) {
        while let Some(link) = self.links.pop_whole(&self.ledger) {
            let ticket = self.stage(link.record(label()), true, turn);
            let Link { conversation, asked, recordings, .. } = link;
            self.wait(ticket, Waiting::Linked { conversation, asked, recordings });
        }
    }
}
