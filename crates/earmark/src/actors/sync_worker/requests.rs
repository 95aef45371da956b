//! Requests leave here, and nowhere else.

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use earmark_core::sync::{Api, Delay, Event, PollVerdict, Verdict};
use earmark_core::{ConversationId, RecordingId};
use earmark_store::SealedRecording;
use tokio::sync::oneshot;

use super::super::guard::Guarded;
use super::super::message::{OpenFile, RequestEnded, UploadBegan};
use super::{Announced, NAME, SyncWorker, tell};
use crate::http::Damaged;
use crate::live::SIGN_IN_WAIT;
use crate::source::SourceKey;
use crate::target::{UploadEnd, UploadRequest};

impl SyncWorker {
    /// Checks the file, then sends it. Until the check is over nothing has left.
    pub(super) fn send_upload(
        &mut self,
        recording: SealedRecording,
        conversation: Option<ConversationId>,
        api: Api,
        ordinal: u32,
        ctx: &mut Context<Self>,
    ) {
        let id = recording.recording();
        let (answer, opened) = oneshot::channel();
        tell(&self.peers.store, OpenFile { recording: recording.clone(), ordinal, answer });
        let asked = opened.into_actor(self);
        let request = ctx.spawn(asked.map(move |opened, actor: &mut Self, ctx| {
            actor.guarded(|actor| {
                let blocks = match opened {
                    Ok(Ok(blocks)) => blocks,
                    Ok(Err(found)) if found.may_pass => return actor.not_sent(id, found, ctx),
                    Ok(Err(damaged)) => return actor.file_damaged(id, damaged, ctx),
                    // The store is stopping, and so is this actor.
                    Err(_) => return,
                };
                let request = UploadRequest { recording, conversation, api, blocks };
                actor.upload(request, ordinal, ctx);
            });
        }));
        self.under_way(id, request);
    }

    fn upload(&mut self, request: UploadRequest, ordinal: u32, ctx: &mut Context<Self>) {
        let Some(target) = self.target.clone() else {
            return self.shared.unexpected(NAME, "no_target", "send_upload");
        };
        let (id, frames) = (request.recording.recording(), request.recording.frames());
        self.left(id);
        let key = SourceKey::of(&request.recording);
        tell(&self.peers.supervisor, UploadBegan { recording: id, key });
        let conversation = request.conversation.clone();
        let (recording, attempt) = (id, ordinal);
        self.shared
            .bus
            .announce(NAME, Announced::UploadStarted { recording, conversation, attempt, frames });
        let sent = self.foreign(target.upload(request)).into_actor(self);
        let sent = ctx.spawn(sent.map(move |end, actor: &mut Self, ctx| {
            actor.guarded(|actor| actor.upload_ended(id, ordinal, end, ctx));
        }));
        self.under_way(id, sent);
    }

    fn upload_ended(
        &mut self,
        recording: RecordingId,
        attempt: u32,
        end: UploadEnd,
        ctx: &mut Context<Self>,
    ) {
        let UploadEnd { verdict, outcome, carried, pressure } = end;
        self.shared.bus.announce(NAME, Announced::UploadEnded { recording, attempt, outcome });
        self.observe(carried);
        self.ended(recording);
        self.learn(recording, pressure, verdict.as_ref().ok());
        match verdict {
            Ok(verdict) => self.step(recording, &Event::ReplyArrived { verdict }, ctx),
            Err(damaged) => self.file_damaged(recording, damaged, ctx),
        }
    }

    /// A file could not be read before the first byte left.
    fn not_sent(&mut self, recording: RecordingId, found: Damaged, ctx: &mut Context<Self>) {
        self.ended(recording);
        let reason = found.reason;
        self.step(recording, &Event::AttemptNotMade { reason }, ctx);
    }

    /// A file that cannot be read now is no damage: it waits like anything that the outside
    /// refuses.
    fn file_damaged(&mut self, recording: RecordingId, found: Damaged, ctx: &mut Context<Self>) {
        self.ended(recording);
        let event = if found.may_pass {
            let (reason, delay) = (found.reason, Delay::BackOff);
            Event::ReplyArrived { verdict: Verdict::Waits { reason, delay } }
        } else {
            Event::FileDamaged { reason: found.reason }
        };
        self.step(recording, &event, ctx);
    }

    pub(super) fn poll_job(
        &mut self,
        recording: RecordingId,
        job: String,
        ctx: &mut Context<Self>,
    ) {
        let sealed = self.uploads.get(&recording);
        let sealed = sealed.map(|flight| flight.machine.shared().recording().clone());
        let (Some(target), Some(sealed)) = (self.target.clone(), sealed) else {
            return self.shared.unexpected(NAME, "no_target", "poll_job");
        };
        self.left(recording);
        let polled = self.foreign(target.poll(sealed, job));
        let polled = ctx.spawn(polled.into_actor(self).map(move |end, actor: &mut Self, ctx| {
            actor.guarded(|actor| {
                actor.observe(end.carried);
                actor.ended(recording);
                let verdict: PollVerdict = end.verdict;
                actor.step(recording, &Event::JobPolled { verdict }, ctx);
            });
        }));
        self.under_way(recording, polled);
    }

    pub(super) fn ask_sign_in(&mut self, recording: RecordingId, ctx: &mut Context<Self>) {
        let (Some(target), Some(key)) = (self.target.clone(), self.key_of(recording)) else {
            return self.shared.unexpected(NAME, "no_target", "ask_sign_in");
        };
        let renewed = self.foreign(target.renew_sign_in(key.account));
        let asked = async move { tokio::time::timeout(SIGN_IN_WAIT, renewed).await };
        ctx.spawn(asked.into_actor(self).map(move |renewed, actor: &mut Self, ctx| {
            // A host that does not answer in time has no fresh token for now.
            let is_renewed = renewed.unwrap_or(false);
            let event = if is_renewed { Event::SignInRenewed } else { Event::SignInRefused };
            actor.step(recording, &event, ctx);
        }));
    }

    /// A request is on its way: the pace counts it from now on.
    fn left(&mut self, recording: RecordingId) {
        let now = self.shared.now();
        let flight = self.uploads.get_mut(&recording);
        if let Some(slot) = flight.and_then(|flight| flight.slot.as_mut()) {
            self.pace.sent(slot, now);
        }
    }

    fn under_way(&mut self, recording: RecordingId, request: actix::SpawnHandle) {
        if let Some(flight) = self.uploads.get_mut(&recording) {
            flight.request = Some(request);
        }
    }

    fn ended(&mut self, recording: RecordingId) {
        if let Some(flight) = self.uploads.get_mut(&recording) {
            flight.request = None;
        }
    }

    fn observe(&self, carried: Option<bool>) {
        if let Some(carried) = carried {
            tell(&self.peers.connectivity, RequestEnded { carried });
        }
    }
}
