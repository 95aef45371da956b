//! The sound of `audio` lines: as many samples as each frame holds, one frame after another.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use earmark_backend::audio::{SAMPLE_RATE, Tone, WAV_SAMPLES_MAX, Wav, WavError};
use earmark_core::Codec;

use super::{Action, AudioSource, Feed, FeedError, FeedFault, Line};

/// The WAV files that a feed's `audio` lines hear, read before any of it runs.
#[derive(Clone, Debug, Default)]
pub struct Sounds(BTreeMap<PathBuf, Arc<[i16]>>);

impl Sounds {
    /// Reads each file once, by its path as the feed gives it. Messages call the feed `path`.
    ///
    /// # Errors
    ///
    /// [`FeedError`] for the first line whose file cannot be used, or with which all files together
    /// hold more than [`WAV_SAMPLES_MAX`] samples.
    pub fn load(
        feed: &Feed,
        path: &str,
        mut open: impl FnMut(&Path) -> Result<Wav, WavError>,
    ) -> Result<Self, FeedError> {
        let mut sounds = Self::default();
        for (line, wav) in feed.lines.iter().filter_map(wav_of) {
            sounds.add(wav, &mut open).map_err(|reason| FeedError {
                path: path.to_owned(),
                line: line.number,
                fault: FeedFault::Wav { wav: wav.to_owned(), reason },
            })?;
        }
        Ok(sounds)
    }

    fn add(
        &mut self,
        path: &Path,
        open: &mut impl FnMut(&Path) -> Result<Wav, WavError>,
    ) -> Result<(), String> {
        if self.0.contains_key(path) {
            return Ok(());
        }
        let wav = open(path).map_err(|error| error.to_string())?;
        if wav.sample_rate != SAMPLE_RATE {
            return Err(format!("the file has {} Hz; {SAMPLE_RATE} are taken", wav.sample_rate));
        }
        let before: usize = self.0.values().map(|samples| samples.len()).sum();
        if before + wav.samples.len() > WAV_SAMPLES_MAX {
            return Err(format!("all files together have more than {WAV_SAMPLES_MAX} samples"));
        }
        self.0.insert(path.to_owned(), wav.samples.into());
        Ok(())
    }

    /// What an `audio` line of the loaded feed lets a capture of this codec hear; `None` when that
    /// is a file that was not loaded.
    pub fn heard(&self, source: &AudioSource, micros: u64, codec: Codec) -> Option<Sound> {
        let frame_samples = codec.frame_samples() as usize;
        let wanted = micros.saturating_mul(u64::from(codec.frames_per_second())) / 1_000_000;
        let (samples, frames) = match source {
            AudioSource::Tone { hertz } => (Samples::Tone(Tone::new(*hertz).ok()?), wanted),
            AudioSource::Wav { path, from_micros } => {
                let all = self.0.get(path)?;
                let from = from_micros.saturating_mul(u64::from(SAMPLE_RATE)) / 1_000_000;
                let next = usize::try_from(from).map_or(all.len(), |from| from.min(all.len()));
                let whole = (all.len() - next) / frame_samples;
                (Samples::Wav { all: Arc::clone(all), next }, wanted.min(whole as u64))
            }
        };
        Some(Sound { samples, frame_samples, frames })
    }
}

fn wav_of(line: &Line) -> Option<(&Line, &Path)> {
    if let Action::Audio { source: AudioSource::Wav { path, .. }, .. } = &line.action {
        return Some((line, path));
    }
    None
}

/// The samples of one frame after another; a file is never heard past its last whole frame.
#[derive(Clone, Debug)]
pub struct Sound {
    samples: Samples,
    frame_samples: usize,
    frames: u64,
}

#[derive(Clone, Debug)]
enum Samples {
    Tone(Tone),
    Wav { all: Arc<[i16]>, next: usize },
}

impl Sound {
    /// How many frames are still to come.
    pub const fn frames(&self) -> u64 {
        self.frames
    }
}

impl Iterator for Sound {
    type Item = Vec<i16>;

    fn next(&mut self) -> Option<Vec<i16>> {
        self.frames = self.frames.checked_sub(1)?;
        match &mut self.samples {
            Samples::Tone(tone) => Some(tone.samples(self.frame_samples)),
            Samples::Wav { all, next } => {
                let frame = all.get(*next..*next + self.frame_samples)?;
                *next += self.frame_samples;
                Some(frame.to_vec())
            }
        }
    }
}
