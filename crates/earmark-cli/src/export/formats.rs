//! The formats, and how each is written.

use std::ffi::OsStr;
use std::io::{self, Seek, Write};
use std::path::Path;

use earmark_core::Codec;
use earmark_wire::encode_frame_header;
use hound::{SampleFormat, WavSpec, WavWriter};

use super::ogg_opus;
use super::sound::Sound;

const SAMPLE_BITS: u16 = 16;
/// The most samples of a WAV file: its lengths are 32 bits wide, and one of them counts the header.
const WAV_SAMPLES_MAX: usize = (u32::MAX as usize - 64) / 2;

/// What the ending of a file asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Samples of 16 bits.
    Wav,
    /// The Opus packets as they were captured.
    Ogg,
    /// The file as it is uploaded.
    Bin,
}

/// Why a recording cannot be written in a format.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unfit {
    #[error("the format does not take {0}")]
    Codec(Codec),
    #[error("it has more samples than the format can count")]
    TooLong,
    #[error(transparent)]
    File(#[from] io::Error),
}

impl From<hound::Error> for Unfit {
    fn from(error: hound::Error) -> Self {
        Self::File(match error {
            hound::Error::IoError(error) => error,
            other @ (hound::Error::FormatError(_)
            | hound::Error::TooWide
            | hound::Error::UnfinishedSample
            | hound::Error::Unsupported
            | hound::Error::InvalidSampleFormat) => io::Error::other(other),
        })
    }
}

impl Format {
    pub(super) fn of(path: &Path) -> Option<Self> {
        let ending = path.extension().and_then(OsStr::to_str)?.to_ascii_lowercase();
        match ending.as_str() {
            "wav" => Some(Self::Wav),
            "ogg" => Some(Self::Ogg),
            "bin" => Some(Self::Bin),
            _ => None,
        }
    }

    /// Whether whoever reads it listens to it, and does not pass it on as it is.
    pub(super) const fn is_heard(self) -> bool {
        match self {
            Self::Wav | Self::Ogg => true,
            Self::Bin => false,
        }
    }

    pub(super) fn write(
        self,
        sound: &Sound<'_>,
        out: &mut (impl Write + Seek),
    ) -> Result<(), Unfit> {
        match self {
            Self::Wav => wav(sound, out),
            Self::Ogg => ogg_opus::write(sound, out),
            Self::Bin => bin(sound, out),
        }
    }
}

fn wav(sound: &Sound<'_>, out: &mut (impl Write + Seek)) -> Result<(), Unfit> {
    let spec = WavSpec {
        channels: u16::from(sound.encoding.channels),
        sample_rate: sound.encoding.sample_rate,
        bits_per_sample: SAMPLE_BITS,
        sample_format: SampleFormat::Int,
    };
    let mut writer = WavWriter::new(out, spec)?;
    let mut left = WAV_SAMPLES_MAX;
    for samples in sound.samples().map_err(io::Error::other)? {
        left = left.checked_sub(samples.len()).ok_or(Unfit::TooLong)?;
        samples.iter().try_for_each(|sample| writer.write_sample(*sample))?;
    }
    Ok(writer.finalize()?)
}

/// The very file, unless frames of it are damaged: those are written as frames without audio.
fn bin(sound: &Sound<'_>, out: &mut impl Write) -> Result<(), Unfit> {
    if sound.damaged == 0 {
        return Ok(out.write_all(sound.file)?);
    }
    for frame in &sound.frames {
        let length = u32::try_from(frame.len()).map_err(io::Error::other)?;
        out.write_all(&encode_frame_header(length))?;
        out.write_all(frame)?;
    }
    Ok(())
}
