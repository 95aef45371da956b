//! A job: what a server answers when it has taken an upload and goes on working on it.

use alloc::string::String;
use core::fmt;
use core::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::field::{Field, cut, lenient};
use crate::reply::{UploadResult, absent_is_zero, lenient_text};
use crate::server_message::KIND_CHARS_MAX;

/// The most bytes of a job's id.
pub const JOB_ID_BYTES_MAX: usize = 128;

/// A server's name for a job. It stands in the path of a request, so only ASCII letters, digits,
/// `-`, `_`, `.` and `:` are taken, and not `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JobId(String);

/// A text cannot be a job's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a job's id has 1 to 128 ASCII letters, digits, `-`, `_`, `.` or `:`")]
pub struct JobIdError;

impl JobId {
    /// Takes a text as it is.
    ///
    /// # Errors
    ///
    /// [`JobIdError`] when it could not stand in a path.
    pub fn new(text: &str) -> Result<Self, JobIdError> {
        let taken = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        let length = (1..=JOB_ID_BYTES_MAX).contains(&text.len());
        if length && text.bytes().all(taken) && text != "." && text != ".." {
            Ok(Self(String::from(text)))
        } else {
            Err(JobIdError)
        }
    }

    /// The text as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Field for JobId {
    fn from_text(text: &str) -> Option<Self> {
        Self::new(text).ok()
    }
}

impl Serialize for JobId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Where a job stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum JobStatus {
    /// It waits for its turn, or for another try.
    Queued,
    /// It runs.
    Processing,
    /// It is done.
    Completed,
    /// It is done, but for some segments.
    PartialFailure,
    /// It came to nothing.
    Failed,
    /// A word that is not known, at most [`KIND_CHARS_MAX`] characters of it.
    Other(String),
}

impl JobStatus {
    /// The word for it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Queued => "queued",
            Self::Processing => "processing",
            Self::Completed => "completed",
            Self::PartialFailure => "partial_failure",
            Self::Failed => "failed",
            Self::Other(word) => word,
        }
    }
}

impl From<&str> for JobStatus {
    fn from(word: &str) -> Self {
        let known =
            [Self::Queued, Self::Processing, Self::Completed, Self::PartialFailure, Self::Failed];
        let found = known.into_iter().find(|status| status.as_str() == word);
        found.unwrap_or_else(|| Self::Other(cut(word, KIND_CHARS_MAX)))
    }
}

impl Field for JobStatus {
    fn from_text(text: &str) -> Option<Self> {
        Some(text.into())
    }
}

impl Serialize for JobStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A job as it is accepted and as it is polled. A field that a server leaves out, or sends in
/// another type, is `None`; only the id, the status and the failed segments must be what they
/// should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The server's name for it.
    #[serde(rename = "job_id", deserialize_with = "required")]
    pub id: JobId,
    /// Where it stands.
    #[serde(deserialize_with = "required")]
    pub status: JobStatus,
    /// How many files were taken.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub total_files: Option<u64>,
    /// How many stretches of speech were found.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub total_segments: Option<u64>,
    /// How many of them were worked on.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub processed_segments: Option<u64>,
    /// How many of them came to something.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub successful_segments: Option<u64>,
    /// How many of them did not; see [`Self::failures`].
    #[serde(default, deserialize_with = "absent_is_zero")]
    pub failed_segments: u64,
    /// After how many milliseconds to ask.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub poll_after_ms: Option<u64>,
    /// What it came to, at its end.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub result: Option<UploadResult>,
    /// Why it failed, in words.
    #[serde(default, deserialize_with = "lenient_text", skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Which queue it stands in, with late servers.
    #[serde(default, deserialize_with = "lenient_text", skip_serializing_if = "Option::is_none")]
    pub lane: Option<String>,
    /// Why it failed, as a word for programs, with late servers.
    #[serde(default, deserialize_with = "lenient_text", skip_serializing_if = "Option::is_none")]
    pub reason_code: Option<String>,
    /// After how many seconds to upload again, with late servers.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

impl Job {
    /// A job of which only this is known.
    pub const fn new(id: JobId, status: JobStatus) -> Self {
        Self {
            id,
            status,
            total_files: None,
            total_segments: None,
            processed_segments: None,
            successful_segments: None,
            failed_segments: 0,
            poll_after_ms: None,
            result: None,
            error: None,
            lane: None,
            reason_code: None,
            retry_after: None,
        }
    }

    /// The body that says so.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a job has texts for keys")
    }

    /// How many segments failed, by the job or by its result, whichever says more.
    pub fn failures(&self) -> u64 {
        let by_result = self.result.as_ref().map_or(0, |result| result.failed_segments);
        self.failed_segments.max(by_result)
    }

    /// How long to wait before the next poll, when the server says.
    pub fn poll_after(&self) -> Option<Duration> {
        self.poll_after_ms.map(Duration::from_millis)
    }
}

fn required<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Field,
{
    lenient(deserializer)?.ok_or_else(|| D::Error::custom("a required field is of another type"))
}
