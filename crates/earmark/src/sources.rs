//! All sources of a runtime. A device has one source for each account, and captures for one of them
//! at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use earmark_core::ingest::Event;
use earmark_core::{Delivery, Device, Moment, Stamp};

use crate::source::{Entry, Inbox, SourceKey, locked};

/// How many sources one runtime may have.
pub const SOURCES_MAX: usize = 10_000;

/// The sources, and the devices that are muted.
#[derive(Debug)]
pub(crate) struct Sources {
    delivery: Delivery,
    inbox: Arc<Inbox>,
    table: Mutex<Table>,
}

#[derive(Debug)]
struct Table {
    entries: BTreeMap<SourceKey, Arc<Entry>>,
    /// A person mutes a device, whoever it captures for.
    muted: BTreeSet<Device>,
}

impl Table {
    fn of<'a>(&'a self, device: &'a Device) -> impl Iterator<Item = &'a Arc<Entry>> {
        let entries = self.entries.values();
        entries.filter(move |entry| entry.key.device == *device)
    }
}

impl Sources {
    /// No source yet; these devices are muted.
    pub(crate) const fn new(
        delivery: Delivery,
        inbox: Arc<Inbox>,
        muted: BTreeSet<Device>,
    ) -> Self {
        let entries = BTreeMap::new();
        let table = Mutex::new(Table { entries, muted });
        Self { delivery, inbox, table }
    }

    /// Has frames that wait be taken now.
    pub(crate) fn ring(&self) {
        self.inbox.ring();
    }

    /// The source of a key; nothing when there are too many.
    pub(crate) fn open(&self, key: SourceKey) -> Option<Arc<Entry>> {
        let mut table = locked(&self.table);
        if table.entries.len() >= SOURCES_MAX && !table.entries.contains_key(&key) {
            return None;
        }
        let is_muted = table.muted.contains(&key.device);
        let entry = table.entries.entry(key.clone()).or_insert_with(|| {
            let inbox = Arc::clone(&self.inbox);
            Arc::new(Entry::new(key, self.delivery, is_muted, inbox))
        });
        Some(Arc::clone(entry))
    }

    pub(crate) fn all(&self) -> Vec<Arc<Entry>> {
        locked(&self.table).entries.values().cloned().collect()
    }

    /// Ends what a device captures for other accounts than this one's.
    pub(crate) fn stop_others(&self, key: &SourceKey, at: Stamp) {
        let table = locked(&self.table);
        let others = table.of(&key.device).filter(|entry| entry.key != *key);
        others.for_each(|entry| entry.close(at));
    }

    pub(crate) fn is_muted(&self, device: &Device) -> bool {
        locked(&self.table).muted.contains(device)
    }

    /// Mutes a device for all accounts, or lifts that.
    pub(crate) fn mute(&self, device: &Device, muted: bool, now: Moment) {
        let mut table = locked(&self.table);
        let event = if muted {
            table.muted.insert(device.clone());
            Event::Muted
        } else {
            table.muted.remove(device);
            Event::Unmuted
        };
        for entry in table.of(device) {
            entry.tell(&event, now);
        }
    }
}
