//! What became of every frame, as the host has told its source.

use std::collections::BTreeMap;

use super::frame::Name;

/// What a source knows of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It was sent. A host that dies may have it or not.
    Sent,
    /// The host has said that it is on disk.
    Settled,
    /// The host has said that it does not take it.
    Refused,
}

/// All frames of all sources.
#[derive(Clone, Debug, Default)]
pub(super) struct Truth {
    pub(super) fates: BTreeMap<Name, Fate>,
}

impl Truth {
    pub(super) fn sent(&mut self, name: Name) {
        self.fates.insert(name, Fate::Sent);
    }

    /// All of these that were not refused are on disk.
    pub(super) fn settled(&mut self, names: impl Iterator<Item = Name>) {
        for name in names {
            let fate = self.fates.entry(name).or_insert(Fate::Sent);
            if *fate == Fate::Sent {
                *fate = Fate::Settled;
            }
        }
    }

    pub(super) fn refused(&mut self, name: Name) {
        self.fates.insert(name, Fate::Refused);
    }

    pub(super) fn count(&self, fate: Fate) -> u64 {
        self.fates.values().filter(|one| **one == fate).count() as u64
    }

    /// Frames of a conversation that are on disk.
    pub(super) fn settled_in(&self, source: u8, conversation: u32) -> usize {
        let first = Name { source, conversation, serial: 0 };
        let last = Name { source, conversation, serial: u64::MAX };
        let settled = |(_, fate): &(&Name, &Fate)| **fate == Fate::Settled;
        self.fates.range(first..=last).filter(settled).count()
    }
}
