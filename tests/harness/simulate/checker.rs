//! Holds a world to the invariants: what can be seen of it, event by event, and what is durable at
//! every death, start and end.

mod disk;
mod end;
mod frames;
mod store;
mod uploads;

use std::time::Duration;

use earmark::{Event, Numbered, Policy};
use earmark_core::ingest::HELD_BYTES_MAX;
use earmark_core::invariant::durability::{self, Owners};
use earmark_core::invariant::linkage;
use earmark_core::invariant::progress::{self, Stop};
use earmark_core::invariant::{Check, Invariant, Tally, Violation};
use earmark_core::{Account, Device};
use earmark_sim::feed::Action;
use earmark_sim::witness::{Answer, Heard, Mishap, Witness};
use earmark_store::SimDisk;
use earmark_wire::ServerMessage;

use disk::{Files, Step};
use frames::{Frames, broken};
use store::{Durable, Excuse};
use uploads::Uploads;

/// The bytes of the smallest frame that worlds make.
const FRAME_BYTES_MIN: usize = 20;
/// A stop with so much time must come to its end on a disk that works.
const STOP_TIME: Duration = Duration::from_secs(2);

/// What broke, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The feed time.
    pub at: Duration,
    /// Which invariant, and what was seen.
    pub violation: Violation,
}

/// Checks a world as it goes.
#[derive(Debug)]
pub struct Checker {
    policy: Policy,
    frames: Frames,
    files: Files,
    uploads: Uploads,
    durable: Durable,
    /// How often each invariant was checked.
    pub tally: Tally,
    /// The first that broke.
    pub broken: Option<Broken>,
    next_event: u64,
    /// Bytes were changed behind the process's back: which kinds of files.
    rotted: bool,
    /// A handler panicked that was told to, and nothing was announced about it yet.
    panicking: bool,
    /// A handler has panicked: until the next start nothing is handled any more.
    panicked: bool,
    removed: bool,
    slow: bool,
    is_alive: bool,
    is_opening: bool,
    deadline: Duration,
}

impl Checker {
    /// A checker of a world that is played by a policy.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            frames: Frames::default(),
            files: Files::default(),
            uploads: Uploads::default(),
            durable: Durable::default(),
            tally: Tally::new(),
            broken: None,
            next_event: 1,
            rotted: false,
            panicking: false,
            panicked: false,
            removed: false,
            slow: false,
            is_alive: false,
            is_opening: false,
            deadline: Duration::ZERO,
        }
    }

    fn note(&mut self, at: Duration, check: Check) {
        if let Err(violation) = self.tally.note(check)
            && self.broken.is_none()
        {
            self.broken = Some(Broken { at, violation });
        }
    }

    fn note_all(&mut self, at: Duration, checks: impl IntoIterator<Item = Check>) {
        checks.into_iter().for_each(|check| self.note(at, check));
    }
}

impl Witness for Checker {
    fn hear(&mut self, at: Duration, heard: &Heard<'_>) {
        if self.broken.is_some() {
            return;
        }
        match heard {
            Heard::Frame(device, account, capture, bytes, answer) => {
                self.frame(at, (device, account), *capture, bytes, answer);
            }
            Heard::Disk(call) => {
                let (step, checks) = self.files.hear(at, call);
                self.note_all(at, checks);
                self.durable.was_full |=
                    call.error.is_some_and(|error| error.kind() == std::io::ErrorKind::StorageFull);
                match step {
                    Step::Nothing => {}
                    Step::Written => self.frames.written(),
                    Step::Synced => self.frames.synced(),
                }
            }
            Heard::Event(event) => self.event(at, event),
            Heard::Held(device, account, held) => self.held(at, (device, account), *held),
            Heard::Live(device, account, bytes) => self.live(at, (device, account), bytes),
            Heard::Capture(device, account, capture, encoding) => {
                let owner = ((*device).clone(), (*account).clone());
                let check = self.frames.began(owner, *capture, *encoding);
                self.note(at, check);
            }
            Heard::Said(device, account, text) => self.said(at, (device, account), text),
            Heard::Asked(asked) => {
                let checks = self.uploads.asked(at, asked);
                self.note_all(at, checks);
            }
            Heard::Body(number, bytes) => {
                let checks = self.uploads.body(*number, bytes, (&self.frames, self.rotted));
                self.note_all(at, checks);
            }
            Heard::Answered(number, answered) => self.uploads.answered(at, *number, answered),
            Heard::Ended(report, disk, settled) => self.end(at, (report, disk), *settled),
            _ => self.life(at, heard),
        }
    }
}

impl Checker {
    /// What happens to the process, the machine and its medium.
    fn life(&mut self, at: Duration, heard: &Heard<'_>) {
        match heard {
            Heard::Line(line) => self.line(&line.action),
            Heard::Opening => {
                self.files.opening();
                self.next_event = 1;
                (self.is_opening, self.panicked) = (true, false);
            }
            Heard::Started(status, disk) => {
                (self.is_alive, self.is_opening) = (true, false);
                let may_be_damaged = self.rotted || self.files.unreadable;
                let damage = if may_be_damaged { 0 } else { status.damage };
                self.note(at, progress::honest_status(&damage, &0));
                self.look(at, disk, false);
            }
            Heard::NotStarted(error, healthy) => {
                let opened = !healthy || self.files.errors > 0 || self.died_opening();
                if !opened {
                    self.note(at, broken(Invariant::ContainAndKeep, error.to_string()));
                }
            }
            Heard::Died(toll, disk) => self.died(at, toll.is_some(), disk),
            Heard::Stopped(in_time) => self.stopped(at, *in_time),
            Heard::Second(started) => {
                let loser_wrote = u64::from(*started);
                self.note(at, durability::one_owner(&Owners { owners: 1, loser_wrote }));
            }
            Heard::Panicked => self.panicking = true,
            Heard::StoodStill => {
                let seen = Some("the runtime went round and round without letting time pass");
                self.note(at, progress::never_stuck(seen));
            }
            Heard::Slipped(_) | Heard::Damaged(_) => {
                self.rotted = true;
                self.uploads.rotted = true;
                self.files.rotted = true;
            }
            Heard::Mishap(Mishap::Slow(takes)) => {
                self.slow = true;
                self.files.takes(at, *takes);
            }
            _ => {}
        }
    }

