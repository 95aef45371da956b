//! Answers to the question how a job goes.

use alloc::format;
use alloc::string::String;
use core::time::Duration;

use super::words::with_detail;
use super::{CONFLICT_WAIT, Delay, Reply};

/// What the body of an answer to a job poll says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobBody<'a> {
    /// Queued, processing, or a word that nobody knows yet.
    Running {
        /// When the server wants to be asked again.
        poll_after: Option<Duration>,
    },
    /// Completed, or partly failed.
    Ended {
        /// How many segments the server could not use; at least one when it partly failed.
        failed_segments: u64,
    },
    /// Failed.
    Failed {
        /// How many segments the server could not use.
        failed_segments: u64,
        /// The server's `error` or `reason_code`.
        reason: Option<&'a str>,
    },
    /// It is no job's state.
    Unreadable,
}

/// What an answer to a job poll means.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PollVerdict {
    /// The server has the recording.
    Synced,
    /// The server still works on it.
    Running {
        /// When it wants to be asked again.
        poll_after: Option<Duration>,
    },
    /// An attempt is spent; the recording is uploaded again while the budget lasts.
    Spends {
        /// Why, in words.
        reason: String,
    },
    /// The job is lost or failed over nothing in the recording: uploaded again, nothing spent.
    Reupload {
        /// Why, in words.
        reason: String,
        /// How long before that.
        delay: Delay,
    },
    /// The question was not answered; it is asked again.
    Waits {
        /// Why, in words.
        reason: String,
        /// For how long.
        delay: Delay,
    },
    /// The credentials were refused.
    SignIn {
        /// How, in words.
        reason: String,
    },
}

/// Words in a failed job's reason that speak of the audio and not of the server.
const CONTENT_WORDS: &[&str] = &[
    "codec",
    "content",
    "corrupt",
    "decod",
    "duration",
    "empty",
    "format",
    "invalid",
    "malformed",
    "no speech",
    "no_speech",
    "too long",
    "too short",
    "unreadable",
    "unsupported",
];

/// What the reply to a job poll means.
pub fn classify_poll(reply: &Reply<JobBody<'_>>) -> PollVerdict {
    match reply {
        Reply::Transport(fault) => {
            PollVerdict::Waits { reason: String::from(fault.words()), delay: Delay::BackOff }
        }
        Reply::Status { status: 200, retry_after, body } => told(body, *retry_after),
        Reply::Status { status, retry_after, .. } => refused(*status, *retry_after),
    }
}

fn told(body: &JobBody<'_>, retry_after: Option<Duration>) -> PollVerdict {
    let delay = Delay::told_or(retry_after, Delay::BackOff);
    match body {
        JobBody::Running { poll_after } => PollVerdict::Running { poll_after: *poll_after },
        JobBody::Ended { failed_segments: 0 } => PollVerdict::Synced,
        JobBody::Ended { failed_segments } => PollVerdict::Spends {
            reason: format!("the server could not use {failed_segments} segments of it"),
        },
        JobBody::Failed { failed_segments, reason }
            if *failed_segments > 0 || reason.is_some_and(is_about_the_content) =>
        {
            PollVerdict::Spends { reason: with_detail("the server could not use it", *reason) }
        }
        JobBody::Failed { reason, .. } => PollVerdict::Reupload {
            reason: with_detail("the server gave up its work on it", *reason),
            delay,
        },
        JobBody::Unreadable => PollVerdict::Waits {
            reason: String::from("the server's answer about its work was unreadable"),
            delay,
        },
    }
}

fn refused(status: u16, retry_after: Option<Duration>) -> PollVerdict {
    let delay = |otherwise| Delay::told_or(retry_after, otherwise);
    match status {
        401 | 403 => {
            PollVerdict::SignIn { reason: format!("the server wants a new sign-in ({status})") }
        }
        404 | 410 => PollVerdict::Reupload {
            reason: format!("the server does not know its work on it any more ({status})"),
            delay: delay(Delay::BackOff),
        },
        409 => PollVerdict::Waits {
            reason: String::from("the server is busy with the same audio (409)"),
            delay: delay(Delay::Fixed(CONFLICT_WAIT)),
        },
        _ => PollVerdict::Waits {
            reason: format!("the server did not say how its work goes ({status})"),
            delay: delay(Delay::BackOff),
        },
    }
}

fn is_about_the_content(reason: &str) -> bool {
    let reason = reason.to_ascii_lowercase();
    CONTENT_WORDS.iter().any(|word| reason.contains(word))
}
