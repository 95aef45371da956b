//! Live sockets: what is heard on them, and what they are told.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use earmark_core::{Codec, Moment, Stamp};
use sha2::{Digest, Sha256};

use super::conversation::{Conversation, Source};
use super::{ScriptError, Server, account, hex};
use crate::audio::Decoder;

/// How often a server sends the text `ping`.
pub const PING_INTERVAL: Duration = Duration::from_secs(10);
/// After how long without any message of the client a socket is closed.
pub const IDLE_LIMIT: Duration = Duration::from_secs(90);
/// The code of that close.
pub const CLOSE_IDLE: u16 = 1001;
/// The most live sockets that are open at a time.
pub const LIVE_SOCKETS_MAX: usize = 256;

/// A binary message of so many bytes is no audio: it is how a client answers the text `ping`.
const PONG_BYTES_MAX: usize = 2;
/// How long after a connect a conversation may be ended that fell silent before it.
const RESUME_WAIT: Duration = Duration::from_secs(7);
/// The sample that silence does not exceed: about −46 dB below full scale.
const SILENCE_SAMPLE_MAX: u16 = 160;
/// The most bytes of a token or of a codec's name that a socket may open with.
const HELLO_TEXT_BYTES_MAX: usize = 8_192;

/// A live socket, by a number that is never given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LiveId(pub u64);

/// The SHA-256 of a device's name, by which a socket says whose it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeviceHash(String);

impl DeviceHash {
    /// The hash of the device with this name.
    pub fn of_name(device: &str) -> Self {
        Self(hex(&Sha256::digest(device)))
    }

    /// A hash as a header carries it: 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let is_hash = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hash.then(|| Self(text.to_ascii_lowercase()))
    }
}

impl fmt::Display for DeviceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a live socket opens with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveHello {
    /// Whose socket it is, when it says so.
    pub device: Option<DeviceHash>,
    /// The codec's name.
    pub codec: String,
    /// The `Authorization` header.
    pub authorization: Option<String>,
}

/// Why a live socket is not opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The token is missing or is not the one that the server wants.
    #[error("Invalid authorization token")]
    Token,
    /// The codec is none that the server decodes.
    #[error("Unsupported codec: opus, opus_fs320, pcm16 and pcm8 are taken")]
    Codec,
    /// Too many sockets are open.
    #[error("Too many live sockets: {LIVE_SOCKETS_MAX} are open")]
    Busy,
}

/// What is to be done with a live socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LiveOutput {
    /// Send a text message.
    Text {
        /// On which.
        to: LiveId,
        /// The message.
        text: String,
    },
    /// Close it; the server has forgotten it already.
    Close {
        /// Which.
        to: LiveId,
        /// The close code.
        code: u16,
    },
    /// Read nothing from it and write nothing to it any more, and leave it open.
    Stall {
        /// Which.
        to: LiveId,
    },
}

