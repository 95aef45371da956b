//! Seals and links: one record names every recording that a link covers, and carries the seals of
//! those that were open.

use std::collections::BTreeSet;
use std::sync::Arc;

use actix::Context;
use earmark_core::wal_store::DiskTask;
use earmark_core::{ConversationId, RecordingId};
use earmark_store::{Damage, Record, Seal};

use super::{SealAndLink, Waiting, WalStore};

/// A link that waits for seals.
pub(super) struct Link {
    conversation: ConversationId,
    recordings: Vec<RecordingId>,
    missing: BTreeSet<RecordingId>,
    seals: Vec<(RecordingId, Arc<Seal>)>,
}

impl WalStore {
    pub(super) fn queue_seal(&mut self, recording: RecordingId, ctx: &mut Context<Self>) {
        if self.is_sealed(recording) {
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
        let missing: BTreeSet<RecordingId> =
            recordings.iter().copied().filter(|id| !self.is_sealed(*id)).collect();
        let unsealed = missing.clone();
        self.links.push(Link { conversation, recordings, missing, seals: Vec::new() });
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
        self.sealing.remove(&recording);
        for found in damage {
            tracing::error!(%recording, ?found, "frames of the journal could not be read");
        }
        let waits = |link: &&mut Link| link.missing.contains(&recording);
        if let Some(link) = self.links.iter_mut().find(waits) {
            link.missing.remove(&recording);
            link.seals.push((recording, seal));
            self.finish_links(ctx);
        } else {
            let ticket = self.stage(Record::Sealed { recording, seal }, true, ctx);
            self.wait(ticket, Waiting::Sealed(recording), ctx);
        }
    }

    fn finish_links(&mut self, ctx: &mut Context<Self>) {
        while let Some(index) = self.links.iter().position(|link| link.missing.is_empty()) {
            let link = self.links.remove(index);
            self.record_link(link, ctx);
        }
    }

    fn record_link(&mut self, link: Link, ctx: &mut Context<Self>) {
        let Link { conversation, recordings, seals, .. } = link;
        let asked = recordings;
        let recordings: Vec<RecordingId> =
            asked.iter().copied().filter(|id| self.may_link(*id)).collect();
        let at = self.shared.stamp();
        let record = Record::Linked {
            conversation: conversation.clone(),
            recordings: recordings.clone(),
            seals,
            at,
        };
        let ticket = self.stage(record, true, ctx);
        self.wait(ticket, Waiting::Linked { conversation, asked, recordings }, ctx);
    }

    fn is_sealed(&self, recording: RecordingId) -> bool {
        let facts = self.store.ledger().recordings.get(&recording);
        facts.is_none_or(|facts| facts.sealed.is_some() || facts.removing.is_some())
    }

    /// A recording keeps the conversation that a request has named, and the one that it has.
    fn may_link(&self, recording: RecordingId) -> bool {
        self.store.ledger().recordings.get(&recording).is_some_and(|facts| {
            facts.conversation.is_none() && facts.upload.requests == 0 && facts.removing.is_none()
        })
    }
}
