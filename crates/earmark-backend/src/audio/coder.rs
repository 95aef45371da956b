//! A run of samples of any length into frames.

use earmark_core::Codec;

use super::{AudioError, Encoder};

/// Cuts samples into frames as they come; what does not fill a frame waits for more.
#[derive(Debug)]
pub struct FrameCoder {
    encoder: Encoder,
    waiting: Vec<i16>,
}

impl FrameCoder {
    /// A coder at the start of its stream.
    pub fn new(codec: Codec) -> Self {
        Self { encoder: Encoder::new(codec), waiting: Vec::new() }
    }

    /// The frames that these samples complete, in order.
    ///
    /// # Errors
    ///
    /// [`AudioError::Encode`] when the Opus library fails.
    pub fn push(&mut self, samples: &[i16]) -> Result<Vec<Vec<u8>>, AudioError> {
        self.waiting.extend_from_slice(samples);
        let frame_samples = self.encoder.codec().frame_samples() as usize;
        let whole = self.waiting.len() - self.waiting.len() % frame_samples;
        let encoder = &mut self.encoder;
        let frames = self.waiting[..whole]
            .chunks_exact(frame_samples)
            .map(|frame| encoder.encode(frame))
            .collect();
        self.waiting.drain(..whole);
        frames
    }

    /// The last frame, filled up with silence; nothing when no samples wait.
    ///
    /// # Errors
    ///
    /// [`AudioError::Encode`] when the Opus library fails.
    pub fn finish(&mut self) -> Result<Option<Vec<u8>>, AudioError> {
        if self.waiting.is_empty() {
            return Ok(None);
        }
        let mut last = std::mem::take(&mut self.waiting);
        last.resize(self.encoder.codec().frame_samples() as usize, 0);
        self.encoder.encode(&last).map(Some)
    }
}
