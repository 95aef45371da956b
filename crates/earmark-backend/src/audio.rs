//! Audio as frames and back: 16 kHz, one channel, in any of the four codecs.
//!
//! Capture and upload never look into a frame. This module is for those who make audio (the demo, a
//! feed) or listen to it (the development server, an export).

mod coder;
mod decoder;
mod encoder;
mod tone;
mod wav;

pub use coder::FrameCoder;
pub use decoder::Decoder;
pub use encoder::Encoder;
pub use tone::{TONE_AMPLITUDE, Tone};
pub use wav::{WAV_SAMPLES_MAX, Wav, WavError, WavStream};

/// Samples in a second, of the only rate that is coded here.
pub const SAMPLE_RATE: u32 = 16_000;

/// Audio cannot be coded or decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AudioError {
    /// A frame to be encoded does not have the samples of its codec.
    #[error("{found} samples are no frame; a frame of {codec} has {expected}")]
    Samples {
        /// The codec.
        codec: earmark_core::Codec,
        /// How many samples were given.
        found: usize,
        /// How many a frame has.
        expected: usize,
    },
    /// A frame cannot be decoded.
    #[error("a frame of {bytes} bytes is no {codec}: {reason}")]
    Frame {
        /// The codec that it should be of.
        codec: earmark_core::Codec,
        /// How many bytes it has.
        bytes: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The Opus library refused to encode.
    #[error("the Opus encoder failed: {0}")]
    Encode(String),
    /// A stream has a rate or channels that are none of a capture.
    #[error(transparent)]
    Encoding(#[from] earmark_core::EncodingError),
    /// A tone of this pitch cannot be told apart at 16 kHz.
    #[error("{hertz} Hz is no tone at 16 kHz; more than 0 and less than 8000 Hz are")]
    Pitch {
        /// The pitch as it was given.
        hertz: String,
    },
}

#[cfg(test)]
mod tests;
