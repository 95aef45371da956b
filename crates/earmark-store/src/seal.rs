//! The sealing of a recording: its frames leave the journal for a file of their own.
//!
//! The file is what the server takes: for each frame its length as `u32` little-endian and its
//! bytes.

use std::io;
use std::sync::Arc;

use crc32c::crc32c;
use earmark_core::{FrameSeq, RecordingId, WallTime};
use sha2::{Digest, Sha256};

use crate::batches::Batch;
use crate::damage::{Damage, Harm};
use crate::disk::{Disk, DiskFile, create_anew, read_full_at, write_all_at};
use crate::format::{self, FileId, Found};
use crate::frames::{FrameRef, Walk};
use crate::layout::{self, RECORDINGS, journal_path};
use crate::record::{Seal, Sha256Sum};
use crate::scan;
use crate::sums;
use crate::work::Fault;

/// The grain in which damage to a sealed recording is named.
pub const BLOCK_BYTES: usize = 4_096;
const WRITE_BYTES: usize = 16 * BLOCK_BYTES;

/// What a seal needs.
pub(crate) struct Order {
    pub(crate) recording: RecordingId,
    pub(crate) first: FrameSeq,
    pub(crate) end: FrameSeq,
    pub(crate) batches: Vec<Batch>,
    /// The start that is assumed for a recording of which no frame is left.
    pub(crate) started_at: WallTime,
    /// Whether frames that the disk cannot read are given up.
    pub(crate) leave_unreadable: bool,
}

/// Writes the file and makes it durable; a file of an earlier, unrecorded seal is replaced.
pub(crate) fn write(disk: &dyn Disk, order: &Order) -> Result<(Seal, Vec<Damage>), Fault> {
    let part = layout::part_path(order.recording);
    let at_part = |error| Fault::new(&part, error);
    let file = create_anew(disk, &part).map_err(at_part)?;
    let written = copy(disk, file.as_ref(), order, &part).and_then(|(seal, sums, damage)| {
        file.sync().map_err(at_part)?;
        sums::write(disk, order.recording, &seal.sha256, &sums)?;
        Ok((seal, damage))
    });
    if written.is_err() {
        // On a full disk half a file would only be in the way; the journal still has every frame.
        let _ = disk.remove(&part);
    }
    let sealed = written?;
    let path = layout::recording_path(order.recording);
    disk.rename(&part, &path).map_err(|error| Fault::new(&path, error))?;
    disk.sync_dir(RECORDINGS).map_err(|error| Fault::new(RECORDINGS, error))?;
    Ok(sealed)
}

fn copy(
    disk: &dyn Disk,
    file: &dyn DiskFile,
    order: &Order,
    part: &str,
) -> Result<(Seal, Vec<u32>, Vec<Damage>), Fault> {
    let mut sink = Sink::new(file, order.started_at);
    let mut damage = each_frame(disk, order, &mut |frame| {
        sink.put(frame.at, frame.bytes).map_err(|error| Fault::new(part, error))
    })?;
    let (mut seal, sums) = sink.finish().map_err(|error| Fault::new(part, error))?;
    let frames = u32::try_from(order.end.since(order.first)).unwrap_or(u32::MAX);
    seal.missing = frames.saturating_sub(seal.frames);
    if seal.missing > 0 {
        let harm = Harm::FramesMissing { recording: order.recording, frames: seal.missing };
        damage.push(Damage::new(layout::recording_path(order.recording), None, harm));
    }
    Ok((seal, sums, damage))
}

