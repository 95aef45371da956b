//! The audio that every contender keeps: the same bytes for all.

use earmark_core::{Frame, WallTime};

const START: i64 = 1_775_260_800_000_000;
const FRAME_MICROS: i64 = 10_000;
/// A sound that does not compress.
const DICE: u64 = 0x5851_f42d_4c95_7f2d;

/// Frames of one size.
pub(super) struct Audio {
    pub(super) frames: Vec<Frame>,
    /// The bytes of all frames, one behind the other.
    pub(super) joined: Vec<u8>,
    pub(super) frame_bytes: usize,
}

impl Audio {
    pub(super) fn new(count: usize, frame_bytes: usize) -> Self {
        let mut dice = DICE;
        let mut byte = || {
            dice = dice.wrapping_mul(DICE).wrapping_add(0x1405_7b7e_f767_814f);
            (dice >> 56) as u8
        };
        let joined: Vec<u8> = (0..count * frame_bytes).map(|_| byte()).collect();
        let frame = |(place, bytes): (i64, &[u8])| Frame {
            at: WallTime::from_unix_micros(START + place * FRAME_MICROS),
            bytes: bytes::Bytes::copy_from_slice(bytes),
        };
        let frames = (0..).zip(joined.chunks_exact(frame_bytes)).map(frame).collect();
        Self { frames, joined, frame_bytes }
    }
}
