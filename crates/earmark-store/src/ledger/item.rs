//! A ledger in pieces, in which it is written to a snapshot.

use std::sync::Arc;

use earmark_core::{CaptureId, Device, RecordingId, SessionId};
use serde::{Deserialize, Serialize};

use super::index::Index;
use super::{CaptureFacts, Ledger, RecordingFacts, SessionFacts, Totals};

/// One piece. Their order is that of a snapshot of version 1: new ones come last.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Item {
    /// The totals and the highest number of an id.
    Totals(Totals, u32),
    Muted(Device),
    Capture(CaptureId, CaptureFacts),
    Session(SessionId, Arc<SessionFacts>),
    Recording(RecordingId, Arc<RecordingFacts>),
}

impl Ledger {
    /// All that it is made of; a recording comes behind its capture.
    pub(crate) fn items(&self) -> impl Iterator<Item = Item> {
        let totals = std::iter::once(Item::Totals(self.totals, self.highest_id));
        let muted = self.muted.iter().cloned().map(Item::Muted);
        let captures = self.captures.iter();
        let captures = captures.map(|(id, facts)| Item::Capture(*id, facts.clone()));
        let sessions = self.sessions.iter();
        let sessions = sessions.map(|(id, facts)| Item::Session(*id, Arc::clone(facts)));
        let recordings = self.recordings.iter();
        let recordings = recordings.map(|(id, facts)| Item::Recording(*id, Arc::clone(facts)));
        totals.chain(muted).chain(captures).chain(sessions).chain(recordings)
    }

    /// Takes back a piece; [`Ledger::complete`] comes behind the last.
    pub(crate) fn take_item(&mut self, item: Item) {
        match item {
            Item::Totals(totals, highest_id) => {
                (self.totals, self.highest_id) = (totals, highest_id);
            }
            Item::Muted(device) => {
                self.muted.insert(device);
            }
            Item::Capture(id, facts) => {
                self.captures.insert(id, facts);
            }
            Item::Session(id, facts) => {
                self.sessions.insert(id, facts);
            }
            Item::Recording(id, mut facts) => {
                self.share_names(&mut facts);
                self.recordings.insert(id, facts);
            }
        }
    }

    /// Ten thousand recordings have few devices: each name is kept once.
    fn share_names(&self, facts: &mut Arc<RecordingFacts>) {
        if let Some(owner) = self.captures.get(&facts.capture)
            && owner.device == facts.device
            && owner.account == facts.account
        {
            let facts = Arc::make_mut(facts);
            facts.device = owner.device.clone();
            facts.account = owner.account.clone();
        }
    }

    pub(crate) fn complete(&mut self) {
        self.index = Index::of(self);
    }
}
