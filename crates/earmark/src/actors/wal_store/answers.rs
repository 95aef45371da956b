//! Whoever waits for something durable is answered when it is, and not before.

use std::collections::BTreeMap;

use actix::Context;
use earmark_core::invariant::durability::{Acknowledgement, acknowledge_after_sync};
use earmark_core::invariant::uphold;
use earmark_core::wal_store::{DiskTask, Ticket};
use earmark_core::{CaptureId, ConversationId, FrameSeq, RecordingId};
use earmark_store::Record;

use super::{
    Announced, Durable, LinkRecorded, NAME, Purpose, RecordUpload, Sealed, UploadRecorded, Waiting,
    WalStore, place, tell,
};

impl WalStore {
    pub(super) fn answer(&mut self, ctx: &mut Context<Self>) {
        let durable = self.machine.shared().durable();
        self.answer_frames(durable);
        while let Some(entry) = self.waiting.first_entry() {
            if *entry.key() > durable {
                break;
            }
            for waiting in entry.remove() {
                self.answer_one(waiting, ctx);
            }
        }
    }

    /// Tells each capture how far its own frames are durable: a sync covers those of all devices.
    fn answer_frames(&mut self, durable: Ticket) {
        uphold(acknowledge_after_sync(&Acknowledgement {
            synced: durable <= place(self.store.durable()),
            named: true,
            failed_before: false,
        }));
        let mut latest: BTreeMap<CaptureId, FrameSeq> = BTreeMap::new();
        while let Some((_, capture, end)) =
            self.appended.pop_front_if(|(ticket, _, _)| *ticket <= durable)
        {
            let up_to = latest.entry(capture).or_insert(end);
            *up_to = end.max(*up_to);
        }
        for (capture, up_to) in latest {
            tell(&self.peers.ingest, Durable { capture, up_to });
        }
    }

    fn answer_one(&mut self, waiting: Waiting, ctx: &mut Context<Self>) {
        match waiting {
            Waiting::Sealed(recording) => {
                self.announce_seal(recording);
                self.keep_house(ctx);
            }
            Waiting::Linked { conversation, asked, recordings } => {
                self.answer_link(conversation, asked, &recordings);
                self.keep_house(ctx);
            }
            Waiting::Uploaded { recording, purpose } => {
                let recorded = UploadRecorded { recording, purpose, refused: None };
                tell(&self.peers.sync, recorded);
            }
            Waiting::Removing(recording) => {
                let after = self.machine.shared().durable();
                self.queue(DiskTask::Remove(recording), after, ctx);
            }
            // Whoever asked may have given up waiting.
            Waiting::Stopped(answer) => drop(answer.send(())),
        }
    }

    fn announce_seal(&self, recording: RecordingId) {
        if let Some(token) = self.store.sealed(recording) {
            let frames = token.frames();
            self.shared.bus.announce(NAME, Announced::RecordingSealed { recording, frames });
            tell(&self.peers.supervisor, Sealed(token));
        }
    }

    fn answer_link(
        &self,
        conversation: ConversationId,
        asked: Vec<RecordingId>,
        recordings: &[RecordingId],
    ) {
        for recording in recordings {
            let (recording, conversation) = (*recording, conversation.clone());
            let linked = Announced::RecordingLinked { recording, conversation };
            self.shared.bus.announce(NAME, linked);
        }
        let recordings = recordings.iter().filter_map(|id| self.store.sealed(*id)).collect();
        tell(&self.peers.supervisor, LinkRecorded { conversation, asked, recordings });
    }

    /// Snapshots and prunings are cheap to ask for: the store says when there is nothing to do.
    pub(super) fn keep_house(&mut self, ctx: &mut Context<Self>) {
        let after = self.machine.shared().durable();
        self.queue(DiskTask::Snapshot, after, ctx);
        self.queue(DiskTask::Prune, after, ctx);
    }

    /// Keeps an upload's facts, unless the store knows better.
    pub(super) fn record_upload(&mut self, record: RecordUpload, ctx: &mut Context<Self>) {
        let RecordUpload { recording, facts, purpose } = record;
        let names = match &purpose {
            Purpose::Attempt { conversation } => Some(conversation),
            Purpose::Outcome { .. } => None,
        };
        let refused = self.store.ledger().refuses_upload(recording, names);
        if let Some(why) = refused {
            let refused = Some(why.to_owned());
            return tell(&self.peers.sync, UploadRecorded { recording, purpose, refused });
        }
        #[cfg(feature = "planted")]
        if self.shared.planted == Some(earmark_core::Planted::AttemptUnrecorded)
            && !facts.is_final()
        {
            let refused = None;
            return tell(&self.peers.sync, UploadRecorded { recording, purpose, refused });
        }
        let ticket = self.stage(Record::Upload { recording, facts }, true, ctx);
        self.wait(ticket, Waiting::Uploaded { recording, purpose }, ctx);
    }

    pub(super) fn relink(
        &mut self,
        recording: RecordingId,
        reason: String,
        ctx: &mut Context<Self>,
    ) {
        let known = self.store.ledger().recordings.get(&recording);
        if let Some(old) = known.and_then(|facts| facts.conversation.clone()) {
            self.stage(Record::Relinked { recording, old, reason }, true, ctx);
        }
    }
}
