//! Audio from a WAV file.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use hound::{SampleFormat, WavReader, WavSpec};

/// The most samples that are read: four hours at 16 kHz.
pub const WAV_SAMPLES_MAX: usize = 4 * 3_600 * 16_000;

/// The samples of a file: 16 bit, one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wav {
    /// Samples in a second.
    pub sample_rate: u32,
    /// The samples, first one first.
    pub samples: Vec<i16>,
}

/// A WAV file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WavError {
    /// The file cannot be opened.
    #[error("the file cannot be opened: {0}")]
    Open(#[source] std::io::Error),
    /// The file's header is none of a WAV file.
    #[error("the file is no WAV file: {0}")]
    Header(#[source] hound::Error),
    /// The samples are of another kind than are taken.
    #[error(
        "the file has {channels} channels of {bits}-bit {kind}; \
         one channel of 16-bit integers is taken"
    )]
    Kind {
        /// Channels in the file.
        channels: u16,
        /// Bits of a sample.
        bits: u16,
        /// `integers` or `floats`.
        kind: &'static str,
    },
    /// More samples than are taken.
    #[error("the file has {found} samples; at most {WAV_SAMPLES_MAX} are taken")]
    TooLong {
        /// How many its header announces.
        found: u32,
    },
    /// The file ends early, or cannot be read on.
    #[error("the file cannot be read past its sample {after}: {source}")]
    Sample {
        /// How many samples were read before.
        after: usize,
        /// What the reader says.
        source: hound::Error,
    },
}

impl Wav {
    /// Reads a whole file.
    ///
    /// # Errors
    ///
    /// [`WavError`] when the file cannot be opened, or as of [`Self::read`].
    pub fn open(path: &Path) -> Result<Self, WavError> {
        let file = File::open(path).map_err(WavError::Open)?;
        Self::read(BufReader::new(file))
    }

    /// Reads the bytes of a whole file.
    ///
    /// # Errors
    ///
    /// [`WavError`] when they are no WAV file of 16-bit integers in one channel.
    pub fn read(bytes: impl Read) -> Result<Self, WavError> {
        let mut reader = WavReader::new(bytes).map_err(WavError::Header)?;
        let spec = checked(&reader)?;
        if reader.len() as usize > WAV_SAMPLES_MAX {
            return Err(WavError::TooLong { found: reader.len() });
        }
        let mut samples = Vec::new();
        for sample in reader.samples::<i16>() {
            let after = samples.len();
            samples.push(sample.map_err(|source| WavError::Sample { after, source })?);
        }
        Ok(Self { sample_rate: spec.sample_rate, samples })
    }
}

/// The format of a file, if it is one that is taken.
fn checked<R: Read>(reader: &WavReader<R>) -> Result<WavSpec, WavError> {
    let spec = reader.spec();
    let is_integer = spec.sample_format == SampleFormat::Int;
    if spec.channels != 1 || spec.bits_per_sample != 16 || !is_integer {
        return Err(WavError::Kind {
            channels: spec.channels,
            bits: spec.bits_per_sample,
            kind: if is_integer { "integers" } else { "floats" },
        });
    }
    Ok(spec)
}

/// The samples of a file of any length, a few at a time.
pub struct WavStream {
    reader: WavReader<BufReader<File>>,
    after: usize,
}

impl WavStream {
    /// Begins at the first sample of a file.
    ///
    /// # Errors
    ///
    /// [`WavError`] when the file cannot be opened, or is none of 16-bit integers in one channel.
    pub fn open(path: &Path) -> Result<Self, WavError> {
        let file = File::open(path).map_err(WavError::Open)?;
        let reader = WavReader::new(BufReader::new(file)).map_err(WavError::Header)?;
        checked(&reader)?;
        Ok(Self { reader, after: 0 })
    }

    /// Samples in a second.
    pub fn sample_rate(&self) -> u32 {
        self.reader.spec().sample_rate
    }

    /// The next samples: as many as are asked for, fewer at the end, none behind it.
    ///
    /// # Errors
    ///
    /// [`WavError::Sample`] when the file ends early, or cannot be read on.
    pub fn read(&mut self, count: usize) -> Result<Vec<i16>, WavError> {
        let samples: Result<Vec<i16>, _> = self.reader.samples::<i16>().take(count).collect();
        let samples = samples.map_err(|source| WavError::Sample { after: self.after, source })?;
        self.after += samples.len();
        Ok(samples)
    }

    /// Goes back to the first sample.
    ///
    /// # Errors
    ///
    /// [`WavError::Open`] when the file cannot be read from its start again.
    pub fn rewind(&mut self) -> Result<(), WavError> {
        self.after = 0;
        self.reader.seek(0).map_err(WavError::Open)
    }
}
