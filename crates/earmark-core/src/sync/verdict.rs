//! What the answers of a server mean, for a budget and for a person.
//!
//! | answer to an upload | class |
//! |---|---|
//! | 200 with a result and no failed segments | synced |
//! | 200 with failed segments, 207 | spends an attempt: partial failure |
//! | 202 (or 200) that names a job | accepted; a job is asked for, even a completed one |
//! | 200 with the result of another upload | spends an attempt: it says nothing about this one |
//! | any other 2xx | spends an attempt: an unreadable answer to a complete upload |
//! | a reply larger than is read | spends an attempt, for the same reason |
//! | 400, 402, 406, 411, 413, 414, 415, 422, 431, 451 | final |
//! | 401, 403 | sign in again |
//! | 404 with a JSON body that is no route miss | relink if one was named, else wait an hour |
//! | any other 404, 405 | the same upload to v1; if v1 said it, an hour's wait |
//! | 409 | asked again as told, or after 10 s |
//! | 408, 425, 429, 5xx, and every other number | waits |
//! | no answer: offline, DNS, refused, TLS, time-out, reset, reply lost | waits |
//!
//! | answer to a job poll | class |
//! |---|---|
//! | 200, completed without failed segments | synced |
//! | 200, ended with failed segments, or failed over the content | spends an attempt |
//! | 200, failed for any other reason | uploaded again after a wait |
//! | 200, still running | asked again |
//! | 404, 410 | uploaded again after a wait: the job is lost |
//! | 401, 403 | sign in again |
//! | anything else | waits, and is asked again |
//!
//! A number that the tables do not name waits, because only what the server surely said about this
//! recording may cost an attempt, and only a listed refusal may end it.

mod poll;
mod upload;
mod words;

use core::time::Duration;

pub use poll::{JobBody, PollVerdict, classify_poll};
pub use upload::{Api, Asked, JOB_ID_BYTES_MAX, UploadBody, Verdict, classify};
pub use words::DETAIL_CHARS_MAX;

/// The longest wait that a server may ask for; a longer one is cut to it.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// How long after a 409 without `Retry-After` the server is asked again.
pub const CONFLICT_WAIT: Duration = Duration::from_secs(10);

/// How far apart requests are to a server that has no place for a recording.
pub const NO_PLACE_WAIT: Duration = Duration::from_secs(60 * 60);

/// What came of a request, as the HTTP layer saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply<B> {
    /// No whole answer came.
    Transport(TransportFault),
    /// The server answered.
    Status {
        /// The status code.
        status: u16,
        /// What its `Retry-After` asks for; `None` when it is absent, negative or unreadable.
        retry_after: Option<Duration>,
        /// What its body says.
        body: B,
    },
}

/// Why no whole answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransportFault {
    /// The network is known to be down; nothing left.
    Offline,
    /// The server's name was not found.
    Dns,
    /// Nothing listens at the address.
    Refused,
    /// No trusted connection could be made; never retried in the clear.
    Tls,
    /// The connection was not made in time.
    ConnectTimeout,
    /// The connection broke while the request was on its way.
    Reset,
    /// Too long without a byte either way.
    Timeout,
    /// The request was complete; the reply is cut or missing, so whether it took effect is unknown.
    Lost,
    /// The reply is larger than is read.
    TooLarge,
}

impl TransportFault {
    /// What happened, in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Offline => "the network is down",
            Self::Dns => "the server's name was not found",
            Self::Refused => "the server refused the connection",
            Self::Tls => "the server could not prove who it is",
            Self::ConnectTimeout => "the server did not take the connection in time",
            Self::Reset => "the connection broke during the upload",
            Self::Timeout => "the server stopped answering",
            Self::Lost => "the server's reply was lost",
            Self::TooLarge => "the server's reply was too large to be read",
        }
    }

    /// The word for it in a list of requests: `refused`, `reset`, `timeout` or `lost`.
    pub const fn outcome(self) -> &'static str {
        match self {
            Self::Offline | Self::Dns | Self::Refused | Self::Tls => "refused",
            Self::Reset => "reset",
            Self::ConnectTimeout | Self::Timeout => "timeout",
            Self::Lost | Self::TooLarge => "lost",
        }
    }

    /// Whether it speaks against the network rather than against what the server said.
    pub const fn blames_network(self) -> bool {
        match self {
            Self::TooLarge => false,
            Self::Offline
            | Self::Dns
            | Self::Refused
            | Self::Tls
            | Self::ConnectTimeout
            | Self::Reset
            | Self::Timeout
            | Self::Lost => true,
        }
    }
}

/// How long a wait that spends nothing lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delay {
    /// As the back-off says; the network's return ends it.
    BackOff,
    /// So long, by our own rule; the network's return does not end it, a person does.
    Fixed(Duration),
    /// So long, because the server said so; nothing ends it.
    Told(Duration),
}

impl Delay {
    /// What a `Retry-After` asks for, else `otherwise`. Asking for no wait at all counts as
    /// silence.
    fn told_or(retry_after: Option<Duration>, otherwise: Self) -> Self {
        match retry_after {
            Some(wait) if !wait.is_zero() => Self::Told(wait.min(RETRY_AFTER_MAX)),
            Some(_) | None => otherwise,
        }
    }
}

#[cfg(test)]
mod tests;
