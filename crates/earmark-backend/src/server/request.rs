//! Requests over HTTP: what each is answered, and what goes wrong with it.
//!
//! A request comes in two steps, since a fault may come before, within or after its body: first its
//! head, which is admitted or meets its fault, then what its body held.

use std::time::Duration;

use earmark_core::{ConversationId, Stamp};
use earmark_wire::{ReplyBody, UploadResult};

use super::file::ReceivedFile;
use super::socket::{DeviceHash, LiveOutput};
use super::{Server, account, bodies, file_name, jobs};
use crate::script::{Answer, Fault};

/// A request without its body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestHead {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query, decoded.
    pub query: Vec<(String, String)>,
    /// The headers, their names in lower case.
    pub headers: Vec<(String, String)>,
}

/// What happens to a request after its head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Its body is read, and [`Server::body`] answers.
    Proceed(Ticket),
    /// It is answered at once; its body is of no interest.
    Answer(Reply),
    /// The connection is closed as if nobody had listened.
    Refuse,
    /// The server's name is not found, as far as a network can be simulated.
    NoName,
    /// The server's certificate is not trusted, as far as a network can be simulated.
    NoTrust,
    /// The connection is not taken in time, as far as a network can be simulated.
    NoConnection,
    /// The connection is reset before any of the body was read.
    ResetBefore,
    /// The connection is reset when half of the body was read.
    ResetMid,
    /// It is never answered.
    Hang,
    /// It is answered at once, and its body stays unread.
    Early(Reply),
    /// The connection is closed without a byte.
    Close,
    /// It is answered in another protocol.
    GoAway,
}

/// The right to be answered, for an upload whose body is being read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    version: Version,
    conversation: Option<String>,
    answer: Option<Answer>,
}

impl Ticket {
    /// Whether the script has the request arrive twice.
    pub fn arrives_twice(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| answer.fault == Some(Fault::Duplicate))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// How long the server waits before it sends it.
    pub delay: Duration,
    /// The status code.
    pub status: u16,
    /// The headers, beside those that frame the message.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
    /// How much of it arrives.
    pub ending: Ending,
}

/// How much of an answer arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All of it.
    Whole,
    /// Less of the body than the head announces.
    Truncated,
    /// Nothing: the connection is reset instead.
    Reset,
    /// All of it, a byte now and then until the delay is over.
    Dripping,
    /// All of it, and then more of a body than anybody reads.
    Endless,
    /// All of it, under a head that is larger than anybody reads.
    EndlessHead,
}

impl RequestHead {
    /// The value of a header; its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(header, _)| header == name);
        named.next().map(|(_, value)| value.as_str())
    }

    fn conversation(&self) -> Option<String> {
        let mut named = self.query.iter().filter(|(name, _)| name == "conversation_id");
        // A server places an upload by its time when it does not know the conversation.
        let known = |id: &String| (1..=ConversationId::BYTES_MAX).contains(&id.len());
        named.next().map(|(_, value)| value.clone()).filter(known)
    }
}

impl Reply {
    /// An answer in JSON, whole and at once.
    pub fn json(status: u16, body: String) -> Self {
        Self {
            delay: Duration::ZERO,
            status,
            headers: vec![(String::from("content-type"), String::from("application/json"))],
            body,
            ending: Ending::Whole,
        }
    }

    /// A refusal in words.
    pub fn refusal(status: u16, words: &str) -> Self {
        Self::json(status, bodies::words(words))
    }

