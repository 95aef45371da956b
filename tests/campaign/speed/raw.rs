//! The limit: a file, a write, a sync, and nothing else.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, OFlags};

use crate::speed::contender::{Contender, Side};
use crate::speed::frames::Audio;
use crate::speed::policy::{HandOver, Policy};

/// The most that one turn writes.
pub(super) const TURN_BYTES_MAX: usize = 4 << 20;
const PAGE_BYTES: usize = 4_096;

/// What the file is like into which is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Its blocks were written before, in pages.
    Zeroed,
    /// Its room was asked for; nothing was written yet.
    Allocated,
    /// It grows.
    Growing,
    /// Its blocks were written before, and the page cache is passed by.
    Direct,
}

pub(super) struct Raw {
    kind: Kind,
    path: PathBuf,
    file: File,
    offset: usize,
    /// The pages that a direct write sends; the last one is sent again with the next write.
    pages: Pages,
}

impl Raw {
    pub(super) fn new(kind: Kind, folder: &Path) -> io::Result<Self> {
        let path = folder.join(name(kind));
        let file = open(kind, &path)?;
        let raw = Self { kind, path, file, offset: 0, pages: Pages::new() };
        if matches!(kind, Kind::Zeroed | Kind::Direct) {
            let zeros = File::options().write(true).open(&raw.path)?;
            for place in (0..2 * TURN_BYTES_MAX).step_by(PAGE_BYTES) {
                zeros.write_all_at(&[0; PAGE_BYTES], place as u64)?;
            }
            zeros.sync_all()?;
        }
        Ok(raw)
    }

    pub(super) fn all(folder: &Path) -> io::Result<Vec<Self>> {
        let kinds = [Kind::Zeroed, Kind::Allocated, Kind::Growing, Kind::Direct];
        kinds.into_iter().map(|kind| Self::new(kind, folder)).collect()
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.offset as u64)?;
        self.offset += bytes.len();
        Ok(())
    }

    fn put_direct(&mut self, bytes: &[u8]) -> io::Result<()> {
        let start = self.offset / PAGE_BYTES * PAGE_BYTES;
        let pages = self.pages.with(self.offset - start, bytes);
        self.file.write_all_at(pages, start as u64)?;
        self.offset += bytes.len();
        self.pages.keep_tail(self.offset - start);
        Ok(())
    }
}

impl Contender for Raw {
    fn name(&self) -> &str {
        name(self.kind)
    }

    fn side(&self) -> Side {
        Side::Raw
    }

    fn can(&self, policy: Policy) -> bool {
        // A direct write is a sync as well.
        self.kind != Kind::Direct || policy.frames_per_write() == policy.frames_per_sync
    }

    fn prepare(&mut self) -> io::Result<()> {
        self.offset = 0;
        match self.kind {
            Kind::Zeroed | Kind::Direct => Ok(()),
            Kind::Growing => self.file.set_len(0).and_then(|()| self.file.sync_all()),
            Kind::Allocated => {
                self.file.set_len(0)?;
                let room = 2 * TURN_BYTES_MAX as u64;
                rustix::fs::fallocate(&self.file, FallocateFlags::empty(), 0, room)?;
                self.file.sync_all()
            }
        }
    }

    fn commit(&mut self, audio: &Audio, policy: Policy) -> io::Result<()> {
        let bytes = &audio.joined[..policy.frames_per_sync * audio.frame_bytes];
        if self.kind == Kind::Direct {
            return self.put_direct(bytes);
        }
        match policy.hand_over {
            HandOver::Each => {
                bytes.chunks_exact(audio.frame_bytes).try_for_each(|frame| self.put(frame))?;
            }
            HandOver::Batch => self.put(bytes)?,
        }
        self.file.sync_data()
    }
}

const fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Zeroed => "raw-zeroed",
        Kind::Allocated => "raw-allocated",
        Kind::Growing => "raw-growing",
        Kind::Direct => "raw-direct",
    }
}

fn open(kind: Kind, path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true);
    if kind == Kind::Direct {
        let flags = (OFlags::DIRECT | OFlags::DSYNC).bits();
        options.custom_flags(i32::try_from(flags).expect("the flags of an open fit"));
    }
    options.open(path)
}

/// Room that begins where a page begins, which direct writes need.
struct Pages {
    room: Vec<u8>,
    start: usize,
}

impl Pages {
    fn new() -> Self {
        let room = vec![0; TURN_BYTES_MAX + 2 * PAGE_BYTES];
        let start = room.as_ptr().align_offset(PAGE_BYTES);
        Self { room, start }
    }

    /// Puts bytes behind what is kept of the page before, and gives the pages that hold them.
    fn with(&mut self, at: usize, bytes: &[u8]) -> &[u8] {
        let end = at + bytes.len();
        self.room[self.start + at..self.start + end].copy_from_slice(bytes);
        &self.room[self.start..self.start + end.next_multiple_of(PAGE_BYTES)]
    }

    /// Moves the begun page to the front.
    fn keep_tail(&mut self, end: usize) {
        let whole = end / PAGE_BYTES * PAGE_BYTES;
        let tail = self.start + whole..self.start + end;
        self.room.copy_within(tail, self.start);
    }
}
