//! The journal as it is in memory: what was staged, what was handed to the disk, what is durable.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use earmark_core::{CaptureId, Frame, FrameSeq, WallTime};

use crate::batches::Batch;
use crate::disk::{Disk, DiskFile};
use crate::format::{
    self, FILE_HEADER_BYTES, FileId, Head, Kind, PAYLOAD_BYTES_MAX, RECORD_HEADER_BYTES,
};
use crate::frames;
use crate::record::{FrameSpan, Record};

/// The payload of a record of frames is kept under this, unless one frame alone is larger: so much
/// audio one damaged spot can cost.
pub(crate) const FRAMES_PAYLOAD_BYTES_MAX: usize = 4_096;
const COUNT_AT: usize = 24;
/// So much memory is kept in empty chunks: that of a second of a few devices. What a stalled or full
/// disk has made wait goes back.
const EMPTIED_BYTES_MAX: usize = 128 << 10;

/// One staged record and where it stands in its chunk.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) seq: u64,
    pub(crate) start: usize,
    pub(crate) payload: u32,
    pub(crate) record: Record,
}

impl Entry {
    const fn kind(&self) -> Kind {
        match self.record {
            Record::Frames(_) => Kind::Frames,
            Record::CaptureOpened { .. }
            | Record::CaptureClosed { .. }
            | Record::MuteSet { .. }
            | Record::SessionOpened { .. }
            | Record::SessionClosed { .. }
            | Record::SessionMoved { .. }
            | Record::RecordingOpened { .. }
            | Record::RecordingCut { .. }
            | Record::Sealed { .. }
            | Record::Linked { .. }
            | Record::Relinked { .. }
            | Record::SyncStarted { .. }
            | Record::Delivered { .. }
            | Record::Upload { .. }
            | Record::Removing { .. }
            | Record::Removed { .. } => Kind::Decision,
        }
    }

    fn end(&self) -> usize {
        self.start + self.len()
    }

    pub(crate) fn len(&self) -> usize {
        format::record_bytes(self.payload as usize)
    }

    const fn span(&self) -> Option<&FrameSpan> {
        if let Record::Frames(span) = &self.record { Some(span) } else { None }
    }

    /// Whether a record of frames has room for one more; the first one always has.
    fn takes(&self, frame: &Frame) -> bool {
        let len = self.payload as usize + frames::frame_bytes_max(frame);
        len <= FRAMES_PAYLOAD_BYTES_MAX || self.span().is_some_and(|span| span.count == 0)
    }

    /// Appends a frame to a record of frames, whose end is the end of the bytes.
    fn put(&mut self, frame: &Frame, bytes: &mut Vec<u8>) {
        if let Record::Frames(span) = &mut self.record {
            frames::put_frame(span.last_at, frame, bytes);
            span.count += 1;
            span.last_at = frame.at;
        }
        let payload = bytes.len() - self.start - RECORD_HEADER_BYTES;
        self.payload = u32::try_from(payload).expect("a payload is at most 16 MiB long");
    }

    /// Writes the number of frames down and pads the record.
    fn end_frames(&self, bytes: &mut Vec<u8>) {
        let count = self.span().map_or(0, |span| span.count);
        let at = self.start + RECORD_HEADER_BYTES + COUNT_AT;
        bytes[at..at + 4].copy_from_slice(&count.to_le_bytes());
        format::end_record(self.start, bytes);
    }

    /// Where its frames lie, in a chunk at a place of a file.
    pub(crate) fn batch(&self, span: &FrameSpan, file: u64, offset: u64) -> Batch {
        Batch {
            first: span.first,
            count: span.count,
            len: u32::try_from(self.len()).expect("a record is at most 16 MiB long"),
            seq: self.seq,
            file,
            offset: offset + self.start as u64,
        }
    }
}

/// Records that wait for the next write.
#[derive(Default)]
struct Staging {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

/// Records that go to the disk in one write.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chunk {
    pub(crate) bytes: Arc<Vec<u8>>,
    pub(crate) entries: Vec<Entry>,
    /// The file and the position in it, once it was handed to the disk.
    pub(crate) place: Option<(u64, u64)>,
    /// Whether the disk has taken it.
    pub(crate) written: bool,
}

impl Chunk {
    /// Bytes of memory that it takes, used or not.
    fn memory(&self) -> usize {
        self.bytes.capacity() + self.entries.capacity() * size_of::<Entry>()
    }

