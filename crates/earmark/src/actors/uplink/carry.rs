//! What a socket that is up carries, and what proves that it arrived.

use actix::{AsyncContext, Context};
use bytes::Bytes;

use super::Uplink;
use super::link::{State, Up};
use crate::actors::guard::Guarded;
use crate::actors::message::LiveFrames;
use crate::live::{Closed, Outgoing};
use crate::source::{SocketNews, SourceKey};

/// Why a socket is given up that nobody has closed.
const TAKES_NO_MORE: &str = "it takes no more";

impl Uplink {
    /// The socket of a source, if it is up and still the one that is meant.
    pub(super) fn up(&mut self, key: &SourceKey, generation: u64) -> Option<&mut Up> {
        match &mut self.links.get_mut(key)?.state {
            State::Up(up) if up.generation == generation => Some(up),
            State::Up(_)
            | State::Idle
            | State::Waiting { .. }
            | State::SigningIn
            | State::Dialling { .. }
            | State::Stopped { .. } => None,
        }
    }

    pub(super) fn send(&mut self, frames: &LiveFrames, ctx: &mut Context<Self>) {
        let LiveFrames { key, capture, first, frames } = frames;
        let now = self.shared.now();
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let State::Up(up) = &mut link.state else {
            return;
        };
        let unheard_since = *up.unheard_since.get_or_insert(now);
        if now.since(unheard_since) >= self.terms.progress_wait {
            let wait = self.terms.progress_wait.as_secs_f32();
            let why = format!("frames flow, and the server has said nothing for {wait} s");
            return self.went_down(key, &Closed::broken(why), ctx);
        }
        link.last_sent = now;
        for (place, frame) in (1..).zip(frames.iter()) {
            if up.outgoing.try_send(Outgoing::Binary(frame.bytes.clone())).is_err() {
                return self.went_down(key, &Closed::broken(TAKES_NO_MORE), ctx);
            }
            up.sent = Some((*capture, first.plus(place)));
        }
    }

    /// Asks the other end what it has read.
    pub(super) fn ping(&mut self, key: &SourceKey, ctx: &mut Context<Self>) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let State::Up(up) = &mut link.state else {
            return;
        };
        let (number, generation) = (up.next_ping, up.generation);
        up.next_ping += 1;
        up.pings.push_back((number, up.sent));
        if up.outgoing.try_send(Outgoing::Ping(number)).is_err() {
            return self.went_down(key, &Closed::broken(TAKES_NO_MORE), ctx);
        }
        let key = key.clone();
        ctx.run_later(self.terms.pong_wait, move |actor, ctx| {
            actor.guarded(|actor| actor.miss_pong(&key, generation, number, ctx));
        });
    }

    fn miss_pong(
        &mut self,
        key: &SourceKey,
        generation: u64,
        number: u64,
        ctx: &mut Context<Self>,
    ) {
        let is_missing = self
            .up(key, generation)
            .is_some_and(|up| up.pings.front().is_some_and(|(oldest, _)| *oldest <= number));
        if is_missing {
            let why = format!("no pong within {} s", self.terms.pong_wait.as_secs_f32());
            self.went_down(key, &Closed::broken(why), ctx);
        }
    }

    /// The answer to a ping proves what was sent before that ping, and nothing else does.
    pub(super) fn hear_pong(&mut self, key: &SourceKey, generation: u64, number: u64) {
        let Some(up) = self.up(key, generation) else {
            return;
        };
        let Some(place) = up.pings.iter().position(|(sent, _)| *sent == number) else {
            return self.shared.ignored(super::NAME, "a pong that answers no ping");
        };
        let proven = up.pings.drain(..=place).filter_map(|(_, sent)| sent).next_back();
        up.has_proven |= proven.is_some();
        if let Some((capture, up_to)) = proven
            && let Some(link) = self.links.get_mut(key)
        {
            link.weigh();
            link.enter(SocketNews::Delivered(capture, up_to), &self.shared);
        }
    }

    pub(super) fn hear_text(&mut self, key: &SourceKey, generation: u64, text: String) {
        let Some(up) = self.up(key, generation) else {
            return;
        };
        up.unheard_since = None;
        up.was_heard = true;
        let is_ping = text == "ping";
        if is_ping {
            let pong = Bytes::copy_from_slice(&earmark_wire::pong());
            // A socket that takes no more is found out by its next ping.
            let _ = up.outgoing.try_send(Outgoing::Binary(pong));
        }
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        link.weigh();
        if !is_ping {
            link.enter(SocketNews::Text(text), &self.shared);
        }
    }
}
