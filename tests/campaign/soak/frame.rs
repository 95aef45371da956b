//! Frames that say what they are, so that wherever one turns up it is known which one it is.

use crate::crash_states::dice::mix;

/// The bytes of a frame.
const FRAME_BYTES: usize = 80;
/// How many of them name it.
const NAME_BYTES: usize = 13;

/// Which frame it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    /// The place of its source among all sources.
    pub(super) source: u8,
    /// Which of the source's conversations it belongs to.
    pub(super) conversation: u32,
    /// Its number among all frames of the source.
    pub(super) serial: u64,
}

impl Name {
    /// The frame: its name, and pseudo-random bytes that follow from it.
    pub(super) fn frame(self) -> [u8; FRAME_BYTES] {
        let mut frame = [0; FRAME_BYTES];
        frame[0] = self.source;
        frame[1..5].copy_from_slice(&self.conversation.to_le_bytes());
        frame[5..NAME_BYTES].copy_from_slice(&self.serial.to_le_bytes());
        let mut random = (self.serial << 8) | u64::from(self.source);
        for piece in frame[NAME_BYTES..].chunks_mut(8) {
            random = mix(random);
            piece.copy_from_slice(&random.to_le_bytes()[..piece.len()]);
        }
        frame
    }

    /// Reads a frame; nothing when a byte of it is not as it was made.
    fn of(frame: &[u8]) -> Option<Self> {
        let head = frame.get(..NAME_BYTES)?;
        let name = Self {
            source: head[0],
            conversation: u32::from_le_bytes(head[1..5].try_into().ok()?),
            serial: u64::from_le_bytes(head[5..].try_into().ok()?),
        };
        (name.frame() == frame).then_some(name)
    }

    /// Reads a recording's file: each frame behind its length.
    pub(super) fn all_of(mut file: &[u8]) -> Option<Vec<Self>> {
        let mut names = Vec::new();
        while !file.is_empty() {
            let (length, rest) = file.split_first_chunk()?;
            let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
            let (frame, rest) = rest.split_at_checked(length)?;
            names.push(Self::of(frame)?);
            file = rest;
        }
        Some(names)
    }
}
