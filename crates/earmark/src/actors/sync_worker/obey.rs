//! What the upload machines order is done here.

use actix::{AsyncContext, Context};
use earmark_core::RecordingId;
use earmark_core::sync::{Effect, Event, Settlement};
use earmark_store::SealedRecording;

use super::super::message::{RecordUpload, Relink, UploadReopened};
use super::super::timer::RECHECK;
use super::{NAME, Purpose, SyncWorker, UploadSettled, tell};

impl SyncWorker {
    pub(super) fn obey(
        &mut self,
        recording: RecordingId,
        effect: Effect<SealedRecording>,
        ctx: &mut Context<Self>,
    ) {
        match effect {
            Effect::RequestSlot { turn } => self.queue.ask(recording, turn),
            Effect::ReleaseSlot => self.release_slot(recording),
            Effect::RecordAttempt { facts } => {
                let conversation = self.conversation_of(recording);
                let purpose = Purpose::Attempt { conversation };
                tell(&self.peers.store, RecordUpload { recording, facts, purpose });
            }
            Effect::SendUpload { recording, conversation, api, ordinal } => {
                self.send_upload(recording, conversation, api, ordinal, ctx);
            }
            Effect::PollJob { job } => self.poll_job(recording, job, ctx),
            Effect::RecordOutcome { facts, generation } => {
                let purpose = Purpose::Outcome { generation };
                tell(&self.peers.store, RecordUpload { recording, facts, purpose });
            }
            Effect::Relink { reason } => tell(&self.peers.store, Relink { recording, reason }),
            Effect::ArmTimer { at, generation } => self.arm_timer(recording, at, generation, ctx),
            Effect::CancelTimer => self.cancel_timer(recording, ctx),
            Effect::AskSignIn => self.ask_sign_in(recording, ctx),
            Effect::Settled { how } => self.settle(recording, how, ctx),
            Effect::Reopened => self.reopen(recording),
            Effect::Report(report) => self.show(recording, report),
            Effect::Unexpected { state, event } => self.shared.unexpected(NAME, state, event),
        }
    }

    fn conversation_of(&self, recording: RecordingId) -> Option<earmark_core::ConversationId> {
        self.uploads
            .get(&recording)
            .and_then(|flight| flight.machine.shared().conversation().cloned())
    }

    fn release_slot(&mut self, recording: RecordingId) {
        self.queue.withdraw(recording);
        let slot = self.uploads.get_mut(&recording).and_then(|flight| flight.slot.take());
        if let Some(slot) = slot {
            self.pace.release(slot);
        }
    }

    fn arm_timer(
        &mut self,
        recording: RecordingId,
        at: earmark_core::Moment,
        generation: u64,
        ctx: &mut Context<Self>,
    ) {
        self.cancel_timer(recording, ctx);
        // An upload that hears its timer too early has it set again.
        let wait = at.since(self.shared.now()).min(RECHECK);
        let timer = ctx.run_later(wait, move |actor: &mut Self, ctx| {
            actor.step(recording, &Event::TimerFired { generation }, ctx);
        });
        if let Some(flight) = self.uploads.get_mut(&recording) {
            flight.timer = Some(timer);
        }
    }

    fn cancel_timer(&mut self, recording: RecordingId, ctx: &mut Context<Self>) {
        let timer = self.uploads.get_mut(&recording).and_then(|flight| flight.timer.take());
        if let Some(timer) = timer {
            ctx.cancel_future(timer);
        }
    }

    fn settle(&mut self, recording: RecordingId, how: Settlement, ctx: &mut Context<Self>) {
        let gone = match how {
            Settlement::Synced | Settlement::Deleted => true,
            Settlement::Failed | Settlement::Corrupted => false,
        };
        if let Some(key) = self.key_of(recording) {
            tell(&self.peers.supervisor, UploadSettled { recording, key, gone });
        }
        let request = self.uploads.get_mut(&recording).and_then(|flight| flight.request.take());
        if let Some(request) = request {
            ctx.cancel_future(request);
        }
        if how == Settlement::Deleted {
            self.release_slot(recording);
            self.cancel_timer(recording, ctx);
        }
    }

    fn reopen(&self, recording: RecordingId) {
        if let Some(key) = self.key_of(recording) {
            tell(&self.peers.supervisor, UploadReopened { recording, key });
        }
    }
}
