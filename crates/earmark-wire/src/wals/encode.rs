//! Writing a list that the app reads.

use alloc::vec::Vec;

use earmark_core::{ConversationId, Device, Encoding, WallTime};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::{WalKeys, WalStatus, WalStorage};
use crate::JobId;

/// What an entry is written from.
#[derive(Clone, Debug)]
pub struct WalFacts<'a> {
    /// When its audio began.
    pub started_at: WallTime,
    /// What its frames are.
    pub encoding: Encoding,
    /// The device.
    pub device: &'a Device,
    /// The name of its file.
    pub file_name: &'a str,
    /// Frames in the file.
    pub frames: u32,
    /// Where its upload stands.
    pub status: WalStatus,
    /// The conversation it is linked to.
    pub conversation: Option<&'a ConversationId>,
    /// Attempts that were spent.
    pub retry_count: u32,
    /// What the server calls its work on it, and when it took it.
    pub job: Option<(&'a JobId, WallTime)>,
}

impl WalFacts<'_> {
    /// The entry of a recording that an app has had before, with all other keys as they were. A key
    /// that the app did not know is written only where it says something.
    #[must_use]
    pub fn again(&self, mut keys: WalKeys) -> WalKeys {
        self.put_place(&mut keys);
        let conversation = self.conversation.map(ConversationId::as_str);
        put(&mut keys, "conversation_id", conversation.is_some(), conversation);
        put(&mut keys, "retry_count", self.retry_count > 0, self.retry_count);
        let before: Option<JobId> = keys.read("job_id");
        if let Some((_, at)) = self.job.filter(|(job, _)| before.as_ref() != Some(job)) {
            keys.set("uploaded_at", at.unix_seconds());
        }
        let job = self.job.map(|(job, _)| job.as_str());
        put(&mut keys, "job_id", job.is_some(), job);
        keys
    }

    /// The entry of a recording that no app has had.
    pub fn anew(&self) -> WalKeys {
        let mut keys = WalKeys::default();
        keys.set("timer_start", self.started_at.unix_seconds());
        keys.set("codec", self.encoding.codec.name());
        keys.set("channel", self.encoding.channels);
        keys.set("sample_rate", self.encoding.sample_rate);
        self.put_place(&mut keys);
        keys.set("device", self.device.as_str());
        keys.set("device_model", None::<&str>);
        keys.set("storage_offset", 0);
        keys.set("storage_total_bytes", 0);
        keys.set("file_num", 1);
        let is_synced = self.status == WalStatus::Synced;
        keys.set("synced_frame_offset", if is_synced { self.frames } else { 0 });
        keys.set("original_storage", None::<&str>);
        keys.set("conversation_id", self.conversation.map(ConversationId::as_str));
        keys.set("retry_count", self.retry_count);
        keys.set("last_retry_at", 0);
        keys.set("job_id", self.job.map(|(job, _)| job.as_str()));
        keys.set("uploaded_at", self.job.map_or(0, |(_, at)| at.unix_seconds()));
        keys
    }

    fn put_place(&self, keys: &mut WalKeys) {
        keys.set("status", self.status.name());
        keys.set("storage", WalStorage::Disk.name());
        keys.set("file_path", self.file_name);
        keys.set("seconds", self.frames / self.encoding.codec.frames_per_second());
        keys.set("total_frames", self.frames);
    }
}

fn put(keys: &mut WalKeys, key: &str, says: bool, value: impl Serialize) {
    if says || keys.get(key).is_some() {
        keys.set(key, value);
    }
}

/// Writes a list, with keys of its own beside those that every list has.
pub fn encode_wals(at: WallTime, rest: &WalKeys, entries: &[WalKeys]) -> Vec<u8> {
    let list = List { at, rest, entries };
    serde_json::to_vec(&list).expect("what was JSON is JSON")
}

struct List<'a> {
    at: WallTime,
    rest: &'a WalKeys,
    entries: &'a [WalKeys],
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("version", &1)?;
        map.serialize_entry("timestamp", &self.at.unix_micros().div_euclid(1_000))?;
        self.rest.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
        map.serialize_entry("wals", &Rows(self.entries))?;
        map.end()
    }
}

struct Rows<'a>(&'a [WalKeys]);

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        self.0.iter().try_for_each(|keys| list.serialize_element(keys))?;
        list.end()
    }
}
