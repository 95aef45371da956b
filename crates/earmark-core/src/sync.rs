//! The upload of one recording, and what the answers of a server mean.

mod effect;
mod event;
mod facts;
mod machine;
mod pace;
mod queue;
mod state;
mod status;
mod verdict;
mod wait;

pub use effect::{Effect, Settlement};
pub use event::Event;
pub use facts::{UploadFacts, UploadStage};
pub use machine::{Setup, Superstate, Upload, UploadStep};
pub use pace::{FLIGHTS_MAX, Pace, REQUESTS_PER_MINUTE_MAX, Refusal, Slot};
pub use queue::{Queue, Turn};
pub use state::{End, Errand, Job, Pause, PauseKind, State};
pub use status::{Report, Status};
pub use verdict::{
    Api, Asked, CONFLICT_WAIT, DETAIL_CHARS_MAX, Delay, JOB_ID_BYTES_MAX, JobBody, NO_PLACE_WAIT,
    PollVerdict, RETRY_AFTER_MAX, Reply, TransportFault, UploadBody, Verdict, classify,
    classify_poll,
};
pub use wait::{
    ATTEMPTS_MAX, BACK_OFF_MAX, BACK_OFF_MIN, JOB_LEASE, POLL_WAIT_MAX, POLL_WAIT_MIN, RECORD_WAIT,
    SWALLOWED_MAX,
};
