//! One source's socket.

use std::collections::VecDeque;
use std::sync::Arc;

use actix::{AsyncContext, Context, SpawnHandle};
use earmark_core::ingest::Source as Machinery;
use earmark_core::{CaptureId, FrameSeq, Moment};
use tokio::sync::{mpsc, oneshot};

use super::wedge::Wedge;
use super::{NAME, Uplink};
use crate::actors::Shared;
use crate::live::{ClientConversationId, Outgoing};
use crate::source::{Entry, SocketNews};

/// One source's socket, and what is known of those before.
pub(super) struct Link {
    pub(super) entry: Arc<Entry>,
    /// How many attempts in a row have come to nothing.
    pub(super) failures: u32,
    /// Whether a fresh token was asked for since a connection was last a good one.
    pub(super) asked_sign_in: bool,
    /// The server wants to be left alone until then.
    pub(super) not_before: Moment,
    /// Why it is not up, in words.
    pub(super) ended: Option<String>,
    /// What this client calls the conversation that goes on.
    pub(super) conversation: Option<ClientConversationId>,
    /// When a frame was last sent.
    pub(super) last_sent: Moment,
    /// The connections that brought nothing.
    pub(super) wedge: Wedge,
    pub(super) state: State,
}

/// What a source's socket does.
pub(super) enum State {
    /// It is not wanted.
    Idle,
    /// It is wanted and waits: for a capture, the network, the credentials, or the time of the next
    /// try.
    Waiting { retry: Option<(Moment, SpawnHandle)> },
    /// It waits for a fresh token.
    SigningIn,
    /// It is being brought up.
    Dialling { generation: u64, dialling: SpawnHandle },
    /// It is up.
    Up(Up),
    /// It is wanted and stays down until the host changes something; whether that is a token that
    /// the server takes.
    Stopped { needs_sign_in: bool },
}

/// A socket that is up.
pub(super) struct Up {
    pub(super) generation: u64,
    pub(super) since: Moment,
    pub(super) outgoing: mpsc::Sender<Outgoing>,
    /// Dropped with the rest; then nothing is heard of this socket any more.
    pub(super) _listening: oneshot::Sender<()>,
    /// The number after the last frame that was sent, and its capture.
    pub(super) sent: Option<(CaptureId, FrameSeq)>,
    /// Whether the server has said a word.
    pub(super) was_heard: bool,
    /// Whether it has proven that it read a frame.
    pub(super) has_proven: bool,
    /// When the first frame was sent since the server was last heard.
    pub(super) unheard_since: Option<Moment>,
    /// The pings without an answer, and what each would prove.
    pub(super) pings: VecDeque<(u64, Option<(CaptureId, FrameSeq)>)>,
    pub(super) next_ping: u64,
    pub(super) heartbeat: SpawnHandle,
}

impl State {
    /// A socket that could not be kept up: it waits for the next try, or for a host that wants it
    /// anew.
    pub(super) const fn down(reconnects: bool) -> Self {
        if reconnects { Self::Waiting { retry: None } } else { Self::Idle }
    }

    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Idle => "off",
            Self::Waiting { .. } => "waiting",
            Self::SigningIn => "signing_in",
            Self::Dialling { .. } => "connecting",
            Self::Up(_) => "up",
            Self::Stopped { .. } => "stopped",
        }
    }

    /// Whether nothing will bring it up by itself.
    pub(super) const fn is_given_up(&self) -> bool {
        match self {
            Self::Idle | Self::Stopped { .. } => true,
            Self::Waiting { .. } | Self::SigningIn | Self::Dialling { .. } | Self::Up(_) => false,
        }
    }

    pub(super) fn next_try(&self) -> Option<Moment> {
        match self {
            Self::Waiting { retry } => retry.as_ref().map(|(at, _)| *at),
            Self::Idle
            | Self::SigningIn
            | Self::Dialling { .. }
            | Self::Up(_)
            | Self::Stopped { .. } => None,
        }
    }
}

impl Link {
    pub(super) fn new(entry: Arc<Entry>) -> Self {
        Self {
            entry,
            failures: 0,
            asked_sign_in: false,
            not_before: Moment::ZERO,
            ended: None,
            conversation: None,
            last_sent: Moment::ZERO,
            wedge: Wedge::default(),
            state: State::Idle,
        }
    }

    /// What went wrong before says nothing any more: a connection was a good one, or a person has
    /// changed something.
    pub(super) const fn forgive(&mut self) {
        self.failures = 0;
        self.asked_sign_in = false;
    }

    /// Whether the connection that is up has borne fruit; then no row of fruitless ones goes on.
    pub(super) fn weigh(&mut self) -> bool {
        let bears = matches!(&self.state, State::Up(up) if up.was_heard && up.has_proven);
        if bears {
            self.wedge.clear();
        }
        bears
    }

    /// Whether frames should be flowing and connection after connection brings nothing.
    pub(super) fn is_wedged(&self) -> bool {
        self.wedge.is_wedged() && self.expects_frames()
    }

    /// Whether a connection without a frame is nobody's wish.
    pub(super) fn expects_frames(&self) -> bool {
        self.entry.look(Machinery::expects_frames)
    }

    pub(super) fn enter(&self, news: SocketNews, shared: &Shared) {
        if self.entry.socket_news(news, shared.now()).is_err() {
            shared.ignored(NAME, "more of this source waits to be handled than is kept");
        }
    }

    /// Ends what the present state has begun, so that nothing of it comes later.
    pub(super) fn abandon(&mut self, ctx: &mut Context<Uplink>) {
        match &mut self.state {
            State::Waiting { retry } => {
                if let Some((_, retry)) = retry.take() {
                    ctx.cancel_future(retry);
                }
            }
            State::Dialling { dialling, .. } => {
                ctx.cancel_future(*dialling);
            }
            State::Up(up) => {
                ctx.cancel_future(up.heartbeat);
                // A socket that takes no more is closed by being dropped.
                let _ = up.outgoing.try_send(Outgoing::Close);
            }
            State::Idle | State::SigningIn | State::Stopped { .. } => {}
        }
    }
}
