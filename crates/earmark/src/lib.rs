//! A capture runtime: audio frames go in, and every one of them is kept, linked to its
//! conversation, and uploaded unless the server provably has it.
//!
//! A host builds a [`Runtime`] on a folder, opens a [`Source`] for each device, and pushes frames.
//! It tells what it knows: that its socket came up or went down, what the server said, that the
//! network is gone. The runtime runs on a thread of its own, beside whatever runtime the host has.
//!
//! ```no_run
//! use earmark::{Account, Codec, Device, NoCredentials, OmiHttp, Runtime, Source};
//!
//! # async fn host(frame: bytes::Bytes) -> Result<(), Box<dyn std::error::Error>> {
//! let runtime = Runtime::builder("recordings")
//!     .sync_target(OmiHttp::new("https://api.example.com", NoCredentials)?)
//!     .start()
//!     .await?;
//! let (device, account) = (Device::new("pendant")?, Account::new("default")?);
//! let pendant = runtime.open_source(Source::mono_16k(device, Codec::Opus, account))?;
//! pendant.push(frame)?;
//! runtime.shutdown(std::time::Duration::from_secs(5)).await;
//! # Ok(())
//! # }
//! ```
//!
//! Five actors exchange typed messages around pure machines; `earmark_core` has the machines,
//! `earmark_store` the bytes on disk, `earmark_wire` the bytes of the server.

mod actors;
mod chance;
mod clock;
mod credentials;
mod event;
mod http;
mod live;
mod numbers;
mod omi;
mod runtime;
mod source;
mod sources;
mod status;
pub mod takeover;
mod target;

pub use clock::{Clock, SystemClock};
pub use credentials::{Credentials, NoCredentials, Token};
pub use event::{EVENTS_WAITING_MAX, Event, Numbered, Observer};
pub use http::{
    Blocks, ClientError, Content, Damaged, FilePart, HttpClient, HttpFault, HttpReply, HttpRequest,
    HttpTransport, ServerUrlFault, Trust, check_server_url,
};
pub use live::{
    ASIDES_MAX, ASIDES_WINDOW, CLOSE_BROKEN, CLOSE_WAIT, CONNECT_WAIT, CONVERSATION_TIMEOUT_MAX,
    CONVERSATION_TIMEOUT_MIN, ClientConversationId, Closed, Dial, DialFault, FRUITLESS_MAX,
    FRUITLESS_WINDOW, Hello, INCOMING_MESSAGES_MAX, Incoming, LIVE_FRAME_BYTES_MAX,
    LIVE_MESSAGE_BYTES_MAX, ListenQuery, LiveSocket, LiveTerms, OUTGOING_MESSAGES_MAX, Outgoing,
    PING_EVERY, PONG_WAIT, PROGRESS_WAIT, QUERY_VALUE_BYTES_MAX, QueryFault, RECONNECT_WAIT_MAX,
    RECONNECT_WAIT_MIN, Reaction, Refused, SIGN_IN_EVERY, SIGN_IN_WAIT, SocketLimits, WRITE_WAIT,
    WebSocketDialer,
};
pub use omi::{EnvCredentials, OmiHttp, StaticCredentials};
pub use runtime::{
    Builder, DiskMode, DiskPace, Network, RETENTION, Runtime, SignIn, SourceError, StartError,
    Stopped,
};
pub use source::{
    NEWS_BYTES_MAX, NEWS_WAITING_MAX, Rejected, Socket, Source, SourceHandle, TooMuchNews,
};
pub use sources::SOURCES_MAX;
pub use status::{
    EventCounts, FrameCounts, Indicator, RecordingStatus, STATUS_EVERY, SessionStatus,
    SocketStatus, Status,
};
pub use target::{Outcome, PollEnd, SyncTarget, UploadEnd, UploadRequest};

// A host with a disk, a clock or a sync target of its own names more of these.
pub use {earmark_core, earmark_store};

pub use earmark_core::ingest::Rejection;
pub use earmark_core::sync::{Api, PollVerdict, Pressure, Surroundings, TransferRules, Verdict};
pub use earmark_core::{
    Account, CaptureId, Codec, ConversationId, Delivery, Device, Encoding, FrameSeq, Moment,
    Policy, RecordingId, SessionId, Stamp, WallTime,
};
pub use earmark_store::SealedRecording;
