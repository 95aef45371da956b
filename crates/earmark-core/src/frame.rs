//! One frame of audio, and what a frame must be to be taken.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{Encoding, WallTime};

/// The most bytes of a frame: no Opus packet is larger, and a server stops decoding where one seems
/// to be.
pub const FRAME_BYTES_MAX: usize = 1_275;

/// A frame's number within its capture, from 0; never reused.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct FrameSeq(pub u64);

impl FrameSeq {
    /// The number that is `count` further.
    pub const fn plus(self, count: u64) -> Self {
        Self(self.0.saturating_add(count))
    }

    /// How many numbers lie between `first` and this one; none when it comes before.
    pub const fn since(self, first: Self) -> u64 {
        self.0.saturating_sub(first.0)
    }
}

/// One frame as it was captured.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    /// When it was captured, by the wall clock.
    pub at: WallTime,
    /// The codec's bytes, without any packet header of the device.
    pub bytes: Bytes,
}

/// Why a frame was refused: with it, a server would stop decoding the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum FrameFault {
    /// It has no bytes.
    #[error("the frame is empty")]
    Empty,
    /// It is larger than any Opus packet.
    #[error("the frame has {bytes} bytes; an Opus packet has at most 1275")]
    TooLong {
        /// How many bytes it has.
        bytes: usize,
    },
    /// It is not as long as every PCM frame of its encoding is.
    #[error("the frame has {bytes} bytes; a frame of this encoding has {expected}")]
    WrongSize {
        /// How many bytes it has.
        bytes: usize,
        /// How many it must have.
        expected: usize,
    },
}

impl FrameFault {
    /// Checks the size of a frame of the given encoding.
    ///
    /// # Errors
    ///
    /// The fault, when a frame of so many bytes cannot be taken.
    pub const fn check(encoding: Encoding, bytes: usize) -> Result<(), Self> {
        match encoding.frame_bytes() {
            _ if bytes == 0 => Err(Self::Empty),
            Some(expected) if bytes != expected => Err(Self::WrongSize { bytes, expected }),
            None if bytes > FRAME_BYTES_MAX => Err(Self::TooLong { bytes }),
            Some(_) | None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Codec;

    #[test]
    fn numbers_are_counted_from_one_to_the_next_and_stop_at_their_ends() {
        assert_eq!(FrameSeq(7).since(FrameSeq(3)), 4);
        assert_eq!(FrameSeq(3).since(FrameSeq(7)), 0);
        assert_eq!(FrameSeq(3).plus(4), FrameSeq(7));
        assert_eq!(FrameSeq(u64::MAX).plus(1), FrameSeq(u64::MAX));
    }

    #[test]
    fn a_frame_that_would_stop_the_servers_decoder_is_refused() {
        let opus = Encoding::mono_16k(Codec::Opus);
        let pcm = Encoding::mono_16k(Codec::Pcm16);
        assert_eq!(FrameFault::check(opus, 0), Err(FrameFault::Empty));
        assert_eq!(FrameFault::check(opus, 1_275), Ok(()));
        assert_eq!(FrameFault::check(opus, 1_276), Err(FrameFault::TooLong { bytes: 1_276 }));
        assert_eq!(FrameFault::check(pcm, 320), Ok(()));
        assert_eq!(
            FrameFault::check(pcm, 319),
            Err(FrameFault::WrongSize { bytes: 319, expected: 320 })
        );
    }
}
