//! The fingerprints of what was seen, shared by all threads.

use std::sync::atomic::{AtomicU64, Ordering};

/// What is known of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// It was reached.
    Reached = 0b01,
    /// Everything comes to rest from it.
    Settles = 0b10,
}

/// Two marks for each fingerprint, in one array, open to all threads without a lock. It does not
/// grow: a search that is larger than planned ends with an error, not with a machine without
/// memory.
pub(super) struct Seen {
    slots: Vec<AtomicU64>,
    mask: u64,
}

/// There is no room for another fingerprint.
#[derive(Debug)]
pub(super) struct Full;

/// The bits of a slot that hold its marks; the rest is the fingerprint's.
const MARKS: u64 = 0b11;

impl Seen {
    /// Room for fewer than `1 << bits` fingerprints.
    pub(super) fn new(bits: u32) -> Self {
        let len = 1_usize << bits;
        let slots = std::iter::repeat_with(|| AtomicU64::new(0)).take(len).collect();
        Self { slots, mask: len as u64 - 1 }
    }

    /// Marks a state; whether it did not have that mark before.
    pub(super) fn mark(&self, fingerprint: u64, mark: Mark) -> Result<bool, Full> {
        let own = fingerprint & !MARKS;
        for slot in self.probe(fingerprint) {
            let found = slot.load(Ordering::Relaxed);
            let holder = match found {
                0 => {
                    let taken = own | mark as u64;
                    let free =
                        slot.compare_exchange(0, taken, Ordering::Relaxed, Ordering::Relaxed);
                    match free {
                        Ok(_) => return Ok(true),
                        Err(other) => other,
                    }
                }
                found => found,
            };
            if holder & !MARKS == own {
                let before = slot.fetch_or(mark as u64, Ordering::Relaxed);
                return Ok(before & mark as u64 == 0);
            }
        }
        Err(Full)
    }

    pub(super) fn has(&self, fingerprint: u64, mark: Mark) -> bool {
        let own = fingerprint & !MARKS;
        let slots = self.probe(fingerprint).map(|slot| slot.load(Ordering::Relaxed));
        let mut slots = slots.take_while(|found| *found != 0);
        slots.any(|found| found & !MARKS == own && found & mark as u64 != 0)
    }

    fn probe(&self, fingerprint: u64) -> impl Iterator<Item = &AtomicU64> {
        let from = fingerprint >> 2;
        (0..self.slots.len() as u64)
            .map(move |step| &self.slots[(from.wrapping_add(step) & self.mask) as usize])
    }
}