    fn first_seq(&self) -> u64 {
        self.entries.first().map_or(0, |entry| entry.seq)
    }

    fn last_seq(&self) -> u64 {
        self.entries.last().map_or(0, |entry| entry.seq)
    }

    fn aim(&mut self, file: FileId, offset: u64, durable: u64) {
        self.place = Some((file.number, offset));
        self.written = false;
        let bytes = Arc::make_mut(&mut self.bytes);
        for entry in &self.entries {
            let head = Head { seq: entry.seq, durable, kind: entry.kind() };
            format::patch_header(&mut bytes[entry.start..entry.end()], entry.payload, head, file);
        }
    }
}

/// The file that takes records.
#[derive(Clone)]
pub(crate) struct Active {
    pub(crate) id: FileId,
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) len: u64,
}

/// Open journal files by their numbers.
pub(crate) type Files = BTreeMap<u64, Arc<dyn DiskFile>>;

/// What is known of a journal file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FileFacts {
    /// The highest seq in it; 0 when it has no record.
    pub(crate) last_seq: u64,
    pub(crate) trust: Trust,
}

/// How far the bytes of a journal file can be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Another process made it, or an error has met it, and nobody has looked at all of it since.
    #[default]
    Unread,
    /// Another process made it, and all of it was read.
    Read,
    /// This process made it and no error has met it since: only then may it serve again. What a
    /// failed sync has dropped could else lie under later bytes.
    Own,
    /// Bytes in it that were durable are damaged.
    Damaged,
}

/// The file that is kept back for a full disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Reserve {
    /// There is none yet.
    #[default]
    Missing,
    /// It can become the journal's next file.
    Ready,
    /// It has become one, and there is no other.
    Spent,
}

/// Where a write goes.
pub(crate) enum Target {
    Active(Arc<dyn DiskFile>),
    New {
        disk: Arc<dyn Disk>,
        id: FileId,
        /// Whether the spare file may become it.
        from_spare: bool,
    },
}

/// A write that was begun.
pub(crate) struct Write {
    pub(crate) target: Target,
    pub(crate) offset: u64,
    pub(crate) bytes: Arc<Vec<u8>>,
}

pub(crate) struct Journal {
    pub(crate) next_seq: u64,
    pub(crate) durable: u64,
    pub(crate) files: BTreeMap<u64, FileFacts>,
    /// Whether the active file may no longer be used.
    pub(crate) dead: bool,
    /// Files with a torn tail, and the length that is whole. They are cut before anything is
    /// written, so that no tail comes back behind the records of a later file.
    pub(crate) cuts: Vec<(u64, u64)>,
    /// Whether a spare file is ready to become the next one.
    pub(crate) has_spare: bool,
    pub(crate) reserve: Reserve,
    staging: Staging,
    chunks: VecDeque<Chunk>,
    /// Empty chunks with the memory of earlier ones.
    emptied: Vec<Chunk>,
    emptied_bytes: usize,
    active: Option<Active>,
    /// Files that hold chunks which are not durable.
    unsynced: Files,
    next_number: u64,
    life: u64,
}

impl Journal {
    pub(crate) fn new(
        life: u64,
        durable: u64,
        files: BTreeMap<u64, FileFacts>,
        next_number: u64,
    ) -> Self {
        Self {
            next_seq: durable + 1,
            durable,
            files,
            dead: true,
            cuts: Vec::new(),
            has_spare: false,
            reserve: Reserve::default(),
            staging: Staging::default(),
            chunks: VecDeque::new(),
            emptied: Vec::new(),
            emptied_bytes: 0,
            active: None,
            unsynced: BTreeMap::new(),
            next_number,
            life,
        }
    }

    /// Stages a record whose payload is given.
    pub(crate) fn stage(&mut self, payload: &[u8], record: Record) -> u64 {
        self.stage_with(record, |bytes| bytes.extend_from_slice(payload))
    }

    /// Stages a record whose payload is put where it goes.
    fn stage_with(&mut self, record: Record, put: impl FnOnce(&mut Vec<u8>)) -> u64 {
        let bytes = &mut self.staging.bytes;
        let start = bytes.len();
        format::begin_record(bytes);
        put(bytes);
        let payload = bytes.len() - start - RECORD_HEADER_BYTES;
        assert!(payload <= PAYLOAD_BYTES_MAX, "a record is bounded by whoever stages it");
        format::end_record(start, bytes);
        let seq = self.next_seq;
        self.next_seq += 1;
        let payload = u32::try_from(payload).expect("a payload is at most 16 MiB long");
        self.staging.entries.push(Entry { seq, start, payload, record });
        seq
    }

