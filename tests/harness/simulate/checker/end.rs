//! What must be so when nothing happens any more.

use std::collections::BTreeMap;
use std::time::Duration;

use earmark_core::Delivery;
use earmark_core::invariant::Invariant;
use earmark_core::invariant::durability::{self, Opening};
use earmark_core::invariant::environment::{self, Touched};
use earmark_core::invariant::progress::{self, Ended};
use earmark_core::invariant::upload;
use earmark_sim::report::{Recording, Report, SessionState, Status};
use earmark_store::{SimDisk, verify};

use super::super::generate::REST_WITHIN;
use super::Checker;
use super::frames::broken;

/// How a token of the simulated host begins.
const TOKEN: &[u8] = b"token-of-";

impl Checker {
    pub(super) fn end(&mut self, at: Duration, (report, disk): (&Report, &SimDisk), settled: bool) {
        self.rest(at, report, settled);
        self.frames_add_up(at, report);
        self.server(at, report);
        self.look(at, disk, false);
        self.medium(at, disk);
        if self.panicking {
            let seen = String::from("a handler panicked and nothing was announced");
            self.note(at, broken(Invariant::TerminalAndVisible, seen));
        }
    }

    /// Every recording and every session has come to an end.
    fn rest(&mut self, at: Duration, report: &Report, settled: bool) {
        for recording in &report.recordings {
            let is_terminal =
                matches!(recording.status, Status::Synced | Status::Failed | Status::Corrupted);
            let healthy_for = if settled { Duration::ZERO } else { REST_WITHIN * 2 };
            let ended = Ended {
                status: recording.reason.as_deref().unwrap_or(name(recording.status)),
                is_terminal,
                needs_person: false,
                healthy_for,
                bound: REST_WITHIN,
            };
            self.note(at, progress::terminal_and_visible(&ended));
            if settled && !is_terminal {
                let seen = format!("{} is {}", recording.id, name(recording.status));
                self.note(at, progress::never_stuck(Some(&seen)));
            }
        }
        let restless =
            report.sessions.iter().find(|session| !matches!(session.state, SessionState::Settled));
        let restless =
            restless.map(|session| format!("session {} is {:?}", session.id, session.state));
        self.note(at, progress::never_stuck(restless.as_deref()));
        let unsettled = (!settled).then_some("not all came to rest");
        self.note(at, progress::never_stuck(unsettled));
        let held = report.indicator.in_memory_s.as_micros();
        self.note(at, progress::honest_status(&(held > 0), &(self.frames.pending() > 0)));
    }

    fn frames_add_up(&mut self, at: Duration, report: &Report) {
        let counts = &report.frames;
        let mut frames = progress::Frames {
            captured: counts.captured,
            muted: counts.muted,
            rejected: counts.rejected,
            lost: counts.lost,
            held: counts.held,
            released: counts.released,
            uploaded: counts.uploaded,
        };
        if self.rotted {
            // Damage may take the record that a recording was made of frames that were let go or
            // uploaded since: then they are that, and counted, once more.
            let sum = frames.muted + frames.rejected + frames.lost + frames.held;
            let twice = (sum + frames.released + frames.uploaded).saturating_sub(frames.captured);
            let released = twice.min(frames.released);
            frames.released -= released;
            frames.uploaded -= (twice - released).min(frames.uploaded);
        }
        self.note(at, progress::conservation(&frames));
        let truth = (self.frames.offered, self.frames.muted, self.frames.rejected);
        let shown = (counts.captured, counts.muted, counts.rejected);
        self.note(at, progress::honest_status(&shown, &truth));
        let acked: u64 = self.frames.captures.values().map(|capture| capture.acked).sum();
        if !self.rotted {
            let is_kept = counts.lost <= self.frames.taken - acked;
            self.note(at, progress::honest_status(&is_kept, &true));
        }
        if self.policy.delivery == Delivery::Delivered {
            let released = counts.released.min(counts.delivered);
            let heard = released <= self.frames.live;
            self.note(at, progress::honest_status(&heard, &true));
        }
    }

    /// The server has what is synced, where it belongs, in one logical copy.
    fn server(&mut self, at: Duration, report: &Report) {
        let Some(server) = &report.server else { return };
        let mut copies: BTreeMap<&str, u32> = BTreeMap::new();
        for kept in &server.uploads {
            *copies.entry(kept.sha256.as_str()).or_default() += 1;
        }
        for recording in &report.recordings {
            let Some(sum) = &recording.sha256 else { continue };
            let known = self.uploads.recordings.get(&recording.id);
            // Damage may take the record of the link that the upload has named.
            let relinked = self.rotted || known.is_some_and(|known| known.relinked);
            // It may take the seal of what is synced, too, which is then sealed of other frames.
            let was_confirmed = self.rotted && known.is_some_and(|known| known.receipt);
            let kept = copies.get(sum.as_str()).copied().unwrap_or(0);
            if !relinked {
                self.note(at, upload::exactly_once(kept));
            }
            if recording.status == Status::Synced {
                let has = server.uploads.iter().any(|kept| is_copy(recording, sum, kept, relinked));
                if !has && !was_confirmed {
                    let seen = format!("{} is synced, and the server lacks it", recording.id);
                    self.note(at, broken(Invariant::SyncedIsTheServersWord, seen));
                }
            }
        }
    }

    /// Whatever is stored is sound, unless somebody changed it, and tells no token.
    fn medium(&mut self, at: Duration, disk: &SimDisk) {
        if !self.rotted {
            let found = verify(&disk.aside(), &mut |_, _| {});
            let damage = found.map(|found| found.damage).unwrap_or_default();
            let sound = damage.is_empty();
            if !sound {
                let seen = format!("{damage:?}");
                self.note(at, broken(Invariant::SealedIsImmutable, seen));
            }
            self.note(
                at,
                durability::contain_and_keep(&Opening {
                    opened: true,
                    others_harmed: u32::from(!sound),
                    unreadable_gone: 0,
                    rebuilt_same: true,
                }),
            );
        }
        for path in disk.paths() {
            let bytes = disk.contents(&path).unwrap_or_default();
            let has_token = bytes.windows(TOKEN.len()).any(|part| part == TOKEN);
            let touched = Touched { path: &path, inside: true, mode: 0, has_token };
            self.note(at, environment::sandbox(&touched));
        }
    }
}

fn is_copy(
    recording: &Recording,
    sum: &str,
    kept: &earmark_backend::server::UploadReport,
    relinked: bool,
) -> bool {
    let conversation = recording.conversation.as_ref().map(ToString::to_string);
    kept.sha256 == sum && (relinked || kept.conversation == conversation)
}

const fn name(status: Status) -> &'static str {
    Status::NAMES[status as usize]
}
