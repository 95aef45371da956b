//! Recordings are let go: what says so is durable before their file is.

use actix::Context;
use earmark_core::sync::UploadStage;
use earmark_core::{Deadline, RecordingId};
use earmark_store::{Record, RecordingFacts, Removal, SealedRecording};

use super::{Announced, NAME, RecordingGone, Waiting, WalStore, tell};

impl WalStore {
    /// Lets a recording go if so much of it was delivered that the policy wants no upload.
    pub(super) fn release(&mut self, token: &SealedRecording, ctx: &mut Context<Self>) -> bool {
        let ledger = self.store.ledger();
        let Some(facts) = ledger.recordings.get(&token.recording()) else {
            return false;
        };
        let undelivered = ledger.undelivered(token.recording());
        // What a request has left for is the server's to confirm.
        let released = facts.upload.requests == 0
            && facts.removing.is_none()
            && self.shared.policy.releases(token.encoding().codec, undelivered);
        if released {
            self.remove(token.recording(), Removal::Released, ctx);
        }
        released
    }

    /// Deletes what is cut, sealed or not. A recording that still takes frames goes when it is
    /// cut, if it was named; one of all of them stays, for what it says from now on.
    pub(super) fn delete(&mut self, chosen: Option<Vec<RecordingId>>, ctx: &mut Context<Self>) {
        let is_named = chosen.is_some();
        let ledger = self.store.ledger();
        let all = || ledger.recordings.keys().copied().collect();
        for recording in chosen.unwrap_or_else(all) {
            let facts = self.store.ledger().recordings.get(&recording);
            match facts.filter(|facts| facts.removing.is_none()) {
                None => self.cannot_delete(recording, "it is not there"),
                Some(facts) if facts.end.is_some() => self.delete_one(recording, ctx),
                Some(_) if is_named => drop(self.unwanted.insert(recording)),
                Some(_) => self.cannot_delete(recording, "it is being captured"),
            }
        }
    }

    fn cannot_delete(&self, recording: RecordingId, why: &str) {
        self.shared.ignored(NAME, format!("{recording} cannot be deleted: {why}"));
    }

    /// Of what a person wanted gone, a recording was cut.
    pub(super) fn drop_unwanted(&mut self, cut: Option<RecordingId>, ctx: &mut Context<Self>) {
        if let Some(recording) = cut.filter(|recording| self.unwanted.remove(recording)) {
            self.delete_one(recording, ctx);
        }
    }

    fn delete_one(&mut self, recording: RecordingId, ctx: &mut Context<Self>) {
        let facts = self.store.ledger().recordings.get(&recording);
        // Of what is synced, its session and its upload have heard the end already.
        let is_settled = facts.is_some_and(|facts| facts.is_synced());
        let key = self.key_of(recording).filter(|_| !is_settled);
        self.remove(recording, Removal::Deleted, ctx);
        // It may have been the one whose seal a link waited for.
        self.links.give_up(recording);
        self.finish_links(ctx);
        if let Some(key) = key {
            tell(&self.peers.sync, RecordingGone { recording, key });
        }
    }

    /// Removes what the server confirmed long enough ago.
    pub(super) fn expire(&mut self, ctx: &mut Context<Self>) {
        let now = self.shared.stamp();
        let is_old = |facts: &RecordingFacts| match facts.upload.stage {
            UploadStage::Synced { at } if facts.removing.is_none() => {
                Deadline::after(at, self.terms.retention).moment(now) <= now.moment
            }
            UploadStage::Synced { .. }
            | UploadStage::Pending { .. }
            | UploadStage::Uploading
            | UploadStage::Accepted { .. }
            | UploadStage::Failed { .. }
            | UploadStage::Corrupted { .. } => false,
        };
        let recordings = self.store.ledger().recordings.iter();
        let old: Vec<RecordingId> =
            recordings.filter(|(_, facts)| is_old(facts)).map(|(id, _)| *id).collect();
        for recording in old {
            self.remove(recording, Removal::Expired, ctx);
        }
    }

    fn remove(&mut self, recording: RecordingId, why: Removal, ctx: &mut Context<Self>) {
        let ticket = self.stage(Record::Removing { recording, why }, true, ctx);
        let why = match why {
            Removal::Released => "released",
            Removal::Deleted => "deleted",
            Removal::Expired => "expired",
        };
        self.shared.bus.announce(NAME, Announced::RecordingRemoved { recording, why });
        self.removing.insert(recording);
        self.wait(ticket, Waiting::Removing(recording), ctx);
    }

    /// Goes on with what a crash has interrupted.
    pub(super) fn finish_removals(&mut self, ctx: &mut Context<Self>) {
        let ledger = self.store.ledger();
        let going = ledger.recordings.iter().filter(|(_, facts)| facts.removing.is_some());
        let going: Vec<RecordingId> = going.map(|(id, _)| *id).collect();
        let now = self.machine.shared().durable();
        for recording in going {
            self.removing.insert(recording);
            self.wait(now, Waiting::Removing(recording), ctx);
        }
    }
}
