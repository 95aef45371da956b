//! Live sockets as the server knows them.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use earmark_core::Moment;
use sha2::{Digest, Sha256};

use super::conversation::Source;
use super::hex;
use crate::audio::Decoder;

/// How often a server sends the text `ping`.
pub const PING_INTERVAL: Duration = Duration::from_secs(10);
/// After how long without any message of the client a socket is closed.
pub const IDLE_LIMIT: Duration = Duration::from_secs(90);
/// The code of that close.
pub const CLOSE_IDLE: u16 = 1001;
/// The most live sockets that are open at a time.
pub const LIVE_SOCKETS_MAX: usize = 256;

/// The sample that silence does not exceed: about −46 dB below full scale.
const SILENCE_SAMPLE_MAX: u16 = 160;

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
    pub(super) open: BTreeMap<LiveId, Socket>,
}

#[derive(Debug)]
pub(super) struct Socket {
    pub(super) source: Source,
    pub(super) decoder: Option<Decoder>,
    pub(super) opened_at: Moment,
    pub(super) pinged_at: Moment,
    pub(super) heard_at: Moment,
    pub(super) stalled: bool,
}

impl Sockets {
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// The socket on which a source can be told something: the newest one that is its own.
    pub(super) fn of(&self, source: &Source) -> Option<(LiveId, &Socket)> {
        let mut own = self.open.iter().filter(|(_, socket)| socket.source == *source);
        let newest = own.next_back().map(|(id, socket)| (*id, socket));
        newest.filter(|(_, socket)| !socket.stalled)
    }

    pub(super) fn add(&mut self, socket: Socket) -> LiveId {
        self.given += 1;
        let id = LiveId(self.given);
        self.open.insert(id, socket);
        id
    }

    pub(super) fn drop_stalled(&mut self, source: &Source) -> Vec<LiveOutput> {
        let code = CLOSE_IDLE;
        let mut given_up = Vec::new();
        self.open.retain(|to, socket| {
            let stays = !socket.stalled || socket.source != *source;
            given_up.extend((!stays).then_some(LiveOutput::Close { to: *to, code }));
            stays
        });
        given_up
    }

    pub(super) fn drop_all(&mut self, code: u16) -> Vec<LiveOutput> {
        let open = std::mem::take(&mut self.open).into_keys();
        open.map(|to| LiveOutput::Close { to, code }).collect()
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = &Source> {
        self.open.values().map(|socket| &socket.source)
    }

    pub(super) fn tell(&self, source: &Source, text: String) -> Option<LiveOutput> {
        self.of(source).map(|(to, _)| LiveOutput::Text { to, text })
    }
}

impl Socket {
    pub(super) fn is_sound(&mut self, frame: &[u8]) -> bool {
        let samples = self.decoder.as_mut().map(|decoder| decoder.decode(frame));
        // What cannot be listened to may be anything.
        let Some(Ok(samples)) = samples else {
            return true;
        };
        samples.iter().any(|sample| sample.unsigned_abs() > SILENCE_SAMPLE_MAX)
    }

    pub(super) fn next_ping(&self) -> Moment {
        self.pinged_at + PING_INTERVAL
    }

    pub(super) fn idle_at(&self) -> Moment {
        self.heard_at + IDLE_LIMIT
    }
}
