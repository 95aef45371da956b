//! Frames into samples.

use std::fmt;

use earmark_core::{Codec, Encoding, FrameFault};
use ropus::{Channels, DecodeMode};

use super::{AudioError, SAMPLE_RATE};

/// The most samples of an Opus packet at 16 kHz: 120 ms.
const PACKET_SAMPLES_MAX: usize = 1_920;

/// Decodes one frame after another; an Opus decoder carries state from each to the next.
pub struct Decoder {
    codec: Codec,
    opus: Option<ropus::Decoder>,
}

impl Decoder {
    /// A decoder at the start of its stream.
    pub fn new(codec: Codec) -> Self {
        Self { codec, opus: codec.is_opus().then(opus_decoder) }
    }

    /// The samples of a frame. An Opus packet may hold up to 120 ms, whatever is usual.
    ///
    /// # Errors
    ///
    /// [`AudioError::Frame`] when the frame is none of this codec.
    pub fn decode(&mut self, frame: &[u8]) -> Result<Vec<i16>, AudioError> {
        let failed =
            |reason: String| AudioError::Frame { codec: self.codec, bytes: frame.len(), reason };
        FrameFault::check(Encoding::mono_16k(self.codec), frame.len())
            .map_err(|fault| failed(fault.to_string()))?;
        match &mut self.opus {
            Some(opus) => opus_samples(opus, frame).map_err(failed),
            None => Ok(pcm_samples(self.codec, frame)),
        }
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("codec", &self.codec).finish_non_exhaustive()
    }
}

fn opus_decoder() -> ropus::Decoder {
    ropus::Decoder::new(SAMPLE_RATE, Channels::Mono)
        .expect("the settings are constants that Opus knows")
}

fn opus_samples(opus: &mut ropus::Decoder, frame: &[u8]) -> Result<Vec<i16>, String> {
    let mut samples = vec![0; PACKET_SAMPLES_MAX];
    let count =
        opus.decode(frame, &mut samples, DecodeMode::Normal).map_err(|error| error.to_string())?;
    samples.truncate(count);
    Ok(samples)
}

fn pcm_samples(codec: Codec, frame: &[u8]) -> Vec<i16> {
    if codec == Codec::Pcm8 {
        let signed = |byte: &u8| i16::from_be_bytes([byte ^ 0x80, 0]);
        return frame.iter().map(signed).collect();
    }
    let (pairs, _) = frame.as_chunks::<2>();
    pairs.iter().copied().map(i16::from_le_bytes).collect()
}
