//! Frames out of nothing: pseudo-random bytes that anybody can make again.

use bytes::Bytes;
use earmark_core::Device;

/// The frames of one `frames` line.
///
/// The bytes of each follow from the seed, the device and the frame's place alone, so that two
/// plays of a feed, or a play and its reference, hold the same bytes.
#[derive(Clone, Copy, Debug)]
pub struct PseudoFrames {
    key: u64,
    bytes: usize,
}

impl PseudoFrames {
    /// Frames of so many bytes each.
    pub fn new(device: &Device, seed: u64, bytes: usize) -> Self {
        Self { key: scrambled(seed ^ fingerprint(device.as_str())), bytes }
    }

    /// The frame at this place, from 0.
    pub fn frame(&self, place: u64) -> Bytes {
        let start = scrambled(self.key.wrapping_add(place.wrapping_mul(STEP)));
        let words = (0..self.bytes.div_ceil(8) as u64)
            .map(|word| scrambled(start.wrapping_add(word.wrapping_mul(STEP))));
        let mut bytes: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
        bytes.truncate(self.bytes);
        Bytes::from(bytes)
    }
}

/// The odd number nearest to 2⁶⁴ over the golden ratio: its steps visit every 64-bit number.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finaliser of SplitMix64, in which every bit of the input moves about half of the output's.
const fn scrambled(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// FNV-1a, 64 bits: cheap, and the same on every machine.
fn fingerprint(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}
