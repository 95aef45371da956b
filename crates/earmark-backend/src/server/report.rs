//! What the server holds, for people and for reports.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Server;

/// What the server holds: the part of a run's report that is the server's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateReport {
    /// The uploads that were kept, in the order in which each was first kept.
    pub uploads: Vec<UploadReport>,
    /// Frames that were heard on live sockets.
    pub live_frames: u64,
}

/// An upload that the server keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadReport {
    /// The file's name.
    pub name: String,
    /// The conversation that the request named.
    pub conversation: Option<String>,
    /// Whole frames in the file.
    pub frames: u64,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// How often it was kept: 1, unless the same name, content and conversation came again.
    pub times: u64,
}

/// What the server holds, conversation by conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveReport {
    /// Conversations that were heard, in the order in which they began; then those that only
    /// uploads name; then, without an id, what was uploaded to none.
    pub conversations: Vec<ConversationReport>,
    /// Live sockets that are open.
    pub sockets: usize,
}

/// What the server holds of one conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationReport {
    /// Its id.
    pub id: Option<String>,
    /// The device's hash, when it was heard live and the device named itself.
    pub device: Option<String>,
    /// `in_progress`, `processing` or `completed`; nothing when it was never heard live.
    pub state: Option<String>,
    /// Frames that were heard live.
    pub live_frames: u64,
    /// Uploads that were kept for it.
    pub uploads: u64,
    /// Frames in them, each upload once.
    pub uploaded_frames: u64,
    /// How many of those cannot be decoded.
    pub undecodable: u64,
}

impl Server {
    /// What the server holds.
    pub fn state(&self) -> StateReport {
        StateReport {
            uploads: self.uploads.iter().map(|upload| upload.report.clone()).collect(),
            live_frames: self.live_frames,
        }
    }

    /// What the server holds, conversation by conversation.
    pub fn live(&self) -> LiveReport {
        let mut uploaded = self.uploaded();
        let mut conversations: Vec<_> = self.conversations.reports().collect();
        for heard in &mut conversations {
            if let Some(sum) = uploaded.remove(&heard.id) {
                heard.uploads = sum.uploads;
                heard.uploaded_frames = sum.uploaded_frames;
                heard.undecodable = sum.undecodable;
            }
        }
        let to_none = uploaded.remove(&None);
        conversations.extend(uploaded.into_values().chain(to_none));
        LiveReport { conversations, sockets: self.sockets.len() }
    }

    /// The uploads of each conversation, summed up.
    fn uploaded(&self) -> BTreeMap<Option<String>, ConversationReport> {
        let mut sums: BTreeMap<_, ConversationReport> = BTreeMap::new();
        for upload in self.uploads.iter() {
            let id = upload.report.conversation.clone();
            let sum = sums.entry(id.clone()).or_default();
            sum.id = id;
            sum.uploads += 1;
            sum.uploaded_frames += upload.report.frames;
            sum.undecodable += upload.undecodable;
        }
        sums
    }
}
