//! What is done when a socket does not come up or goes down.

use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use earmark_core::sync::RETRY_AFTER_MAX;
use earmark_core::{Account, Moment};

use super::link::State;
use super::{NAME, Uplink};
use crate::actors::guard::Guarded;
use crate::event::Event as Announced;
use crate::live::{Closed, Reaction, Verdict};
use crate::source::SourceKey;

/// What is said of connections that bring nothing, once in a row of them.
const WEDGED: &str = "; one connection after the other brings nothing";

/// A socket is stopped for want of a token that the server takes.
const NO_TOKEN: State = State::Stopped { needs_sign_in: true };

/// When a fresh token for an account was asked for.
pub(super) struct SignIn {
    asked_at: Moment,
    is_under_way: bool,
}

impl Uplink {
    /// A socket broke, was given up, or was closed by the other end.
    pub(super) fn went_down(&mut self, key: &SourceKey, closed: &Closed, ctx: &mut Context<Self>) {
        let now = self.shared.now();
        if let Some(link) = self.links.get_mut(key)
            && let State::Up(up) = &link.state
            && now.since(up.since) >= self.terms.reconnect_longest
        {
            link.forgive();
        }
        let mut verdict = Verdict::of_close(closed);
        if self.is_newly_wedged(key, &verdict) {
            verdict.words.push_str(WEDGED);
        }
        self.take_down(key, closed.code, ctx);
        self.react(key, verdict, ctx);
    }

    /// Counts a connection that brought nothing; whether a person should be told that it is one
    /// after the other. An end that the table has an answer to, other than another try, is not
    /// counted: what is wrong is known.
    fn is_newly_wedged(&mut self, key: &SourceKey, verdict: &Verdict) -> bool {
        let now = self.shared.now();
        let Some(link) = self.links.get_mut(key) else {
            return false;
        };
        let is_counted = verdict.reaction == Reaction::Reconnect && link.expects_frames();
        is_counted && !link.weigh() && link.wedge.ended(now)
    }

    /// Does what the table says.
    pub(super) fn react(&mut self, key: &SourceKey, verdict: Verdict, ctx: &mut Context<Self>) {
        let now = self.shared.now();
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let Verdict { reaction, words, pause } = verdict;
        tracing::info!(device = %key.device, %reaction, words, "the live socket is down");
        link.not_before = now + pause.min(RETRY_AFTER_MAX);
        let asked_sign_in = link.asked_sign_in;
        link.ended = Some(words);
        match reaction {
            Reaction::Stop => self.stop(key, State::Stopped { needs_sign_in: false }, ""),
            Reaction::Reconnect | Reaction::RenewToken | Reaction::SignInOnce
                if !self.reconnects =>
            {
                link.state = State::Idle;
            }
            Reaction::Reconnect => self.retry_later(key, ctx),
            Reaction::SignInOnce if asked_sign_in => {
                self.stop(key, NO_TOKEN, "; a fresh token has changed nothing");
            }
            Reaction::RenewToken | Reaction::SignInOnce => self.sign_in(key, ctx),
        }
    }

    /// Leaves a socket down until the host changes something.
    fn stop(&mut self, key: &SourceKey, stopped: State, because: &str) {
        if let Some(link) = self.links.get_mut(key) {
            link.state = stopped;
            link.ended.get_or_insert_default().push_str(because);
        }
        self.show(key);
    }

    /// Waits longer each time, without ever giving up.
    fn retry_later(&mut self, key: &SourceKey, ctx: &mut Context<Self>) {
        let (now, roll) = (self.shared.now(), self.shared.chance.roll());
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let wait = self.terms.reconnect_wait(link.failures, roll);
        link.failures = link.failures.saturating_add(1);
        let wait = wait.max(link.not_before.since(now));
        self.retry_in(key, wait, ctx);
        self.show(key);
    }

    pub(super) fn retry_in(&mut self, key: &SourceKey, wait: Duration, ctx: &mut Context<Self>) {
        let at = self.shared.now() + wait;
        let source = key.clone();
        let retry = ctx.run_later(wait, move |actor, ctx| {
            actor.guarded(|actor| actor.dial(&source, ctx));
        });
        if let Some(link) = self.links.get_mut(key) {
            link.abandon(ctx);
            link.state = State::Waiting { retry: Some((at, retry)) };
        }
    }

    /// Asks for a fresh token, unless one was asked for just now: all sockets of an account share
    /// what comes of it.
    fn sign_in(&mut self, key: &SourceKey, ctx: &mut Context<Self>) {
        let now = self.shared.now();
        let is_under_way = match self.sign_ins.get(&key.account) {
            Some(asked) if asked.is_under_way => true,
            Some(asked) if now.since(asked.asked_at) < self.terms.sign_in_every => {
                self.mark_asked(key);
                return self.retry_later(key, ctx);
            }
            Some(_) | None => false,
        };
        self.mark_asked(key);
        if let Some(link) = self.links.get_mut(key) {
            link.state = State::SigningIn;
        }
        self.show(key);
        if !is_under_way {
            self.ask_sign_in(key.account.clone(), ctx);
        }
    }

    fn mark_asked(&mut self, key: &SourceKey) {
        if let Some(link) = self.links.get_mut(key) {
            link.asked_sign_in = true;
        }
    }

    fn ask_sign_in(&mut self, account: Account, ctx: &mut Context<Self>) {
        let Some(dialer) = &self.dialer else {
            return;
        };
        let renewal = self.foreign(dialer.renew_sign_in(account.clone()));
        let limit = self.terms.sign_in_wait;
        let asked = async move { tokio::time::timeout(limit, renewal).await.ok() };
        let sign_in = SignIn { asked_at: self.shared.now(), is_under_way: true };
        self.sign_ins.insert(account.clone(), sign_in);
        ctx.spawn(asked.into_actor(self).map(move |renewed, actor: &mut Self, ctx| {
            actor.guarded(|actor| actor.signed_in(&account, renewed, ctx));
        }));
    }

    /// The host has a fresh token, has none, or has not answered in time (nothing).
    fn signed_in(&mut self, account: &Account, renewed: Option<bool>, ctx: &mut Context<Self>) {
        if let Some(sign_in) = self.sign_ins.get_mut(account) {
            sign_in.is_under_way = false;
        }
        for key in self.keys(|key| key.account == *account) {
            if !matches!(self.links[&key].state, State::SigningIn) {
                continue;
            }
            match renewed {
                Some(false) => self.stop(&key, NO_TOKEN, "; there is no fresh token"),
                Some(true) | None => self.retry_later(&key, ctx),
            }
        }
    }

    /// Announces what a source's socket does now, and why.
    pub(super) fn show(&self, key: &SourceKey) {
        let Some(link) = self.links.get(key) else {
            return;
        };
        let (device, account) = (key.device.clone(), key.account.clone());
        let (state, reason) = (link.state.name(), link.ended.clone());
        self.shared.bus.announce(NAME, Announced::LiveChanged { device, account, state, reason });
    }
}