    /// Stages frames, behind those before them in the same record as long as there is room.
    pub(crate) fn stage_frames(&mut self, capture: CaptureId, first: FrameSeq, frames: &[Frame]) {
        let (mut seq, mut rest) = (first, frames);
        while let Some(frame) = rest.first() {
            if !self.goes_on(capture, seq, frame) {
                self.begin_frames(capture, seq, frame.at);
            }
            let count = self.append_frames(rest);
            (seq, rest) = (seq.plus(count as u64), &rest[count..]);
        }
    }

    /// Whether a frame fits into the record that was staged last.
    fn goes_on(&self, capture: CaptureId, seq: FrameSeq, frame: &Frame) -> bool {
        self.staging.entries.last().is_some_and(|entry| {
            let follows = |span: &FrameSpan| span.capture == capture && span.end() == seq;
            entry.span().is_some_and(follows) && entry.takes(frame)
        })
    }

    fn begin_frames(&mut self, capture: CaptureId, first: FrameSeq, at: WallTime) {
        let span = FrameSpan { capture, first, count: 0, first_at: at, last_at: at };
        self.stage_with(Record::Frames(span), |payload| frames::put_header(&span, payload));
    }

    /// Puts as many frames as fit into the record that was staged last, one at least if it has
    /// none, and says how many.
    fn append_frames(&mut self, frames: &[Frame]) -> usize {
        let bytes = &mut self.staging.bytes;
        let entry = self.staging.entries.last_mut().expect("a record was begun");
        let payload = entry.start + RECORD_HEADER_BYTES;
        bytes.truncate(payload + entry.payload as usize);
        let mut count = 0;
        while let Some(frame) = frames.get(count).filter(|frame| entry.takes(frame)) {
            entry.put(frame, bytes);
            count += 1;
        }
        entry.end_frames(bytes);
        count
    }

    pub(crate) fn staged_bytes(&self) -> usize {
        self.staging.bytes.len()
    }

    pub(crate) fn undurable_bytes(&self) -> usize {
        self.staged_bytes() + self.chunks.iter().map(|chunk| chunk.bytes.len()).sum::<usize>()
    }

    pub(crate) fn active_number(&self) -> Option<u64> {
        self.active.as_ref().map(|active| active.id.number)
    }

    /// Whether chunks that are not durable lie in a file.
    pub(crate) fn holds(&self, number: u64) -> bool {
        self.active_number() == Some(number) || self.unsynced.contains_key(&number)
    }

    /// An error has met the journal: nothing more goes into its file.
    pub(crate) fn die(&mut self) {
        self.dead = true;
        let met = self.unsynced.keys().copied().chain(self.active_number());
        for number in met.collect::<Vec<_>>() {
            let facts = self.files.entry(number).or_default();
            if facts.trust == Trust::Own {
                facts.trust = Trust::Unread;
            }
        }
    }

    fn next_file(&mut self, first: u64) -> FileId {
        let number = self.next_number;
        self.next_number += 1;
        FileId::new(number, mix(self.life ^ mix(number)), first)
    }

    /// Takes what is staged for a write, into a new file when the active one is long enough.
    pub(crate) fn begin_write(
        &mut self,
        disk: &Arc<dyn Disk>,
        file_bytes_max: u64,
    ) -> Option<Write> {
        if self.dead || self.staging.entries.is_empty() {
            return None;
        }
        let mut chunk = self.take_staged();
        let first = chunk.first_seq();
        let len = chunk.bytes.len() as u64;
        let fits = |active: &&Active| {
            active.len + len <= file_bytes_max || active.len == FILE_HEADER_BYTES
        };
        let room = self.active.as_ref().filter(fits).cloned();
        let (target, id, offset) = match room {
            Some(active) => (Target::Active(active.file), active.id, active.len),
            None => {
                let id = self.next_file(first);
                let from_spare = std::mem::take(&mut self.has_spare);
                let disk = Arc::clone(disk);
                (Target::New { disk, id, from_spare }, id, FILE_HEADER_BYTES)
            }
        };
        chunk.aim(id, offset, self.durable);
        let write = Write { target, offset, bytes: Arc::clone(&chunk.bytes) };
        self.chunks.push_back(chunk);
        Some(write)
    }

