//! Samples into frames.

use std::fmt;

use earmark_core::{Codec, FRAME_BYTES_MAX};
use ropus::{Application, Bitrate, Channels};

use super::{AudioError, SAMPLE_RATE};

/// Speech at 16 kHz is transparent for a listener and for a recogniser at this rate.
const OPUS_BITS_PER_SECOND: u32 = 32_000;
/// Low enough that an hour of a feed is encoded in seconds; higher ones come no closer.
const OPUS_COMPLEXITY: u8 = 3;

/// Encodes one frame after another; an Opus encoder carries state from each to the next.
pub struct Encoder {
    codec: Codec,
    opus: Option<ropus::Encoder>,
}

impl Encoder {
    /// An encoder at the start of its stream.
    pub fn new(codec: Codec) -> Self {
        Self { codec, opus: codec.is_opus().then(opus_encoder) }
    }

    /// The codec of the frames.
    pub const fn codec(&self) -> Codec {
        self.codec
    }

    /// The frame that holds exactly these samples.
    ///
    /// # Errors
    ///
    /// [`AudioError::Samples`] when they are not as many as a frame holds.
    pub fn encode(&mut self, samples: &[i16]) -> Result<Vec<u8>, AudioError> {
        let expected = self.codec.frame_samples() as usize;
        if samples.len() != expected {
            return Err(AudioError::Samples { codec: self.codec, found: samples.len(), expected });
        }
        match &mut self.opus {
            Some(opus) => opus_frame(opus, samples),
            None => Ok(pcm_frame(self.codec, samples)),
        }
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder").field("codec", &self.codec).finish_non_exhaustive()
    }
}

fn opus_encoder() -> ropus::Encoder {
    ropus::Encoder::builder(SAMPLE_RATE, Channels::Mono, Application::RestrictedLowDelay)
        .bitrate(Bitrate::Bits(OPUS_BITS_PER_SECOND))
        .complexity(OPUS_COMPLEXITY)
        .build()
        .expect("the settings are constants that Opus knows")
}

fn opus_frame(opus: &mut ropus::Encoder, samples: &[i16]) -> Result<Vec<u8>, AudioError> {
    let mut frame = vec![0; FRAME_BYTES_MAX];
    let bytes =
        opus.encode(samples, &mut frame).map_err(|error| AudioError::Encode(error.to_string()))?;
    frame.truncate(bytes);
    frame.shrink_to_fit();
    Ok(frame)
}

fn pcm_frame(codec: Codec, samples: &[i16]) -> Vec<u8> {
    if codec == Codec::Pcm8 {
        let unsigned = |sample: &i16| (sample.to_be_bytes()[0]) ^ 0x80;
        return samples.iter().map(unsigned).collect();
    }
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}
