//! The upload of one recording, and what the answers of a server mean.

mod effect;
mod event;
mod facts;
mod queue;
mod status;
mod verdict;

pub use effect::{Effect, Settlement};
pub use event::Event;
pub use facts::{UploadFacts, UploadStage};
pub use queue::Turn;
pub use status::{Report, Status};
pub use verdict::{
    Api, Asked, CONFLICT_WAIT, DETAIL_CHARS_MAX, Delay, JOB_ID_BYTES_MAX, JobBody, NO_PLACE_WAIT,
    PollVerdict, RETRY_AFTER_MAX, Reply, TransportFault, UploadBody, Verdict, classify,
    classify_poll,
};
