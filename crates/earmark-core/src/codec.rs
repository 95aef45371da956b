//! What the frames of a capture are.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use serde::{Deserialize, Serialize};

/// How a frame is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Codec {
    /// Opus packets of 10 ms.
    Opus,
    /// Opus packets of 20 ms.
    OpusFs320,
    /// Signed 16-bit little-endian PCM, 10 ms a frame.
    Pcm16,
    /// Unsigned 8-bit PCM, 10 ms a frame.
    Pcm8,
}

/// A text names no codec that is captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the codec is one of opus, opus_fs320, pcm16, pcm8")]
pub struct UnknownCodec;

impl Codec {
    /// All codecs that are captured.
    pub const ALL: [Self; 4] = [Self::Opus, Self::OpusFs320, Self::Pcm16, Self::Pcm8];

    /// The codec's name in feeds, on the socket and in file names.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opus => "opus",
            Self::OpusFs320 => "opus_fs320",
            Self::Pcm16 => "pcm16",
            Self::Pcm8 => "pcm8",
        }
    }

    /// Frames in a second of audio.
    pub const fn frames_per_second(self) -> u32 {
        match self {
            Self::Opus | Self::Pcm16 | Self::Pcm8 => 100,
            Self::OpusFs320 => 50,
        }
    }

    /// How much audio a frame holds.
    pub const fn frame_duration(self) -> Duration {
        Duration::from_micros(1_000_000 / self.frames_per_second() as u64)
    }

    /// The `fs` of file names: samples in a frame at 16 kHz.
    pub const fn frame_samples(self) -> u32 {
        match self {
            Self::Opus | Self::Pcm16 | Self::Pcm8 => 160,
            Self::OpusFs320 => 320,
        }
    }

    /// Whether frames are Opus packets.
    pub const fn is_opus(self) -> bool {
        match self {
            Self::Opus | Self::OpusFs320 => true,
            Self::Pcm16 | Self::Pcm8 => false,
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Codec {
    type Err = UnknownCodec;

    fn from_str(text: &str) -> Result<Self, UnknownCodec> {
        Self::ALL.into_iter().find(|codec| codec.name() == text).ok_or(UnknownCodec)
    }
}

/// A codec with its sample rate and channels: all that tells what a frame's bytes mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Encoding {
    /// How frames are encoded.
    pub codec: Codec,
    /// Samples in a second, of each channel.
    pub sample_rate: u32,
    /// Channels in a frame.
    pub channels: u8,
}

/// An encoding cannot be captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodingError {
    /// The rate is not one that Opus and the server know.
    #[error("the sample rate {0} Hz is not taken: 8000, 12000, 16000, 24000 or 48000 are")]
    SampleRate(u32),
    /// More channels than a device sends, or none.
    #[error("{0} channels are not taken: 1 or 2 are")]
    Channels(u8),
}

impl Encoding {
    /// An encoding after a check of its figures.
    ///
    /// # Errors
    ///
    /// [`EncodingError`] when the rate or the channels are none that can be captured.
    pub const fn new(codec: Codec, sample_rate: u32, channels: u8) -> Result<Self, EncodingError> {
        match (sample_rate, channels) {
            (8_000 | 12_000 | 16_000 | 24_000 | 48_000, 1 | 2) => {
                Ok(Self { codec, sample_rate, channels })
            }
            (8_000 | 12_000 | 16_000 | 24_000 | 48_000, _) => {
                Err(EncodingError::Channels(channels))
            }
            _ => Err(EncodingError::SampleRate(sample_rate)),
        }
    }

    /// The usual encoding of a codec: 16 kHz, one channel.
    pub const fn mono_16k(codec: Codec) -> Self {
        Self { codec, sample_rate: 16_000, channels: 1 }
    }

    /// The bytes that every frame has, when the codec fixes them: PCM does, Opus does not.
    pub const fn frame_bytes(self) -> Option<usize> {
        let samples = (self.sample_rate / self.codec.frames_per_second()) as usize;
        match self.codec {
            Codec::Opus | Codec::OpusFs320 => None,
            Codec::Pcm16 => Some(samples * 2 * self.channels as usize),
            Codec::Pcm8 => Some(samples * self.channels as usize),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn a_frame_has_the_samples_of_its_duration_at_16_khz() {
        let samples = Codec::ALL.map(Codec::frame_samples);
        assert_eq!(samples, [160, 320, 160, 160]);
        let micros = Codec::ALL.map(|codec| codec.frame_duration().as_micros());
        assert_eq!(micros, [10_000, 20_000, 10_000, 10_000]);
    }

    #[test]
    fn opus_frames_are_packets_and_pcm_frames_are_none() {
        assert_eq!(Codec::ALL.map(Codec::is_opus), [true, true, false, false]);
    }

    #[test]
    fn a_rate_that_opus_does_not_know_and_a_third_channel_are_refused() {
        for (rate, channels) in [(8_000, 1), (12_000, 2), (16_000, 1), (24_000, 1), (48_000, 2)] {
            let encoding = Encoding { codec: Codec::Pcm8, sample_rate: rate, channels };
            assert_eq!(Encoding::new(Codec::Pcm8, rate, channels), Ok(encoding));
        }
        let refused = |rate, channels| Encoding::new(Codec::Opus, rate, channels);
        assert_eq!(refused(44_100, 1), Err(EncodingError::SampleRate(44_100)));
        assert_eq!(refused(16_000, 3), Err(EncodingError::Channels(3)));
        assert_eq!(refused(16_000, 0), Err(EncodingError::Channels(0)));
    }

    #[test]
    fn pcm_frames_of_two_channels_have_twice_the_bytes() {
        let stereo = |codec| Encoding::new(codec, 48_000, 2).expect("it is taken").frame_bytes();
        assert_eq!(stereo(Codec::Pcm16), Some(1_920));
        assert_eq!(stereo(Codec::Pcm8), Some(960));
    }

    #[test]
    fn pcm_frames_have_the_bytes_of_ten_milliseconds() {
        assert_eq!(Encoding::mono_16k(Codec::Pcm16).frame_bytes(), Some(320));
        assert_eq!(Encoding::mono_16k(Codec::Pcm8).frame_bytes(), Some(160));
        assert_eq!(Encoding::mono_16k(Codec::Opus).frame_bytes(), None);
    }

    #[test]
    fn every_codec_is_read_back_from_its_name() {
        for codec in Codec::ALL {
            assert_eq!(codec.to_string().parse(), Ok(codec));
        }
        assert_eq!("aac".parse::<Codec>(), Err(UnknownCodec));
    }
}
