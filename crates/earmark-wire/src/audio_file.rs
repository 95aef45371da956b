//! Audio in a file, as a server takes it: frame after frame, and nothing else.
//!
//! ```text
//! file  = record*
//! record = length  u32, little-endian, 1 ..= 65536
//!          payload that many bytes: one frame of the codec
//! ```
//!
//! There is no header, no footer and no checksum. Two files of one encoding put together are a
//! file.

use core::iter::FusedIterator;

/// The bytes of a record's length.
pub const FRAME_HEADER_BYTES: usize = 4;

/// The longest payload of a record that any server reads on from.
pub const AUDIO_FRAME_BYTES_MAX: usize = 65_536;

/// Where a file stops being one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    /// A record has no payload.
    #[error("the record at byte {offset} is empty; a server stops there")]
    Empty {
        /// Where the record begins.
        offset: usize,
    },
    /// A record claims more bytes than a frame can have.
    #[error("the record at byte {offset} claims {bytes} bytes; a frame has at most 65536")]
    TooLong {
        /// Where the record begins.
        offset: usize,
        /// The length it claims.
        bytes: u32,
    },
    /// The file ends within a record. Everything before it is whole.
    #[error("the file ends within the record at byte {offset}; {missing} bytes are missing")]
    Torn {
        /// Where the record begins; also the length of the whole part.
        offset: usize,
        /// How many bytes are known to be missing.
        missing: usize,
    },
}

/// What stands before a frame of so many bytes.
pub const fn encode_frame_header(bytes: u32) -> [u8; FRAME_HEADER_BYTES] {
    bytes.to_le_bytes()
}

/// The frames of a file, first one first. After a fault nothing follows.
///
/// # Errors
///
/// Each item is a frame or the [`FileFault`] that ends the file.
pub const fn frames(file: &[u8]) -> AudioFrames<'_> {
    AudioFrames { file, offset: 0 }
}

/// The iterator that [`frames`] makes.
#[derive(Clone, Debug)]
pub struct AudioFrames<'a> {
    file: &'a [u8],
    offset: usize,
}

impl AudioFrames<'_> {
    /// Where the next record begins: the length of all that was whole so far.
    pub const fn offset(&self) -> usize {
        self.offset
    }
}

impl<'a> Iterator for AudioFrames<'a> {
    type Item = Result<&'a [u8], FileFault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.file.is_empty() {
            return None;
        }
        let split = split_record(self.file, self.offset);
        // After a fault there is no telling where the next record would begin.
        self.file = split.map_or(&[], |(_, rest)| rest);
        Some(split.map(|(frame, _)| {
            self.offset += FRAME_HEADER_BYTES + frame.len();
            frame
        }))
    }
}

impl FusedIterator for AudioFrames<'_> {}

fn split_record(file: &[u8], offset: usize) -> Result<(&[u8], &[u8]), FileFault> {
    let Some((header, rest)) = file.split_first_chunk::<FRAME_HEADER_BYTES>() else {
        let missing = FRAME_HEADER_BYTES - file.len();
        return Err(FileFault::Torn { offset, missing });
    };
    let bytes = u32::from_le_bytes(*header);
    match bytes as usize {
        0 => Err(FileFault::Empty { offset }),
        length if length > AUDIO_FRAME_BYTES_MAX => Err(FileFault::TooLong { offset, bytes }),
        length => rest
            .split_at_checked(length)
            .ok_or(FileFault::Torn { offset, missing: length - rest.len().min(length) }),
    }
}

#[cfg(test)]
mod tests;