impl LiveOutput {
    /// The socket that it is for.
    pub const fn to(&self) -> LiveId {
        match self {
            Self::Text { to, .. } | Self::Close { to, .. } | Self::Stall { to } => *to,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Sockets {
    given: u64,
    open: BTreeMap<LiveId, Socket>,
}

#[derive(Debug)]
struct Socket {
    source: Source,
    decoder: Option<Decoder>,
    opened_at: Moment,
    pinged_at: Moment,
    heard_at: Moment,
    stalled: bool,
}

impl Sockets {
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// The socket on which a source can be told something: the newest one that is its own.
    fn of(&self, source: &Source) -> Option<(LiveId, &Socket)> {
        let mut own = self
            .open
            .iter()
            .filter(|(_, socket)| socket.source == *source);
        let newest = own.next_back().map(|(id, socket)| (*id, socket));
        newest.filter(|(_, socket)| !socket.stalled)
    }

    fn add(&mut self, socket: Socket) -> LiveId {
        self.given += 1;
        let id = LiveId(self.given);
        self.open.insert(id, socket);
        id
    }

    fn drop_stalled(&mut self, source: &Source) -> Vec<LiveOutput> {
        let code = CLOSE_IDLE;
        let mut given_up = Vec::new();
        self.open.retain(|to, socket| {
            let stays = !socket.stalled || socket.source != *source;
            given_up.extend((!stays).then_some(LiveOutput::Close { to: *to, code }));
            stays
        });
        given_up
    }

    fn sources(&self) -> impl Iterator<Item = &Source> {
        self.open.values().map(|socket| &socket.source)
    }

    fn tell(&self, source: &Source, text: String) -> Option<LiveOutput> {
        self.of(source).map(|(to, _)| LiveOutput::Text { to, text })
    }
}

impl Socket {
    fn is_sound(&mut self, frame: &[u8]) -> bool {
        let samples = self.decoder.as_mut().map(|decoder| decoder.decode(frame));
        // What cannot be listened to may be anything.
        let Some(Ok(samples)) = samples else {
            return true;
        };
        samples
            .iter()
            .any(|sample| sample.unsigned_abs() > SILENCE_SAMPLE_MAX)
    }

    fn next_ping(&self) -> Moment {
        self.pinged_at + PING_INTERVAL
    }

    fn idle_at(&self) -> Moment {
        self.heard_at + IDLE_LIMIT
    }
}

impl Server {
    /// Opens a live socket. A stalled one of the same source is closed: its client has given it up.
    ///
    /// # Errors
    ///
    /// [`Refusal`] when the server does not take it.
    pub fn open(
        &mut self,
        hello: &LiveHello,
        now: Stamp,
    ) -> Result<(LiveId, Vec<LiveOutput>), Refusal> {
        let authorization = hello.authorization.as_deref();
        let too_long = authorization.is_some_and(|text| text.len() > HELLO_TEXT_BYTES_MAX);
        if too_long || !self.is_authorised(authorization) {
            return Err(Refusal::Token);
        }
        let codec: Codec = hello.codec.parse().map_err(|_| Refusal::Codec)?;
        if self.sockets.len() >= LIVE_SOCKETS_MAX {
            return Err(Refusal::Busy);
        }
        let socket = Socket {
            source: Source {
                account: account(authorization),
                device: hello.device.clone(),
            },
            decoder: self.listens().then(|| Decoder::new(codec)),
            opened_at: now.moment,
            pinged_at: now.moment,
            heard_at: now.moment,
            stalled: false,
        };
        let given_up = self.sockets.drop_stalled(&socket.source);
        Ok((self.sockets.add(socket), given_up))
    }

    /// Whether it has any use for the difference between sound and silence.
    const fn listens(&self) -> bool {
        self.options.decode && self.options.silence.is_some()
    }

    /// Hears a binary message.
    pub fn frame(&mut self, id: LiveId, bytes: &[u8], now: Stamp) {
        let Some(socket) = self
            .sockets
            .open
            .get_mut(&id)
            .filter(|socket| !socket.stalled)
        else {
            return;
        };
        socket.heard_at = now.moment;
        if bytes.len() <= PONG_BYTES_MAX {
            return;
        }
        let sound = socket.is_sound(bytes);
        self.live_frames += 1;
        self.conversations.hear(&socket.source, sound, now);
    }

    /// Hears a text message. None of them changes anything, but the client is there.
    pub fn text(&mut self, id: LiveId, now: Stamp) {
        if let Some(socket) = self
            .sockets
            .open
            .get_mut(&id)
            .filter(|socket| !socket.stalled)
        {
            socket.heard_at = now.moment;
        }
    }

    /// Forgets a live socket that was closed or lost. Its conversation goes on.
    pub fn close(&mut self, id: LiveId) {
        self.sockets.open.remove(&id);
    }

    /// Does what is due by now.
    pub fn tick(&mut self, now: Stamp) -> Vec<LiveOutput> {
        let mut outputs = self.tick_sockets(now.moment);
        for source in self.silent(now.moment) {
            outputs.extend(self.end_source(&source, true, now).1);
        }
        for conversation in self.conversations.complete(now.moment) {
            outputs.extend(
                self.sockets
                    .tell(&conversation.source, conversation.created()),
            );
        }
        outputs
    }

    fn tick_sockets(&mut self, now: Moment) -> Vec<LiveOutput> {
        let mut outputs = Vec::new();
        self.sockets.open.retain(|id, socket| {
            let to = *id;
            if socket.stalled {
                return true;
            }
            if socket.idle_at() <= now {
                outputs.push(LiveOutput::Close {
                    to,
                    code: CLOSE_IDLE,
                });
                return false;
            }
            if socket.next_ping() <= now {
                socket.pinged_at = now;
                let text = String::from("ping");
                outputs.push(LiveOutput::Text { to, text });
            }
            true
        });
        outputs
    }

    /// When [`Self::tick`] has something to do next.
    pub fn next_tick(&self) -> Option<Moment> {
        let sockets = self.sockets.open.values().filter(|socket| !socket.stalled);
        let sockets = sockets.map(|socket| socket.next_ping().min(socket.idle_at()));
        let silences = self
            .conversations
            .sources()
            .filter_map(|source| self.silent_at(source));
        sockets
            .chain(silences)
            .chain(self.conversations.next_ready())
            .min()
    }

    fn silent(&self, now: Moment) -> Vec<Source> {
        let is_silent = |source: &&Source| self.silent_at(source).is_some_and(|at| at <= now);
        self.conversations
            .sources()
            .filter(is_silent)
            .cloned()
            .collect()
    }

    /// When the conversation of a source ends by silence. While its socket is down it does not: a
    /// server ends it some seconds after the next connect.
    fn silent_at(&self, source: &Source) -> Option<Moment> {
        let silence = self.options.silence?;
        let (_, socket) = self.sockets.of(source)?;
        let last_sound = self.conversations.last_sound(source)?;
        Some((last_sound + silence).max(socket.opened_at + RESUME_WAIT))
    }

    fn end_source(
        &mut self,
        source: &Source,
        event: bool,
        now: Stamp,
    ) -> (Option<Conversation>, Option<LiveOutput>) {
        let processing = event.then_some(self.options.processing);
        let ended = self.conversations.end(source, processing, now);
        let output = ended
            .as_ref()
            .and_then(|ended| self.sockets.tell(source, ended.processing_started()));
        (ended, output)
    }

    /// Ends the conversations of an account, of one device when it is named; gives the first of them.
    pub(super) fn end_account(
        &mut self,
        account: &str,
        device: Option<&DeviceHash>,
        now: Stamp,
    ) -> (Option<Conversation>, Vec<LiveOutput>) {
        let is_meant = |source: &&Source| {
            source.account == account && (device.is_none() || source.device.as_ref() == device)
        };
        let sources: Vec<Source> = self
            .conversations
            .sources()
            .filter(is_meant)
            .cloned()
            .collect();
        let mut first = None;
        let mut outputs = Vec::new();
        for source in sources {
            let (ended, output) = self.end_source(&source, true, now);
            first = first.or(ended);
            outputs.extend(output);
        }
        (first, outputs)
    }

    pub(super) fn end(
        &mut self,
        device: Option<&str>,
        event: bool,
        now: Stamp,
    ) -> Result<Vec<LiveOutput>, ScriptError> {
        let source = only(self.conversations.sources(), device)?;
        let source = source.ok_or(ScriptError::NoConversation)?;
        Ok(self.end_source(&source, event, now).1.into_iter().collect())
    }

    pub(super) fn message(
        &mut self,
        device: Option<&str>,
        text: String,
    ) -> Result<Vec<LiveOutput>, ScriptError> {
        let source = only(self.sockets.sources(), device)?;
        let output = source.and_then(|source| self.sockets.tell(&source, text));
        Ok(output.into_iter().collect())
    }

    pub(super) fn stall(&mut self, device: Option<&str>) -> Result<Vec<LiveOutput>, ScriptError> {
        let Some(source) = only(self.sockets.sources(), device)? else {
            return Ok(Vec::new());
        };
        let own = self
            .sockets
            .open
            .iter_mut()
            .filter(|(_, socket)| socket.source == source);
        let stalled = own.map(|(to, socket)| {
            socket.stalled = true;
            LiveOutput::Stall { to: *to }
        });
        Ok(stalled.collect())
    }
}

/// The source that is meant: the named one, or the only one there is.
fn only<'a>(
    sources: impl Iterator<Item = &'a Source>,
    device: Option<&str>,
) -> Result<Option<Source>, ScriptError> {
    let device = device.map(DeviceHash::of_name);
    let is_meant = |source: &&Source| device.is_none() || source.device == device;
    let found: BTreeSet<&Source> = sources.filter(is_meant).collect();
    match found.len() {
        0 | 1 => Ok(found.into_iter().next().cloned()),
        found => Err(ScriptError::WhichDevice { found }),
    }
}
