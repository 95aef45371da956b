//! The contents of one file: what a process sees, and what of it a power cut may take.

use std::sync::{Arc, Mutex};

use super::SECTOR_BYTES;
use super::fate::{Fate, Length, Lengths, Part};

/// A change that is not synced.
#[derive(Clone, Debug)]
enum Change {
    Write { offset: usize, new: Vec<u8>, before: Vec<u8>, len_before: usize },
    Cut { len: usize, before: Vec<u8> },
}

/// The contents of a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Inode {
    /// Tells the files of a disk apart, whatever they are called.
    id: u64,
    bytes: Vec<u8>,
    /// Oldest first; `true` for one that a failed sync has dropped: it is still seen, and no later
    /// sync makes it durable.
    changes: Vec<(Change, bool)>,
}

impl Inode {
    pub(super) fn new(id: u64) -> Self {
        Self { id, ..Self::default() }
    }

    pub(super) fn synced(id: u64, bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), ..Self::new(id) }
    }

    pub(super) fn shared(self) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(self))
    }

    pub(super) const fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub(super) fn write(&mut self, offset: u64, new: &[u8]) {
        let offset = usize::try_from(offset).expect("a simulated file fits in memory");
        let len_before = self.bytes.len();
        let before = overlap(&self.bytes, offset, new.len()).to_vec();
        put(&mut self.bytes, offset, new);
        let change = Change::Write { offset, new: new.to_vec(), before, len_before };
        self.changes.push((change, false));
    }

    pub(super) fn set_len(&mut self, len: u64) {
        let len = usize::try_from(len).expect("a simulated file fits in memory");
        let before = self.bytes.get(len..).unwrap_or_default().to_vec();
        if before.is_empty() && len > self.bytes.len() {
            let new = vec![0; len - self.bytes.len()];
            self.write(self.len(), &new);
            return;
        }
        self.bytes.truncate(len);
        self.changes.push((Change::Cut { len, before }, false));
    }

    pub(super) fn read(&self, offset: u64, buf: &mut [u8]) -> usize {
        let Ok(offset) = usize::try_from(offset) else {
            return 0;
        };
        let bytes = self.bytes.get(offset..).unwrap_or_default();
        let len = bytes.len().min(buf.len());
        buf[..len].copy_from_slice(&bytes[..len]);
        len
    }

    pub(super) fn sync(&mut self) {
        self.changes.retain(|(_, dropped)| *dropped);
    }

    pub(super) fn fail_sync(&mut self) {
        for (_, dropped) in &mut self.changes {
            *dropped = true;
        }
    }

    pub(super) fn flip(&mut self, bit: u64) -> bool {
        let byte = usize::try_from(bit / 8).ok().and_then(|at| self.bytes.get_mut(at));
        byte.map(|byte| *byte ^= 1 << (bit % 8)).is_some()
    }

    /// What a power cut leaves: what was synced, and of the rest what fate says.
    pub(super) fn after_cut(&self, fate: &mut dyn Fate) -> Self {
        let mut bytes = self.bytes.clone();
        for (change, _) in self.changes.iter().rev() {
            undo(&mut bytes, change);
        }
        let synced = bytes.len();
        let changes: Vec<&Change> =
            self.changes.iter().filter(|(_, dropped)| !dropped).map(|(change, _)| change).collect();
        for index in fate.order(changes.len(), overlap_somewhere(&changes)) {
            redo(&mut bytes, changes[index], fate);
        }
        let lengths = Lengths {
            grows: self.bytes.len() > bytes.len() && !self.changes.is_empty(),
            surplus: bytes.len().saturating_sub(synced) as u64,
        };
        match fate.length(lengths) {
            Length::OfContents => {}
            Length::Grown => bytes.resize(self.bytes.len(), 0),
            Length::Short(missing) => bytes.truncate(bytes.len() - missing as usize),
        }
        Self { bytes, ..Self::new(self.id) }
    }
}

/// Whether the order of changes can matter.
fn overlap_somewhere(changes: &[&Change]) -> bool {
    let range = |change: &Change| match change {
        Change::Write { offset, new, .. } => *offset..offset + new.len(),
        Change::Cut { len, .. } => *len..usize::MAX,
    };
    changes.iter().enumerate().any(|(place, change)| {
        let one = range(change);
        changes[..place]
            .iter()
            .map(|other| range(other))
            .any(|other| one.start < other.end && other.start < one.end)
    })
}

fn overlap(bytes: &[u8], offset: usize, len: usize) -> &[u8] {
    let end = bytes.len().min(offset.saturating_add(len));
    bytes.get(offset..end).unwrap_or_default()
}

fn put(bytes: &mut Vec<u8>, offset: usize, new: &[u8]) {
    if new.is_empty() {
        return;
    }
    if bytes.len() < offset + new.len() {
        bytes.resize(offset + new.len(), 0);
    }
    bytes[offset..offset + new.len()].copy_from_slice(new);
}

fn undo(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write { offset, before, len_before, .. } => {
            put(bytes, *offset, before);
            bytes.resize(*len_before, 0);
        }
        Change::Cut { len, before } => {
            bytes.resize(*len, 0);
            bytes.extend_from_slice(before);
        }
    }
}

/// Lets a change happen as far as fate says.
fn redo(bytes: &mut Vec<u8>, change: &Change, fate: &mut dyn Fate) {
    match change {
        Change::Write { offset, new, .. } => {
            let (mut done, mut total) = (0, 0);
            while done < new.len() {
                let at = offset + done;
                let len = (SECTOR_BYTES - at % SECTOR_BYTES).min(new.len() - done);
                let kept = fate.sector(Part { len, is_last: done + len == new.len() });
                put(bytes, at, &new[done..done + kept]);
                done += len;
                total += kept;
            }
            fate.wrote(total, new.len());
        }
        Change::Cut { len, .. } => {
            if fate.keeps_cut() {
                bytes.truncate(*len);
            }
        }
    }
}
