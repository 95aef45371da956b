//! Which frames of a recording's file can no longer be read.

use std::ops::Range;

use crc32c::crc32c;
use sha2::{Digest, Sha256};

use crate::record::Seal;
use crate::seal::BLOCK_BYTES;

pub(super) const LENGTH_BYTES: usize = 4;

/// How a file differs from its seal.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// From the first block that differs to the last.
    pub(super) range: Option<Range<u64>>,
    /// Whether the bytes as a whole are not those that were sealed.
    pub(super) wrong_sum: bool,
    /// Frames that are lost.
    pub(super) frames: u64,
    /// Whether it may be fewer.
    pub(super) at_most: bool,
}

/// Compares the bytes of a file with its seal, and with the sums of its blocks where they are
/// known; without them all of a file that differs is taken for damaged.
pub(super) fn compare(bytes: &[u8], seal: &Seal, sums: Option<&[u32]>) -> Difference {
    let sum: [u8; 32] = Sha256::digest(bytes).into();
    let len = usize::try_from(seal.bytes).unwrap_or(usize::MAX);
    let bad = match sums {
        Some(sums) => bad_blocks(bytes, len, sums),
        None if sum == seal.sha256.0 => Vec::new(),
        None => std::iter::once(0..len).collect(),
    };
    let (frames, at_most) = lost(bytes, seal, &bad);
    let ends = bad.first().zip(bad.last());
    let range = ends.map(|(first, last)| first.start as u64..last.end as u64);
    Difference { range, wrong_sum: sum != seal.sha256.0, frames, at_most }
}

/// The blocks that are not as they were sealed, those that touch as one.
pub(super) fn bad_blocks(bytes: &[u8], len: usize, sums: &[u32]) -> Vec<Range<usize>> {
    let mut bad: Vec<Range<usize>> = Vec::new();
    for (start, crc) in (0..len).step_by(BLOCK_BYTES).zip(sums) {
        let block = start..(start + BLOCK_BYTES).min(len);
        if bytes.get(block.clone()).map(crc32c) == Some(*crc) {
            continue;
        }
        match bad.last_mut().filter(|last| last.end == block.start) {
            Some(last) => last.end = block.end,
            None => bad.push(block),
        }
    }
    bad
}

/// How many frames are lost, and whether it may be fewer.
fn lost(bytes: &[u8], seal: &Seal, bad: &[Range<usize>]) -> (u64, bool) {
    let Some(first) = bad.first() else {
        return (0, false);
    };
    let frames = frames(bytes);
    let sealed = u64::from(seal.frames);
    if add_up(&frames, bytes, seal) {
        // The damage is elsewhere.
        let touched = |frame: &&Range<usize>| {
            bad.iter().any(|bad| bad.start < frame.end && frame.start < bad.end)
        };
        return (frames.iter().filter(touched).count() as u64, false);
    }
    let before = frames.iter().take_while(|frame| frame.end <= first.start).count() as u64;
    let to_the_end = first.end as u64 == seal.bytes;
    (sealed.saturating_sub(before), !to_the_end)
}

/// Whether the lengths of the frames add up to the very file that was sealed.
pub(super) fn add_up(frames: &[Range<usize>], bytes: &[u8], seal: &Seal) -> bool {
    let ends_well = frames.last().is_some_and(|last| last.end as u64 == seal.bytes);
    ends_well && bytes.len() as u64 == seal.bytes && frames.len() as u64 == u64::from(seal.frames)
}

/// The bytes of each frame with its length, as far as one follows the other.
pub(super) fn frames(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut frames = Vec::new();
    let mut at = 0;
    while let Some(len) = bytes.get(at..at + LENGTH_BYTES).and_then(|len| len.try_into().ok()) {
        let len = u32::from_le_bytes(len) as usize;
        let end = at.saturating_add(LENGTH_BYTES).saturating_add(len);
        if end > bytes.len() {
            break;
        }
        frames.push(at..end);
        at = end;
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sha256Sum;
    use earmark_core::WallTime;

    /// Two hundred frames of a hundred bytes.
    fn file() -> (Vec<u8>, Seal, Vec<u32>) {
        let frame = [100_u32.to_le_bytes().to_vec(), vec![7; 100]].concat();
        let bytes = frame.repeat(200);
        let at = WallTime::from_unix_micros(0);
        let seal = Seal {
            frames: 200,
            bytes: bytes.len() as u64,
            sha256: Sha256Sum(Sha256::digest(&bytes).into()),
            started_at: at,
            ended_at: at,
            twin: 0,
            missing: 0,
        };
        let sums = bytes.chunks(BLOCK_BYTES).map(crc32c).collect();
        (bytes, seal, sums)
    }

    #[test]
    fn a_sound_file_has_lost_nothing() {
        let (bytes, seal, sums) = file();
        let sound = Difference { range: None, wrong_sum: false, frames: 0, at_most: false };
        assert_eq!(compare(&bytes, &seal, Some(&sums)), sound);
        assert_eq!(compare(&bytes, &seal, None), sound);
    }

    #[test]
    fn without_the_sums_damage_may_be_anywhere() {
        let (mut bytes, seal, _) = file();
        bytes[4_096 + 90] ^= 1;
        let found = compare(&bytes, &seal, None);
        assert_eq!((found.range, found.frames), (Some(0..seal.bytes), 200));
    }

    #[test]
    fn damage_to_audio_costs_the_frames_that_touch_its_block() {
        let (mut bytes, seal, sums) = file();
        bytes[4_096 + 90] ^= 1;
        let found = compare(&bytes, &seal, Some(&sums));
        // Frames 39 (from byte 4,056) to 78 (to byte 8,216).
        assert_eq!((found.range, found.frames, found.at_most), (Some(4_096..8_192), 40, false));
        assert!(found.wrong_sum);
    }

    #[test]
    fn damage_to_a_length_hides_what_lies_behind_it() {
        let (mut bytes, seal, sums) = file();
        bytes[104 * 50] ^= 1;
        let found = compare(&bytes, &seal, Some(&sums));
        assert_eq!((found.range, found.frames, found.at_most), (Some(4_096..8_192), 161, true));
    }

    #[test]
    fn what_was_cut_off_is_lost_and_what_was_added_costs_nothing() {
        let (mut bytes, seal, sums) = file();
        bytes.push(0);
        assert_eq!(compare(&bytes, &seal, Some(&sums)).frames, 0);
        bytes.truncate(10_000);
        let found = compare(&bytes, &seal, Some(&sums));
        // The block in which it ends has lost its checksum.
        assert_eq!((found.frames, found.at_most), (200 - 8_192 / 104, false));
    }
}
