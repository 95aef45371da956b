//! A feed played in virtual time, with the real runtime in a simulated world.

mod act;
mod captures;
mod settle;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use earmark::{Policy, StartError};
use earmark_backend::server::{Options, ScriptError};
use earmark_store::Config;
use tokio::time::sleep_until;

use crate::feed::{Action, Feed, FeedTime, Sounds};
use crate::report::{Ingredients, Offered, Report, Verdict};
use crate::witness::{Ears, Heard, Witness};
use crate::world::{Life, Setting, in_virtual_time};
use captures::Captures;

/// When a played feed is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// When nothing is left to be done, at the latest an hour after the last line.
    Settled,
    /// With the last line.
    End,
}

/// How a feed is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlayOptions {
    /// What is released without an upload.
    pub policy: Policy,
    /// The seed of all that is left to chance.
    pub seed: u64,
    /// When it is over.
    pub until: Until,
}

impl Default for PlayOptions {
    fn default() -> Self {
        Self { policy: Policy::EVERYDAY, seed: 0, until: Until::Settled }
    }
}

/// What a feed that is watched is played in, beside its [`PlayOptions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How the store lays out its files.
    pub config: Config,
    /// How long after the last line all must have come to rest.
    pub settle_limit: Duration,
}

/// What came of a feed that was watched.
#[derive(Clone, Debug)]
pub struct Watched {
    /// The report.
    pub report: Report,
    /// The lines that could not be carried out.
    pub passed_over: Vec<usize>,
    /// Messages and timers that the actors have handled, over all lives of the process.
    pub handled: u64,
    /// How much time has passed in the world.
    pub lasted: Duration,
    /// Whether all came to rest within the limit.
    pub settled: bool,
}

/// A feed could not be played to its end.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// The simulated process did not start.
    #[error("line {line}: the runtime did not start: {error}")]
    Start {
        /// The line that starts it; 0 at the beginning.
        line: usize,
        /// Why not.
        #[source]
        error: StartError,
    },
    /// The server could not do what a line says.
    #[error("line {line}: {error}")]
    Script {
        /// The line.
        line: usize,
        /// Why not.
        #[source]
        error: ScriptError,
    },
    /// A line names a recording that is not there.
    #[error("line {line}: there is no such recording: {found} are there")]
    NoRecording {
        /// The line.
        line: usize,
        /// How many there are.
        found: usize,
    },
    /// A line could not be carried out when its time came, and the feed was not played further.
    #[error("{error}")]
    Stuck {
        /// Why not.
        error: Box<PlayError>,
        /// What had come of the feed until then.
        report: Box<Report>,
    },
    /// The operating system gave no runtime.
    #[error("no runtime can be made: {0}")]
    Runtime(#[source] std::io::Error),
}

/// Plays a feed in virtual time. `sounds` has the WAV files that it names.
///
/// # Errors
///
/// [`PlayError`] when a line cannot be carried out.
pub fn play(feed: &Feed, sounds: &Sounds, options: &PlayOptions) -> Result<Report, PlayError> {
    run(feed, || Player::new(feed, sounds, options))
}

/// Plays a feed in virtual time with a witness of everything. A line that cannot be carried out is
/// passed over.
///
/// # Errors
///
/// [`PlayError`] when the first process does not start.
pub fn play_watched(
    feed: &Feed,
    options: &PlayOptions,
    terms: &Terms,
    witness: Arc<Mutex<dyn Witness>>,
) -> Result<Watched, PlayError> {
    let sounds = Sounds::default();
    let watched = in_virtual_time(async {
        let mut player = Player::new(feed, &sounds, options);
        player.setting.config = terms.config;
        player.attend(witness);
        player.start(0).await?;
        let ticking = tokio::task::spawn_local(Arc::clone(&player.setting.network).tick());
        let watched = player.play_on(feed, terms.settle_limit).await;
        ticking.abort();
        Ok(watched)
    });
    watched.map_err(PlayError::Runtime)?
}

fn run<'a>(feed: &Feed, player: impl FnOnce() -> Player<'a>) -> Result<Report, PlayError> {
    let report = in_virtual_time(async {
        let mut player = player();
        player.start(0).await?;
        let ticking = tokio::task::spawn_local(Arc::clone(&player.setting.network).tick());
        let report = player.play(feed).await;
        ticking.abort();
        report
    });
    report.map_err(PlayError::Runtime)?
}

