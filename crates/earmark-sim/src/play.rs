//! A feed played in virtual time, with the real runtime in a simulated world.

mod act;
mod captures;
mod settle;

use std::path::Path;
use std::sync::Arc;

use earmark::{Policy, StartError};
use earmark_backend::server::ScriptError;
use tokio::task::LocalSet;
use tokio::time::sleep_until;

use crate::feed::{Action, Feed, FeedTime, Sounds};
use crate::report::{Ingredients, Offered, Report, Verdict};
use crate::world::{Life, Setting};
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
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(PlayError::Runtime)?;
    LocalSet::new().block_on(&runtime, async {
        let mut player = Player::new(feed, sounds, options);
        player.start(0).await?;
        let ticking = tokio::task::spawn_local(Arc::clone(&player.setting.network).tick());
        let report = player.play(feed).await;
        ticking.abort();
        report
    })
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
}

impl<'a> Player<'a> {
    fn new(feed: &Feed, sounds: &'a Sounds, options: &PlayOptions) -> Self {
        Self {
            setting: Setting::new(options.policy, options.seed),
            options: *options,
            sounds,
            life: None,
            captures: Captures::of(feed),
            offered: Offered::default(),
            taken: 0,
            verdicts: Vec::new(),
            signed_out: Vec::new(),
            is_online: true,
        }
    }

    async fn play(&mut self, feed: &Feed) -> Result<Report, PlayError> {
        for line in &feed.lines {
            self.run_until(line.at).await;
            self.settle().await;
            if let Action::Expect(expectation) = &line.action {
                let report = self.report().await;
                self.verdicts.push(expectation.check(line.number, &report));
            } else {
                self.act(line.number, &line.action).await?;
            }
        }
        match self.options.until {
            Until::End => self.settle().await,
            Until::Settled => self.run_until_settled().await,
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
