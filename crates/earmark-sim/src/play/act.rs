//! What each line of a feed does.

use bytes::Bytes;
use earmark::{Device, Network as Net, RecordingId, SignIn, SourceHandle, Status};
use earmark_core::ingest::Rejection;
use earmark_store::{DiskError, DiskOp};

use super::{PlayError, Player};
use crate::feed::{self, Action, FeedTime, PseudoFrames, RecordingRef, Selector, Times};
use crate::world::Life;

impl Player<'_> {
    /// Starts the process, and counts what the last one had taken and is not there any more.
    pub(super) async fn start(&mut self, line: usize) -> Result<(), PlayError> {
        let life = Life::start(&self.setting).await;
        let life = life.map_err(|error| PlayError::Start { line, error })?;
        for account in &self.signed_out {
            life.runtime().account(account.clone(), SignIn::SignedOut);
        }
        if !self.is_online {
            life.runtime().network(Net::Offline);
        }
        self.life = Some(life);
        let there = self.look().await.frames;
        let kept = there.held + there.released + there.uploaded;
        self.offered.lost = self.taken.saturating_sub(kept);
        Ok(())
    }

    /// What the running process knows, or what a dead one has left on the disk.
    pub(super) async fn look(&self) -> Status {
        let now = match &self.life {
            Some(life) => life.runtime().status_now().await.ok(),
            None => None,
        };
        now.unwrap_or_else(|| {
            earmark_store::inspect(&self.setting.disk.life())
                .map(|found| Status::of_store(&found.ledger, self.setting.policy))
                .unwrap_or_default()
        })
    }

    pub(super) async fn act(&mut self, line: usize, action: &Action) -> Result<(), PlayError> {
        match action {
            Action::CaptureStart { .. }
            | Action::CaptureStop { .. }
            | Action::Audio { .. }
            | Action::Frames { .. }
            | Action::Frame { .. }
            | Action::Mute { .. }
            | Action::Unmute { .. }
            | Action::UserFinish { .. }
            | Action::SocketUp { .. }
            | Action::SocketDown { .. } => self.act_on_device(action).await,
            Action::Kill | Action::PowerCut { .. } => self.die(action).await,
            Action::Restart => return self.start(line).await,
            Action::UserRetry { recordings } => {
                let chosen = self.select(line, *recordings).await?;
                self.tell_runtime(|runtime| runtime.retry(chosen));
            }
            Action::UserDelete { recordings } => {
                let chosen = self.select(line, *recordings).await?;
                self.tell_runtime(|runtime| runtime.delete(chosen));
            }
            Action::FileRemove { recording } => {
                let id = self.find(line, *recording).await?;
                self.setting.disk.remove_file(&earmark_store::recording_path(id));
            }
            Action::FileDamage { recording, offset, bits } => {
                let path = earmark_store::recording_path(self.find(line, *recording).await?);
                for bit in 0..u64::from(*bits) {
                    self.setting.disk.flip_bit(&path, offset * 8 + bit);
                }
            }
            Action::Server(action) => self
                .setting
                .network
                .script(action.clone())
                .map_err(|error| PlayError::Script { line, error })?,
            Action::AccountSignIn { .. }
            | Action::AccountSignOut { .. }
            | Action::NetworkOffline
            | Action::NetworkOnline
            | Action::DiskFault { .. }
            | Action::DiskFull
            | Action::DiskFreed
            | Action::ClockJump { .. }
            | Action::Expect(_) => self.act_on_world(action),
        }
        self.settle().await;
        Ok(())
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "`act` has the full list")]
    fn act_on_world(&mut self, action: &Action) {
        match action {
            Action::AccountSignIn { account } => {
                self.signed_out.retain(|one| one != account);
                self.tell_runtime(|runtime| runtime.account(account.clone(), SignIn::SignedIn));
            }
            Action::AccountSignOut { account } => {
                self.signed_out.push(account.clone());
                self.tell_runtime(|runtime| runtime.account(account.clone(), SignIn::SignedOut));
            }
            Action::NetworkOffline => {
                self.is_online = false;
                self.setting.network.go_offline();
                self.tell_runtime(|runtime| runtime.network(Net::Offline));
            }
            Action::NetworkOnline => {
                self.is_online = true;
                self.setting.network.come_online();
                self.tell_runtime(|runtime| runtime.network(Net::Online));
            }
            Action::DiskFault { op, error, times } => {
                let times = match times {
                    Times::Count(times) => i64::from(*times),
                    Times::ForEver => -1,
                };
                self.setting.disk.set_fault(disk_op(*op), disk_error(*error), times);
            }
            Action::DiskFull => self.setting.disk.set_full(true),
            Action::DiskFreed => self.setting.disk.set_full(false),
            Action::ClockJump { micros } => self.setting.clock.jump(*micros),
            _ => {}
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "`act` has the full list")]
    async fn act_on_device(&mut self, action: &Action) {
        let now = FeedTime::from_micros(
            u64::try_from(self.setting.clock.feed_time().as_micros()).unwrap_or(u64::MAX),
        )
        .unwrap_or(FeedTime::MAX);
        match action {
            Action::CaptureStart { device, account, encoding } => {
                self.captures.began(device, account, *encoding);
                if let Some(handle) = self.handle(device) {
                    // Too much news is refused by the runtime, which counts it.
                    let _ = handle.start(*encoding);
                }
            }
            Action::CaptureStop { device } => self.with_handle(device, |handle| handle.stop()),
            Action::Audio { device, micros, source } => {
                let codec = self.captures.device(device).encoding.codec;
                if let Some(sound) = self.sounds.heard(source, *micros, codec) {
                    self.captures.schedule_heard(device, sound, now);
                }
            }
            Action::Frames { device, count, bytes, seed, pace } => {
                let maker = PseudoFrames::new(device, *seed, *bytes);
                if *pace {
                    self.captures.schedule_pseudo(device, maker, *count, now);
                } else {
                    (0..*count).for_each(|place| self.offer(device, maker.frame(place)));
                }
            }
            Action::Frame { device, data } => self.offer(device, data.clone()),
            Action::Mute { device } => self.with_handle(device, |handle| handle.mute(true)),
            Action::Unmute { device } => self.with_handle(device, |handle| handle.mute(false)),
            Action::UserFinish { device } => self.with_handle(device, |handle| handle.finish()),
            Action::SocketUp { device } => {
                if self.setting.network.is_stalled(device) {
                    self.setting.network.close(device, 1006);
                    self.settle().await;
                }
                self.with_handle(device, |handle| handle.live(true));
            }
            Action::SocketDown { device, code } => {
                self.setting.network.close(device, *code);
                self.settle().await;
            }
            _ => {}
        }
    }

    async fn die(&mut self, action: &Action) {
        let Some(life) = self.life.take() else { return };
        if let Ok(last) = life.runtime().status_now().await {
            self.offered.delivered_before += last.frames.delivered;
            self.offered.events_before.ignored += last.events.ignored;
            self.offered.events_before.unexpected += last.events.unexpected;
        }
        if let Action::PowerCut { seed } = action {
            life.cut_power(&self.setting.network, *seed).await;
            self.setting.clock.reboot();
        } else {
            life.kill(&self.setting.network).await;
        }
        self.captures.forget();
    }

    /// Offers a frame to the process, if one runs, and counts what became of it.
    pub(super) fn offer(&mut self, device: &Device, frame: Bytes) {
        self.offered.captured += 1;
        let offered = match self.handle(device) {
            Some(handle) => handle.push(frame).map_err(|rejected| rejected.reason),
            None => Err(Rejection::NotCapturing),
        };
        match offered {
            Ok(Some(_)) => self.taken += 1,
            Ok(None) => self.offered.muted += 1,
            Err(_) => self.offered.rejected += 1,
        }
    }

    /// The running process's hold on a device.
    fn handle(&mut self, device: &Device) -> Option<&mut SourceHandle> {
        let runtime = self.life.as_ref()?.runtime();
        let source = self.captures.device(device);
        let is_other =
            source.handle.as_ref().is_some_and(|handle| handle.account() != &source.account);
        if source.handle.is_none() || is_other {
            source.handle = runtime.source(device.clone(), source.account.clone()).ok();
        }
        source.handle.as_mut()
    }

    fn with_handle<E>(
        &mut self,
        device: &Device,
        act: impl FnOnce(&mut SourceHandle) -> Result<(), E>,
    ) {
        if let Some(handle) = self.handle(device) {
            // Too much news is refused by the runtime, which counts it.
            let _ = act(handle);
        }
    }

    fn tell_runtime(&self, tell: impl FnOnce(&earmark::Runtime)) {
        if let Some(life) = &self.life {
            tell(life.runtime());
        }
    }

    async fn select(
        &self,
        line: usize,
        selector: Selector,
    ) -> Result<Option<Vec<RecordingId>>, PlayError> {
        match selector {
            Selector::All => Ok(None),
            Selector::One(one) => Ok(Some(vec![self.find(line, one).await?])),
        }
    }

    async fn find(&self, line: usize, wanted: RecordingRef) -> Result<RecordingId, PlayError> {
        if let RecordingRef::Id(id) = wanted {
            return Ok(id);
        }
        let there = self.look().await.recordings;
        let found = there.len();
        let place = wanted.place(found);
        let one = place.and_then(|place| there.get(place));
        one.map(|one| one.id).ok_or(PlayError::NoRecording { line, found })
    }
}

const fn disk_op(op: feed::DiskOp) -> DiskOp {
    match op {
        feed::DiskOp::Create => DiskOp::Create,
        feed::DiskOp::Write => DiskOp::Write,
        feed::DiskOp::Sync => DiskOp::Sync,
        feed::DiskOp::Rename => DiskOp::Rename,
        feed::DiskOp::Remove => DiskOp::Remove,
        feed::DiskOp::Read => DiskOp::Read,
    }
}

const fn disk_error(error: feed::DiskError) -> DiskError {
    match error {
        feed::DiskError::Eio => DiskError::Eio,
        feed::DiskError::Enospc => DiskError::Enospc,
        feed::DiskError::Eacces => DiskError::Eacces,
        feed::DiskError::Emfile => DiskError::Emfile,
    }
}
