//! A feed played in real time, with real files and real sockets.

mod act;
mod frames;
mod server;
mod sockets;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use earmark::{
    Clock, Device, Event, Moment, Numbered, OmiHttp, Runtime, Stamp, Status, SystemClock,
    WebSocketDialer,
};
use earmark_sim::expect::Expectation;
use earmark_sim::feed::{Action, Feed, FeedTime, Sounds};
use earmark_sim::play::{PlayOptions, Until};
use earmark_sim::report::{Ingredients, Offered, Report, Verdict};
use tokio::time::{Instant, sleep, sleep_until};

use super::Played;
use crate::backend::stop_asked;
use crate::exit::Failure;

use crate::feed_file;
use frames::Frames;
use server::Server;
use sockets::Sockets;

/// How long after its last line a feed may go on.
const SETTLE_LIMIT: Duration = Duration::from_secs(3_600);
/// How often it is looked whether everything is settled.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// An instant is over when nothing has happened for so long.
const QUIET: Duration = Duration::from_millis(30);
/// How long an instant may last.
const INSTANT_MAX: Duration = Duration::from_secs(1);
/// How long the runtime may take to stop.
const STOP_MAX: Duration = Duration::from_secs(10);

/// What is played.
pub(super) struct Script<'a> {
    /// What messages call the feed.
    pub(super) path: &'a Path,
    pub(super) feed: &'a Feed,
    pub(super) sounds: &'a Sounds,
    pub(super) options: PlayOptions,
}

/// The events so far; the runtime's thread adds to them.
type Happened = Arc<Mutex<Vec<Numbered>>>;

/// Plays a feed to its end, on a store that stays where it is when it was named.
pub(super) async fn play(
    script: Script<'_>,
    data_dir: Option<PathBuf>,
    url: Option<String>,
) -> Result<Played, Failure> {
    if let Some((line, action)) = script.feed.needs_simulation() {
        let of_line = script.feed.lines.iter().find(|one| one.number == line);
        let fault = of_line.and_then(|one| one.action.simulated_fault());
        let fault = fault.map_or_else(String::new, |fault| format!("with the fault \"{fault}\" "));
        let expected = format!("{fault}needs the simulated world: expected `--clock virtual`");
        return Err(feed_file::refused(script.path, line, action, &expected));
    }
    let stop = stop_asked()?;
    let server = Server::reach(&script, url).await?;
    let (folder, temporary) = folder(data_dir)?;
    let mut player = Player::start(script, folder, server).await?;
    let played = tokio::select! {
        played = player.play() => played,
        () = stop => Err(Failure::wrong("interrupted; the feed was not played to its end")),
    };
    player.end().await;
    drop(temporary);
    played
}

fn folder(named: Option<PathBuf>) -> Result<(PathBuf, Option<tempfile::TempDir>), Failure> {
    if let Some(folder) = named {
        return Ok((folder, None));
    }
    let made = tempfile::Builder::new().prefix("earmark-play-").tempdir();
    let temporary = made.map_err(|error| Failure::store(&std::env::temp_dir(), error))?;
    Ok((temporary.path().to_owned(), Some(temporary)))
}

struct Player<'a> {
    script: Script<'a>,
    folder: PathBuf,
    server: Server,
    runtime: Runtime,
    clock: Arc<SystemClock>,
    /// Feed time 0, by both clocks that are used.
    began: (Instant, Stamp),
    /// When the next line comes: frames that are due later wait for it.
    next_line: FeedTime,
    happened: Happened,
    frames: Frames,
    offered: Offered,
    verdicts: Vec<Verdict>,
    /// The devices that have captured something.
    captured: BTreeSet<Device>,
    /// The devices whose sockets were stalled; none stands for the only one that is up.
    stalled: BTreeSet<Option<String>>,
    sockets: Sockets,
}

