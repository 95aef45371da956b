//! The server itself: what it holds, what it answers, what it says on live sockets.
//!
//! It does no I/O and reads no clock: requests, frames and the time come in, answers and messages
//! go out as values. The same code stands behind real sockets and inside a simulated world, where
//! the same calls give the same bytes.
//!
//! Every call is complete in itself. Whoever drives a server carries out the outputs in their
//! order, and calls [`Server::tick`] at the latest when [`Server::next_tick`] says.

mod bodies;
mod conversation;
mod file;
mod file_name;
mod jobs;
mod live;
mod message;
mod report;
mod request;
mod socket;
mod uploads;

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use earmark_core::Stamp;
use sha2::{Digest, Sha256};

pub use conversation::CONVERSATIONS_MAX;
pub use file::ReceivedFile;
pub use file_name::FileNameFault;
pub use report::{ConversationReport, LiveReport, StateReport, UploadReport};
pub use request::{Admission, Ending, Reply, RequestHead, Ticket};
pub use socket::{
    CLOSE_IDLE, DeviceHash, IDLE_LIMIT, LIVE_SOCKETS_MAX, LiveHello, LiveId, LiveOutput,
    PING_INTERVAL, Refusal,
};
pub use uploads::UPLOADS_MAX;

use crate::script::{Answer, ServerAction};
use conversation::Conversations;
use jobs::Jobs;
use socket::Sockets;
use uploads::Uploads;

/// The most scripted answers that wait for a request, uploads and polls each.
pub const ANSWERS_WAITING_MAX: usize = 100_000;

/// The code with which a server that restarts closes its live sockets.
const CLOSE_RESTART: u16 = 1012;

/// How a server behaves when nothing is scripted.
#[derive(Clone, Debug)]
pub struct Options {
    /// The bearer token that every request and socket must carry; anybody is let in without one.
    pub token: Option<Token>,
    /// Whether it has the paths of version 2; a server from before them answers 404 there.
    pub v2: bool,
    /// After how much silence a conversation ends; without it, only when that is asked for.
    pub silence: Option<Duration>,
    /// How long a conversation is processed before its event.
    pub processing: Duration,
    /// Whether the names of files are checked: for their form, and for a time that is past.
    pub check_names: bool,
    /// Whether frames heard live are decoded to tell sound from silence; else all are sound.
    pub decode: bool,
    /// What the ids that it gives begin with.
    pub seed: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            token: None,
            v2: true,
            silence: None,
            processing: Duration::from_secs(2),
            check_names: true,
            decode: true,
            seed: 0,
        }
    }
}

/// A bearer token. It is compared, and never shown.
#[derive(Clone)]
pub struct Token([u8; 32]);

impl Token {
    /// The token with this text.
    pub fn new(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// Whether an `Authorization` header carries it.
    fn is_in(&self, authorization: Option<&str>) -> bool {
        // Digests are compared, so that the time it takes tells nothing about the token.
        bearer(authorization).is_some_and(|text| Self::new(text).0 == self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// A scripted action came at a time at which it cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// Too many answers wait already.
    #[error("{waiting} scripted answers wait already; at most {ANSWERS_WAITING_MAX} do")]
    QueueFull {
        /// How many wait.
        waiting: usize,
    },
    /// No device is named and several stream.
    #[error("{found} devices stream; name one in `device`")]
    WhichDevice {
        /// How many stream.
        found: usize,
    },
    /// There is no conversation to end.
    #[error("no conversation is in progress there")]
    NoConversation,
}

/// A development server.
#[derive(Debug)]
pub struct Server {
    options: Options,
    upload_answers: VecDeque<Answer>,
    job_answers: VecDeque<Answer>,
    uploads: Uploads,
    jobs: Jobs,
    conversations: Conversations,
    sockets: Sockets,
    live_frames: u64,
}

impl Server {
    /// A server that holds nothing yet.
    pub fn new(options: Options) -> Self {
        Self {
            upload_answers: VecDeque::new(),
            job_answers: VecDeque::new(),
            uploads: Uploads::default(),
            jobs: Jobs::new(options.seed),
            conversations: Conversations::new(options.seed),
            sockets: Sockets::default(),
            live_frames: 0,
            options,
        }
    }

    /// Carries out a scripted action. A message for a device that is not connected is lost.
    ///
    /// # Errors
    ///
    /// [`ScriptError`] when the action cannot be carried out now; nothing has changed then.
    pub fn script(
        &mut self,
        action: ServerAction,
        now: Stamp,
    ) -> Result<Vec<LiveOutput>, ScriptError> {
        match action {
            ServerAction::Message { device, text } => self.message(device.as_deref(), text),
            ServerAction::Stall { device } => self.stall(device.as_deref()),
            ServerAction::End { device, event } => self.end(device.as_deref(), event, now),
            ServerAction::Respond(answers) => {
                enqueue(&mut self.upload_answers, answers).map(|()| Vec::new())
            }
            ServerAction::JobRespond(answers) => {
                enqueue(&mut self.job_answers, answers).map(|()| Vec::new())
            }
            ServerAction::Accept => {
                self.upload_answers.clear();
                self.job_answers.clear();
                Ok(Vec::new())
            }
            ServerAction::Restart => Ok(self.restart()),
        }
    }

    /// What was not written down is forgotten; what was kept of uploads is.
    fn restart(&mut self) -> Vec<LiveOutput> {
        self.jobs.forget();
        self.conversations.forget_unended();
        self.sockets.drop_all(CLOSE_RESTART)
    }

    pub(crate) fn is_authorised(&self, authorization: Option<&str>) -> bool {
        let token = self.options.token.as_ref();
        token.is_none_or(|token| token.is_in(authorization))
    }
}

fn enqueue(queue: &mut VecDeque<Answer>, answers: Vec<Answer>) -> Result<(), ScriptError> {
    if queue.len() + answers.len() > ANSWERS_WAITING_MAX {
        let waiting = queue.len();
        return Err(ScriptError::QueueFull { waiting });
    }
    queue.extend(answers);
    Ok(())
}

/// The token of an `Authorization` header.
fn bearer(authorization: Option<&str>) -> Option<&str> {
    authorization?.strip_prefix("Bearer ")
}

/// Whose request or socket it is: each token is an account, and no token is one too.
fn account(authorization: Option<&str>) -> String {
    hex(&Sha256::digest(bearer(authorization).unwrap_or_default())[..8])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
