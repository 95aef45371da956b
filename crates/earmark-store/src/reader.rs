//! Reading a sealed recording, never trusting what the disk gives.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use crc32c::crc32c;
use earmark_core::RecordingId;
use sha2::{Digest, Sha256};

use crate::disk::{Disk, DiskFile, read_full_at};
use crate::layout;
use crate::record::Seal;
use crate::seal::BLOCK_BYTES;
use crate::sealed::SealedRecording;

/// Why a sealed recording cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The file is not there.
    #[error("the file of {recording} is missing")]
    Missing {
        /// The recording.
        recording: RecordingId,
    },
    /// The file has another length than was sealed.
    #[error("the file of {recording} has {found} bytes; {expected} were sealed")]
    WrongLength {
        /// The recording.
        recording: RecordingId,
        /// What was sealed.
        expected: u64,
        /// What is there.
        found: u64,
    },
    /// Bytes of the file differ from what was sealed.
    #[error("bytes {} to {} of {recording} differ from what was sealed", range.start, range.end)]
    Damaged {
        /// The recording.
        recording: RecordingId,
        /// The blocks that differ, from the first to the last.
        range: Range<u64>,
    },
    /// The disk refused; another try may succeed.
    #[error("the file of {recording} cannot be read: {error}")]
    Io {
        /// The recording.
        recording: RecordingId,
        /// What the disk said.
        #[source]
        error: io::Error,
    },
}

/// Reads a sealed recording in blocks, each one checked before it is handed out. Every call blocks.
pub struct RecordingReader {
    recording: RecordingId,
    file: Arc<dyn DiskFile>,
    seal: Arc<Seal>,
    block: usize,
}

impl fmt::Debug for RecordingReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RecordingReader").field(&self.recording).finish()
    }
}

impl RecordingReader {
    /// Opens the file and compares its length.
    ///
    /// # Errors
    ///
    /// [`RecordingError`].
    pub fn open(disk: &dyn Disk, sealed: &SealedRecording) -> Result<Self, RecordingError> {
        Self::open_seal(disk, sealed.recording(), sealed.seal())
    }

    pub(crate) fn open_seal(
        disk: &dyn Disk,
        recording: RecordingId,
        seal: &Arc<Seal>,
    ) -> Result<Self, RecordingError> {
        let io = |error: io::Error| {
            if error.kind() == io::ErrorKind::NotFound {
                return RecordingError::Missing { recording };
            }
            RecordingError::Io { recording, error }
        };
        let file = disk.open(&layout::recording_path(recording)).map_err(io)?;
        let found = file.len().map_err(io)?;
        let expected = seal.bytes;
        if found != expected {
            return Err(RecordingError::WrongLength { recording, expected, found });
        }
        Ok(Self { recording, file, seal: Arc::clone(seal), block: 0 })
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> u64 {
        self.seal.bytes
    }

    /// Appends the next block to `out` and says how long it is; 0 at the end.
    ///
    /// # Errors
    ///
    /// [`RecordingError::Damaged`] instead of a block that differs; the next call goes on behind
    /// it.
    pub fn read_block(&mut self, out: &mut Vec<u8>) -> Result<usize, RecordingError> {
        let start = self.block as u64 * BLOCK_BYTES as u64;
        let len = self.seal.bytes.saturating_sub(start).min(BLOCK_BYTES as u64);
        if len == 0 {
            return Ok(0);
        }
        let before = out.len();
        out.resize(before + len as usize, 0);
        let recording = self.recording;
        let filled = read_full_at(self.file.as_ref(), start, &mut out[before..]);
        let filled = filled.map_err(|error| RecordingError::Io { recording, error })?;
        let sound = filled as u64 == len
            && self.seal.block_crcs.get(self.block) == Some(&crc32c(&out[before..]));
        self.block += 1;
        if !sound {
            out.truncate(before);
            return Err(RecordingError::Damaged { recording, range: start..start + len });
        }
        Ok(filled)
    }

    /// Reads the whole file against its blocks' checksums and its SHA-256, and begins anew.
    ///
    /// # Errors
    ///
    /// [`RecordingError::Damaged`] names everything from the first block that differs to the last.
    pub fn verify(&mut self) -> Result<(), RecordingError> {
        let recording = self.recording;
        let mut damaged: Option<Range<u64>> = None;
        let mut hash = Sha256::new();
        let mut block = Vec::with_capacity(BLOCK_BYTES);
        self.block = 0;
        loop {
            block.clear();
            match self.read_block(&mut block) {
                Ok(0) => break,
                Ok(_) => hash.update(&block),
                Err(RecordingError::Damaged { range, .. }) => {
                    let start = damaged.map_or(range.start, |damaged| damaged.start);
                    damaged = Some(start..range.end);
                }
                Err(
                    error @ (RecordingError::Missing { .. }
                    | RecordingError::WrongLength { .. }
                    | RecordingError::Io { .. }),
                ) => return Err(error),
            }
        }
        self.block = 0;
        let sum: [u8; 32] = hash.finalize().into();
        match damaged {
            Some(range) => Err(RecordingError::Damaged { recording, range }),
            None if sum != self.seal.sha256.0 => {
                Err(RecordingError::Damaged { recording, range: 0..self.seal.bytes })
            }
            None => Ok(()),
        }
    }
}
