//! The contents of one file: what a process sees, and what of it a power cut may take.

use super::SECTOR_BYTES;

/// A change that is not synced.
#[derive(Clone, Debug)]
enum Change {
    Write { offset: usize, new: Vec<u8>, before: Vec<u8>, len_before: usize },
    Cut { len: usize, before: Vec<u8> },
}

/// The contents of a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Inode {
    bytes: Vec<u8>,
    /// Oldest first; `true` for one that a failed sync has dropped: it is still seen, and no later
    /// sync makes it durable.
    changes: Vec<(Change, bool)>,
}

impl Inode {
    pub(super) fn synced(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), changes: Vec::new() }
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

    /// Undoes what was not synced, then lets parts of it happen after all.
    pub(super) fn power_cut(&mut self, roll: &mut dyn FnMut() -> u64) {
        let changes = std::mem::take(&mut self.changes);
        let seen = self.bytes.len();
        for (change, _) in changes.iter().rev() {
            undo(&mut self.bytes, change);
        }
        let synced = self.bytes.len();
        let mut order: Vec<&Change> =
            changes.iter().filter(|(_, dropped)| !dropped).map(|(change, _)| change).collect();
        if roll().is_multiple_of(2) {
            shuffle(&mut order, roll);
        }
        let generosity = roll() % 5;
        for change in order {
            redo(&mut self.bytes, change, generosity, roll);
        }
        // The length may have reached the medium without the bytes, and the other way round.
        match roll() % 4 {
            0 if seen > self.bytes.len() && !changes.is_empty() => self.bytes.resize(seen, 0),
            1 if self.bytes.len() > synced => {
                let kept = synced + (roll() % (self.bytes.len() - synced) as u64) as usize;
                self.bytes.truncate(kept);
            }
            _ => {}
        }
    }
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

/// Lets each sector of a write happen with a chance of `generosity` in 4.
fn redo(bytes: &mut Vec<u8>, change: &Change, generosity: u64, roll: &mut dyn FnMut() -> u64) {
    match change {
        Change::Write { offset, new, .. } => {
            let mut done = 0;
            while done < new.len() {
                let at = offset + done;
                let len = (SECTOR_BYTES - at % SECTOR_BYTES).min(new.len() - done);
                if roll() % 4 < generosity {
                    put(bytes, at, &new[done..done + len]);
                }
                done += len;
            }
        }
        Change::Cut { len, .. } => {
            if roll() % 4 < generosity {
                bytes.truncate(*len);
            }
        }
    }
}

fn shuffle<T>(items: &mut [T], roll: &mut dyn FnMut() -> u64) {
    for last in (1..items.len()).rev() {
        items.swap(last, (roll() % (last as u64 + 1)) as usize);
    }
}
