//! The lines of a feed that concern the server, as values.
//!
//! A line is read without any effect: a field that is missing, unknown or out of its bounds is
//! named with what was found and what was expected, so that a whole feed can be refused before it
//! runs.

mod read;

use std::time::Duration;

use serde_json::{Map, Value};

use read::Fields;

/// The most answers that one line may queue.
pub const QUEUE_ANSWERS_MAX: usize = 10_000;
/// The most bytes of a scripted answer's body.
pub const ANSWER_BODY_BYTES_MAX: usize = 256 * 1024;
/// The most headers of a scripted answer.
pub const ANSWER_HEADERS_MAX: usize = 32;
/// The most bytes of a scripted header's name, and of its value.
pub const ANSWER_HEADER_BYTES_MAX: usize = 4_096;
/// The longest delay of a scripted answer.
pub const ANSWER_DELAY_SECONDS_MAX: u64 = 86_400;
/// The most bytes of a scripted text message.
pub const MESSAGE_TEXT_BYTES_MAX: usize = 256 * 1024;

/// The status of a scripted upload answer that names none.
const UPLOAD_STATUS: u16 = 202;
/// The status of a scripted job answer that names none.
const JOB_STATUS: u16 = 200;

/// What a script makes the server do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerAction {
    /// `server.message`: send a text on a live socket.
    Message {
        /// Whose socket; the only one there is when nobody is named.
        device: Option<String>,
        /// The text, byte for byte.
        text: String,
    },
    /// `server.respond`: answer the next uploads with these, in order.
    Respond(Vec<Answer>),
    /// `job.respond`: answer the next job polls with these, in order.
    JobRespond(Vec<Answer>),
    /// `socket.stall`: stop reading from and writing to a live socket, without closing it.
    Stall {
        /// Whose socket; the only one there is when nobody is named.
        device: Option<String>,
    },
    /// `server.end`: end the conversation that is being heard on a live socket.
    End {
        /// Whose socket; the only one there is when nobody is named.
        device: Option<String>,
        /// Whether the conversation's event follows by itself.
        event: bool,
    },
    /// `server.accept`: forget the answers that are queued, and accept everything from here on.
    Accept,
    /// `server.restart`: break all live sockets, and forget the jobs and the conversations that are
    /// not over. What was kept of uploads stays.
    Restart,
}

/// How one request is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body; what a real server says with that status when nothing is given.
    pub body: Option<String>,
    /// Headers beside the usual ones: lower-case name and value.
    pub headers: Vec<(String, String)>,
    /// How long the server waits before it answers.
    pub delay: Duration,
    /// What goes wrong on the way.
    pub fault: Option<Fault>,
    /// Whether the upload is kept, when the script says so; see [`Answer::stored`].
    pub stored: Option<bool>,
}

/// What goes wrong with a request or its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection is closed before any of the request was read.
    Refuse,
    /// The connection is reset after the request's head.
    ResetBefore,
    /// The connection is reset in the middle of the request's body.
    ResetMid,
    /// The request takes effect and the connection is reset instead of the answer.
    ResetAfter,
    /// The answer ends before its announced length.
    Truncate,
    /// The request is never answered and takes no effect.
    Hang,
    /// The server's name is not found; in the simulated world only, else as `refuse`.
    Dns,
    /// The server's certificate is not trusted; in the simulated world only, else as `refuse`.
    Tls,
    /// The connection is not taken in time; in the simulated world only, else as `refuse`.
    ConnectTimeout,
    /// The request arrives twice, and takes effect twice.
    Duplicate,
    /// The answer drips, a byte now and then, until the delay is over.
    Drip,
    /// The connection is closed without a byte, as one that was kept for too long.
    Close,
    /// The answer comes before the request's body was read.
    Early,
    /// The answer's body goes on for longer than anybody reads.
    Huge,
    /// The answer's head is larger than anybody reads.
    HugeHead,
    /// What comes is of another protocol: the frame with which HTTP/2 ends a connection.
    GoAway,
}

/// A field of a line cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` is {found}; expected {expected}")]
pub struct FieldError {
    /// Where: a field's name, with its place when it is within a list.
    pub field: String,
    /// What stands there.
    pub found: String,
    /// What may stand there.
    pub expected: String,
}

impl ServerAction {
    /// The actions of lines that the server takes.
    pub const NAMES: [&'static str; 7] = [
        "server.message",
        "server.respond",
        "job.respond",
        "socket.stall",
        "server.end",
        "server.accept",
        "server.restart",
    ];

    /// Reads a line's action and its fields; `at` and `do` are skipped.
    ///
    /// `None` when the action is not one of the server's.
    ///
    /// # Errors
    ///
    /// [`FieldError`] for the first field that is missing, unknown or out of its bounds.
    pub fn parse(action: &str, fields: &Map<String, Value>) -> Option<Result<Self, FieldError>> {
        let fields = Fields::of_line(fields);
        Some(match action {
            "server.message" => message(&fields),
            "server.respond" => queue(&fields, UPLOAD_STATUS).map(Self::Respond),
            "job.respond" => queue(&fields, JOB_STATUS).map(Self::JobRespond),
            "socket.stall" => stall(&fields),
            "server.end" => end(&fields),
            "server.accept" => fields.only(&[]).map(|()| Self::Accept),
            "server.restart" => fields.only(&[]).map(|()| Self::Restart),
            _ => return None,
        })
    }
}

