//! What the actors say to each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use earmark_core::ingest::Refusal;
use earmark_core::session::{Announcement, Position, Run};
use earmark_core::sync::{Report, Surroundings, TransferRules, UploadFacts};
use earmark_core::{
    Account, CaptureId, ConversationId, Encoding, Frame, FrameSeq, Moment, RecordingId, SessionId,
};
use earmark_store::{Ledger, Record, SealedRecording};
use tokio::sync::oneshot;

use crate::http::{Blocks, Damaged};
use crate::live::{Incoming, LiveSocket};
use crate::source::{Entry, SourceKey};

macro_rules! messages {
    ($($name:ty),+ $(,)?) => { $(impl actix::Message for $name { type Result = (); })+ };
}

/// Frames to keep.
#[derive(Debug)]
pub(crate) struct Append {
    pub(crate) capture: CaptureId,
    pub(crate) first: FrameSeq,
    pub(crate) frames: Arc<Vec<Frame>>,
}

/// Decisions to keep that nobody waits for.
#[derive(Debug)]
pub(crate) struct Note(pub(crate) Vec<Record>);

/// A cut recording to be sealed.
#[derive(Debug)]
pub(crate) struct Seal(pub(crate) RecordingId);

/// Recordings to be linked, and sealed as far as they are not, in one record.
#[derive(Debug)]
pub(crate) struct SealAndLink {
    pub(crate) conversation: ConversationId,
    pub(crate) recordings: Vec<RecordingId>,
}

/// An upload's facts to keep; answered by [`UploadRecorded`].
#[derive(Debug)]
pub(crate) struct RecordUpload {
    pub(crate) recording: RecordingId,
    pub(crate) facts: UploadFacts,
    pub(crate) purpose: Purpose,
}

/// What an upload's facts are kept for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A request is about to leave and names this conversation.
    Attempt { conversation: Option<ConversationId> },
    /// A request ended; the machine's number for it.
    Outcome { generation: u64 },
}

/// The answer to [`RecordUpload`].
#[derive(Debug)]
pub(crate) struct UploadRecorded {
    pub(crate) recording: RecordingId,
    pub(crate) purpose: Purpose,
    /// Why it could not be kept, in words.
    pub(crate) refused: Option<String>,
}

/// The server says that a recording's conversation is gone.
#[derive(Debug)]
pub(crate) struct Relink {
    pub(crate) recording: RecordingId,
    pub(crate) reason: String,
}

/// May this recording be let go without an upload? Answered by [`ReleaseDecided`].
#[derive(Debug)]
pub(crate) struct AskRelease(pub(crate) SealedRecording);

/// The answer to [`AskRelease`].
#[derive(Debug)]
pub(crate) struct ReleaseDecided {
    pub(crate) recording: SealedRecording,
    pub(crate) released: bool,
}

/// A recording's bytes for an upload, checked whole against their hash first.
pub(crate) struct OpenFile {
    pub(crate) recording: SealedRecording,
    /// The ordinal of the request that is about to leave.
    pub(crate) ordinal: u32,
    pub(crate) answer: oneshot::Sender<Result<Box<dyn Blocks>, Damaged>>,
}

/// What a source heard, in its order, with the time of its entry.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) key: SourceKey,
    pub(crate) at: Moment,
    pub(crate) what: What,
}

/// One thing that a source heard.
#[derive(Debug)]
pub(crate) enum What {
    Started { capture: CaptureId, encoding: Encoding },
    Frames(Run),
    Stopped(CaptureId),
    SocketUp(Option<Position>),
    Said { announcement: Announcement, position: Option<Position> },
    Finished(Option<Position>),
    SocketWanted(bool),
}

/// What the store held when it was opened: the only place that recovery starts from.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) sealed: BTreeMap<RecordingId, SealedRecording>,
}

/// A recording's seal is durable.
#[derive(Debug)]
pub(crate) struct Sealed(pub(crate) SealedRecording);

/// A recording's seal failed and is tried again.
#[derive(Debug)]
pub(crate) struct SealFailed {
    pub(crate) key: SourceKey,
    pub(crate) recording: RecordingId,
    pub(crate) reason: String,
}

/// A link is durable.
#[derive(Debug)]
pub(crate) struct LinkRecorded {
    pub(crate) conversation: ConversationId,
    /// All recordings that the order named.
    pub(crate) asked: Vec<RecordingId>,
    /// Those of them that the link covers.
    pub(crate) recordings: Vec<SealedRecording>,
}

/// A recording may be uploaded or released.
#[derive(Debug)]
pub(crate) struct StartUpload {
    pub(crate) recording: SealedRecording,
    pub(crate) conversation: Option<ConversationId>,
}

/// A request for a recording left.
#[derive(Debug)]
pub(crate) struct UploadBegan {
    pub(crate) recording: RecordingId,
    pub(crate) key: SourceKey,
}

/// A recording needs nothing more, unless a person asks.
#[derive(Debug)]
pub(crate) struct UploadSettled {
    pub(crate) recording: RecordingId,
    pub(crate) key: SourceKey,
    pub(crate) gone: bool,
}

/// A person asked for another try.
#[derive(Debug)]
pub(crate) struct UploadReopened {
    pub(crate) recording: RecordingId,
    pub(crate) key: SourceKey,
}

/// A recording is let go.
#[derive(Debug)]
pub(crate) struct RecordingGone {
    pub(crate) recording: RecordingId,
    pub(crate) key: SourceKey,
}

/// Frames are durable.
#[derive(Debug)]
pub(crate) struct Durable {
    pub(crate) capture: CaptureId,
    pub(crate) up_to: FrameSeq,
}

