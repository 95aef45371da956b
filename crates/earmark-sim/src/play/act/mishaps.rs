//! What the lines do that let something go wrong.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use earmark::WallTime;
use earmark_store::Disk;
use tokio::task::LocalSet;

use super::super::{PlayError, Player};
use super::{disk_error, disk_op, narrow_op, times};
use crate::feed::{Action, FileKind};
use crate::witness::{Heard, Mishap};
use crate::world::Life;

impl Player<'_> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "`act` has the full list")]
    pub(super) fn act_on_disk(&mut self, action: &Action) {
        let disk = &self.setting.disk;
        match action {
            Action::DiskFault { op, error, times: count } => {
                let (error, count) = (disk_error(*error), times(*count));
                match narrow_op(*op) {
                    Some(narrow) => disk.set_narrow_fault(narrow, error, count),
                    None => disk.set_fault(disk_op(*op), error, count),
                }
            }
            Action::DiskFull => disk.set_full(true),
            Action::DiskFreed => disk.set_full(false),
            Action::DiskSlip { slip, files, times } => {
                disk.slip(*slip, files.prefix(), u64::from(*times));
            }
            Action::DiskHeal => disk.clear_faults(),
            Action::DiskSlow { micros, times: count } => {
                self.setting.speed.set(Duration::from_micros(*micros), times(*count));
            }
            Action::DiskDamage { files, index, offset, bits } => {
                self.damage(*files, *index, *offset, *bits);
            }
            _ => {}
        }
    }

    fn damage(&self, files: FileKind, index: i64, offset: u64, bits: u32) {
        let disk = &self.setting.disk;
        let mut paths = disk.paths();
        paths.retain(|path| path.starts_with(files.prefix()));
        let count = i64::try_from(paths.len()).unwrap_or(i64::MAX);
        let place = usize::try_from(if index < 0 { count + index } else { index }).ok();
        let Some(path) = place.and_then(|place| paths.get(place)) else {
            return;
        };
        let len = disk.contents(path).map_or(0, |bytes| bytes.len() as u64);
        if len == 0 {
            return;
        }
        for bit in 0..u64::from(bits) {
            disk.flip_bit(path, (offset % len * 8 + bit) % (len * 8));
        }
        self.setting.ears.tell(&Heard::Damaged(path));
    }

    /// The machine sleeps: frames that come meanwhile find nobody who could hear them.
    pub(super) fn suspend(&mut self, micros: u64) {
        let slept = Duration::from_micros(micros);
        self.setting.clock.sleep(micros);
        let now = self.now();
        while self.captures.next_at().is_some_and(|at| at <= now) {
            self.captures.next_due(now);
        }
        self.setting.ears.tell(&Heard::Slept(slept));
    }

    pub(super) async fn stop(&mut self, micros: u64) {
        let Some(life) = self.life.take() else { return };
        self.leave_counts(&life).await;
        let in_time = life.stop(&self.setting.network, Duration::from_micros(micros)).await;
        self.tell_held();
        self.captures.forget();
        self.setting.ears.tell(&Heard::Stopped(in_time));
        self.setting.ears.tell(&Heard::Died(None, &self.setting.disk));
    }

    pub(super) fn panic_after(&self, after: u32) {
        self.setting.panics.store(u64::from(after) + 1, Ordering::Relaxed);
    }

    pub(super) async fn up(&mut self, line: usize) -> Result<(), PlayError> {
        if self.life.is_some() {
            return Ok(());
        }
        match self.start(line).await {
            // A host whose disk refuses tries again later.
            Err(PlayError::Start { .. }) => Ok(()),
            result => result,
        }
    }

    pub(super) async fn die_opening(&mut self, after: u64) {
        if self.life.is_some() {
            return;
        }
        self.setting.disk.kill_after(after);
        if let Ok(life) = Life::start(&self.setting).await {
            self.handled += life.runtime().handled();
            life.kill(&self.setting.network).await;
        } else {
            self.setting.disk.kill();
            self.setting.ears.tell(&Heard::Mishap(Mishap::DiedOpening));
        }
        self.setting.ears.tell(&Heard::Died(None, &self.setting.disk));
    }

    /// Another process tries to start on the same store; whatever it is told, it ends at once.
    pub(super) async fn start_second(&self) {
        if self.life.is_none() {
            return;
        }
        let disk: Arc<dyn Disk> = Arc::new(self.setting.disk.life());
        let before = self.setting.disk.operations();
        let second = self.setting.process_on(disk).start_here();
        let result = LocalSet::new().run_until(second).await;
        let wrote = self.setting.disk.operations() != before;
        self.setting.ears.tell(&Heard::Second(result.is_ok() || wrote));
    }

    pub(super) fn late(&self, micros: u64) -> WallTime {
        let wall = earmark::Clock::stamp(self.setting.clock.as_ref()).wall.unix_micros();
        let ago = i64::try_from(micros).unwrap_or(i64::MAX);
        WallTime::from_unix_micros(wall.saturating_sub(ago))
    }
}