/// Loads the WAV files that a feed names, beside the feed.
///
/// # Errors
///
/// The feed's error for a file that cannot be read.
pub fn load_sounds(feed: &Feed, path: &Path) -> Result<Sounds, crate::feed::FeedError> {
    let beside = path.parent().unwrap_or(Path::new(""));
    Sounds::load(feed, &path.display().to_string(), |wav| {
        earmark_backend::audio::Wav::open(&beside.join(wav))
    })
}

/// Plays one feed.
struct Player<'a> {
    setting: Setting,
    options: PlayOptions,
    sounds: &'a Sounds,
    life: Option<Life>,
    captures: Captures,
    offered: Offered,
    /// Frames that the process took, over all its lives.
    taken: u64,
    verdicts: Vec<Verdict>,
    signed_out: Vec<earmark::Account>,
    is_online: bool,
    /// What the actors of lives before this one have handled.
    handled: u64,
}

impl<'a> Player<'a> {
    fn new(feed: &Feed, sounds: &'a Sounds, options: &PlayOptions) -> Self {
        let server = Options { silence: None, decode: false, ..Options::default() };
        let setting = Setting::new(server, options.policy, options.seed);
        Self {
            setting,
            options: *options,
            sounds,
            life: None,
            captures: Captures::of(feed),
            offered: Offered::default(),
            taken: 0,
            verdicts: Vec::new(),
            signed_out: Vec::new(),
            is_online: true,
            handled: 0,
        }
    }

    /// Has a witness hear all that happens from here on.
    fn attend(&mut self, witness: Arc<Mutex<dyn Witness>>) {
        let ears = Ears::new(Some(witness), Arc::clone(&self.setting.clock));
        self.setting.hear(ears);
    }

    async fn play_on(&mut self, feed: &Feed, settle_limit: Duration) -> Watched {
        let mut passed_over = Vec::new();
        for line in &feed.lines {
            self.run_until(line.at).await;
            self.settle().await;
            self.setting.ears.tell(&Heard::Line(line));
            if self.act(line.number, &line.action).await.is_err() {
                self.setting.ears.tell(&Heard::PassedOver(line.number));
                passed_over.push(line.number);
            }
        }
        let settled = self.run_until_settled(settle_limit).await;
        let report = self.report().await;
        if self.setting.clock.has_stood_still() {
            self.setting.ears.tell(&Heard::StoodStill);
        }
        self.setting.ears.tell(&Heard::Ended(&report, &self.setting.disk, settled));
        let handled = self.life.as_ref().map_or(0, |life| life.runtime().handled());
        let handled = self.handled + handled;
        let lasted = self.setting.clock.feed_time();
        Watched { report, passed_over, handled, lasted, settled }
    }

    async fn play(&mut self, feed: &Feed) -> Result<Report, PlayError> {
        for line in &feed.lines {
            self.run_until(line.at).await;
            self.settle().await;
            if let Action::Expect(expectation) = &line.action {
                let report = self.report().await;
                self.verdicts.push(expectation.check(line.number, &report));
            } else if let Err(error) = self.act(line.number, &line.action).await {
                let (error, report) = (Box::new(error), Box::new(self.report().await));
                return Err(PlayError::Stuck { error, report });
            }
        }
        match self.options.until {
            Until::End => self.settle().await,
            Until::Settled => {
                self.run_until_settled(settle::SETTLE_LIMIT).await;
            }
        }
        Ok(self.report().await)
    }

    /// Lets time pass until a feed time; what is scheduled at or before it happens on the way.
    async fn run_until(&mut self, at: FeedTime) {
        while let Some(next) = self.captures.next_at().filter(|next| *next <= at) {
            sleep_until(self.setting.clock.instant(next)).await;
            self.offer_due(next);
        }
        sleep_until(self.setting.clock.instant(at)).await;
    }

    async fn report(&mut self) -> Report {
        let seen = self.look().await;
        if self.life.is_some() {
            self.count_lost(&seen);
        }
        let clock = &self.setting.clock;
        let server = Some(self.setting.network.state());
        let feed_time_of = |moment| clock.feed_time_of(moment);
        let mut report = self.setting.happened.look(|events| {
            Report::assemble(&Ingredients {
                seen: &seen,
                events,
                offered: self.offered,
                server,
                ended_at: clock.feed_time(),
                now: earmark::Clock::stamp(clock.as_ref()),
                feed_time_of: &feed_time_of,
            })
        });
        report.expectations.clone_from(&self.verdicts);
        report
    }
}
