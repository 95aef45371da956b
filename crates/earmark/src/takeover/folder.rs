//! What lies in an app's folder.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use earmark_core::{Device, WallTime};
use earmark_store::{Disk, DiskFile};
use earmark_wire::{FileCodec, UploadName, WALS_BYTES_MAX, WalEntry, WalIndex, WalKeys, read_wals};

use super::{BACKUP, INDEX};

/// How the name of every audio file of an app begins.
const AUDIO_PREFIX: &str = "audio_";

/// What an app's folder holds, by what its list says and by what is there.
#[derive(Debug, Default)]
pub struct AppFolder {
    pub(super) items: Vec<Item>,
    /// The list's own keys.
    pub(super) rest: WalKeys,
    faults: Vec<String>,
    has_index: bool,
}

/// One recording of the app.
#[derive(Debug)]
pub(super) struct Item {
    /// The name of its file.
    pub(super) name: Option<String>,
    /// What the list says of it; nothing where no list that can be read knows the file.
    pub(super) entry: Option<WalEntry>,
    /// Whether the file is there.
    pub(super) is_there: bool,
}

impl Item {
    pub(super) fn started_at(&self) -> Option<WallTime> {
        let told = self.entry.as_ref().and_then(|entry| entry.started_at);
        told.or_else(|| self.parsed().map(|name| name.started_at()))
    }

    /// What the file's name says.
    pub(super) fn parsed(&self) -> Option<UploadName> {
        UploadName::parse(self.name.as_deref()?).ok()
    }
}

impl AppFolder {
    /// Reads the lists, and which files there are.
    ///
    /// # Errors
    ///
    /// What the disk says when it does not list the folder.
    pub fn read(folder: &dyn Disk) -> io::Result<Self> {
        let files = folder.list("")?.into_iter().filter(|entry| !entry.is_dir);
        let files: BTreeSet<String> = files.map(|entry| entry.name).collect();
        let mut found = Self::default();
        let entries = found.read_lists(folder, &files);
        found.name_the_unknown(&entries, &files);
        found.items = items(entries, &files);
        found.items.sort_by_cached_key(|item| (item.started_at(), item.name.clone()));
        Ok(found)
    }

    /// Whether there is nothing of an app's.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty() && !self.has_index
    }

    /// How many recordings the app's lists and files tell of.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// What is wrong with the lists, in words.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// Files that look like an app's audio, and of which neither a list nor their name tells
    /// enough.
    fn name_the_unknown(&mut self, entries: &[WalEntry], files: &BTreeSet<String>) {
        let listed: BTreeSet<&String> =
            entries.iter().filter_map(|entry| entry.file_name.as_ref()).collect();
        let audio = files.iter().filter(|file| file.starts_with(AUDIO_PREFIX));
        for file in audio.filter(|file| !listed.contains(file)) {
            if let Err(fault) = UploadName::parse(file) {
                let file = file.escape_debug();
                self.faults.push(format!("{file} is left out, for nothing tells of it: {fault}"));
            }
        }
    }

    /// The entries of the list; where it breaks off, also those of its backup that it lacks.
    fn read_lists(&mut self, folder: &dyn Disk, files: &BTreeSet<String>) -> Vec<WalEntry> {
        let main = self.read_list(folder, INDEX, files);
        let is_whole = main.as_ref().is_some_and(|list| list.fault.is_none());
        let backup = if is_whole { None } else { self.read_list(folder, BACKUP, files) };
        self.has_index = main.is_some() || backup.is_some();
        let (main, backup) = (main.unwrap_or_default(), backup.unwrap_or_default());
        self.rest = backup.rest;
        self.rest.extend(&main.rest);
        let known: BTreeSet<Identity> = main.entries.iter().flat_map(identities).collect();
        let is_new = |entry: &WalEntry| !identities(entry).iter().any(|one| known.contains(one));
        let more: Vec<WalEntry> = backup.entries.into_iter().filter(is_new).collect();
        main.entries.into_iter().chain(more).collect()
    }

    fn read_list(
        &mut self,
        folder: &dyn Disk,
        name: &str,
        files: &BTreeSet<String>,
    ) -> Option<WalIndex> {
        if !files.contains(name) {
            return None;
        }
        let read = folder.open(name).and_then(|file| read_start(file.as_ref()));
        let list = match read {
            Ok(bytes) => read_wals(&bytes),
            Err(error) => {
                self.faults.push(format!("{name} cannot be read: {error}"));
                return Some(WalIndex {
                    fault: Some(earmark_wire::WalsFault::Empty),
                    ..WalIndex::default()
                });
            }
        };
        self.faults.extend(list.fault.map(|fault| format!("{name}: {fault}")));
        let unusable = list.unusable.iter();
        self.faults.extend(
            unusable.map(|(number, fault)| format!("{name}: entry {number} is left out: {fault}")),
        );
        Some(list)
    }
}

/// A list's bytes, one more than are read when it is longer.
fn read_start(file: &dyn DiskFile) -> io::Result<Vec<u8>> {
    let len = file.len()?.min(WALS_BYTES_MAX as u64 + 1);
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(filled as u64, &mut bytes[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// What an entry is known by.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Identity {
    File(String),
    Start(Option<Device>, WallTime),
}

fn identities(entry: &WalEntry) -> Vec<Identity> {
    let file = entry.file_name.clone().map(Identity::File);
    let start = entry.started_at.map(|at| Identity::Start(entry.device.clone(), at));
    file.into_iter().chain(start).collect()
}

/// Brings together what the list says and what is there.
fn items(entries: Vec<WalEntry>, files: &BTreeSet<String>) -> Vec<Item> {
    let mut of_file: BTreeMap<String, WalEntry> = BTreeMap::new();
    let mut without = Vec::new();
    for entry in entries {
        match entry.file_name.clone().or_else(|| name_of(&entry, files)) {
            // Two entries of one file: the app wrote the file anew with what the latter tells of.
            Some(name) => without.extend(of_file.insert(name, entry)),
            None => without.push(entry),
        }
    }
    let unknown = files.iter().filter(|file| !of_file.contains_key(*file));
    let unknown = unknown.filter(|file| UploadName::parse(file).is_ok());
    let mut items: Vec<Item> = unknown
        .map(|name| Item { name: Some(name.clone()), entry: None, is_there: true })
        .collect();
    items.extend(of_file.into_iter().map(|(name, entry)| Item {
        is_there: files.contains(&name),
        name: Some(name),
        entry: Some(entry),
    }));
    let bare = |entry| Item { name: None, entry: Some(entry), is_there: false };
    items.extend(without.into_iter().map(bare));
    items
}

/// The file of an entry that names none: the app writes the audio first, and may have ended before
/// it wrote that down.
fn name_of(entry: &WalEntry, files: &BTreeSet<String>) -> Option<String> {
    let FileCodec::Captured(codec) = entry.codec? else {
        return None;
    };
    let encoding = earmark_core::Encoding::new(codec, entry.sample_rate, entry.channels).ok()?;
    let device = entry.device.as_ref()?.as_str();
    let name = UploadName::new(device, encoding, entry.started_at?, 0).to_string();
    files.contains(&name).then_some(name)
}
