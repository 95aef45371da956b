//! Events that a long run must reach, so that it is known to look everywhere.

use std::collections::BTreeMap;
use std::time::Duration;

use earmark::{Event, Numbered, Outcome};
use earmark_core::sync::{ATTEMPTS_MAX, Status};
use earmark_core::{ConversationId, RecordingId, SessionId};
use earmark_sim::feed::Action;
use earmark_sim::witness::{Answered, Heard};
use earmark_store::DiskOp;

/// Declares the rare events with their names.
macro_rules! rarities {
    ($($rare:ident $name:literal)*) => {
        /// A rare event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rare {
            $(#[doc = $name] $rare,)*
        }

        /// All of them, each with its name as the campaign prints it.
        pub const RARE: &[(Rare, &str)] = &[$((Rare::$rare, $name)),*];
    };
}

rarities! {
    CrashCapturing "crash-capturing"
    CrashSealing "crash-sealing"
    CrashAwaitingLink "crash-awaiting-link"
    CrashAwaitingConversation "crash-awaiting-conversation"
    CrashSyncing "crash-syncing"
    CrashSettled "crash-settled"
    CrashUploading "crash-uploading"
    CrashProcessing "crash-processing"
    CrashRetrying "crash-retrying"
    CrashUnacknowledged "crash-unacknowledged"
    TornTail "torn-tail-truncated"
    Quarantine "quarantine-used"
    Relink "relink-used"
    LeaseExpired "lease-expired"
    BudgetExhausted "budget-exhausted"
    FullThenRecovered "full-then-recovered"
    ReplyLostAfterEffect "reply-lost-after-effect"
    TwoLinkedByOne "two-linked-by-one"
    EventBeforeFrames "event-before-its-frames"
    RecoveryKilledTwice "recovery-killed-twice"
}

/// Which rare events a world has met.
#[derive(Debug, Default)]
pub struct Rarities {
    met: u64,
    sessions: BTreeMap<SessionId, &'static str>,
    uploads: BTreeMap<RecordingId, Status>,
    bodies: Vec<u64>,
    linked: Option<(Duration, ConversationId)>,
    named: BTreeMap<RecordingId, (Option<ConversationId>, bool)>,
    held: usize,
    torn: bool,
    full: bool,
    openings_killed: u32,
    is_opening: bool,
}

impl Rarities {
    /// Whether it was met.
    pub const fn has(&self, rare: Rare) -> bool {
        self.met & (1 << rare as u64) != 0
    }

    const fn meet(&mut self, rare: Rare) {
        self.met |= 1 << rare as u64;
    }

    pub(super) fn hear(&mut self, at: Duration, heard: &Heard<'_>) {
        match heard {
            Heard::Event(event) => self.event(at, event),
            Heard::Held(_, _, held) => self.held = *held,
            Heard::Said(_, _, text)
                if self.held > 0 && text.contains("memory_processing_started") =>
            {
                self.meet(Rare::EventBeforeFrames);
            }
            Heard::Line(line) => self.line(&line.action),
            Heard::Opening => self.is_opening = true,
            Heard::NotStarted(..) => self.is_opening = false,
            Heard::Died(toll, _) => {
                self.torn |= toll.is_some_and(|toll| toll.torn > 0);
                self.died();
            }
            Heard::Started(..) => self.started(),
            Heard::Disk(call) => {
                self.full |= call.error.is_some_and(|error| error.raw_os_error() == Some(28));
                if call.op == DiskOp::Rename && call.path.starts_with("quarantine/") {
                    self.meet(Rare::Quarantine);
                }
            }
            Heard::Body(number, _) => self.bodies.push(*number),
            Heard::Answered(number, answered) => {
                let fault = matches!(answered, Answered::Fault(_));
                if self.bodies.contains(number) && fault {
                    self.meet(Rare::ReplyLostAfterEffect);
                }
                self.bodies.retain(|body| body != number);
            }
            _ => {}
        }
    }

    fn line(&mut self, action: &Action) {
        if !matches!(action, Action::ProcessDiesOpening { .. }) {
            self.is_opening = false;
        }
    }

    fn died(&mut self) {
        if self.is_opening {
            self.openings_killed += 1;
            if self.openings_killed >= 2 {
                self.meet(Rare::RecoveryKilledTwice);
            }
        } else {
            for state in std::mem::take(&mut self.sessions).into_values() {
                self.meet(crash_in(state));
            }
            for status in std::mem::take(&mut self.uploads).into_values() {
                match status {
                    Status::Uploading => self.meet(Rare::CrashUploading),
                    Status::Processing => self.meet(Rare::CrashProcessing),
                    Status::Retrying => self.meet(Rare::CrashRetrying),
                    Status::Pending | Status::Synced | Status::Failed | Status::Corrupted => {}
                }
            }
            if self.held > 0 {
                self.meet(Rare::CrashUnacknowledged);
            }
        }
        self.held = 0;
    }

    fn started(&mut self) {
        self.is_opening = false;
        self.openings_killed = 0;
        if std::mem::take(&mut self.torn) {
            self.meet(Rare::TornTail);
        }
        if std::mem::take(&mut self.full) {
            self.meet(Rare::FullThenRecovered);
        }
    }

    fn event(&mut self, at: Duration, numbered: &Numbered) {
        match &numbered.event {
            Event::SessionChanged { session, state, .. } => {
                self.sessions.insert(*session, state);
            }
            Event::UploadChanged { recording, report } => {
                self.uploads.insert(*recording, report.status);
                if report.status == Status::Failed && report.attempts >= ATTEMPTS_MAX {
                    self.meet(Rare::BudgetExhausted);
                }
                if report.reason.as_ref().is_some_and(|reason| reason.contains("within 6 h")) {
                    self.meet(Rare::LeaseExpired);
                }
            }
            Event::RecordingLinked { conversation, .. } => {
                let link = (at, conversation.clone());
                if self.linked.as_ref() == Some(&link) {
                    self.meet(Rare::TwoLinkedByOne);
                }
                self.linked = Some(link);
            }
            Event::UploadStarted { recording, conversation, .. } => {
                let before = self.named.insert(*recording, (conversation.clone(), false));
                if conversation.is_none() && before.is_some_and(|(was, gone)| was.is_some() && gone)
                {
                    self.meet(Rare::Relink);
                }
            }
            Event::UploadEnded { recording, outcome: Outcome::Status(404), .. } => {
                if let Some((_, gone)) = self.named.get_mut(recording) {
                    *gone = true;
                }
            }
            Event::FramesTakenAgain if self.full => {
                self.full = false;
                self.meet(Rare::FullThenRecovered);
            }
            _ => {}
        }
    }
}

fn crash_in(state: &str) -> Rare {
    match state {
        "capturing" => Rare::CrashCapturing,
        "sealing" => Rare::CrashSealing,
        "awaiting_link" => Rare::CrashAwaitingLink,
        "awaiting_conversation" => Rare::CrashAwaitingConversation,
        "syncing" => Rare::CrashSyncing,
        _ => Rare::CrashSettled,
    }
}
