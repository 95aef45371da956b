//! The upload of a recording cannot be written down for one that is only named.

use earmark_core::RecordingId;
use earmark_core::sync::{Api, Setup, Upload};
use earmark_store::SealedRecording;

fn upload(recording: RecordingId) -> Upload<SealedRecording> {
    let setup = Setup { online: true, signed_in: true, jitter: true, api: Api::V2 };
    Upload::new(recording, setup)
}

fn main() {}
