//! The uploads that the server keeps: of each only what it needs to tell them apart.

use std::collections::BTreeMap;

use super::file::ReceivedFile;
use super::report::UploadReport;

/// The most uploads that are kept; a server that is full answers 507.
pub const UPLOADS_MAX: usize = 100_000;

/// What makes two uploads the same: name, SHA-256 and conversation.
type Key = (String, String, Option<String>);

#[derive(Debug, Default)]
pub(super) struct Uploads {
    kept: Vec<Upload>,
    places: BTreeMap<Key, usize>,
}

#[derive(Debug)]
pub(super) struct Upload {
    pub(super) report: UploadReport,
    pub(super) undecodable: u64,
}

/// There is no room for another upload.
#[derive(Debug)]
pub(super) struct Full;

impl Uploads {
    pub(super) fn is_full(&self) -> bool {
        self.kept.len() >= UPLOADS_MAX
    }

    /// Keeps an upload, or counts it when it is kept already.
    pub(super) fn store(
        &mut self,
        file: &ReceivedFile,
        conversation: Option<&str>,
    ) -> Result<(), Full> {
        let conversation = conversation.map(String::from);
        let name = String::from(file.name());
        let sha256 = String::from(file.sha256());
        let key = (name.clone(), sha256.clone(), conversation.clone());
        if let Some(place) = self.places.get(&key) {
            self.kept[*place].report.times += 1;
            return Ok(());
        }
        if self.is_full() {
            return Err(Full);
        }
        self.places.insert(key, self.kept.len());
        self.kept.push(Upload {
            report: UploadReport { name, conversation, frames: file.frames(), sha256, times: 1 },
            undecodable: file.undecodable(),
        });
        Ok(())
    }

    /// All uploads, in the order in which they were first kept.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Upload> {
        self.kept.iter()
    }
}
