//! What a host can watch: numbered events, so that a gap is visible.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use earmark_core::sync::Report;
use earmark_core::{Account, ConversationId, Device, RecordingId, SessionId, Stamp};
use tokio::sync::broadcast;

use crate::clock::SharedClock;
use crate::target::Outcome;

/// How many events a slow reader may lag behind before it misses some.
pub const EVENTS_WAITING_MAX: usize = 4_096;

/// Something that a person or a program might want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A session came into another state.
    SessionChanged {
        /// The session.
        session: SessionId,
        /// Its device.
        device: Device,
        /// The state's name.
        state: &'static str,
        /// Its conversation.
        conversation: Option<ConversationId>,
        /// Whether a deadline, and not the server's event, started its sync.
        fallback_fired: bool,
    },
    /// A recording was linked to a conversation.
    RecordingLinked {
        /// The recording.
        recording: RecordingId,
        /// The conversation.
        conversation: ConversationId,
    },
    /// A recording is sealed.
    RecordingSealed {
        /// The recording.
        recording: RecordingId,
        /// How many frames it has.
        frames: u32,
    },
    /// Audio is not saved in its final form yet.
    NotSaved {
        /// The recording.
        recording: RecordingId,
        /// Why, in words.
        reason: String,
    },
    /// An upload's status changed.
    UploadChanged {
        /// The recording.
        recording: RecordingId,
        /// What a person should see.
        report: Report,
    },
    /// A request left.
    UploadStarted {
        /// The recording.
        recording: RecordingId,
        /// The conversation that it names.
        conversation: Option<ConversationId>,
        /// The request's ordinal for its recording, from 1.
        attempt: u32,
        /// How many frames it carries.
        frames: u32,
    },
    /// A request ended.
    UploadEnded {
        /// The recording.
        recording: RecordingId,
        /// The request's ordinal for its recording, from 1.
        attempt: u32,
        /// What came of it.
        outcome: Outcome,
    },
    /// A recording was let go: released by policy, deleted, or expired.
    RecordingRemoved {
        /// The recording.
        recording: RecordingId,
        /// `released`, `deleted` or `expired`.
        why: &'static str,
    },
    /// Frames are refused from now on.
    FramesRefused {
        /// Why, in words.
        reason: String,
    },
    /// Frames are taken again.
    FramesTakenAgain,
    /// A task of the disk failed and is tried again.
    DiskTaskFailed {
        /// The task.
        task: String,
        /// Why, in words.
        reason: String,
    },
    /// A live socket came up or went down.
    SocketChanged {
        /// The device.
        device: Device,
        /// Whose it is.
        account: Account,
        /// The close code; nothing when it came up.
        closed: Option<u16>,
    },
    /// What a live socket of the runtime's own does now, when it is not simply up or down.
    LiveChanged {
        /// The device.
        device: Device,
        /// Whose it is.
        account: Account,
        /// `waiting` for its next try, `signing_in`, or `stopped` until the host changes something.
        state: &'static str,
        /// Why it is not up, in words.
        reason: Option<String>,
    },
    /// The network became usable, or ceased to be.
    NetworkChanged {
        /// Whether it is usable.
        online: bool,
    },
    /// A message or a command was understood and had no effect.
    Ignored {
        /// Why.
        why: String,
    },
    /// A machine had no answer to an event: a defect.
    Unexpected {
        /// The state it was in.
        state: &'static str,
        /// The event.
        event: &'static str,
    },
    /// An actor panicked: the runtime stops, which is never worse than a crash.
    Panicked {
        /// The actor.
        actor: &'static str,
    },
}

/// An event with its number and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// Rising by one from 1; a gap shows what a slow reader has missed.
    pub number: u64,
    /// When.
    pub at: Stamp,
    /// Which actor it comes from.
    pub actor: &'static str,
    /// What happened.
    pub event: Event,
}

/// Something that sees every event on the runtime's own thread, as it happens.
pub type Observer = Box<dyn Fn(&Numbered) + Send + Sync>;

/// Where the actors announce events.
pub(crate) struct Bus {
    sender: broadcast::Sender<Numbered>,
    observer: Option<Observer>,
    next: AtomicU64,
    clock: SharedClock,
}

impl Bus {
    pub(crate) fn new(clock: SharedClock, observer: Option<Observer>) -> Self {
        let (sender, _) = broadcast::channel(EVENTS_WAITING_MAX);
        Self { sender, observer, next: AtomicU64::new(1), clock }
    }

    pub(crate) fn announce(&self, actor: &'static str, event: Event) {
        tracing::debug!(actor, ?event);
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let numbered = Numbered { number, at: self.clock.stamp(), actor, event };
        if let Some(observer) = &self.observer {
            observer(&numbered);
        }
        // Nobody may be listening, and that is fine.
        let _ = self.sender.send(numbered);
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Numbered> {
        self.sender.subscribe()
    }
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bus")
    }
}
