//! The upload of one recording, and what the answers of a server mean.

mod facts;

pub use facts::{UploadFacts, UploadStage};
