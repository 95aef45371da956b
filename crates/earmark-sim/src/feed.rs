//! Feeds: scripted stories of a capture host, one JSON object a line.
//!
//! ```text
//! {"at": 0, "do": "capture.start", "device": "pendant", "codec": "opus"}
//! {"at": 0, "do": "socket.up"}
//! {"at": 0, "do": "frames", "device": "pendant", "count": 3000}
//! {"at": 12.5, "do": "socket.down"}
//! {"at": 30, "do": "expect", "frames": {"captured": 3000, "rejected": 0}}
//! ```
//!
//! [`Feed::parse`] checks a whole feed before any of it runs, and fills in every default. What it
//! returns can be played without another check of form. The language's reference is
//! `docs/feeds.md`.

mod action;
mod error;
mod fields;
mod frames;
mod json;
mod mishap;
mod read;
mod sounds;
mod time;
mod write;

pub use action::{Action, AudioSource, DiskError, DiskOp, RecordingRef, Selector, Times};
pub use error::{FeedError, FeedFault};
pub use fields::{
    AUDIO_SECONDS_MAX, DISK_OPERATIONS_MAX, FEED_FRAME_BYTES_MAX, FILE_DAMAGE_BITS_MAX,
    FILE_OFFSET_BYTES_MAX, FRAMES_COUNT_MAX, ZONE_MINUTES_MAX,
};
pub use frames::PseudoFrames;
pub use mishap::{FileKind, SLIPS, Slip, slip_name};
pub use sounds::{Sound, Sounds};
pub use time::{FEED_TIME_SECONDS_MAX, FeedTime};

pub(crate) use error::{nearest, or_nearest, shown};
pub(crate) use time::{micros, seconds};

use read::Story;

/// The most bytes of a feed.
pub const FEED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The most bytes of a feed's line.
pub const FEED_LINE_BYTES_MAX: usize = 1024 * 1024;
/// The most lines of a feed, blank ones and remarks included.
pub const FEED_LINES_MAX: usize = 1_000_000;

/// A feed whose every line can be played.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Feed {
    /// What happens, in the order of the file; the times never fall.
    pub lines: Vec<Line>,
}

/// One line of a feed.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its number in the file, from 1.
    pub number: usize,
    /// When it happens.
    pub at: FeedTime,
    /// What happens.
    pub action: Action,
}

impl Feed {
    /// Reads a feed; `path` is what messages call it.
    ///
    /// # Errors
    ///
    /// [`FeedError`] for the first line that cannot be played as it stands.
    pub fn parse(path: &str, text: &str) -> Result<Self, FeedError> {
        let refused = |line, fault| FeedError { path: path.to_owned(), line, fault };
        if text.len() > FEED_BYTES_MAX {
            return Err(refused(1, FeedFault::FeedTooLarge { bytes: text.len() }));
        }
        let mut story = Story::new(text);
        let mut lines = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            let read = story.line(number, line).map_err(|fault| refused(number, fault))?;
            lines.extend(read);
        }
        Ok(Self { lines })
    }

    /// The feed's text, one line for each action. [`Self::parse`] reads it back as the same feed,
    /// but for the numbers of lines that remarks and blank lines had moved.
    pub fn to_text(&self) -> String {
        self.lines.iter().map(write::line).collect()
    }

    /// The first line that only simulated time and disks can play, and its action.
    pub fn needs_simulation(&self) -> Option<(usize, &'static str)> {
        self.first(Action::needs_simulation)
    }

    /// The first line that tells the server what to do, and its action.
    pub fn scripts_server(&self) -> Option<(usize, &'static str)> {
        self.first(|action| matches!(action, Action::Server(_)))
    }

    fn first(&self, wanted: fn(&Action) -> bool) -> Option<(usize, &'static str)> {
        let line = self.lines.iter().find(|line| wanted(&line.action))?;
        Some((line.number, line.action.name()))
    }
}

impl FromIterator<(FeedTime, Action)> for Feed {
    /// A feed of these actions, on lines numbered from 1.
    ///
    /// Nothing is checked: [`Feed::parse`] of its [`Feed::to_text`] does that.
    fn from_iter<T: IntoIterator<Item = (FeedTime, Action)>>(actions: T) -> Self {
        let line = |(index, (at, action))| Line { number: index + 1, at, action };
        Self { lines: actions.into_iter().enumerate().map(line).collect() }
    }
}

#[cfg(test)]
mod tests;