    /// The write that was begun last has ended well; a new file comes with its handle.
    pub(crate) fn end_write(&mut self, opened: Option<(FileId, Arc<dyn DiskFile>)>) -> u64 {
        if let Some((id, file)) = opened {
            self.active = Some(Active { id, file, len: FILE_HEADER_BYTES });
            self.files.entry(id.number).or_default().trust = Trust::Own;
        }
        let chunk = self.chunks.back_mut().expect("a write that ended was begun");
        chunk.written = true;
        let last = chunk.last_seq();
        let len = chunk.bytes.len() as u64;
        if let Some(active) = &mut self.active {
            active.len += len;
            let file = || Arc::clone(&active.file);
            self.unsynced.entry(active.id.number).or_insert_with(file);
            self.files.entry(active.id.number).or_default().last_seq = last;
        }
        last
    }

    /// The files to sync and the seq up to which that makes durable; none when all written is
    /// durable.
    pub(crate) fn begin_sync(&self) -> Option<(u64, Files)> {
        let written = self.chunks.iter().take_while(|chunk| chunk.written);
        let target = written.last()?.last_seq();
        (!self.dead).then(|| (target, self.unsynced.clone()))
    }

    /// What was synced is durable: takes it out.
    pub(crate) fn end_sync(&mut self, target: u64) -> Vec<Chunk> {
        self.durable = self.durable.max(target);
        let durable = self.chunks.iter().take_while(|chunk| chunk.last_seq() <= target).count();
        let chunks = self.chunks.drain(..durable).collect();
        let held: Vec<u64> =
            self.chunks.iter().filter_map(|chunk| chunk.place).map(|place| place.0).collect();
        self.unsynced.retain(|number, _| held.contains(number));
        chunks
    }

    /// Keeps the memory of chunks that are durable for those to come.
    pub(crate) fn reuse(&mut self, chunks: Vec<Chunk>) {
        for mut chunk in chunks {
            let held = self.emptied_bytes + chunk.memory();
            if held <= EMPTIED_BYTES_MAX
                && let Some(bytes) = Arc::get_mut(&mut chunk.bytes)
            {
                bytes.clear();
                self.emptied_bytes = held;
                chunk.entries.clear();
                (chunk.place, chunk.written) = (None, false);
                self.emptied.push(chunk);
            }
        }
    }

    /// What was staged, for which the memory of an earlier chunk comes in.
    fn take_staged(&mut self) -> Chunk {
        let mut chunk = self.emptied.pop().unwrap_or_default();
        self.emptied_bytes -= chunk.memory();
        let bytes = Arc::get_mut(&mut chunk.bytes).expect("nobody else has an empty chunk");
        std::mem::swap(bytes, &mut self.staging.bytes);
        std::mem::swap(&mut chunk.entries, &mut self.staging.entries);
        chunk
    }

    /// Aims everything that is not durable at a new file, of which the caller gets id and bytes.
    pub(crate) fn begin_replace(&mut self) -> (FileId, Vec<Arc<Vec<u8>>>) {
        self.active = None;
        self.unsynced.clear();
        if !self.staging.entries.is_empty() {
            let staged = self.take_staged();
            self.chunks.push_back(staged);
        }
        let first = self.chunks.front().map_or(self.next_seq, Chunk::first_seq);
        let id = self.next_file(first);
        let mut offset = FILE_HEADER_BYTES;
        for chunk in &mut self.chunks {
            chunk.aim(id, offset, self.durable);
            offset += chunk.bytes.len() as u64;
        }
        (id, self.chunks.iter().map(|chunk| Arc::clone(&chunk.bytes)).collect())
    }

    /// The new file is durable with everything in it.
    pub(crate) fn end_replace(&mut self, id: FileId, file: Arc<dyn DiskFile>) -> Vec<Chunk> {
        let in_file = |chunk: &&Chunk| chunk.place.is_some_and(|place| place.0 == id.number);
        let rewritten = || self.chunks.iter().filter(in_file);
        let len = rewritten().map(|chunk| chunk.bytes.len() as u64).sum::<u64>();
        let last = rewritten().next_back().map_or(0, Chunk::last_seq);
        self.files.insert(id.number, FileFacts { last_seq: last, trust: Trust::Own });
        self.active = Some(Active { id, file, len: FILE_HEADER_BYTES + len });
        self.dead = false;
        self.cuts.clear();
        self.end_sync(last.max(self.durable))
    }
}

/// A well-spread number from a number (the finaliser of SplitMix64).
pub(crate) const fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
