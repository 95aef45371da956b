//! The frames of a recording as a decoder can take them, with their samples.

use std::borrow::Cow;

use earmark_backend::audio::{AudioError, Decoder};
use earmark_core::{Codec, Encoding};
use earmark_store::FoundAudio;

/// The first byte of an Opus packet of one frame, CELT, wideband, 10 ms.
const OPUS_10_MS: u8 = 22 << 3;
/// The same of 20 ms.
const OPUS_20_MS: u8 = 23 << 3;
/// The bit of that byte that says that there are two channels.
const OPUS_STEREO: u8 = 1 << 2;
/// Silence in unsigned 8-bit PCM.
const PCM8_SILENCE: u8 = 0x80;

/// What is written of a recording.
pub(super) struct Sound<'a> {
    pub(super) encoding: Encoding,
    /// The bytes of the file that was sealed.
    pub(super) file: &'a [u8],
    /// Each frame, or in its place one of the same length in time that holds no audio.
    pub(super) frames: Vec<Cow<'a, [u8]>>,
    /// Frames whose bytes are not those that were taken.
    pub(super) damaged: usize,
    /// Frames that are none of the codec.
    pub(super) undecodable: usize,
}

impl<'a> Sound<'a> {
    /// Takes the frames that can be read; of those that are to be `heard`, each must be one that
    /// can be decoded.
    pub(super) fn of(found: &'a FoundAudio, heard: bool) -> Result<Self, AudioError> {
        let encoding = found.facts.encoding;
        let mut decoder = Decoder::of(encoding)?;
        let (frames, file) = (Vec::new(), found.bytes.as_slice());
        let mut sound = Self { encoding, file, frames, damaged: 0, undecodable: 0 };
        for frame in found.frames() {
            let Some(frame) = frame else {
                sound.damaged += 1;
                sound.fill(&mut decoder)?;
                continue;
            };
            if !heard || decoder.decode(frame).is_ok() {
                sound.frames.push(Cow::Borrowed(frame));
            } else {
                sound.undecodable += 1;
                sound.fill(&mut decoder)?;
            }
        }
        if sound.damaged == sound.frames.len() {
            sound.frames.clear();
        }
        Ok(sound)
    }

    /// The samples of each frame, in order.
    pub(super) fn samples(&self) -> Result<impl Iterator<Item = Vec<i16>>, AudioError> {
        let mut decoder = Decoder::of(self.encoding)?;
        // Each of them was decoded before, by a decoder in the same state.
        Ok(self.frames.iter().map(move |frame| decoder.decode(frame).unwrap_or_default()))
    }

    fn fill(&mut self, decoder: &mut Decoder) -> Result<(), AudioError> {
        let filler = filler(self.encoding);
        decoder.decode(&filler)?;
        self.frames.push(Cow::Owned(filler));
        Ok(())
    }
}

/// A frame of the usual duration without audio. In Opus that is a packet without data, which has
/// every decoder bridge the gap as it does for a packet that was lost.
fn filler(encoding: Encoding) -> Vec<u8> {
    let stereo = if encoding.channels == 1 { 0 } else { OPUS_STEREO };
    let pcm = |silence| vec![silence; encoding.frame_bytes().unwrap_or_default()];
    match encoding.codec {
        Codec::Opus => vec![OPUS_10_MS | stereo],
        Codec::OpusFs320 => vec![OPUS_20_MS | stereo],
        Codec::Pcm16 => pcm(0),
        Codec::Pcm8 => pcm(PCM8_SILENCE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_without_audio_lasts_as_long_as_any_other() {
        for codec in Codec::ALL {
            for (rate, channels) in [(16_000, 1), (48_000, 2)] {
                let encoding = Encoding::new(codec, rate, channels).expect("it can be captured");
                let mut decoder = Decoder::of(encoding).expect("it can be decoded");
                let samples = decoder.decode(&filler(encoding)).expect("it is a frame");
                let expected = rate / codec.frames_per_second() * u32::from(channels);
                assert_eq!(samples.len(), expected as usize, "{encoding:?}");
                assert!(samples.iter().all(|sample| *sample == 0), "{encoding:?}");
            }
        }
    }
}