impl<'a> Player<'a> {
    async fn start(script: Script<'a>, folder: PathBuf, server: Server) -> Result<Self, Failure> {
        let happened = Happened::default();
        let heard = Arc::clone(&happened);
        let observer = move |event: &Numbered| {
            heard.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone());
        };
        let clock = Arc::new(SystemClock::new());
        let starting = Runtime::builder(&folder)
            .clock(clock.clone())
            .seed(script.options.seed)
            .policy(script.options.policy)
            .sync_target(OmiHttp::new(server.url(), server.credentials())?)
            .live_socket(WebSocketDialer::new(server.url(), server.credentials())?)
            .observer(Box::new(observer))
            .start();
        let runtime = starting.await.map_err(|error| Failure::start(&folder, &error))?;
        let began = (Instant::now(), clock.stamp());
        let frames = Frames::of(script.feed);
        let found = runtime.status_now().await.map_err(Failure::wrong)?.frames;
        // What the store holds already came from a device, too.
        let captured = found.held + found.released + found.uploaded;
        Ok(Self {
            script,
            folder,
            server,
            runtime,
            clock,
            began,
            next_line: FeedTime::ZERO,
            happened,
            frames,
            offered: Offered { captured, ..Offered::default() },
            verdicts: Vec::new(),
            captured: BTreeSet::new(),
            stalled: BTreeSet::new(),
            sockets: Sockets::default(),
        })
    }

    async fn play(&mut self) -> Result<Played, Failure> {
        let feed = self.script.feed;
        for (line, next) in feed.lines.iter().zip(1..) {
            self.run_until(line.at).await;
            self.next_line = feed.lines.get(next).map_or(FeedTime::MAX, |next| next.at);
            if let Action::Expect(expectation) = &line.action {
                let verdict = self.expect(line.number, expectation).await?;
                self.verdicts.push(verdict);
            } else {
                let happened = self.happened_so_far();
                if let Err(stuck) = self.act(line).await {
                    return Ok(Played { report: self.report().await?, stuck: Some(stuck) });
                }
                self.let_line_act(&line.action, happened).await;
            }
        }
        match self.script.options.until {
            Until::End => self.let_instant_pass().await,
            Until::Settled => self.run_until_settled().await?,
        }
        Ok(Played { report: self.report().await?, stuck: None })
    }

    /// Lets a moment pass. Frames that are due are offered meanwhile, but never one before a line
    /// that comes first.
    async fn wait(&mut self, time: Duration) {
        sleep(time).await;
        let now = u64::try_from(self.began.0.elapsed().as_micros()).unwrap_or(u64::MAX);
        let now = FeedTime::from_micros(now).unwrap_or(FeedTime::MAX);
        self.offer_due(now.min(self.next_line));
    }

    /// Lets time pass until a feed time; frames that are due on the way are offered when they are.
    async fn run_until(&mut self, at: FeedTime) {
        while let Some(next) = self.frames.next_at().filter(|next| *next <= at) {
            sleep_until(self.began.0 + next.since_start()).await;
            self.offer_due(next);
        }
        sleep_until(self.began.0 + at.since_start()).await;
    }

    async fn run_until_settled(&mut self) -> Result<(), Failure> {
        while let Some(next) = self.frames.next_at() {
            self.run_until(next).await;
        }
        let limit = Instant::now() + SETTLE_LIMIT;
        self.let_instant_pass().await;
        while !self.look().await?.is_settled() && Instant::now() < limit {
            self.wait(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Looks until all is as expected, or an instant is over: in real time, what an instant causes
    /// takes a moment to be seen.
    async fn expect(&mut self, line: usize, expected: &Expectation) -> Result<Verdict, Failure> {
        let limit = Instant::now() + INSTANT_MAX;
        let expected = expected.loosened(INSTANT_MAX.as_secs_f64());
        // The first look finds no frame that is due behind the line.
        self.let_instant_pass().await;
        loop {
            let verdict = expected.check(line, &self.report().await?);
            if verdict.held || Instant::now() >= limit {
                return Ok(verdict);
            }
            self.wait(QUIET).await;
        }
    }

    /// Waits until a line has had its effect, so that the next one of the same instant finds it.
    /// Frames have theirs at once.
    async fn let_line_act(&mut self, action: &Action, happened: usize) {
        if let Action::Audio { .. } | Action::Frames { .. } | Action::Frame { .. } = action {
            return;
        }
        if let Action::CaptureStart { device, .. } = action {
            self.captured.insert(device.clone());
        }
        // A socket says what it carries when it comes up: that is not known before a capture.
        if let Action::SocketUp { device } = action
            && self.captured.contains(device)
        {
            self.let_socket_come_up(happened).await;
        }
        self.let_instant_pass().await;
    }

    async fn let_socket_come_up(&mut self, happened: usize) {
        let limit = Instant::now() + INSTANT_MAX;
        let is_up =
            |event: &Numbered| matches!(event.event, Event::SocketChanged { closed: None, .. });
        while !self.events().iter().skip(happened).any(is_up) && Instant::now() < limit {
            self.wait(QUIET).await;
        }
    }

    fn events(&self) -> MutexGuard<'_, Vec<Numbered>> {
        self.happened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until what the latest line has caused at once has happened.
    async fn let_instant_pass(&self) {
        let limit = Instant::now() + INSTANT_MAX;
        let mut seen = usize::MAX;
        while seen != self.happened_so_far() && Instant::now() < limit {
            seen = self.happened_so_far();
            sleep(QUIET).await;
        }
    }

    fn happened_so_far(&self) -> usize {
        self.events().len()
    }

    async fn look(&self) -> Result<Status, Failure> {
        self.runtime.take_frames();
        self.runtime.status_now().await.map_err(Failure::wrong)
    }

    async fn report(&self) -> Result<Report, Failure> {
        let seen = self.look().await?;
        let now = self.clock.stamp();
        let began = self.began.1.moment;
        let events = self.events().clone();
        let mut report = Report::assemble(&Ingredients {
            seen: &seen,
            events: &events,
            offered: self.offered,
            server: self.server.state(),
            ended_at: now.moment.since(began),
            now,
            feed_time_of: &|moment: Moment| moment.since(began),
        });
        report.expectations.clone_from(&self.verdicts);
        Ok(report)
    }

    async fn end(self) {
        if !self.runtime.shutdown(STOP_MAX).await {
            tracing::warn!("the runtime did not stop in time; the next start recovers");
        }
        self.server.end().await;
    }
}
