//! The one maker of proofs is the store's own.

use earmark_core::RecordingId;
use earmark_store::{RecordingFacts, SealedRecording};

fn proof(facts: &RecordingFacts) -> Option<SealedRecording> {
    SealedRecording::of(RecordingId::new(1, 1), facts)
}

fn main() {}
