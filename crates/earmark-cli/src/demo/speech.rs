//! Real speech as real Opus, encoded as it is spoken.

use bytes::Bytes;
use earmark::Codec;
use earmark_backend::audio::{Encoder, SAMPLE_RATE, Wav};

use crate::exit::Failure;

/// Fourteen seconds of speech; `assets/README.md` tells where they come from.
const RECORDING: &[u8] = include_bytes!("../../assets/speech.wav");

/// The codec of the device.
pub(super) const CODEC: Codec = Codec::Opus;

/// A recording that is spoken over and over.
pub(super) struct Speech {
    samples: Vec<i16>,
    next: usize,
    encoder: Encoder,
}

impl Speech {
    pub(super) fn new() -> Self {
        let wav = Wav::read(RECORDING).expect("the recording is one of 16-bit samples");
        assert_eq!(wav.sample_rate, SAMPLE_RATE, "the recording has the codec's sample rate");
        Self { samples: wav.samples, next: 0, encoder: Encoder::new(CODEC) }
    }

    /// The next frame.
    pub(super) fn frame(&mut self) -> Result<Bytes, Failure> {
        let count = CODEC.frame_samples() as usize;
        if self.next + count > self.samples.len() {
            self.next = 0;
        }
        let samples = &self.samples[self.next..self.next + count];
        self.next += count;
        self.encoder.encode(samples).map(Bytes::from).map_err(Failure::wrong)
    }
}
