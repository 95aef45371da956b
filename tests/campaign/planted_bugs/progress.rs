//! Everything comes to an end, and the truth is told.

use earmark_core::invariant::Invariant::{
    Armed, Bounded, Conservation, HonestStatus, Monotone, NeverStuck, OrderlyStop,
    TerminalAndVisible,
};

use super::{Bug, Layer};

pub(super) const BUGS: &[Bug] = &[
    Bug {
        name: "second-session-overwrites-the-first",
        breaks: TerminalAndVisible,
        wrong: "a second session overwrites what the first one waits for",
        file: "crates/earmark-core/src/session/track/link.rs",
        text: "self.forget_announcement(conversation);",
        with: "self.forget_announcement(conversation);
        self.sessions.retain(|_, machine| match machine.state() {
            Phase::Sealing { awaited: Some(_), .. }
            | Phase::AwaitingConversation { .. } => !PLANTED,
            Phase::Sealing { awaited: None, .. }
            | Phase::Capturing
            | Phase::AwaitingLink
            | Phase::Syncing
            | Phase::Settled => true,
        });",
        layers: &[Layer::Feeds("races/a_second_session_keeps")],
    },
    Bug {
        name: "offline-for-ever",
        breaks: NeverStuck,
        wrong: "an upload that waits for the network does not hear that it is back",
        file: "crates/earmark-core/src/sync/machine/outside.rs",
        text: "self.setup.online = true;
        self.waits = 0;",
        with: "self.setup.online = true;
        self.waits = 0;
        if PLANTED && matches!(state, State::Offline { .. }) {
            return Outcome::Handled;
        }",
        layers: &[Layer::Transitions("upload")],
    },
    Bug {
        name: "event-before-the-seal-is-forgotten",
        breaks: Armed,
        wrong: "a conversation's event that comes before the seal finds no file and cancels the \
            fallback",
        file: "crates/earmark-core/src/session/machine.rs",
        text: "awaited.ready = true;",
        with: "if PLANTED {
                    let years = core::time::Duration::from_secs(1_000_000_000);
                    awaited.deadline = awaited.deadline + years;
                    return Outcome::Handled;
                }
                awaited.ready = true;",
        layers: &[Layer::Feeds("races/a_ready_conversation_waits")],
    },
    Bug {
        name: "timer-is-set-once",
        breaks: Armed,
        wrong: "a timer that fired early is not set again for the same deadline",
        file: "crates/earmark/src/actors/timer.rs",
        text: "self.armed = None;",
        with: "if !PLANTED {
            self.armed = None;
        }",
        layers: &[Layer::Feeds("boundaries/unlinked_audio_waits")],
    },
    Bug {
        name: "memory-is-shown-as-disk",
        breaks: HonestStatus,
        wrong: "audio that is in memory only is shown as being on the disk",
        file: "crates/earmark/src/status.rs",
        text: "entry.look(|source| (source.held_frames(), source.encoding()));",
        with: "entry.look(|source| (source.held_frames(), source.encoding()));
            let held = if PLANTED { 0 } else { held };",
        layers: &[Layer::Feeds("disk/a_write_that_fails_for_good")],
    },
    Bug {
        name: "released-frames-are-not-counted",
        breaks: Conservation,
        wrong: "frames that are let go by policy are in no count any more",
        file: "crates/earmark-store/src/ledger/fold.rs",
        text: "(false, Removal::Released) => self.totals.released_frames += frames,",
        with: "(false, Removal::Released) => {
                self.totals.released_frames += if PLANTED { 0 } else { frames };
            }",
        layers: &[Layer::Feeds("sockets/what_was_proven_is_released")],
    },
    Bug {
        name: "memory-without-a-limit",
        breaks: Bounded,
        wrong: "a device may have any number of bytes wait for the disk",
        file: "crates/earmark-core/src/ingest/machine.rs",
        text: "if self.held_bytes + bytes > HELD_BYTES_MAX => Err(Rejection::Full),",
        with: "if self.held_bytes + bytes > HELD_BYTES_MAX && !PLANTED => {
                Err(Rejection::Full)
            }",
        layers: &[Layer::Transitions("ingest")],
    },
    Bug {
        name: "frames-after-the-stop",
        breaks: OrderlyStop,
        wrong: "frames are still taken after a stop has begun, and nobody waits for them",
        file: "crates/earmark/src/source.rs",
        text: "inner.step(&Event::CaptureStopped, at.moment);
            self.enter(inner, Item::Stopped { capture, at });",
        with: "if !PLANTED {
                inner.step(&Event::CaptureStopped, at.moment);
            }
            self.enter(inner, Item::Stopped { capture, at });",
        layers: &[Layer::Check("orderly-stop")],
    },
    Bug {
        name: "synced-and-sent-again",
        breaks: Monotone,
        wrong: "a restart sends a recording again that the server had confirmed",
        file: "crates/earmark-core/src/sync/machine/restart.rs",
        text: "UploadStage::Synced { at } => State::Synced { at: *at },",
        with: "UploadStage::Synced { .. } if PLANTED => self.ready(Errand::Upload),
            UploadStage::Synced { at } => State::Synced { at: *at },",
        layers: &[Layer::Transitions("upload")],
    },
];
