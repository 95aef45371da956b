//! What each line of a feed does.

mod mishaps;

use std::sync::atomic::Ordering;

use bytes::Bytes;
use earmark::{Device, Network as Net, RecordingId, SignIn, SourceHandle, Status, WallTime};
use earmark_core::ingest::Rejection;
use earmark_store::{DiskError, DiskOp, Narrow};

use super::{PlayError, Player};
use crate::feed::{self, Action, FeedTime, PseudoFrames, RecordingRef, Selector, Times};
use crate::witness::{Answer, Heard};
use crate::world::Life;

impl Player<'_> {
    /// Starts the process, and counts what the last one had taken and is not there any more.
    pub(super) async fn start(&mut self, line: usize) -> Result<(), PlayError> {
        let life = Life::start(&self.setting).await;
        let life = life.map_err(|error| {
            let is_healthy = self.setting.disk.is_healthy();
            self.setting.ears.tell(&Heard::NotStarted(&error, is_healthy));
            // Its lock and all that it held went with it.
            self.setting.disk.kill();
            PlayError::Start { line, error }
        })?;
        for account in &self.signed_out {
            life.runtime().account(account.clone(), SignIn::SignedOut);
        }
        if !self.is_online {
            life.runtime().network(Net::Offline);
        }
        self.life = Some(life);
        let status = self.look().await;
        self.setting.ears.tell(&Heard::Started(&status, &self.setting.disk));
        self.count_lost(&status);
        Ok(())
    }

    /// What was taken and is in no other count is lost: with a process that died before it was
    /// acknowledged, or to damage of the disk.
    pub(super) fn count_lost(&mut self, seen: &Status) {
        let there = seen.frames;
        let kept = there.held + there.released + there.uploaded;
        self.offered.lost = self.taken.saturating_sub(kept);
    }

    /// What the running process knows, or what a dead one has left on the disk.
    pub(super) async fn look(&self) -> Status {
        let now = match &self.life {
            Some(life) => life.runtime().status_now().await.ok(),
            None => None,
        };
        now.unwrap_or_else(|| {
            earmark_store::inspect(&self.setting.disk.aside())
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
            | Action::FrameLate { .. }
            | Action::Mute { .. }
            | Action::Unmute { .. }
            | Action::UserFinish { .. }
            | Action::SocketUp { .. }
            | Action::SocketDown { .. } => self.act_on_device(action).await,
            Action::Kill | Action::PowerCut { .. } => self.die(action).await,
            Action::Restart if self.life.is_none() => return self.start(line).await,
            // Only a feed that nobody has read can ask for it.
            Action::Restart => {}
            Action::ProcessStop { micros } => self.stop(*micros).await,
            Action::ProcessPanic { after } => self.panic_after(*after),
            Action::ProcessUp => return self.up(line).await,
            Action::ProcessDiesOpening { after } => self.die_opening(*after).await,
            Action::ProcessSecond => self.start_second().await,
            Action::Suspend { micros } => self.suspend(*micros),
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
                let path = earmark_store::recording_path(id);
                if self.setting.disk.remove_file(&path) {
                    self.setting.ears.tell(&Heard::Damaged(&path));
                }
            }
            Action::FileDamage { recording, offset, bits } => {
                let path = earmark_store::recording_path(self.find(line, *recording).await?);
                for bit in 0..u64::from(*bits) {
                    self.setting.disk.flip_bit(&path, offset * 8 + bit);
                }
                self.setting.ears.tell(&Heard::Damaged(&path));
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
            | Action::ClockJump { .. }
            | Action::ClockZone { .. }
            | Action::Expect(_) => self.act_on_world(action),
            Action::DiskFault { .. }
            | Action::DiskFull
            | Action::DiskFreed
            | Action::DiskSlip { .. }
            | Action::DiskHeal
            | Action::DiskSlow { .. }
            | Action::DiskDamage { .. } => self.act_on_disk(action),
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
            Action::ClockJump { micros } => self.setting.clock.jump(*micros),
            // Nothing in the runtime knows a time zone: all that is kept and compared is UTC.
            _ => {}
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "`act` has the full list")]
    async fn act_on_device(&mut self, action: &Action) {
        let now = self.now();
        match action {
            Action::CaptureStart { device, account, encoding } => {
                self.captures.began(device, account, *encoding);
                if let Some(handle) = self.handle(device) {
                    // Too much news is refused by the runtime, which counts it.
                    let _ = handle.start(*encoding);
                    let capture = handle.capture();
                    if let Some(capture) = capture {
                        let heard = Heard::Capture(device, account, capture, *encoding);
                        self.setting.ears.tell(&heard);
                    }
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
            Action::FrameLate { device, data, micros } => {
                let captured = self.late(*micros);
                self.offer_captured(device, data.clone(), Some(captured));
            }
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
        // What was to panic dies first.
        self.setting.panics.store(0, Ordering::Relaxed);
        let Some(life) = self.life.take() else { return };
        self.leave_counts(&life).await;
        let mut toll = None;
        if let Action::PowerCut { seed } = action {
            toll = Some(life.cut_power(&self.setting.network, *seed).await);
            self.setting.clock.reboot();
        } else {
            life.kill(&self.setting.network).await;
        }
        self.captures.forget();
        self.setting.ears.tell(&Heard::Died(toll, &self.setting.disk));
    }

    /// What a life has counted goes into the sums over all lives.
    async fn leave_counts(&mut self, life: &Life) {
        self.tell_held();
        self.handled += life.runtime().handled();
        if let Ok(last) = life.runtime().status_now().await {
            self.offered.delivered_before += last.frames.delivered;
            self.offered.events_before.ignored += last.events.ignored;
            self.offered.events_before.unexpected += last.events.unexpected;
        }
    }

    /// Offers a frame to the process, if one runs, and counts what became of it.
    pub(super) fn offer(&mut self, device: &Device, frame: Bytes) {
        self.offer_captured(device, frame, None);
    }

    fn offer_captured(&mut self, device: &Device, frame: Bytes, captured: Option<WallTime>) {
        self.offered.captured += 1;
        let is_heard = self.setting.ears.is_listening();
        let kept = is_heard.then(|| frame.clone());
        let (capture, offered) = match self.handle(device) {
            Some(handle) => {
                let offered = match captured {
                    None => handle.push(frame),
                    Some(captured) => handle.push_captured(frame, captured),
                };
                (handle.capture(), offered.map_err(|rejected| rejected.reason))
            }
            None => (None, Err(Rejection::NotCapturing)),
        };
        match &offered {
            Ok(Some(_)) => self.taken += 1,
            Ok(None) => self.offered.muted += 1,
            Err(_) => self.offered.rejected += 1,
        }
        if let Some(bytes) = kept {
            let answer = match offered {
                Ok(Some(seq)) => Answer::Taken(seq),
                Ok(None) => Answer::Muted,
                Err(_) if self.life.is_none() => Answer::Nobody,
                Err(reason) => Answer::Rejected(reason),
            };
            let source = self.captures.device(device);
            source.offered = true;
            let account = &source.account;
            self.setting.ears.tell(&Heard::Frame(device, account, capture, &bytes, &answer));
        }
    }

    /// Tells how many frames of each device are not acknowledged, where that has changed.
    pub(super) fn tell_held(&mut self) {
        if self.setting.ears.is_listening() {
            let ears = &self.setting.ears;
            self.captures.tell_held(|device, account, held| {
                ears.tell(&Heard::Held(device, account, held));
            });
        }
    }

    /// The feed time now.
    pub(super) fn now(&self) -> FeedTime {
        let micros = self.setting.clock.feed_time().as_micros();
        let now = FeedTime::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
        now.unwrap_or(FeedTime::MAX)
    }

    /// The running process's hold on a device.
    fn handle(&mut self, device: &Device) -> Option<&mut SourceHandle> {
        let runtime = self.life.as_ref()?.runtime();
        let source = self.captures.device(device);
        let is_other =
            source.handle.as_ref().is_some_and(|handle| handle.account() != &source.account);
        if source.handle.is_none() || is_other {
            let handle = runtime.source(device.clone(), source.account.clone()).ok();
            source.replace(handle);
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
        feed::DiskOp::Sync | feed::DiskOp::SyncDir => DiskOp::Sync,
        feed::DiskOp::Rename => DiskOp::Rename,
        feed::DiskOp::Remove => DiskOp::Remove,
        feed::DiskOp::Read | feed::DiskOp::Open => DiskOp::Read,
    }
}

const fn disk_error(error: feed::DiskError) -> DiskError {
    match error {
        feed::DiskError::Eio => DiskError::Eio,
        feed::DiskError::Enospc => DiskError::Enospc,
        feed::DiskError::Eacces => DiskError::Eacces,
        feed::DiskError::Emfile => DiskError::Emfile,
        feed::DiskError::Edquot => DiskError::Edquot,
        feed::DiskError::Erofs => DiskError::Erofs,
    }
}

/// The part of a kind that is meant, when it is not the whole kind.
const fn narrow_op(op: feed::DiskOp) -> Option<Narrow> {
    match op {
        feed::DiskOp::Open => Some(Narrow::Open),
        feed::DiskOp::SyncDir => Some(Narrow::SyncDir),
        feed::DiskOp::Create
        | feed::DiskOp::Write
        | feed::DiskOp::Sync
        | feed::DiskOp::Rename
        | feed::DiskOp::Remove
        | feed::DiskOp::Read => None,
    }
}

/// How often, as the disk counts it: less than none is for ever.
const fn times(times: Times) -> i64 {
    match times {
        Times::Count(times) => times as i64,
        Times::ForEver => -1,
    }
}
