//! What the pieces of the model say to each other: the messages of the runtime's actors.

use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use earmark_core::ingest::Refusal;
use earmark_core::invariant::Violation;
use earmark_core::session::Event as TrackEvent;
use earmark_core::sync::{PollVerdict, UploadFacts, Verdict};
use earmark_core::wal_store::DiskTask;
use earmark_core::{
    Account, BootId, CaptureId, Codec, ConversationId, Device, Encoding, FrameSeq, Moment,
    RecordingId, SealedToken, Stamp, WallTime,
};
use earmark_store::{Ledger, Record};

use super::intern::Interner;

pub(super) const ENCODING: Encoding = Encoding::mono_16k(Codec::Opus);
/// The machine has been up for a day when the model begins.
const UP_AT_START: Duration = Duration::from_secs(86_400);
const WALL_AT_START: i64 = 1_775_260_800_000_000;

/// The proof that a recording is sealed, as far as the model's store made it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Token(pub(super) RecordingId);

impl SealedToken for Token {
    fn recording(&self) -> RecordingId {
        self.0
    }
}

/// The time, in whole seconds since the model began, and the boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Now {
    pub(super) seconds: u16,
    pub(super) boot: u8,
}

impl Now {
    pub(super) fn stamp(self) -> Stamp {
        let passed = Duration::from_secs(self.seconds.into());
        Stamp {
            boot: BootId::from_u128(self.boot.into()),
            moment: Moment::ZERO + UP_AT_START + passed,
            wall: WallTime::from_unix_micros(WALL_AT_START) + passed,
        }
    }

    pub(super) fn moment(self) -> Moment {
        self.stamp().moment
    }
}

/// When something is said to have happened that only people read: no decision depends on it, so it
/// need not tell states apart.
pub(super) fn label() -> Stamp {
    Now { seconds: 0, boot: 1 }.stamp()
}

/// The first whole second of the model at which a moment has come.
pub(super) fn second_of(moment: Moment) -> u16 {
    let passed = moment.since(Moment::ZERO + UP_AT_START).as_millis().div_ceil(1_000);
    u16::try_from(passed).unwrap_or(u16::MAX)
}

pub(super) fn device() -> Device {
    Device::new("watch").expect("the name is short")
}

pub(super) fn account() -> Account {
    Account::new("default").expect("the name is short")
}

pub(super) fn conversation(number: u8) -> ConversationId {
    ConversationId::new(&format!("c{number}")).expect("the name is short")
}

/// To the store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum ToStore {
    Append {
        capture: CaptureId,
        first: FrameSeq,
        at: WallTime,
    },
    Note(Record),
    Seal(RecordingId),
    SealAndLink {
        conversation: ConversationId,
        recordings: Vec<RecordingId>,
    },
    RecordUpload {
        recording: RecordingId,
        facts: UploadFacts,
        purpose: Purpose,
    },
    Relink {
        recording: RecordingId,
        reason: String,
    },
    OpenFile {
        recording: RecordingId,
        conversation: Option<ConversationId>,
        ordinal: u32,
    },
    TimerFired,
    /// The disk did what it was asked to, or failed.
    DiskEnded {
        task: DiskTask,
        well: bool,
    },
    /// The process dies, and so many of the records that were written and not synced survive; all
    /// that were written, unless the machine dies too.
    Died {
        surviving: Option<usize>,
    },
    /// A process starts on what is there; whether the disk takes what it writes at once.
    Opened {
        healthy: bool,
    },
}

/// What an upload's facts are kept for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Purpose {
    Attempt { conversation: Option<ConversationId> },
    Outcome { generation: u64 },
}

/// To the sessions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum ToTrack {
    Heard(TrackEvent<Token>, Moment),
    Told(TrackEvent<Token>),
    Opened { ledger: Consed<Ledger>, durable: Consed<Ledger> },
    TimerFired,
    Died,
}

/// To the uploads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum ToSync {
    StartUpload { recording: Token, conversation: Option<ConversationId> },
    Recorded { recording: RecordingId, purpose: Purpose, refused: Option<String> },
    FileOpened { recording: RecordingId, conversation: Option<ConversationId> },
    Opened { ledger: Consed<Ledger>, durable: Consed<Ledger> },
    Network { online: bool },
    FlightLimit { to_one: bool },
    Replied { recording: RecordingId, verdict: Verdict },
    Polled { recording: RecordingId, verdict: PollVerdict },
    TimerFired(RecordingId),
    Died,
}

/// To the source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum ToSource {
    Start,
    Stop,
    Frame,
    Connected,
    Durable {
        capture: CaptureId,
        up_to: FrameSeq,
    },
    Health(Option<Refusal>),
    /// The server says something on the live socket.
    Heard(Said),
    Died,
    Opened {
        next_capture: CaptureId,
    },
}

/// What the server may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Said {
    Ended(u8),
    Ready(u8),
}

/// To the server, and to the network before it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum ToServer {
    Upload {
        recording: RecordingId,
        conversation: Option<ConversationId>,
    },
    Poll {
        recording: RecordingId,
    },
    /// A request comes to its end.
    Answer {
        recording: RecordingId,
        how: Answer,
    },
    ClientDied,
}

/// How a request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Answer {
    /// As the client hopes: 202 with a job, and a job that is completed.
    Well,
    /// At once, without a job.
    AtOnce,
    /// The connection breaks before the server has it.
    Reset,
    /// The server has it, and its answer is lost.
    ReplyLost,
    /// 503.
    Busy,
    /// 429 with a `Retry-After` of a minute.
    Later,
    /// 413.
    Refused,
    /// 207.
    Partial,
    /// 404 with a detail: the conversation is gone.
    Gone,
    /// The job still runs, and will never end.
    Running,
    /// As it was said that it never would.
    StillRunning,
    /// The job is lost.
    JobLost,
}

/// To the judgement about the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum ToJudge {
    Host { online: bool },
    RequestEnded { carried: bool },
    Died,
}

/// To whom something is said.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Out {
    Store(ToStore),
    Track(ToTrack),
    Sync(ToSync),
    Source(ToSource),
    Server(ToServer),
    Judge(ToJudge),
}

/// What holds of a step: nothing, or how an invariant is broken.
pub(super) type Held = Result<(), Violation>;

/// A value that is kept once, compared and hashed by its number.
#[derive(Clone, Debug)]
pub(super) struct Consed<T> {
    number: u32,
    value: Arc<T>,
}

static LEDGERS: LazyLock<Interner<Ledger>> = LazyLock::new(Interner::new);
static RECORDS: LazyLock<Interner<Record>> = LazyLock::new(Interner::new);

impl From<Ledger> for Consed<Ledger> {
    fn from(ledger: Ledger) -> Self {
        let (number, value) = LEDGERS.keep(ledger);
        Self { number, value }
    }
}

impl From<Record> for Consed<Record> {
    fn from(record: Record) -> Self {
        let (number, value) = RECORDS.keep(record);
        Self { number, value }
    }
}

/// Forgets the ledgers that no store holds any more.
pub(super) fn forget_ledgers() {
    LEDGERS.forget(|_| false);
}

impl<T> Consed<T> {
    pub(super) const fn number(&self) -> u32 {
        self.number
    }
}

impl<T> Deref for Consed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> PartialEq for Consed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl<T> Eq for Consed<T> {}

impl<T> Hash for Consed<T> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.number.hash(hasher);
    }
}
