//! Every behaviour of a server.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

mod rows;

/// How many behaviours of servers in general there are; most of
/// the rest are answers of Omi's servers.
pub const GENERAL: usize = 58;

/// When something is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// After 5 s, 10 s, 20 s and so on up to 15 min, each lengthened by a fifth at most; at once
    /// when the network returns.
    BackOff,
    /// After so many seconds, by our own rule.
    Fixed(u64),
    /// After so many seconds, because the server said so.
    Told(u64),
}

/// What a behaviour means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The server has the recording.
    Synced,
    /// The server took it and works on it.
    Accepted,
    /// The server still works on it, and wants to be asked again after so many seconds.
    Running(u64),
    /// An attempt of three is spent.
    Spends,
    /// It is tried again; nothing is spent.
    Waits(When),
    /// The job is lost: the recording is uploaded again; nothing is spent.
    Again(When),
    /// It is never tried again by itself.
    Final,
    /// Fresh credentials are asked for, once; then a person is.
    SignIn,
    /// The same recording goes out once more, without the conversation.
    Relink,
    /// The same request goes to the path of version 1.
    UsesV1,
}

/// What a behaviour means, and the words that a person reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// The class.
    pub class: Class,
    /// The words; what the server itself said may follow them.
    pub words: String,
}

/// An answer as a feed scripts it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status; the usual one where it is 0.
    pub status: u16,
    /// The body.
    pub body: Option<String>,
    /// The headers.
    pub headers: Vec<(&'static str, String)>,
    /// What goes wrong on the way.
    pub fault: Option<&'static str>,
    /// Seconds before it.
    pub delay: u64,
    /// Whether the server keeps the upload.
    pub stored: Option<bool>,
}

/// Where a behaviour is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// It is done.
    Done,
    /// It looks like done, and is not.
    Doubtful,
    /// The server took it, and this came of it.
    Job,
    /// Never again.
    Final,
    /// Later.
    Later,
    /// Sign in first.
    SignIn,
    /// The address is gone.
    Gone,
    /// Not followed.
    Redirect,
    /// Something on the way.
    Transport,
    /// Beside these, most of it what Omi's servers say.
    Further,
}

/// Something that a server can do with a request.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// Its name.
    pub name: &'static str,
    /// Where it is listed.
    pub group: Group,
    /// What comes, in words.
    pub what: String,
    /// How it is scripted.
    pub answer: Answer,
    /// Of a job: how often in a row the question about it is answered so. The upload is answered
    /// 202.
    pub job: Option<usize>,
    /// What it means as the answer to an upload.
    pub to_upload: Meaning,
    /// What it means as the answer to a question about a job.
    pub to_poll: Meaning,
}

/// All of them; the first [`GENERAL`] are those of servers in general.
pub fn all() -> &'static [Behaviour] {
    static ALL: LazyLock<Vec<Behaviour>> = LazyLock::new(rows::all);
    &ALL
}

impl Answer {
    /// It as an element of a feed's queue.
    pub fn to_json(&self) -> Value {
        let mut fields = Map::new();
        if self.status != 0 {
            fields.insert(String::from("status"), json!(self.status));
        }
        if let Some(body) = &self.body {
            fields.insert(String::from("body"), json!(body));
        }
        if !self.headers.is_empty() {
            let headers =
                self.headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
            fields.insert(String::from("headers"), Value::Object(headers.collect()));
        }
        if let Some(fault) = self.fault {
            fields.insert(String::from("fault"), json!(fault));
        }
        if self.delay > 0 {
            fields.insert(String::from("delay"), json!(self.delay));
        }
        if let Some(stored) = self.stored {
            fields.insert(String::from("stored"), json!(stored));
        }
        Value::Object(fields)
    }
}
