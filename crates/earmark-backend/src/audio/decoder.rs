//! Frames into samples.

use std::fmt;

use earmark_core::{Codec, Encoding, FrameFault};
use ropus::{Channels, DecodeMode};

use super::AudioError;

/// The longest Opus packet.
const PACKET_MILLIS_MAX: u32 = 120;

/// Decodes one frame after another; an Opus decoder carries state from each to the next.
pub struct Decoder {
    encoding: Encoding,
    opus: Option<ropus::Decoder>,
}

impl Decoder {
    /// A decoder at the start of its stream, which has the usual rate and one channel.
    pub fn new(codec: Codec) -> Self {
        Self::of(Encoding::mono_16k(codec)).expect("Opus knows the usual rate")
    }

    /// A decoder at the start of its stream.
    ///
    /// # Errors
    ///
    /// [`AudioError::Encoding`] when its rate or its channels are none that can be captured.
    pub fn of(encoding: Encoding) -> Result<Self, AudioError> {
        let encoding = Encoding::new(encoding.codec, encoding.sample_rate, encoding.channels)?;
        let channels = if encoding.channels == 1 { Channels::Mono } else { Channels::Stereo };
        let opus = encoding.codec.is_opus().then(|| {
            ropus::Decoder::new(encoding.sample_rate, channels)
                .expect("the rates that can be captured are those of Opus")
        });
        Ok(Self { encoding, opus })
    }

    /// The samples of a frame, those of several channels by turns. An Opus packet may hold up to
    /// 120 ms, whatever is usual.
    ///
    /// # Errors
    ///
    /// [`AudioError::Frame`] when the frame is none of this codec.
    pub fn decode(&mut self, frame: &[u8]) -> Result<Vec<i16>, AudioError> {
        let codec = self.encoding.codec;
        let failed = |reason: String| AudioError::Frame { codec, bytes: frame.len(), reason };
        FrameFault::check(self.encoding, frame.len()).map_err(|fault| failed(fault.to_string()))?;
        match &mut self.opus {
            Some(opus) => opus_samples(opus, self.encoding, frame).map_err(failed),
            None => Ok(pcm_samples(codec, frame)),
        }
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("encoding", &self.encoding).finish_non_exhaustive()
    }
}

fn opus_samples(
    opus: &mut ropus::Decoder,
    encoding: Encoding,
    frame: &[u8],
) -> Result<Vec<i16>, String> {
    let channels = usize::from(encoding.channels);
    let most = (encoding.sample_rate / 1_000 * PACKET_MILLIS_MAX) as usize;
    let mut samples = vec![0; most * channels];
    let count =
        opus.decode(frame, &mut samples, DecodeMode::Normal).map_err(|error| error.to_string())?;
    samples.truncate(count * channels);
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
