//! Answers to an upload.

use alloc::format;
use alloc::string::String;
use core::time::Duration;

use super::words::with_detail;
use super::{CONFLICT_WAIT, Delay, NO_PLACE_WAIT, Reply, TransportFault};

/// The most bytes of a job's name.
pub const JOB_ID_BYTES_MAX: usize = 256;

/// Which of the server's upload paths is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Api {
    /// `/v2/sync-local-files`: answers with a job.
    #[default]
    V2,
    /// `/v1/sync-local-files`: answers when all is done.
    V1,
}

/// What the request was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The path it went to.
    pub api: Api,
    /// Whether it named a conversation.
    pub named: bool,
}

/// What the body of an answer to an upload says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UploadBody<'a> {
    /// The result of the upload.
    Result {
        /// How many segments of it the server could not use.
        failed_segments: u64,
    },
    /// The result of another upload: it names another file, or another content.
    OtherRecording,
    /// The server works on it.
    Job {
        /// Its name for the work, as it came.
        id: &'a str,
        /// Whether it says that the work is completed.
        completed: bool,
        /// When it wants to be asked.
        poll_after: Option<Duration>,
    },
    /// Exactly `{"detail":"Not Found"}`: the server has no such path.
    DetailRouteMissing,
    /// Another JSON object with a `detail` text.
    Detail(&'a str),
    /// Other JSON.
    OtherJson,
    /// Something that is no JSON, such as the page of a captive portal.
    NotJson,
    /// Nothing.
    Empty,
}

/// What an answer to an upload means.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The server has the recording.
    Synced,
    /// The server took it and works on it.
    Accepted {
        /// Its name for the work: up to [`JOB_ID_BYTES_MAX`] bytes that are safe in a path.
        job: String,
        /// When it wants to be asked.
        poll_after: Option<Duration>,
    },
    /// Nothing is spent; it is tried again.
    Waits {
        /// Why, in words.
        reason: String,
        /// For how long.
        delay: Delay,
    },
    /// An attempt is spent.
    Spends {
        /// Why, in words.
        reason: String,
    },
    /// The server will never take it.
    Fails {
        /// Why, in words.
        reason: String,
    },
    /// The credentials were refused.
    SignIn {
        /// How, in words.
        reason: String,
    },
    /// The conversation that was named does not exist any more.
    ConversationGone {
        /// What the server said, in words.
        reason: String,
    },
    /// The server has no v2 path.
    UseV1 {
        /// What the server said, in words.
        reason: String,
    },
}

/// What the reply to an upload means.
pub fn classify(reply: &Reply<UploadBody<'_>>, asked: Asked) -> Verdict {
    match reply {
        Reply::Transport(fault) => transport(*fault),
        Reply::Status { status, retry_after, body } => answered(*status, *retry_after, body, asked),
    }
}

fn transport(fault: TransportFault) -> Verdict {
    let reason = String::from(fault.words());
    match fault {
        TransportFault::TooLarge => Verdict::Spends { reason },
        TransportFault::Offline
        | TransportFault::Dns
        | TransportFault::Refused
        | TransportFault::Tls
        | TransportFault::ConnectTimeout
        | TransportFault::Reset
        | TransportFault::Timeout
        | TransportFault::Lost => Verdict::Waits { reason, delay: Delay::BackOff },
    }
}

/// What a status is to an upload, before its body is looked at.
#[derive(Clone, Copy)]
enum Class {
    Done,
    Partial,
    Unreadable,
    Waits,
    Final,
    SignIn,
    NotFound,
    NoSuchMethod,
    Conflict,
}

/// The table: what a status is, and the words that a person reads.
const fn row(status: u16) -> (Class, &'static str) {
    match status {
        200 | 202 => (Class::Done, "the server's answer was unreadable"),
        207 => (Class::Partial, "the server used only a part of it"),
        201..=299 => (Class::Unreadable, "the server's answer was unreadable"),
        300..=399 => (Class::Waits, "the server pointed to another place, not followed"),
        400 => (Class::Final, "the server refused it as malformed"),
        401 => (Class::SignIn, "the server wants a new sign-in"),
        402 => (Class::Final, "the server wants a payment first"),
        403 => (Class::SignIn, "the server did not allow it"),
        404 => (Class::NotFound, "the server has no place for it"),
        405 => (Class::NoSuchMethod, "the server has no place for it"),
        406 => (Class::Final, "the server cannot answer in a form that is understood"),
        408 => (Class::Waits, "the server waited too long for the upload"),
        409 => (Class::Conflict, "the server is busy with the same audio"),
        411 => (Class::Final, "the server wants a length that the request did not name"),
        413 => (Class::Final, "the server finds it too large"),
        414 => (Class::Final, "the server finds the request's address too long"),
        415 => (Class::Final, "the server does not take this kind of audio"),
        422 => (Class::Final, "the server will not take this recording"),
        425 => (Class::Waits, "the server wants it later"),
        429 => (Class::Waits, "the server wants fewer requests"),
        431 => (Class::Final, "the server finds the request's headers too large"),
        451 => (Class::Final, "the server may not take it for legal reasons"),
        407..=499 => (Class::Waits, "the server refused it, perhaps not for good"),
        500..=599 => (Class::Waits, "the server has a fault of its own"),
        _ => (Class::Waits, "the server's answer was no answer of HTTP"),
    }
}

