//! Whether every durable frame arrived, in the right conversation, once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use earmark_store::Sha256Sum;
use sha2::{Digest as _, Sha256};

use super::bridge::name_of;
use super::frame::Name;
use super::server::Kept;
use super::truth::{Fate, Truth};

/// The frames of each recording, by the hash of its file.
pub(super) type Files = BTreeMap<String, Vec<Name>>;

/// Reads every recording of a store.
pub(super) fn files(store: &Path) -> Result<Files, String> {
    let mut files = Files::new();
    let entries = fs::read_dir(store.join("recordings")).map_err(|error| error.to_string())?;
    for entry in entries {
        let path = entry.map_err(|error| error.to_string())?.path();
        let bytes = fs::read(&path).map_err(|error| error.to_string())?;
        let names = Name::all_of(&bytes);
        let names = names.ok_or_else(|| format!("{} has other bytes", path.display()))?;
        files.insert(Sha256Sum(Sha256::digest(&bytes).into()).to_string(), names);
    }
    Ok(files)
}

/// All that is wrong, a sentence for each kind with its first instance and a count.
pub(super) fn judge(truth: &Truth, files: &Files, kept: &Kept) -> Vec<String> {
    let mut wrong: BTreeMap<&str, (String, u64)> = BTreeMap::new();
    let mut blame = |what, which: String| wrong.entry(what).or_insert((which, 0)).1 += 1;
    let mut arrived = BTreeSet::new();
    for (name, sha256, conversation) in kept.keys() {
        let Some(frames) = files.get(sha256) else {
            blame("an upload is of no recording", name.clone());
            continue;
        };
        for frame in frames {
            if !arrived.insert(*frame) {
                blame("a frame arrived twice", format!("{frame:?} in {name}"));
            }
            if conversation.as_deref() != Some(&name_of(frame.source, frame.conversation)) {
                let where_to = format!("{frame:?} in {conversation:?}");
                blame("a frame is in another conversation", where_to);
            }
            match truth.fates.get(frame) {
                Some(Fate::Sent | Fate::Settled) => {}
                Some(Fate::Refused) => blame("a refused frame arrived", format!("{frame:?}")),
                None => blame("a frame arrived that nobody sent", format!("{frame:?}")),
            }
        }
    }
    for (frame, fate) in &truth.fates {
        if *fate == Fate::Settled && !arrived.contains(frame) {
            blame("a durable frame did not arrive", format!("{frame:?}"));
        }
    }
    wrong.iter().map(|(what, (which, count))| format!("{what}: {which}; {count} such")).collect()
}
