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
use crate::sums::{self, SumsFault, blocks};

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
    /// The file with the sums of its blocks, which is read only when they are asked for.
    kept: io::Result<Arc<dyn DiskFile>>,
    seal: Arc<Seal>,
    /// The sums of a file that was found whole, against which each block is checked again.
    sums: Option<Vec<u32>>,
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
        let kept = sums::open(disk, recording);
        Ok(Self { recording, file, kept, seal: Arc::clone(seal), sums: None, block: 0 })
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> u64 {
        self.seal.bytes
    }

    /// The sums of the blocks as they were kept.
    ///
    /// # Errors
    ///
    /// [`SumsFault`] when they cannot be used.
    pub(crate) fn kept_sums(&self) -> Result<Vec<u32>, SumsFault> {
        match &self.kept {
            Ok(file) => sums::read(file.as_ref(), &self.seal),
            Err(error) => Err(io::Error::new(error.kind(), error.to_string()).into()),
        }
    }

    /// Appends the next block to `out` and says how long it is; 0 at the end. The whole file is
    /// verified before the first block is given.
    ///
    /// # Errors
    ///
    /// [`RecordingError`]; [`RecordingError::Damaged`] instead of a block that has changed since.
    pub fn read_block(&mut self, out: &mut Vec<u8>) -> Result<usize, RecordingError> {
        if self.sums.is_none() {
            self.verify()?;
        }
        let (before, recording) = (out.len(), self.recording);
        let filled = self.append_block(out)?;
        let range = self.range(self.block);
        if filled == 0 {
            return Ok(0);
        }
        let sum = crc32c(&out[before..]);
        let expected = self.sums.as_ref().and_then(|sums| sums.get(self.block));
        if expected != Some(&sum) {
            out.truncate(before);
            return Err(RecordingError::Damaged { recording, range });
        }
        self.block += 1;
        Ok(filled)
    }

    fn range(&self, block: usize) -> Range<u64> {
        let start = block as u64 * BLOCK_BYTES as u64;
        start.min(self.seal.bytes)..(start + BLOCK_BYTES as u64).min(self.seal.bytes)
    }

    /// Reads what the file has of the next block.
    fn append_block(&self, out: &mut Vec<u8>) -> Result<usize, RecordingError> {
        let (range, before) = (self.range(self.block), out.len());
        out.resize(before + (range.end - range.start) as usize, 0);
        let recording = self.recording;
        let filled = read_full_at(self.file.as_ref(), range.start, &mut out[before..]);
        let filled = filled.map_err(|error| RecordingError::Io { recording, error })?;
        out.truncate(before + filled);
        Ok(filled)
    }

    /// Reads the whole file against its SHA-256, and begins anew.
    ///
    /// # Errors
    ///
    /// [`RecordingError::Damaged`] names everything from the first block that differs to the last,
    /// or the whole file when the sums of its blocks are damaged too.
    pub fn verify(&mut self) -> Result<(), RecordingError> {
        (self.block, self.sums) = (0, None);
        let (sums, sum) = self.digest()?;
        self.block = 0;
        if sum == self.seal.sha256.0 {
            self.sums = Some(sums);
            return Ok(());
        }
        let range = self.differing(&sums).unwrap_or(0..self.seal.bytes);
        Err(RecordingError::Damaged { recording: self.recording, range })
    }

    /// The sums of a file that is whole.
    pub(crate) fn into_sums(mut self) -> Result<Vec<u32>, RecordingError> {
        self.verify()?;
        Ok(self.sums.unwrap_or_default())
    }

    fn digest(&mut self) -> Result<(Vec<u32>, [u8; 32]), RecordingError> {
        let (mut hash, mut sums) = (Sha256::new(), Vec::new());
        let mut block = Vec::with_capacity(BLOCK_BYTES);
        for number in 0..usize::try_from(blocks(self.seal.bytes)).unwrap_or(usize::MAX) {
            block.clear();
            self.block = number;
            self.append_block(&mut block)?;
            hash.update(&block);
            sums.push(crc32c(&block));
        }
        Ok((sums, hash.finalize().into()))
    }

    /// From the first block that differs from what was sealed to the last.
    fn differing(&self, sums: &[u32]) -> Option<Range<u64>> {
        let kept = self.kept_sums().ok()?;
        let differs = |block: &usize| kept.get(*block) != sums.get(*block);
        let mut blocks = (0..kept.len()).filter(differs);
        let first = blocks.next()?;
        let last = blocks.next_back().unwrap_or(first);
        Some(self.range(first).start..self.range(last).end)
    }
}