/// Reads the frames of an order from the journal, in order; gives back what is damaged there.
pub(crate) fn each_frame(
    disk: &dyn Disk,
    order: &Order,
    take: &mut dyn FnMut(FrameRef<'_>) -> Result<(), Fault>,
) -> Result<Vec<Damage>, Fault> {
    let mut source = Source { disk, open: None };
    let mut damage = Vec::new();
    for batch in &order.batches {
        let bytes = match source.read(batch) {
            Ok(bytes) => bytes,
            Err(_) if order.leave_unreadable => Vec::new(),
            Err(fault) => return Err(fault),
        };
        let Some(payload) = payload(&bytes, batch, source.id()) else {
            let path = journal_path(batch.file);
            let range = batch.offset..batch.offset + u64::from(batch.len);
            damage.push(Damage::new(path, Some(range), Harm::Rot));
            continue;
        };
        let mut walk = Walk::new(payload).map_err(|fault| Fault::odd(batch.file, &fault))?;
        while let Some(frame) = walk.next().map_err(|fault| Fault::odd(batch.file, &fault))? {
            if order.first <= frame.seq && frame.seq < order.end {
                take(frame)?;
            }
        }
    }
    Ok(damage)
}

fn payload<'a>(bytes: &'a [u8], batch: &Batch, id: Option<FileId>) -> Option<&'a [u8]> {
    match format::look(bytes, id?) {
        Found::Record { seq, payload, .. } if seq == batch.seq => Some(payload),
        Found::Record { .. } | Found::Broken { .. } | Found::Nothing => None,
    }
}

/// The journal file that is being read.
struct Source<'a> {
    disk: &'a dyn Disk,
    open: Option<(u64, Option<FileId>, Arc<dyn DiskFile>)>,
}

impl Source<'_> {
    fn id(&self) -> Option<FileId> {
        self.open.as_ref().and_then(|open| open.1)
    }

    fn read(&mut self, batch: &Batch) -> Result<Vec<u8>, Fault> {
        let path = journal_path(batch.file);
        let at_path = |error| Fault::new(&path, error);
        let file = match &self.open {
            Some((number, _, file)) if *number == batch.file => Arc::clone(file),
            Some(_) | None => {
                let file = self.disk.open(&path).map_err(at_path)?;
                let id = scan::header(file.as_ref()).map_err(at_path)?;
                self.open = Some((batch.file, id, Arc::clone(&file)));
                file
            }
        };
        let mut bytes = vec![0; batch.len as usize];
        let filled = read_full_at(file.as_ref(), batch.offset, &mut bytes).map_err(at_path)?;
        bytes.truncate(filled);
        Ok(bytes)
    }
}

/// The recording's file as it grows.
struct Sink<'a> {
    file: &'a dyn DiskFile,
    pending: Vec<u8>,
    offset: u64,
    hash: Sha256,
    seal: Seal,
    sums: Vec<u32>,
}

impl<'a> Sink<'a> {
    fn new(file: &'a dyn DiskFile, started_at: WallTime) -> Self {
        let seal = Seal {
            frames: 0,
            bytes: 0,
            sha256: Sha256Sum([0; 32]),
            started_at,
            ended_at: started_at,
            twin: 0,
            missing: 0,
        };
        let pending = Vec::with_capacity(WRITE_BYTES + BLOCK_BYTES);
        Self { file, pending, offset: 0, hash: Sha256::new(), seal, sums: Vec::new() }
    }

    fn put(&mut self, at: WallTime, bytes: &[u8]) -> io::Result<()> {
        if self.seal.frames == 0 {
            self.seal.started_at = at;
        }
        self.seal.ended_at = at;
        self.seal.frames += 1;
        let len = u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidData)?;
        self.pending.extend_from_slice(&len.to_le_bytes());
        self.pending.extend_from_slice(bytes);
        if self.pending.len() < WRITE_BYTES {
            return Ok(());
        }
        let whole = self.pending.len() / BLOCK_BYTES * BLOCK_BYTES;
        self.flush(whole)
    }

    fn flush(&mut self, len: usize) -> io::Result<()> {
        let bytes = &self.pending[..len];
        write_all_at(self.file, self.offset, bytes)?;
        self.hash.update(bytes);
        self.sums.extend(bytes.chunks(BLOCK_BYTES).map(crc32c));
        self.offset += len as u64;
        self.pending.drain(..len);
        Ok(())
    }

    fn finish(mut self) -> io::Result<(Seal, Vec<u32>)> {
        self.flush(self.pending.len())?;
        self.seal.bytes = self.offset;
        self.seal.sha256 = Sha256Sum(self.hash.finalize().into());
        Ok((self.seal, self.sums))
    }
}
