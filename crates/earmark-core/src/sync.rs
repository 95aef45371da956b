//! The upload of one recording, and what the answers of a server mean.
//!
//! The machine decides; whoever drives it gives it slots, keeps the journal and makes the requests.
//! One recording has one machine, at most one request in flight, and one timer. The journal answers
//! in the order in which it was given records.
//!
//! Wherever the upload could go on at once it goes to `Queued`, or to `Offline` or `SignedOut` when
//! the network or the account is missing; from there, and from `Waiting`, it goes on with its
//! errand: the upload, or the question about a job that the server works on.
//!
//! ```text
//! Held        --Due--> Queued | Offline | SignedOut
//! Held        --Recovered--> Queued | Offline | SignedOut | Waiting | Settling
//! Held        --Recovered--> Synced | Failed | Corrupted
//! Queued      --SlotGranted--> Journalling | Polling
//! Journalling --AttemptRecorded--> Uploading | Offline | SignedOut
//! Journalling | Uploading --AttemptNotMade--> Waiting | Offline
//! Uploading   --ReplyArrived--> Settling | Waiting | SigningIn | SignInNeeded
//! Uploading   --ReplyArrived--> Queued | Offline | SignedOut
//! Polling     --JobPolled--> Settling | Waiting | SigningIn | SignInNeeded | Offline | SignedOut
//! Waiting     --TimerFired--> Queued | Offline | SignedOut
//! Settling    --OutcomeRecorded--> Synced | Failed | Corrupted
//!
//! Queued      --NetworkLost--> Offline
//! Queued      --SignedOut--> SignedOut
//! Offline     --NetworkReturned--> Queued | SignedOut
//! Waiting     --NetworkReturned--> Queued | SignedOut
//! SigningIn   --SignInRenewed--> Queued | Offline
//! SigningIn   --SignInRefused--> SignInNeeded
//! SigningIn | SignInNeeded --SignedOut--> SignedOut | Offline
//! SigningIn | SignInNeeded | SignedOut --SignedIn--> Queued | Offline
//! SignInNeeded --RetryRequested--> Queued | Offline
//! Waiting | Failed --RetryRequested--> Queued | Offline | SignedOut
//!
//! Held | Queued | Waiting | Offline | Journalling --FileDamaged--> Settling
//! Uploading | SigningIn | SignInNeeded | SignedOut --FileDamaged--> Settling
//! Held | Queued | Waiting | Offline | Journalling | Uploading | Polling --Deleted--> Deleted
//! SigningIn | SignInNeeded | SignedOut | Settling --Deleted--> Deleted
//! Synced | Failed | Corrupted --Deleted--> Deleted
//! ```
//!
//! What each state waits for: `Held` its session; `Queued` a slot; `Waiting` its timer; `Offline`
//! the network; `Journalling` the journal; `Uploading` and `Polling` a reply; `SigningIn` the host;
//! `SignInNeeded` and `SignedOut` a person; `Settling` the journal, or the timer after which it is
//! asked again. `Failed` is left by a person alone, `Synced` and `Corrupted` by nobody.

mod effect;
mod event;
mod facts;
mod gate;
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
pub use gate::{
    BUSY_WAIT, COOLING_ACCOUNTS_MAX, FAIR_USE_WAIT, Gate, HISTORY_AGE, Hold, Pressure,
    Surroundings, TransferRules,
};
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

#[cfg(test)]
mod tests;
