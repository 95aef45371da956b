//! Hearing live sockets, and what they are told.

use std::collections::BTreeSet;
use std::time::Duration;

use earmark_core::{Codec, Moment, Stamp};

use super::conversation::{Conversation, Source};
use super::socket::{
    CLOSE_IDLE, DeviceHash, LIVE_SOCKETS_MAX, LiveHello, LiveId, LiveOutput, Refusal, Socket,
};
use super::{ScriptError, Server, account};
use crate::audio::Decoder;

/// A binary message of so many bytes is no audio: it is how a client answers the text `ping`.
const PONG_BYTES_MAX: usize = 2;
/// How long after a connect a conversation may be ended that fell silent before it.
const RESUME_WAIT: Duration = Duration::from_secs(7);
/// The most bytes of a token or of a codec's name that a socket may open with.
const HELLO_TEXT_BYTES_MAX: usize = 8_192;

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
            source: Source { account: account(authorization), device: hello.device.clone() },
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
        let Some(socket) = self.sockets.open.get_mut(&id).filter(|socket| !socket.stalled) else {
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
        if let Some(socket) = self.sockets.open.get_mut(&id).filter(|socket| !socket.stalled) {
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
            outputs.extend(self.sockets.tell(&conversation.source, conversation.created()));
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
                outputs.push(LiveOutput::Close { to, code: CLOSE_IDLE });
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
        let silences = self.conversations.sources().filter_map(|source| self.silent_at(source));
        sockets.chain(silences).chain(self.conversations.next_ready()).min()
    }

    fn silent(&self, now: Moment) -> Vec<Source> {
        let is_silent = |source: &&Source| self.silent_at(source).is_some_and(|at| at <= now);
        self.conversations.sources().filter(is_silent).cloned().collect()
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
        let output =
            ended.as_ref().and_then(|ended| self.sockets.tell(source, ended.processing_started()));
        (ended, output)
    }

    /// Ends the conversations of an account, of one device when it is named; gives the first.
    pub(super) fn end_account(
        &mut self,
        account: &str,
        device: Option<&DeviceHash>,
        now: Stamp,
    ) -> (Option<Conversation>, Vec<LiveOutput>) {
        let is_meant = |source: &&Source| {
            source.account == account && (device.is_none() || source.device.as_ref() == device)
        };
        let sources: Vec<Source> = self.conversations.sources().filter(is_meant).cloned().collect();
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
        let own = self.sockets.open.iter_mut().filter(|(_, socket)| socket.source == source);
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
