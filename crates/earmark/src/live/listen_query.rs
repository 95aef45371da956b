//! What a live socket asks for in its query.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use earmark_core::Account;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Hello;

/// The shortest silence, in seconds, after which a server ends a conversation; it raises a shorter
/// one to this.
pub const CONVERSATION_TIMEOUT_MIN: u32 = 120;
/// The longest such silence, in seconds.
pub const CONVERSATION_TIMEOUT_MAX: u32 = 14_400;
/// How many bytes a value may have.
pub const QUERY_VALUE_BYTES_MAX: usize = 128;

/// What stands in a query as it is; everything else is written as `%XX`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What a host may choose of the query of its live sockets; the codec and the sample
/// rate follow from what a device captures, and there is one channel, which is what a server takes
/// for granted. What is `None` is not sent, and the server decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenQuery {
    /// The language spoken: a code, or `multi` for any.
    pub language: String,
    /// What the server calls each account. Its token alone says who it is; old servers want this
    /// as well. An account that is not listed sends none.
    pub uids: BTreeMap<Account, String>,
    /// Whether the server recognises the person by their recorded voice.
    pub include_speech_profile: bool,
    /// The transcription model.
    pub stt_service: Option<String>,
    /// The silence in seconds after which the server ends a conversation:
    /// [`CONVERSATION_TIMEOUT_MIN`] to [`CONVERSATION_TIMEOUT_MAX`]. Earmark parts audio at
    /// silences of 120 s whatever is told to the server.
    pub conversation_timeout: u32,
    /// The kind of device, such as `omi`, `phone` or `desktop`.
    pub source: Option<String>,
    /// Whether the client brings transcripts of its own.
    pub custom_stt: bool,
    /// Whether this is the first conversation of a new person.
    pub onboarding: bool,
    /// Whether each conversation gets a name of the client's own, the same at each reconnect.
    /// Servers that know none ignore it.
    pub client_conversation_id: bool,
    /// Whether the server puts names to speakers by itself. Late servers only.
    pub speaker_auto_assign: Option<bool>,
    /// Whether the server makes people of unknown speakers. Late servers only.
    pub create_speakers: Option<bool>,
    /// How the server tells speech from silence. Late servers only.
    pub vad_gate: Option<String>,
    /// The phone call that the audio belongs to. Late servers only.
    pub call_id: Option<String>,
    /// The client's part in that call. Late servers only.
    pub conversation_role: Option<String>,
}

impl Default for ListenQuery {
    fn default() -> Self {
        Self {
            language: String::from("multi"),
            uids: BTreeMap::new(),
            include_speech_profile: true,
            stt_service: None,
            conversation_timeout: CONVERSATION_TIMEOUT_MIN,
            source: Some(String::from("omi")),
            custom_stt: false,
            onboarding: false,
            client_conversation_id: true,
            speaker_auto_assign: None,
            create_speakers: None,
            vad_gate: None,
            call_id: None,
            conversation_role: None,
        }
    }
}

/// Why a query cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryFault {
    /// A value is empty or too long.
    #[error(
        "`{0}` is empty or longer than {QUERY_VALUE_BYTES_MAX} bytes; leave it out or shorten it"
    )]
    Value(&'static str),
    /// No server ends a conversation after that silence.
    #[error(
        "`conversation_timeout` is {0} s; {CONVERSATION_TIMEOUT_MIN} to \
         {CONVERSATION_TIMEOUT_MAX} are taken"
    )]
    Timeout(u32),
}

impl QueryFault {
    /// The parameter of the query that it is about.
    pub const fn parameter(self) -> &'static str {
        match self {
            Self::Value(name) => name,
            Self::Timeout(_) => "conversation_timeout",
        }
    }
}

impl ListenQuery {
    /// Everything in it that cannot be sent; nothing when all can.
    pub fn faults(&self) -> Vec<QueryFault> {
        let timeout = self.conversation_timeout;
        let is_taken = (CONVERSATION_TIMEOUT_MIN..=CONVERSATION_TIMEOUT_MAX).contains(&timeout);
        let bad_timeout = (!is_taken).then_some(QueryFault::Timeout(timeout));
        let is_good = |value: &str| (1..=QUERY_VALUE_BYTES_MAX).contains(&value.len());
        let uids = self.uids.values().map(|uid| ("uid", uid.as_str()));
        let texts = self.texts().into_iter().filter_map(|(name, value)| Some((name, value?)));
        let given = uids.chain(texts).chain([("language", self.language.as_str())]);
        let bad = given.filter(|(_, value)| !is_good(value));
        bad_timeout.into_iter().chain(bad.map(|(name, _)| QueryFault::Value(name))).collect()
    }

    /// Whether everything in it can be sent.
    pub(super) fn check(&self) -> Result<(), QueryFault> {
        self.faults().first().map_or(Ok(()), |fault| Err(*fault))
    }

    /// The query of one socket, without the question mark.
    pub(super) fn of(&self, hello: &Hello) -> String {
        let encoding = hello.encoding;
        let mut query = Query(String::new());
        query.add("language", &self.language);
        query.add("sample_rate", encoding.sample_rate);
        query.add("codec", encoding.codec);
        query.add_if("uid", self.uids.get(&hello.account));
        query.add("include_speech_profile", self.include_speech_profile);
        query.add("conversation_timeout", self.conversation_timeout);
        query.add_if("custom_stt", self.custom_stt.then_some("enabled"));
        query.add_if("onboarding", self.onboarding.then_some("enabled"));
        query.add_if("speaker_auto_assign", self.speaker_auto_assign);
        query.add_if("create_speakers", self.create_speakers);
        for (name, value) in self.texts() {
            query.add_if(name, value);
        }
        query.add_if("client_conversation_id", hello.conversation);
        query.0
    }

    fn texts(&self) -> [(&'static str, Option<&str>); 5] {
        [
            ("source", self.source.as_deref()),
            ("stt_service", self.stt_service.as_deref()),
            ("vad_gate", self.vad_gate.as_deref()),
            ("call_id", self.call_id.as_deref()),
            ("conversation_role", self.conversation_role.as_deref()),
        ]
    }
}

struct Query(String);

impl Query {
    fn add(&mut self, name: &str, value: impl fmt::Display) {
        let before = if self.0.is_empty() { "" } else { "&" };
        let value = value.to_string();
        // A text takes whatever is written to it.
        let _ = write!(self.0, "{before}{name}={}", utf8_percent_encode(&value, ENCODED));
    }

    fn add_if(&mut self, name: &str, value: Option<impl fmt::Display>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }
}

#[cfg(test)]
mod tests;
