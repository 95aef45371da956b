//! Seals and links: whoever waits for one is answered when it is durable.

use std::sync::Arc;

use actix::Context;
use earmark_core::RecordingId;
use earmark_core::wal_store::DiskTask;
use earmark_store::{Damage, Link, Record, Seal};

use super::{SealAndLink, Waiting, WalStore};

impl WalStore {
    pub(super) fn queue_seal(&mut self, recording: RecordingId, ctx: &mut Context<Self>) {
        if self.store.ledger().needs_no_seal(recording) {
            // Its seal was found at the opening of the store, and the journal had no room yet to
            // keep it.
            let ticket = self.staged();
            return self.wait(ticket, Waiting::Sealed(recording), ctx);
        }
        if self.sealing.insert(recording) {
            let after = self.staged();
            self.queue(DiskTask::Seal(recording), after, ctx);
        }
    }

    pub(super) fn begin_link(&mut self, link: SealAndLink, ctx: &mut Context<Self>) {
        let SealAndLink { conversation, recordings } = link;
        let unsealed = self.links.begin(conversation, recordings, self.store.ledger());
        for recording in unsealed {
            self.queue_seal(recording, ctx);
        }
        self.finish_links(ctx);
    }

    /// A recording's file is written. Its seal goes into the record of the link that waits for it,
    /// else into one of its own.
    pub(super) fn sealed(
        &mut self,
        recording: RecordingId,
        seal: Arc<Seal>,
        damage: &[Damage],
        ctx: &mut Context<Self>,
    ) {
        for found in damage {
            tracing::error!(%recording, ?found, "frames of the journal could not be read");
        }
        if let Some(seal) = self.links.take_seal(recording, seal) {
            let ticket = self.stage(Record::Sealed { recording, seal }, true, ctx);
            return self.wait(ticket, Waiting::Sealed(recording), ctx);
        }
        self.finish_links(ctx);
    }

    pub(super) fn finish_links(&mut self, ctx: &mut Context<Self>) {
        while let Some(link) = self.links.pop_whole(self.store.ledger()) {
            let ticket = self.stage(link.record(self.shared.stamp()), true, ctx);
            let Link { conversation, asked, recordings, .. } = link;
            self.wait(ticket, Waiting::Linked { conversation, asked, recordings }, ctx);
        }
    }
}
