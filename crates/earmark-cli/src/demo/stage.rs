//! The stage of the demonstration: server, relay, runtime and device, and who tells what happens.

use std::fmt;
use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use earmark::{
    Account, Device, Event, NoCredentials, Numbered, OmiHttp, Runtime, Source, SourceHandle,
    WebSocketDialer,
};
use earmark_backend::server::ConversationReport;
use earmark_backend::{Options, RunningBackend, ServerAction, serve};
use tokio::net::TcpListener;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{Instant, sleep_until};

use super::events::told;
use super::relay::{Line, Relay};
use super::speech::{CODEC, Speech};
use super::tally::Tally;
use crate::exit::Failure;
use crate::output::print_line;

const DEVICE: &str = "pendant";
const ACCOUNT: &str = "default";
/// How long something may take that takes milliseconds on any machine that is not overloaded.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often something is looked at that tells nothing by itself.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long the runtime may take to stop.
const STOP_MAX: Duration = Duration::from_secs(5);

/// All that takes part.
pub(super) struct Stage {
    begun: Instant,
    backend: RunningBackend,
    relay: Relay,
    runtime: Runtime,
    events: broadcast::Receiver<Numbered>,
    device: SourceHandle,
    speech: Speech,
    /// Every frame that the device has captured.
    captured: Vec<Bytes>,
    /// Each conversation that has ended, and the place behind its last frame.
    ended: Vec<(String, usize)>,
    is_up: bool,
}

impl Stage {
    /// Starts everything; nothing is captured yet.
    pub(super) async fn set(folder: &Path) -> Result<Self, Failure> {
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = TcpListener::bind(anywhere).await.map_err(Failure::wrong)?;
        let backend = serve(listener, Options::default()).map_err(Failure::wrong)?;
        let relay = Relay::to(backend.address()).await.map_err(Failure::wrong)?;
        let server = format!("http://{}", relay.address());
        let starting = Runtime::builder(folder)
            .sync_target(OmiHttp::new(&server, NoCredentials)?)
            .live_socket(WebSocketDialer::new(&server, NoCredentials)?)
            .start();
        let runtime = starting.await.map_err(|error| Failure::start(folder, &error))?;
        let events = runtime.events();
        let device = Device::new(DEVICE).expect("it is short enough");
        let account = Account::new(ACCOUNT).expect("it is short enough");
        let source = Source::mono_16k(device, CODEC, account);
        let device = runtime.open_source(source).map_err(Failure::wrong)?;
        Ok(Self {
            begun: Instant::now(),
            backend,
            relay,
            runtime,
            events,
            device,
            speech: Speech::new(),
            captured: Vec::new(),
            ended: Vec::new(),
            is_up: false,
        })
    }

    /// Tells something, with the seconds since the start.
    pub(super) fn say(&self, what: impl fmt::Display) -> Result<(), Failure> {
        print_line(format_args!("{:6.2} s  {what}", self.begun.elapsed().as_secs_f64()))
    }

    /// Brings the live socket up, as the server sees it, and begins to count the seconds.
    pub(super) async fn connect(&mut self) -> Result<(), Failure> {
        self.device.live(true).map_err(Failure::wrong)?;
        self.wait_for("the live socket comes up", |stage| stage.backend.live().sockets == 1)
            .await?;
        self.begun = Instant::now();
        Ok(())
    }

    /// From now on what the host sends stays underway.
    pub(super) fn hold(&self) {
        self.relay.set(Line::Held);
    }

    /// Cuts everything that is connected; what was underway is lost.
    pub(super) fn cut(&mut self) {
        self.relay.set(Line::Cut);
        self.is_up = false;
    }

    /// The network carries again.
    pub(super) fn restore(&self) {
        self.relay.set(Line::Open);
    }

    /// Captures at the codec's pace until so much was captured.
    pub(super) async fn speak_until(&mut self, length: Duration) -> Result<(), Failure> {
        while CODEC.frame_duration() * self.frames() < length {
            self.speak_a_frame().await?;
        }
        Ok(())
    }

    pub(super) async fn speak_for(&mut self, length: Duration) -> Result<(), Failure> {
        self.speak_until(CODEC.frame_duration() * self.frames() + length).await
    }

    /// Captures until the live socket is up again.
    pub(super) async fn speak_until_up(&mut self) -> Result<(), Failure> {
        let limit = Instant::now() + PATIENCE;
        while !self.is_up {
            if Instant::now() > limit {
                return Err(late("the live socket comes back"));
            }
            self.speak_a_frame().await?;
        }
        Ok(())
    }

    async fn speak_a_frame(&mut self) -> Result<(), Failure> {
        let frame = self.speech.frame()?;
        let due = self.begun + CODEC.frame_duration() * (self.frames() + 1);
        self.watch_until(due).await?;
        self.captured.push(frame.clone());
        match self.device.push(frame) {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(Failure::wrong("the runtime let a frame go although nobody is mute")),
            Err(rejected) => Err(Failure::wrong(rejected)),
        }
    }