fn answered(
    status: u16,
    retry_after: Option<Duration>,
    body: &UploadBody<'_>,
    asked: Asked,
) -> Verdict {
    let (class, words) = row(status);
    let reason = with_detail(&format!("{words} ({status})"), detail(body));
    let waits = |otherwise| Delay::told_or(retry_after, otherwise);
    match class {
        Class::Done => done(body, status, reason),
        Class::Partial | Class::Unreadable => Verdict::Spends { reason },
        Class::Waits => Verdict::Waits { reason, delay: waits(Delay::BackOff) },
        Class::Final => Verdict::Fails { reason },
        Class::SignIn => Verdict::SignIn { reason },
        Class::NotFound if is_about_a_thing(body) && asked.named => {
            Verdict::ConversationGone { reason }
        }
        Class::NotFound if is_about_a_thing(body) => {
            Verdict::Waits { reason, delay: waits(Delay::Fixed(NO_PLACE_WAIT)) }
        }
        Class::NotFound | Class::NoSuchMethod => match asked.api {
            Api::V2 => Verdict::UseV1 { reason },
            Api::V1 => Verdict::Waits { reason, delay: waits(Delay::Fixed(NO_PLACE_WAIT)) },
        },
        Class::Conflict => Verdict::Waits { reason, delay: waits(Delay::Fixed(CONFLICT_WAIT)) },
    }
}

fn done(body: &UploadBody<'_>, status: u16, reason: String) -> Verdict {
    match body {
        // "Accepted" is no word that it is done, whatever else it says.
        UploadBody::Result { .. } if status != 200 => Verdict::Spends { reason },
        UploadBody::Result { failed_segments: 0 } => Verdict::Synced,
        UploadBody::Result { failed_segments } => Verdict::Spends {
            reason: format!("the server could not use {failed_segments} segments of it"),
        },
        // A job that is said to be completed is still asked for: its failed segments are unknown.
        UploadBody::Job { id, poll_after, .. } if is_safe_in_a_path(id) => {
            Verdict::Accepted { job: String::from(*id), poll_after: *poll_after }
        }
        UploadBody::OtherRecording => Verdict::Spends {
            reason: format!("the server answered about another recording ({status})"),
        },
        UploadBody::Job { .. }
        | UploadBody::DetailRouteMissing
        | UploadBody::Detail(_)
        | UploadBody::OtherJson
        | UploadBody::NotJson
        | UploadBody::Empty => Verdict::Spends { reason },
    }
}

const fn detail<'a>(body: &UploadBody<'a>) -> Option<&'a str> {
    match body {
        UploadBody::Detail(text) => Some(text),
        UploadBody::Result { .. }
        | UploadBody::OtherRecording
        | UploadBody::Job { .. }
        | UploadBody::DetailRouteMissing
        | UploadBody::OtherJson
        | UploadBody::NotJson
        | UploadBody::Empty => None,
    }
}

/// Whether a 404 with this body speaks of a thing that is not there, and not of the path.
const fn is_about_a_thing(body: &UploadBody<'_>) -> bool {
    match body {
        UploadBody::Result { .. }
        | UploadBody::OtherRecording
        | UploadBody::Job { .. }
        | UploadBody::Detail(_)
        | UploadBody::OtherJson => true,
        UploadBody::DetailRouteMissing | UploadBody::NotJson | UploadBody::Empty => false,
    }
}

/// Whether a job's name can stand in the path of a request without leading elsewhere.
fn is_safe_in_a_path(id: &str) -> bool {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:~".contains(&byte);
    (1..=JOB_ID_BYTES_MAX).contains(&id.len())
        && id.bytes().all(safe)
        && !id.bytes().all(|byte| byte == b'.')
}
