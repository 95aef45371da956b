//! What each line of a feed does in the real world.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use bytes::Bytes;
use earmark::{Device, Network, RecordingId, SignIn, SocketStatus, SourceHandle, TooMuchNews};
use earmark_backend::ServerAction;
use earmark_sim::feed::{Action, FeedTime, Line, PseudoFrames, RecordingRef, Selector};
use rustix::process::{Signal, getpid, kill_process};

use super::Player;
use super::frames::Made;
use super::sockets::Sockets;
use crate::exit::Failure;

impl Player<'_> {
    pub(super) async fn act(&mut self, line: &Line) -> Result<(), Failure> {
        let (line, at, action) = (line.number, line.at, &line.action);
        match action {
            Action::CaptureStart { device, account, encoding } => {
                self.frames.began(device, account, *encoding);
                self.with_handle(line, device, |handle| handle.start(*encoding))
            }
            Action::CaptureStop { device } => {
                self.with_handle(line, device, |handle| handle.stop())
            }
            Action::Audio { .. } | Action::Frames { .. } | Action::Frame { .. } => {
                self.hear(action, at);
                Ok(())
            }
            Action::Mute { device } => self.with_handle(line, device, |handle| handle.mute(true)),
            Action::Unmute { device } => {
                self.with_handle(line, device, |handle| handle.mute(false))
            }
            Action::UserFinish { device } => {
                self.with_handle(line, device, |handle| handle.finish())
            }
            Action::SocketUp { device } => {
                self.end_stall(line, device).await?;
                let waits = self.waits(device).await?;
                self.with_socket(line, device, |sockets, handle| sockets.up(handle, waits))
            }
            Action::SocketDown { device, .. } => {
                self.with_socket(line, device, |sockets, handle| sockets.down(handle))
            }
            Action::Server(action) => {
                if let ServerAction::Stall { device } = action {
                    self.stalled.insert(device.clone());
                }
                let done = self.server.act(action).await;
                done.map_err(|reason| self.stuck(line, reason))
            }
            Action::UserRetry { .. }
            | Action::UserDelete { .. }
            | Action::FileRemove { .. }
            | Action::FileDamage { .. } => self.act_on_recordings(line, action).await,
            Action::AccountSignIn { .. }
            | Action::AccountSignOut { .. }
            | Action::NetworkOffline
            | Action::NetworkOnline => {
                self.surround(action).map_err(|error| self.stuck(line, error))
            }
            Action::Kill => die(),
            // A killed process is started again by whoever started it; the others are refused
            // before anything runs, and expectations are not done.
            Action::Restart
            | Action::FrameLate { .. }
            | Action::DiskSlip { .. }
            | Action::DiskHeal
            | Action::DiskSlow { .. }
            | Action::DiskDamage { .. }
            | Action::ProcessStop { .. }
            | Action::ProcessPanic { .. }
            | Action::ProcessUp
            | Action::ProcessDiesOpening { .. }
            | Action::ProcessSecond
            | Action::ClockZone { .. }
            | Action::Suspend { .. }
            | Action::DiskFault { .. }
            | Action::DiskFull
            | Action::DiskFreed
            | Action::PowerCut { .. }
            | Action::ClockJump { .. }
            | Action::Expect(_) => Ok(()),
        }
    }

    /// A socket that is stalled goes down before it comes up.
    async fn end_stall(&mut self, line: usize, device: &Device) -> Result<(), Failure> {
        if self.take_stalled(device) {
            self.with_socket(line, device, |sockets, handle| sockets.down(handle))?;
            self.let_instant_pass().await;
        }
        Ok(())
    }

    fn hear(&mut self, action: &Action, at: FeedTime) {
        if let Action::Audio { device, micros, source } = action {
            let codec = self.frames.device(device).encoding.codec;
            if let Some(sound) = self.script.sounds.heard(source, *micros, codec) {
                self.frames.schedule(device, Made::Heard(sound), at);
            }
        } else if let Action::Frames { device, count, bytes, seed, pace } = action {
            let maker = PseudoFrames::new(device, *seed, *bytes);
            if *pace {
                self.frames.schedule(device, Made::Pseudo { maker, count: *count }, at);
            } else {
                (0..*count).for_each(|place| self.offer(device, maker.frame(place), at));
            }
        } else if let Action::Frame { device, data } = action {
            self.offer(device, data.clone(), at);
        }
    }

    /// Offers the frames that are due.
    pub(super) fn offer_due(&mut self, now: FeedTime) {
        for (device, frame, at) in self.frames.take_due(now) {
            self.offer(&device, frame, at);
        }
    }

    /// Offers a frame that was captured at a feed time, and counts what became of it.
    fn offer(&mut self, device: &Device, frame: Bytes, at: FeedTime) {
        self.offered.captured += 1;
        let captured = self.began.1.wall + at.since_start();
        let offered = self.handle(device).map(|handle| handle.push_captured(frame, captured));
        match offered {
            Some(Ok(Some(_))) => {}
            Some(Ok(None)) => self.offered.muted += 1,
            Some(Err(_)) | None => self.offered.rejected += 1,
        }
    }

    fn handle(&mut self, device: &Device) -> Option<&mut SourceHandle> {
        let speaker = self.frames.device(device);
        if speaker.handle.is_none() {
            let account = speaker.account.clone();
            speaker.handle = self.runtime.source(device.clone(), account).ok();
        }
        speaker.handle.as_mut()
    }

    fn with_handle<E: std::fmt::Display>(
        &mut self,
        line: usize,
        device: &Device,
        act: impl FnOnce(&mut SourceHandle) -> Result<(), E>,
    ) -> Result<(), Failure> {
        let Some(handle) = self.handle(device) else {
            return Err(self.stuck(line, "no further device is taken"));
        };
        act(handle).map_err(|error| self.stuck(line, error))
    }

    fn with_socket(
        &mut self,
        line: usize,
        device: &Device,
        act: impl FnOnce(&mut Sockets, &SourceHandle) -> Result<(), TooMuchNews>,
    ) -> Result<(), Failure> {
        let Some(handle) = self.handle(device).cloned() else {
            return Err(self.stuck(line, "no further device is taken"));
        };
        act(&mut self.sockets, &handle).map_err(|error| self.stuck(line, error))
    }

    /// Whether a device's socket was up, went down, and waits for its next try.
    async fn waits(&mut self, device: &Device) -> Result<bool, Failure> {
        let account = self.frames.device(device).account.clone();
        let sockets = self.look().await?.sockets;
        let own = |socket: &&SocketStatus| socket.device == *device && socket.account == account;
        Ok(sockets.iter().find(own).is_some_and(|socket| socket.next_try.is_some()))
    }

    /// Whether a device's socket was stalled; asked for anew, it is no longer.
    fn take_stalled(&mut self, device: &Device) -> bool {
        let named = self.stalled.remove(&Some(device.as_str().to_owned()));
        self.stalled.remove(&None) || named
    }

    /// Has the runtime hear of what is around it, which is first made so.
    fn surround(&mut self, action: &Action) -> Result<(), TooMuchNews> {
        if let Action::AccountSignIn { account } = action {
            self.runtime.account(account.clone(), SignIn::SignedIn);
            self.sockets.set_signed_out(account, false)
        } else if let Action::AccountSignOut { account } = action {
            self.runtime.account(account.clone(), SignIn::SignedOut);
            self.sockets.set_signed_out(account, true)
        } else if matches!(action, Action::NetworkOffline) {
            self.server.set_reachable(false);
            self.runtime.network(Network::Offline);
            self.sockets.set_offline(true)
        } else {
            self.server.set_reachable(true);
            self.runtime.network(Network::Online);
            self.sockets.set_offline(false)
        }
    }

    async fn act_on_recordings(&mut self, line: usize, action: &Action) -> Result<(), Failure> {
        if let Action::UserRetry { recordings } = action {
            let chosen = self.select(line, *recordings).await?;
            self.runtime.retry(chosen);
        } else if let Action::UserDelete { recordings } = action {
            let chosen = self.select(line, *recordings).await?;
            self.runtime.delete(chosen);
        } else if let Action::FileRemove { recording } = action {
            let path = self.file(line, *recording).await?;
            fs::remove_file(&path).map_err(|error| self.stuck(line, error))?;
        } else if let Action::FileDamage { recording, offset, bits } = action {
            let path = self.file(line, *recording).await?;
            damage(&path, *offset, *bits).map_err(|error| self.stuck(line, error))?;
        }
        Ok(())
    }

    async fn select(
        &self,
        line: usize,
        selector: Selector,
    ) -> Result<Option<Vec<RecordingId>>, Failure> {
        match selector {
            Selector::All => Ok(None),
            Selector::One(one) => Ok(Some(vec![self.find(line, one).await?])),
        }
    }

    async fn file(&self, line: usize, recording: RecordingRef) -> Result<PathBuf, Failure> {
        let recording = self.find(line, recording).await?;
        Ok(self.folder.join(earmark_store::recording_path(recording)))
    }

    async fn find(&self, line: usize, wanted: RecordingRef) -> Result<RecordingId, Failure> {
        if let RecordingRef::Id(id) = wanted {
            return Ok(id);
        }
        let there = self.look().await?.recordings;
        let place = wanted.place(there.len());
        let found = place.and_then(|place| there.get(place)).map(|one| one.id);
        found.ok_or_else(|| {
            let count = there.len();
            self.stuck(line, format!("there is no such recording: {count} are there"))
        })
    }

    /// A line that could not be carried out when its time came.
    fn stuck(&self, line: usize, reason: impl std::fmt::Display) -> Failure {
        Failure::wrong(format!("{}:{line}: {reason}", self.script.path.display()))
    }
}

/// The process dies as by a kill from outside: nothing is flushed or said before.
fn die() -> Result<(), Failure> {
    kill_process(getpid(), Signal::KILL).map_err(Failure::wrong)
}

/// Turns bits around, from the lowest of a byte on.
fn damage(path: &PathBuf, offset: u64, bits: u32) -> io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    for bit in 0..bits {
        let at = offset + u64::from(bit / 8);
        let mut byte = [0];
        file.read_exact_at(&mut byte, at)?;
        byte[0] ^= 1 << (bit % 8);
        file.write_all_at(&byte, at)?;
    }
    Ok(())
}