    fn of(answer: &Answer, body: String) -> Self {
        let mut reply = Self::json(answer.status, body);
        if answer.headers.iter().any(|(name, _)| name == "content-type") {
            reply.headers.clear();
        }
        reply.headers.extend(answer.headers.iter().cloned());
        reply.delay = answer.delay;
        reply.ending = match answer.fault {
            Some(Fault::Truncate) => Ending::Truncated,
            Some(Fault::ResetAfter) => Ending::Reset,
            Some(Fault::Drip) => Ending::Dripping,
            Some(Fault::Huge) => Ending::Endless,
            Some(Fault::HugeHead) => Ending::EndlessHead,
            Some(
                Fault::Refuse
                | Fault::ResetBefore
                | Fault::ResetMid
                | Fault::Hang
                | Fault::Dns
                | Fault::Tls
                | Fault::ConnectTimeout
                | Fault::Duplicate
                | Fault::Close
                | Fault::Early
                | Fault::GoAway,
            )
            | None => Ending::Whole,
        };
        reply
    }
}

impl Server {
    /// Admits a request by its head. An upload or a job poll takes its scripted answer here, in the
    /// order in which heads arrive.
    pub fn head(&mut self, head: &RequestHead) -> Admission {
        let paths: Vec<&str> = head.path.split('/').skip(1).collect();
        let version = match paths[..] {
            ["v1", "sync-local-files"] => Version::One,
            ["v2", "sync-local-files"] if self.options.v2 => Version::Two,
            ["v2", "sync-local-files", job] if self.options.v2 && !job.is_empty() => {
                return self.admit(head, "GET", |server| server.poll(job));
            }
            _ => return Admission::Answer(Reply::json(404, bodies::no_route())),
        };
        self.admit(head, "POST", |server| server.admit_upload(version, head))
    }

    fn admit(
        &mut self,
        head: &RequestHead,
        method: &str,
        admit: impl FnOnce(&mut Self) -> Admission,
    ) -> Admission {
        if head.method != method {
            Admission::Answer(refused(405))
        } else if !self.is_authorised(head.header("authorization")) {
            Admission::Answer(refused(401))
        } else {
            admit(self)
        }
    }

    fn admit_upload(&mut self, version: Version, head: &RequestHead) -> Admission {
        let answer = self.upload_answers.pop_front();
        early(answer.as_ref()).unwrap_or_else(|| {
            Admission::Proceed(Ticket { version, conversation: head.conversation(), answer })
        })
    }

    fn poll(&mut self, job: &str) -> Admission {
        let Some(answer) = self.job_answers.pop_front() else {
            let found = self.jobs.poll(job);
            return Admission::Answer(found.map_or_else(
                || Reply::refusal(404, "Job not found"),
                |job| Reply::json(200, job.to_json()),
            ));
        };
        if let Some(admission) = early(Some(&answer)) {
            return admission;
        }
        self.jobs.count_poll(job);
        let body = answer.body.clone().or_else(|| match answer.status {
            200 => self.jobs.completed(job).map(|job| job.to_json()),
            status => bodies::refusal(status),
        });
        Admission::Answer(Reply::of(&answer, body.unwrap_or_default()))
    }

    /// Answers an upload whose body was read, and keeps its files or not.
    pub fn body(&mut self, ticket: Ticket, files: &[ReceivedFile], now: Stamp) -> Reply {
        match ticket.answer {
            Some(answer) => {
                let arrivals = if answer.fault == Some(Fault::Duplicate) { 2 } else { 1 };
                if answer.stored() && !files.is_empty() {
                    for _ in 0..arrivals {
                        self.store(ticket.conversation.as_deref(), files);
                    }
                }
                let conversation = ticket.conversation.as_deref();
                let body = self.scripted_body(&answer, conversation, files.len());
                Reply::of(&answer, body)
            }
            None => self.accept(&ticket, files, now),
        }
    }

    /// The answer when nothing is scripted: a real server's.
    fn accept(&mut self, ticket: &Ticket, files: &[ReceivedFile], now: Stamp) -> Reply {
        if files.is_empty() {
            return Reply::json(422, String::from(bodies::NO_FILES));
        }
        for file in files {
            if self.options.check_names
                && let Err(fault) = file_name::check(file.name(), now.wall)
            {
                return Reply::refusal(400, &fault.to_string());
            }
            if file.frames() == 0 {
                return Reply::refusal(400, "Invalid audio: zero duration");
            }
        }
        let conversation = ticket.conversation.as_deref();
        if !self.store(conversation, files) {
            return refused(507);
        }
        let result = self.result(conversation);
        match ticket.version {
            Version::One => Reply::json(200, result.to_json()),
            Version::Two => Reply::json(202, self.jobs.open(files.len(), result).to_json()),
        }
    }

