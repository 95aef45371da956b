//! What the app knew of a recording, in the store's words.

use earmark_core::sync::{ATTEMPTS_MAX, JOB_LEASE, POLL_WAIT_MIN, UploadFacts, UploadStage};
use earmark_core::{Account, Codec, Deadline, Device, Encoding, Stamp, WallTime};
use earmark_store::Adoption;
use earmark_wire::{FileCodec, JobId, WalEntry, WalStatus};

use super::folder::Item;

const TOO_OLD: &str = "the server refused the app's upload, for the audio was too old";

impl Item {
    /// What a store keeps of it; or why it cannot, in words.
    pub(super) fn adoption(
        &self,
        name: &str,
        account: &Account,
        at: Stamp,
    ) -> Result<Adoption, String> {
        let entry = self.entry.as_ref();
        Ok(Adoption {
            name: name.to_owned(),
            device: self.device()?,
            account: account.clone(),
            encoding: self.encoding()?,
            started_at: self.start()?,
            conversation: entry.and_then(|entry| entry.conversation.clone()),
            upload: upload(entry, at),
            kept: entry.map(|entry| entry.keys.to_text()),
        })
    }

    fn start(&self) -> Result<WallTime, String> {
        self.started_at().ok_or_else(|| String::from("nothing tells when it was recorded"))
    }

    fn device(&self) -> Result<Device, String> {
        let told = self.entry.as_ref().and_then(|entry| entry.device.clone());
        let named = || self.parsed().and_then(|name| Device::new(name.device()).ok());
        told.or_else(named).ok_or_else(|| String::from("nothing tells its device"))
    }

    fn encoding(&self) -> Result<Encoding, String> {
        let (told, named) = (self.entry.as_ref(), self.parsed());
        let codec = told.and_then(|entry| entry.codec).or(named.as_ref().map(|name| name.codec()));
        let codec = captured(codec.ok_or("nothing tells its codec")?)?;
        let figures = told.map(|entry| (entry.sample_rate, entry.channels));
        let figures = figures.or(named.map(|name| (name.sample_rate(), name.channels())));
        let (sample_rate, channels) = figures.unwrap_or((16_000, 1));
        // A higher number than can be held was read as the highest one.
        if let Some(rate) = told.and_then(|entry| entry.keys.get("sample_rate"))
            && sample_rate == u32::MAX
        {
            return Err(format!("the sample rate {rate} Hz is not taken"));
        }
        Encoding::new(codec, sample_rate, channels).map_err(|error| error.to_string())
    }
}

fn captured(codec: FileCodec) -> Result<Codec, String> {
    match codec {
        FileCodec::Captured(codec) => Ok(codec),
        FileCodec::Aac | FileCodec::Lc3Fs1030 => {
            Err(format!("its codec, {}, is one that servers decode to noise", codec.name()))
        }
    }
}

/// Where an upload stands that the app has begun, or not. It counts as one that a request has left
/// for: whether the app has made one is not known for sure, and its link is the app's to make, so
/// that nothing that a server says of its device now is about it.
fn upload(entry: Option<&WalEntry>, at: Stamp) -> UploadFacts {
    let spent = entry.map_or(0, |entry| entry.retry_count);
    let status = entry.map_or(WalStatus::InProgress, |entry| entry.status);
    let stage = match (status, entry.and_then(|entry| entry.job.as_ref())) {
        (WalStatus::Synced, _) => UploadStage::Synced { at },
        (WalStatus::OutsideRecoveryWindow, _) => {
            UploadStage::Failed { reason: String::from(TOO_OLD) }
        }
        (WalStatus::Uploaded, Some(job)) => accepted(job, at),
        (
            WalStatus::Uploaded | WalStatus::InProgress | WalStatus::Miss | WalStatus::Corrupted,
            _,
        ) => pending(spent),
    };
    UploadFacts {
        requests: spent.max(1),
        attempts: spent.min(ATTEMPTS_MAX),
        stage,
        ..UploadFacts::new()
    }
}

fn accepted(job: &JobId, at: Stamp) -> UploadStage {
    UploadStage::Accepted {
        job: String::from(job.as_str()),
        since: at,
        lease: Deadline::after(at, JOB_LEASE),
        poll_after: POLL_WAIT_MIN,
        not_before: None,
    }
}

fn pending(spent: u32) -> UploadStage {
    if spent < ATTEMPTS_MAX {
        return UploadFacts::new().stage;
    }
    UploadStage::Failed { reason: format!("the app has tried it {spent} times") }
}

/// The word for where an upload stands.
pub(super) const fn word(facts: &UploadFacts) -> &'static str {
    match &facts.stage {
        UploadStage::Pending { .. } if facts.attempts > 0 => "retrying",
        UploadStage::Pending { .. } => "pending",
        UploadStage::Uploading => "uploading",
        UploadStage::Accepted { .. } => "processing",
        UploadStage::Synced { .. } => "synced",
        UploadStage::Failed { .. } => "failed",
        UploadStage::Corrupted { .. } => "corrupted",
    }
}