/// The store takes no frames, or takes them again.
#[derive(Debug)]
pub(crate) struct StoreHealth(pub(crate) Option<Refusal>);

/// Answer with [`DeliverySettled`] once the other end has proven what it read of a recording, or
/// cannot.
#[derive(Debug)]
pub(crate) struct AwaitDelivery {
    pub(crate) recording: SealedRecording,
    pub(crate) end: FrameSeq,
}

/// The answer to [`AwaitDelivery`].
#[derive(Debug)]
pub(crate) struct DeliverySettled(pub(crate) SealedRecording);

/// Ask the other end of a live socket what it has read.
#[derive(Debug)]
pub(crate) struct ProveDelivery(pub(crate) SourceKey);

/// Frames for the live socket.
#[derive(Debug)]
pub(crate) struct LiveFrames {
    pub(crate) key: SourceKey,
    pub(crate) capture: CaptureId,
    pub(crate) first: FrameSeq,
    pub(crate) frames: Arc<Vec<Frame>>,
}

/// The host wants a live socket for a source, or wants it no more.
#[derive(Debug)]
pub(crate) struct WantLive {
    pub(crate) entry: Arc<Entry>,
    pub(crate) wanted: bool,
}

/// A capture began: a socket that waits for its encoding can come up.
#[derive(Debug)]
pub(crate) struct CaptureBegan {
    pub(crate) key: SourceKey,
    pub(crate) encoding: Encoding,
}

/// A source's conversation has ended: what comes belongs to the next one.
#[derive(Debug)]
pub(crate) struct ConversationEnded(pub(crate) SourceKey);

/// A dial ended.
pub(crate) struct Dialled {
    pub(crate) key: SourceKey,
    pub(crate) generation: u64,
    pub(crate) result: Result<LiveSocket, crate::live::DialFault>,
}

/// Something came over a live socket.
#[derive(Debug)]
pub(crate) struct Came {
    pub(crate) key: SourceKey,
    pub(crate) generation: u64,
    pub(crate) incoming: Incoming,
}

/// What the host says of the network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HostNetwork {
    pub(crate) online: bool,
}

/// What a request says of the network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestEnded {
    pub(crate) carried: bool,
}

/// Whether requests may leave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NetworkState {
    pub(crate) online: bool,
}

/// Whether one request alone may be in flight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FlightLimit {
    pub(crate) to_one: bool,
}

/// The host has, or no longer has, credentials for an account.
#[derive(Clone, Debug)]
pub(crate) struct AccountChanged {
    pub(crate) account: Account,
    pub(crate) signed_in: bool,
}

/// When audio may leave, by the person's wish.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TransferRuled(pub(crate) TransferRules);

/// What the host sees of its machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surrounded(pub(crate) Surroundings);

/// A person wants recordings tried again; all of them when none is named.
#[derive(Clone, Debug)]
pub(crate) struct Retry(pub(crate) Option<Vec<RecordingId>>);

/// A person wants recordings deleted; all of them when none is named.
#[derive(Clone, Debug)]
pub(crate) struct Delete(pub(crate) Option<Vec<RecordingId>>);

/// Ask an actor for its part of the inventory.
pub(crate) struct AskInventory<T>(pub(crate) oneshot::Sender<T>);

/// The store's part of the inventory.
#[derive(Debug)]
pub(crate) struct Inventory {
    pub(crate) ledger: Ledger,
}

/// The supervisor's part of the inventory.
#[derive(Debug)]
pub(crate) struct SessionView {
    pub(crate) session: SessionId,
    pub(crate) state: &'static str,
    pub(crate) conversation: Option<ConversationId>,
    pub(crate) fallback_fired: bool,
}

/// The sync worker's part of the inventory.
#[derive(Debug)]
pub(crate) struct UploadView {
    pub(crate) recording: RecordingId,
    pub(crate) report: Report,
}

/// The live sockets' part of the inventory.
#[derive(Debug)]
pub(crate) struct LiveView {
    pub(crate) key: SourceKey,
    pub(crate) state: &'static str,
    pub(crate) reason: Option<String>,
    pub(crate) next_try: Option<Moment>,
    pub(crate) needs_sign_in: bool,
    pub(crate) fruitless: u64,
    pub(crate) is_wedged: bool,
}

/// Stop in order; answered when nothing more is to come.
#[derive(Debug)]
pub(crate) struct Stop(pub(crate) oneshot::Sender<()>);

/// Answered when no seal and no removal is under way that the disk does not refuse.
#[derive(Debug)]
pub(crate) struct AwaitFiles(pub(crate) oneshot::Sender<()>);

messages!(
    Append,
    Note,
    Seal,
    SealAndLink,
    RecordUpload,
    UploadRecorded,
    Relink,
    AskRelease,
    ReleaseDecided,
    OpenFile,
    Heard,
    Opened,
    Sealed,
    SealFailed,
    LinkRecorded,
    StartUpload,
    UploadBegan,
    UploadSettled,
    UploadReopened,
    RecordingGone,
    Durable,
    StoreHealth,
    AwaitDelivery,
    DeliverySettled,
    ProveDelivery,
    LiveFrames,
    WantLive,
    CaptureBegan,
    ConversationEnded,
    Dialled,
    Came,
    HostNetwork,
    RequestEnded,
    NetworkState,
    FlightLimit,
    AccountChanged,
    TransferRuled,
    Surrounded,
    Retry,
    Delete,
    Stop,
    AwaitFiles,
);

impl<T: Send + 'static> actix::Message for AskInventory<T> {
    type Result = ();
}
