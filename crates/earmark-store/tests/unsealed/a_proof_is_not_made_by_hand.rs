//! The fields of the proof are the store's own.

use earmark_core::RecordingId;
use earmark_store::SealedRecording;

fn main() {
    let _ = SealedRecording {
        recording: RecordingId::new(1, 1),
    };
}
