//! The fingerprints of what was seen, shared by all threads.

use std::sync::atomic::{AtomicU64, Ordering};

/// A set of fingerprints in one array, open to all threads without a lock. It does not grow: a
/// search that is larger than planned ends with an error, not with a machine without memory.
pub(super) struct Seen {
    slots: Vec<AtomicU64>,
    mask: u64,
}

/// The set has no room.
#[derive(Debug)]
pub(super) struct Full;

impl Seen {
    /// Room for fewer than `1 << bits` fingerprints.
    pub(super) fn new(bits: u32) -> Self {
        let len = 1_usize << bits;
        let slots = std::iter::repeat_with(|| AtomicU64::new(0)).take(len).collect();
        Self { slots, mask: len as u64 - 1 }
    }

    /// Adds a fingerprint; whether it was not there before.
    pub(super) fn insert(&self, fingerprint: u64) -> Result<bool, Full> {
        // Zero marks a free slot.
        let wanted = fingerprint.max(1);
        let mut at = wanted & self.mask;
        for _ in 0..self.slots.len() {
            let slot = &self.slots[at as usize];
            let found = slot.load(Ordering::Relaxed);
            if found == wanted {
                return Ok(false);
            }
            if found == 0 {
                match slot.compare_exchange(0, wanted, Ordering::Relaxed, Ordering::Relaxed) {
                    Ok(_) => return Ok(true),
                    Err(other) if other == wanted => return Ok(false),
                    Err(_) => {}
                }
            }
            at = (at + 1) & self.mask;
        }
        Err(Full)
    }

    pub(super) fn contains(&self, fingerprint: u64) -> bool {
        let wanted = fingerprint.max(1);
        let mut at = wanted & self.mask;
        loop {
            match self.slots[at as usize].load(Ordering::Relaxed) {
                found if found == wanted => return true,
                0 => return false,
                _ => at = (at + 1) & self.mask,
            }
        }
    }
}
