//! The frames that were offered, and what the runtime has said about each.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Duration;

use earmark_core::invariant::durability::{self, Found};
use earmark_core::invariant::{Check, Invariant};
use earmark_core::{Account, CaptureId, Device, Encoding};

/// Whose audio it is.
pub(super) type Owner = (Device, Account);

/// A capture as it was, in truth.
#[derive(Debug)]
pub(super) struct Capture {
    pub(super) owner: Owner,
    pub(super) encoding: Encoding,
    /// The hash of each frame that was taken, by its number.
    pub(super) keys: Vec<u64>,
    /// When each was, in feed time.
    pub(super) at: Vec<Duration>,
    /// How many were acknowledged.
    pub(super) acked: u64,
    /// Whether it was ever found on the disk: then its number never comes again.
    pub(super) kept: bool,
}

/// Frames that follow each other in a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) capture: CaptureId,
    pub(super) first: u64,
    pub(super) count: u64,
}

impl Run {
    pub(super) const fn end(&self) -> u64 {
        self.first + self.count
    }
}

/// A device and account in the present life of the process.
#[derive(Debug, Default)]
pub(super) struct Source {
    /// Its captures of this life.
    captures: Vec<CaptureId>,
    pub(super) taken: u64,
    pub(super) acked: u64,
    /// Taken when the journal was last written, …
    written: u64,
    /// … and when a sync of it last succeeded.
    synced: u64,
}

/// All frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    pub(super) captures: BTreeMap<CaptureId, Capture>,
    pub(super) sources: BTreeMap<Owner, Source>,
    /// Where a frame of this hash is first; frames may come twice.
    places: HashMap<u64, (CaptureId, u64), BuildHasherDefault<Already>>,
    twins: Vec<(u64, CaptureId, u64)>,
    pub(super) offered: u64,
    pub(super) muted: u64,
    pub(super) rejected: u64,
    pub(super) taken: u64,
    /// Frames that the server has heard live.
    pub(super) live: u64,
}

/// Keys are hashes already.
#[derive(Default)]
struct Already(u64);

impl Hasher for Already {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = hash(bytes);
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

/// A hash of bytes that are random or few.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let step =
        |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    let (words, rest) = bytes.as_chunks::<8>();
    let hash =
        words.iter().fold(bytes.len() as u64, |sum, word| step(sum, u64::from_le_bytes(*word)));
    rest.iter().fold(hash, |sum, byte| step(sum, u64::from(*byte)))
}

impl Frames {
    pub(super) fn began(&mut self, owner: Owner, capture: CaptureId, encoding: Encoding) -> Check {
        let is_kin = |one: &(&CaptureId, &Capture)| {
            one.0.incarnation() == capture.incarnation() && one.1.kept
        };
        let highest = self.captures.iter().filter(is_kin).map(|(known, _)| known.number()).max();
        let numbered = durability::Numbered { next: capture.number(), highest };
        let check = durability::fencing(&numbered);
        self.sources.entry(owner.clone()).or_default().captures.push(capture);
        let (keys, at, acked, kept) = (Vec::new(), Vec::new(), 0, false);
        self.captures.insert(capture, Capture { owner, encoding, keys, at, acked, kept });
        check
    }

    pub(super) fn took(
        &mut self,
        owner: &Owner,
        capture: CaptureId,
        seq: u64,
        (at, bytes): (Duration, &[u8]),
    ) -> Check {
        self.taken += 1;
        let key = hash(bytes);
        if let Some(source) = self.sources.get_mut(owner) {
            source.taken += 1;
        }
        let Some(known) = self.captures.get_mut(&capture) else {
            return durability::no_invention(&Found { taken: false, copies: 1, rising: true });
        };
        let rising = known.keys.len() as u64 == seq;
        known.keys.push(key);
        known.at.push(at);
        match self.places.entry(key) {
            Entry::Occupied(_) => self.twins.push((key, capture, seq)),
            Entry::Vacant(place) => drop(place.insert((capture, seq))),
        }
        durability::no_invention(&Found { taken: true, copies: 1, rising })
    }

    /// The journal was written.
    pub(super) fn written(&mut self) {
        self.sources.values_mut().for_each(|source| source.written = source.taken);
    }

    /// A sync of the journal succeeded.
    pub(super) fn synced(&mut self) {
        self.sources.values_mut().for_each(|source| source.synced = source.written);
    }

    /// So many frames of a source are not acknowledged: all before them are. Whether there was a
    /// sync for each that is.
    pub(super) fn held(&mut self, owner: &Owner, held: u64) -> bool {
        let Some(source) = self.sources.get_mut(owner) else {
            return held == 0;
        };
        let acked = source.taken.saturating_sub(held);
        let is_more = acked > source.acked;
        source.acked = acked;
        let mut left = acked;
        for capture in &source.captures {
            if let Some(known) = self.captures.get_mut(capture) {
                let own = left.min(known.keys.len() as u64);
                known.acked = known.acked.max(own);
                left -= own;
            }
        }
        !is_more || acked <= source.synced
    }

    /// The process is dead: what was not acknowledged never will be.
    pub(super) fn died(&mut self) {
        self.sources.clear();
    }

    /// These captures are on the disk.
    pub(super) fn found(&mut self, captures: impl Iterator<Item = CaptureId>) {
        for capture in captures {
            self.captures.get_mut(&capture).into_iter().for_each(|known| known.kept = true);
        }
    }

    /// How many frames are taken and not acknowledged.
    pub(super) fn pending(&self) -> u64 {
        self.sources.values().map(|source| source.taken - source.acked).sum()
    }

    /// Whose frame it is.
    pub(super) fn owner_of(&self, bytes: &[u8]) -> Option<&Owner> {
        let (capture, _) = self.places.get(&hash(bytes))?;
        self.captures.get(capture).map(|known| &known.owner)
    }

    /// The run of frames that these hashes are: with some left out when the journal was damaged.
    pub(super) fn run_of(&self, keys: &[u64], may_lack: bool) -> Option<Run> {
        let first = keys.first()?;
        let twins = self.twins.iter().filter(|(key, ..)| key == first);
        let places = self.places.get(first).copied();
        places.into_iter().chain(twins.map(|(_, capture, seq)| (*capture, *seq))).find_map(
            |(capture, seq)| {
                let all = &self.captures.get(&capture)?.keys;
                let from = all.get(usize::try_from(seq).ok()?..)?;
                let count = if may_lack { lacking(from, keys)? } else { exact(from, keys)? };
                Some(Run { capture, first: seq, count })
            },
        )
    }

    /// When the last frame of a run was captured.
    pub(super) fn last_at(&self, run: &Run) -> Option<Duration> {
        let last = usize::try_from(run.end().checked_sub(1)?).ok()?;
        self.captures.get(&run.capture)?.at.get(last).copied()
    }
}

fn exact(from: &[u64], keys: &[u64]) -> Option<u64> {
    from.starts_with(keys).then_some(keys.len() as u64)
}

/// How far the keys reach when some between them are left out.
fn lacking(from: &[u64], keys: &[u64]) -> Option<u64> {
    let mut at = 0;
    for key in keys {
        at += from.get(at..)?.iter().position(|known| known == key)? + 1;
    }
    Some(at as u64)
}

/// What stands for an invariant that is broken in words of its own.
pub(super) fn broken(invariant: Invariant, seen: String) -> Check {
    Err(earmark_core::invariant::Violation { invariant, seen })
}