    /// A process that was told to die while it opened the store says that the disk failed.
    const fn died_opening(&self) -> bool {
        self.is_opening && !self.is_alive
    }

    fn line(&mut self, action: &Action) {
        match action {
            Action::UserRetry { .. } => self.uploads.retry(),
            Action::ClockJump { .. } | Action::PowerCut { .. } | Action::Suspend { .. } => {
                self.uploads.clocks_moved = true;
            }
            Action::ProcessStop { micros } => self.deadline = Duration::from_micros(*micros),
            Action::ProcessUp | Action::Restart => self.is_opening = false,
            _ => {}
        }
    }

    fn frame(
        &mut self,
        at: Duration,
        (device, account): (&Device, &Account),
        capture: Option<earmark::CaptureId>,
        bytes: &[u8],
        answer: &Answer,
    ) {
        self.frames.offered += 1;
        match (answer, capture) {
            (Answer::Taken(seq), Some(capture)) => {
                let owner = (device.clone(), account.clone());
                let check = self.frames.took(&owner, capture, seq.0, (at, bytes));
                self.note(at, check);
            }
            (Answer::Muted, _) => self.frames.muted += 1,
            (Answer::Taken(_) | Answer::Rejected(_) | Answer::Nobody, _) => {
                self.frames.rejected += 1;
            }
        }
    }

    fn held(&mut self, at: Duration, (device, account): (&Device, &Account), held: usize) {
        let owner = (device.clone(), account.clone());
        let before = self.frames.pending();
        let covered = self.frames.held(&owner, held as u64);
        if self.frames.pending() < before {
            let check = self.files.acknowledged(covered);
            self.note(at, check);
        }
        let bytes = held * FRAME_BYTES_MIN;
        self.note(at, progress::bounded("bytes that wait for the disk", bytes, HELD_BYTES_MAX));
    }

    /// What is sent live goes to its own account's socket.
    fn live(&mut self, at: Duration, (device, account): (&Device, &Account), bytes: &[u8]) {
        if let Some((owner, whose)) = self.frames.owner_of(bytes) {
            let check = linkage::tenant_wall(&(owner, whose), &(device, account));
            self.frames.live += 1;
            self.note(at, check);
        }
    }

    /// The server names a conversation.
    fn said(&mut self, at: Duration, (device, account): (&Device, &Account), text: &str) {
        let (named, has_ended) = match ServerMessage::parse(text) {
            Ok(ServerMessage::ProcessingStarted { conversation }) => (conversation, true),
            Ok(ServerMessage::ConversationEvent { conversation, .. }) => (conversation, false),
            _ => (None, false),
        };
        if let Some(conversation) = named {
            let owner = (device.clone(), account.clone());
            self.uploads.says(at, owner, (conversation, has_ended));
        }
    }

    fn event(&mut self, at: Duration, numbered: &Numbered) {
        let ordinals = (numbered.number, self.next_event);
        self.next_event += 1;
        self.note(at, progress::honest_status(&ordinals.0, &ordinals.1));
        match &numbered.event {
            Event::Unexpected { state, event } => {
                let seen = format!("{state} has no answer to {event}");
                self.note(at, broken(Invariant::EventTolerance, seen));
            }
            Event::Panicked { actor } => {
                self.panicked = true;
                if !std::mem::take(&mut self.panicking) {
                    let seen = format!("{actor} panicked");
                    self.note(at, broken(Invariant::EventTolerance, seen));
                }
            }
            Event::RecordingRemoved { .. } => self.removed = true,
            event => {
                let checks = self.uploads.event(at, event, &self.frames);
                self.note_all(at, checks);
            }
        }
    }

    fn stopped(&mut self, at: Duration, in_time: bool) {
        let is_well = !self.slow && !self.files.failed && !self.panicking && !self.panicked;
        let left_undurable = if in_time { self.frames.pending() } else { 0 };
        let in_time = in_time || self.deadline < STOP_TIME || !is_well;
        let stop = Stop { taken_after: 0, left_undurable, in_time, disk_was_healthy: is_well };
        self.note(at, progress::orderly_stop(&stop));
    }

    fn died(&mut self, at: Duration, is_cut: bool, disk: &SimDisk) {
        if std::mem::take(&mut self.panicking) {
            let seen = String::from("a handler panicked and nothing was announced");
            self.note(at, broken(Invariant::TerminalAndVisible, seen));
        }
        let was_opening = std::mem::take(&mut self.is_opening) && !self.is_alive;
        self.is_alive = false;
        self.look(at, disk, was_opening && !is_cut);
        self.frames.died();
        self.uploads.died();
    }

    fn look(&mut self, at: Duration, disk: &SimDisk, unchanged: bool) {
        let (rotted, removed, alive) = (self.rotted, self.removed, self.is_alive);
        let excuse = Excuse { rotted, removed, alive, unchanged };
        let checks = self.durable.look(disk, (&mut self.frames, &mut self.uploads), excuse);
        self.note_all(at, checks);
    }
}