    /// Keeps the files; false when there was no room for all of them.
    fn store(&mut self, conversation: Option<&str>, files: &[ReceivedFile]) -> bool {
        files.iter().all(|file| self.uploads.store(file, conversation).is_ok())
    }

    fn scripted_body(
        &mut self,
        answer: &Answer,
        conversation: Option<&str>,
        files: usize,
    ) -> String {
        if let Some(body) = &answer.body {
            self.register_job(answer, body, conversation);
            return body.clone();
        }
        match answer.status {
            200 => self.result(conversation).to_json(),
            202 => {
                let result = self.result(conversation);
                self.jobs.open(files, result).to_json()
            }
            207 => partial_failure().to_json(),
            status => bodies::refusal(status).unwrap_or_default(),
        }
    }

    /// A job that a script invents can be polled like any other.
    fn register_job(&mut self, answer: &Answer, body: &str, conversation: Option<&str>) {
        if answer.status != 202 {
            return;
        }
        if let ReplyBody::Job(job) = ReplyBody::parse(body.as_bytes()) {
            let result = self.result(conversation);
            self.jobs.register(job.id, result);
        }
    }

    fn result(&mut self, conversation: Option<&str>) -> UploadResult {
        jobs::result(conversation, || self.conversations.new_id())
    }

    /// Answers `POST /v1/conversations`: ends the conversations of the account, of one device when
    /// the request names it, and answers with the first.
    pub fn finish(&mut self, head: &RequestHead, now: Stamp) -> (Reply, Vec<LiveOutput>) {
        let authorization = head.header("authorization");
        if !self.is_authorised(authorization) {
            return (refused(401), Vec::new());
        }
        let device = head.header("x-device-id-hash").and_then(DeviceHash::from_hex);
        let (first, outputs) = self.end_account(&account(authorization), device.as_ref(), now);
        let reply = match first {
            Some(conversation) => Reply::json(200, conversation.answer()),
            None => Reply::refusal(404, "Conversation in progress not found"),
        };
        (reply, outputs)
    }
}

/// What becomes of a request whose fault comes before its effect.
fn early(answer: Option<&Answer>) -> Option<Admission> {
    let answer = answer?;
    match answer.fault? {
        Fault::Close => Some(Admission::Close),
        Fault::GoAway => Some(Admission::GoAway),
        Fault::Early => {
            let body = answer.body.clone().or_else(|| bodies::refusal(answer.status));
            Some(Admission::Early(Reply::of(answer, body.unwrap_or_default())))
        }
        Fault::Refuse => Some(Admission::Refuse),
        Fault::ResetBefore => Some(Admission::ResetBefore),
        Fault::ResetMid => Some(Admission::ResetMid),
        Fault::Hang => Some(Admission::Hang),
        Fault::Dns => Some(Admission::NoName),
        Fault::Tls => Some(Admission::NoTrust),
        Fault::ConnectTimeout => Some(Admission::NoConnection),
        Fault::ResetAfter
        | Fault::Truncate
        | Fault::Duplicate
        | Fault::Drip
        | Fault::Huge
        | Fault::HugeHead => None,
    }
}

fn refused(status: u16) -> Reply {
    Reply::json(status, bodies::refusal(status).unwrap_or_default())
}

fn partial_failure() -> UploadResult {
    UploadResult {
        failed_segments: 1,
        total_segments: Some(2),
        errors: vec![String::from("segment 1 of 2 could not be transcribed")],
        ..UploadResult::default()
    }
}
