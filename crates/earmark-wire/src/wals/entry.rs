//! One entry of the list: what the app knew of one recording.

use alloc::string::String;

use earmark_core::{ConversationId, Device, WallTime};

use super::{WalFault, WalKeys};
use crate::field::{Cut, Field};
use crate::{FileCodec, JobId};

/// The most characters of a file's path that are read.
const PATH_CHARS_MAX: usize = 4_096;

/// The device that an entry without one is of.
const DEVICE: &str = "phone";

/// What the app knew of one recording.
#[derive(Clone, Debug)]
pub struct WalEntry {
    /// When its audio began.
    pub started_at: Option<WallTime>,
    /// What its frames are; none when the entry names no codec that stands in file names.
    pub codec: Option<FileCodec>,
    /// Hertz.
    pub sample_rate: u32,
    /// How many channels.
    pub channels: u8,
    /// Where its upload stood.
    pub status: WalStatus,
    /// Where its audio lay.
    pub storage: WalStorage,
    /// The name of its file, without a folder.
    pub file_name: Option<String>,
    /// The device; none when the entry's is none that can be kept.
    pub device: Option<Device>,
    /// The conversation it was linked to.
    pub conversation: Option<ConversationId>,
    /// Attempts that were spent.
    pub retry_count: u32,
    /// What the server calls its work on it.
    pub job: Option<JobId>,
    /// All keys, those that were read here too.
    pub keys: WalKeys,
}

/// Where an upload of the app stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WalStatus {
    /// It was being recorded; also any status that is not known.
    InProgress,
    /// The server lacks it.
    Miss,
    /// The server took it and worked on it. Since mid 2026.
    Uploaded,
    /// The server has it.
    Synced,
    /// The app did not find its file.
    Corrupted,
    /// The server refused it for its age. Since late 2026.
    OutsideRecoveryWindow,
}

impl WalStatus {
    const ALL: [Self; 6] = [
        Self::InProgress,
        Self::Miss,
        Self::Uploaded,
        Self::Synced,
        Self::Corrupted,
        Self::OutsideRecoveryWindow,
    ];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InProgress => "inProgress",
            Self::Miss => "miss",
            Self::Uploaded => "uploaded",
            Self::Synced => "synced",
            Self::Corrupted => "corrupted",
            Self::OutsideRecoveryWindow => "outsideRecoveryWindow",
        }
    }
}

impl Field for WalStatus {
    fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == text)
    }
}

/// Where the app kept a recording's audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WalStorage {
    /// In its memory; also any place that is not known.
    Mem,
    /// In a file.
    Disk,
    /// On the device's card.
    SdCard,
    /// In the device's flash memory.
    FlashPage,
}

impl WalStorage {
    const ALL: [Self; 4] = [Self::Mem, Self::Disk, Self::SdCard, Self::FlashPage];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mem => "mem",
            Self::Disk => "disk",
            Self::SdCard => "sdcard",
            Self::FlashPage => "flashPage",
        }
    }

    /// Whether the audio is not the app's yet.
    pub const fn is_on_device(self) -> bool {
        match self {
            Self::SdCard | Self::FlashPage => true,
            Self::Mem | Self::Disk => false,
        }
    }
}

impl Field for WalStorage {
    fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|storage| storage.name() == text)
    }
}

impl Field for FileCodec {
    fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.name() == text)
    }
}

impl Field for Device {
    fn from_text(text: &str) -> Option<Self> {
        Self::new(text).ok()
    }
}

impl WalEntry {
    /// Reads an entry.
    ///
    /// # Errors
    ///
    /// [`WalFault`]; a key of another type than expected is as if it were absent.
    pub fn parse(text: &str) -> Result<Self, WalFault> {
        if text.len() > super::WAL_BYTES_MAX {
            return Err(WalFault::TooLong { bytes: text.len() });
        }
        Ok(Self::of(WalKeys::parse(text)?))
    }

    fn of(keys: WalKeys) -> Self {
        let number = |key: &str| keys.read::<u64>(key);
        let has_device = keys.get("device").is_some_and(|value| value != "null");
        let device = if has_device { keys.read("device") } else { Device::new(DEVICE).ok() };
        Self {
            started_at: keys.read("timer_start"),
            codec: keys.read("codec"),
            sample_rate: number("sample_rate").map_or(16_000, saturated),
            channels: number("channel").map_or(1, saturated),
            status: keys.read("status").unwrap_or(WalStatus::InProgress),
            storage: keys.read("storage").unwrap_or(WalStorage::Mem),
            file_name: keys.read::<Cut<PATH_CHARS_MAX>>("file_path").and_then(last_part),
            device,
            conversation: keys.read("conversation_id"),
            retry_count: number("retry_count").map_or(0, saturated),
            job: keys.read("job_id"),
            keys,
        }
    }
}

fn saturated<T: TryFrom<u64> + Bounded>(number: u64) -> T {
    T::try_from(number).unwrap_or(T::MAX)
}

/// A number that has a highest value.
trait Bounded {
    const MAX: Self;
}

impl Bounded for u32 {
    const MAX: Self = Self::MAX;
}

impl Bounded for u8 {
    const MAX: Self = Self::MAX;
}

/// The file's own name: old lists have whole paths of a folder that may have moved since.
fn last_part(path: Cut<PATH_CHARS_MAX>) -> Option<String> {
    let name = path.0.rsplit('/').next().unwrap_or_default();
    (!name.is_empty()).then(|| String::from(name))
}
