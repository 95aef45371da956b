//! How the facts of an upload stand in the journal.
//!
//! The core's own form keeps the stage's name among its fields, and a reader of such a form cannot
//! take the 128-bit boot numbers inside. Here the name stands outside: `{"synced": {"at": …}}`.

use std::time::Duration;

use earmark_core::sync::{UploadFacts, UploadStage};
use earmark_core::{Deadline, Stamp};
use serde::{Deserialize, Serialize};

/// The form of [`UploadFacts`].
#[derive(Serialize, Deserialize)]
#[serde(remote = "UploadFacts")]
pub(crate) struct FactsForm {
    requests: u32,
    attempts: u32,
    swallowed: u32,
    waits: u32,
    #[serde(with = "StageForm")]
    stage: UploadStage,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "UploadStage", rename_all = "snake_case")]
enum StageForm {
    Pending {
        next: Option<Deadline>,
        told: bool,
        #[serde(default)]
        fixed: bool,
        reason: Option<String>,
    },
    Uploading,
    Accepted {
        job: String,
        since: Stamp,
        lease: Deadline,
        poll_after: Duration,
        #[serde(default)]
        not_before: Option<Deadline>,
    },
    Synced {
        at: Stamp,
    },
    Failed {
        reason: String,
    },
    Corrupted {
        reason: String,
    },
}