impl Answer {
    /// The plain answer with this status.
    pub const fn status(status: u16) -> Self {
        Self {
            status,
            body: None,
            headers: Vec::new(),
            delay: Duration::ZERO,
            fault: None,
            stored: None,
        }
    }

    /// Whether the server keeps the upload: unless the script says otherwise, it does with 200,
    /// with 202 and when only the answer is lost.
    pub fn stored(&self) -> bool {
        match self.fault {
            Some(fault) if fault.precedes_effect() => false,
            Some(Fault::ResetAfter) => self.stored.unwrap_or(true),
            Some(_) | None => self.stored.unwrap_or(matches!(self.status, 200 | 202)),
        }
    }
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Refuse,
        Self::ResetBefore,
        Self::ResetMid,
        Self::ResetAfter,
        Self::Truncate,
        Self::Hang,
        Self::Dns,
        Self::Tls,
        Self::ConnectTimeout,
        Self::Duplicate,
        Self::Drip,
        Self::Close,
        Self::Early,
        Self::Huge,
        Self::HugeHead,
        Self::GoAway,
    ];

    /// The fault's name in scripts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::ResetBefore => "reset_before",
            Self::ResetMid => "reset_mid",
            Self::ResetAfter => "reset_after",
            Self::Truncate => "truncate",
            Self::Hang => "hang",
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::ConnectTimeout => "connect_timeout",
            Self::Duplicate => "duplicate",
            Self::Drip => "drip",
            Self::Close => "close",
            Self::Early => "early",
            Self::Huge => "huge",
            Self::HugeHead => "huge_head",
            Self::GoAway => "go_away",
        }
    }

    /// Whether the server never sees the whole request, so that it cannot keep the upload.
    const fn precedes_effect(self) -> bool {
        match self {
            Self::Refuse
            | Self::ResetBefore
            | Self::ResetMid
            | Self::Hang
            | Self::Dns
            | Self::Tls
            | Self::ConnectTimeout
            | Self::Close
            | Self::Early
            | Self::GoAway => true,
            Self::ResetAfter
            | Self::Truncate
            | Self::Duplicate
            | Self::Drip
            | Self::Huge
            | Self::HugeHead => false,
        }
    }

    /// Whether only the simulated network can do it as it is meant.
    pub const fn needs_simulation(self) -> bool {
        match self {
            Self::Dns | Self::Tls | Self::ConnectTimeout => true,
            Self::Refuse
            | Self::ResetBefore
            | Self::ResetMid
            | Self::ResetAfter
            | Self::Truncate
            | Self::Hang
            | Self::Duplicate
            | Self::Drip
            | Self::Close
            | Self::Early
            | Self::Huge
            | Self::HugeHead
            | Self::GoAway => false,
        }
    }
}

fn message(fields: &Fields<'_>) -> Result<ServerAction, FieldError> {
    fields.only(&["device", "text"])?;
    Ok(ServerAction::Message {
        device: fields.device()?,
        text: fields.text("text", MESSAGE_TEXT_BYTES_MAX)?,
    })
}

fn stall(fields: &Fields<'_>) -> Result<ServerAction, FieldError> {
    fields.only(&["device"])?;
    Ok(ServerAction::Stall { device: fields.device()? })
}

fn end(fields: &Fields<'_>) -> Result<ServerAction, FieldError> {
    fields.only(&["device", "event"])?;
    Ok(ServerAction::End { device: fields.device()?, event: fields.flag("event")?.unwrap_or(true) })
}

fn queue(fields: &Fields<'_>, status: u16) -> Result<Vec<Answer>, FieldError> {
    fields.only(&["queue"])?;
    let answers = fields.list("queue", QUEUE_ANSWERS_MAX)?;
    answers.iter().map(|fields| answer(fields, status)).collect()
}

fn answer(fields: &Fields<'_>, status: u16) -> Result<Answer, FieldError> {
    fields.only(&["status", "body", "headers", "delay", "fault", "stored"])?;
    let fault = fields.choice("fault", &Fault::ALL, Fault::name)?;
    let stored = fields.flag("stored")?;
    if let (Some(fault), Some(true)) = (fault, stored)
        && fault.precedes_effect()
    {
        let expected = format!("false: with `{}` the server keeps nothing", fault.name());
        return Err(fields.wrong("stored", "true", &expected));
    }
    Ok(Answer {
        status: fields.status("status")?.unwrap_or(status),
        body: fields.optional_text("body", ANSWER_BODY_BYTES_MAX)?,
        headers: fields.headers("headers")?,
        delay: fields.seconds("delay", ANSWER_DELAY_SECONDS_MAX)?,
        fault,
        stored,
    })
}

#[cfg(test)]
mod tests;