    fn frames(&self) -> u32 {
        u32::try_from(self.captured.len()).expect("a minute has thousands of frames")
    }

    /// Waits until the server has heard all that was captured up to now.
    pub(super) async fn wait_until_heard(&mut self) -> Result<(), Failure> {
        let mut before = None;
        let mut since = Instant::now();
        self.wait_for("the server has heard everything", move |stage| {
            let heard = stage.in_progress().map(|conversation| conversation.live_frames);
            if heard != before {
                (before, since) = (heard, Instant::now());
            }
            since.elapsed() > LOOK_EVERY * 10
        })
        .await
    }

    /// Has the server end the conversation that it hears, and waits until the runtime has heard of
    /// it. It gives the conversation's id.
    pub(super) async fn end_conversation(&mut self) -> Result<String, Failure> {
        let id = self.in_progress().and_then(|conversation| conversation.id);
        let id = id.ok_or_else(|| Failure::wrong("the server hears no conversation"))?;
        let end = ServerAction::End { device: Some(DEVICE.to_owned()), event: true };
        self.backend.act(end).map_err(Failure::wrong)?;
        let limit = Instant::now() + PATIENCE;
        while !self.is_linked(&id).await? {
            if Instant::now() > limit {
                return Err(late("the runtime hears ProcessingStarted"));
            }
            self.watch_until(Instant::now() + LOOK_EVERY / 4).await?;
        }
        self.say(format_args!("ProcessingStarted: the server says that this was {id}."))?;
        self.ended.push((id.clone(), self.captured.len()));
        Ok(id)
    }

    fn in_progress(&self) -> Option<ConversationReport> {
        let all = self.backend.live().conversations;
        all.into_iter().find(|one| one.state.as_deref() == Some("in_progress"))
    }

    async fn is_linked(&self, id: &str) -> Result<bool, Failure> {
        let status = self.runtime.status_now().await.map_err(Failure::wrong)?;
        let is_it = |known: &earmark::ConversationId| known.as_str() == id;
        Ok(status.sessions.iter().any(|session| session.conversation.as_ref().is_some_and(is_it)))
    }

    pub(super) fn stop_capture(&self) -> Result<(), Failure> {
        self.device.stop().map_err(Failure::wrong)
    }

    /// Waits until no session waits for anything, and no recording for an upload.
    pub(super) async fn settle(&mut self, limit: Duration) -> Result<(), Failure> {
        let limit = Instant::now() + limit;
        loop {
            let status = self.runtime.status_now().await.map_err(Failure::wrong)?;
            if status.sessions.iter().all(|session| session.state == "settled") {
                return self.say("Everything is settled.");
            }
            if Instant::now() > limit {
                return self.say("Not everything is settled; this is how far it came.");
            }
            self.watch_until(Instant::now() + LOOK_EVERY * 5).await?;
        }
    }

    async fn wait_for(
        &mut self,
        what: &str,
        mut is_so: impl FnMut(&Self) -> bool,
    ) -> Result<(), Failure> {
        let limit = Instant::now() + PATIENCE;
        while !is_so(self) {
            if Instant::now() > limit {
                return Err(late(what));
            }
            self.watch_until(Instant::now() + LOOK_EVERY).await?;
        }
        Ok(())
    }

    /// Tells what happens until a moment.
    async fn watch_until(&mut self, until: Instant) -> Result<(), Failure> {
        loop {
            let event = tokio::select! {
                biased;
                event = next(&mut self.events) => event,
                () = sleep_until(until) => return Ok(()),
            };
            if let Event::SocketChanged { closed, .. } = &event {
                self.is_up = closed.is_none();
            }
            if let Some(told) = told(&event) {
                self.say(told)?;
            }
        }
    }

    /// Stops everything, and compares what was captured with what the server holds.
    pub(super) async fn clear(self, is_whole: bool) -> Result<Tally, Failure> {
        let stopped = self.runtime.shutdown(STOP_MAX).await;
        let (state, live) = (self.backend.state(), self.backend.live());
        self.backend.shutdown().await;
        if is_whole && !stopped {
            return Err(Failure::wrong("the runtime did not stop in time"));
        }
        Ok(Tally::new(&self.captured, &self.ended, &state, &live))
    }
}

/// The next event; those that were missed are not told.
async fn next(events: &mut broadcast::Receiver<Numbered>) -> Event {
    loop {
        match events.recv().await {
            Ok(numbered) => return numbered.event,
            Err(RecvError::Lagged(missed)) => tracing::warn!(missed, "events are not shown"),
            Err(RecvError::Closed) => pending().await,
        }
    }
}

fn late(what: &str) -> Failure {
    Failure::wrong(format!("it takes more than {} s until {what}", PATIENCE.as_secs()))
}
