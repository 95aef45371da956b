//! Where recordings are uploaded to.

use std::time::Duration;

use earmark_core::sync::{Api, PollVerdict, Pressure, Verdict};
use earmark_core::{Account, ConversationId};
use earmark_store::SealedRecording;
use futures_util::future::LocalBoxFuture;

use crate::http::{Blocks, Damaged};

/// One upload: a sealed recording on its way to the server.
pub struct UploadRequest {
    /// The proof that it is sealed, with all that names it.
    pub recording: SealedRecording,
    /// The conversation to name.
    pub conversation: Option<ConversationId>,
    /// The path to use.
    pub api: Api,
    /// The file's bytes.
    pub blocks: Box<dyn Blocks>,
}

/// What came of a request, for the list of all requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server answered with this status.
    Status(u16),
    /// `refused`, `reset`, `timeout` or `lost`.
    Fault(&'static str),
}

/// How an upload's request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadEnd {
    /// What it means; or what is wrong with the file.
    pub verdict: Result<Verdict, Damaged>,
    /// What came of the request.
    pub outcome: Outcome,
    /// Whether the network carried it: `Some(false)` blames the network, `None` says nothing.
    pub carried: Option<bool>,
    /// Whether the server asked for less, and for how long if it said so.
    pub pressure: Option<(Pressure, Option<Duration>)>,
}

/// How a question about a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PollEnd {
    /// What it means.
    pub verdict: PollVerdict,
    /// Whether the network carried it: `Some(false)` blames the network, `None` says nothing.
    pub carried: Option<bool>,
}

/// A place that takes recordings.
pub trait SyncTarget: Send + Sync + 'static {
    /// Sends a recording.
    fn upload(&self, request: UploadRequest) -> LocalBoxFuture<'static, UploadEnd>;

    /// Asks how the server's job on a recording goes.
    fn poll(&self, recording: SealedRecording, job: String) -> LocalBoxFuture<'static, PollEnd>;

    /// Asks the host for fresh credentials after a refusal; whether there are any.
    fn renew_sign_in(&self, account: Account) -> LocalBoxFuture<'static, bool>;
}
