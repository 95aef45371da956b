//! Links on their way into the journal: one record names every recording that a link covers, and
//! carries the seals of those that were open.

use std::collections::BTreeSet;
use std::sync::Arc;

use earmark_core::{ConversationId, RecordingId, Stamp};

use crate::ledger::Ledger;
use crate::record::{Record, Seal};

/// Links that wait for the seals of their recordings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Links {
    waiting: Vec<Waiting>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Waiting {
    conversation: ConversationId,
    recordings: Vec<RecordingId>,
    missing: BTreeSet<RecordingId>,
    seals: Vec<(RecordingId, Arc<Seal>)>,
}

/// A link that has all its seals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The conversation.
    pub conversation: ConversationId,
    /// All recordings that it was asked for.
    pub asked: Vec<RecordingId>,
    /// Those of them that it covers: the others have a conversation, or a request left for them.
    pub recordings: Vec<RecordingId>,
    /// The seals that came with it.
    pub seals: Vec<(RecordingId, Arc<Seal>)>,
}

impl Links {
    /// Begins a link. Returns the recordings that must be sealed for it.
    pub fn begin(
        &mut self,
        conversation: ConversationId,
        recordings: Vec<RecordingId>,
        ledger: &Ledger,
    ) -> BTreeSet<RecordingId> {
        let unsealed = |id: &RecordingId| !ledger.needs_no_seal(*id);
        let missing: BTreeSet<RecordingId> = recordings.iter().copied().filter(unsealed).collect();
        let unsealed = missing.clone();
        self.waiting.push(Waiting { conversation, recordings, missing, seals: Vec::new() });
        unsealed
    }

    /// A recording's file is written. Gives the seal back when no link waits for it: then it needs
    /// a record of its own.
    pub fn take_seal(&mut self, recording: RecordingId, seal: Arc<Seal>) -> Option<Arc<Seal>> {
        let waits = |link: &&mut Waiting| link.missing.contains(&recording);
        let Some(link) = self.waiting.iter_mut().find(waits) else {
            return Some(seal);
        };
        link.missing.remove(&recording);
        link.seals.push((recording, seal));
        None
    }

    /// A recording goes before it is sealed: no link waits for its seal any more.
    pub fn give_up(&mut self, recording: RecordingId) {
        for link in &mut self.waiting {
            link.missing.remove(&recording);
        }
    }

    /// Takes out a link that has all its seals.
    pub fn pop_whole(&mut self, ledger: &Ledger) -> Option<Link> {
        let index = self.waiting.iter().position(|link| link.missing.is_empty())?;
        let Waiting { conversation, recordings: asked, seals, .. } = self.waiting.remove(index);
        let recordings = asked.iter().copied().filter(|id| ledger.may_link(*id)).collect();
        Some(Link { conversation, asked, recordings, seals })
    }
}

impl Link {
    /// The record that makes it so.
    pub fn record(&self, at: Stamp) -> Record {
        Record::Linked {
            conversation: self.conversation.clone(),
            recordings: self.recordings.clone(),
            seals: self.seals.clone(),
            at,
        }
    }
}

impl Ledger {
    /// Whether a recording is sealed, or gone, so that no seal is to be made.
    pub fn needs_no_seal(&self, recording: RecordingId) -> bool {
        let facts = self.recordings.get(&recording);
        facts.is_none_or(|facts| facts.sealed.is_some() || facts.removing.is_some())
    }

    /// A recording keeps the conversation that a request has named, and the one that it has.
    fn may_link(&self, recording: RecordingId) -> bool {
        self.recordings.get(&recording).is_some_and(|facts| {
            facts.conversation.is_none() && facts.upload.requests == 0 && facts.removing.is_none()
        })
    }

    /// Why an upload's facts are not kept, in words. The store is where a link and a request that
    /// leaves meet: whichever comes first wins, and a request that would name another conversation
    /// than the recording has is refused. `names` is that conversation, for a request.
    pub fn refuses_upload(
        &self,
        recording: RecordingId,
        names: Option<&Option<ConversationId>>,
    ) -> Option<&'static str> {
        match self.recordings.get(&recording) {
            None => Some("the recording is gone"),
            Some(known) if known.removing.is_some() => Some("the recording is being removed"),
            Some(known) if names.is_some_and(|named| *named != known.conversation) => {
                Some("the recording was linked meanwhile")
            }
            Some(_) => None,
        }
    }
}
