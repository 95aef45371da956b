//! The five actors, and the live socket beside them: thin shells around the machines of the core.
//!
//! An actor translates a message into an event, steps its machine, and carries out the effects. It
//! decides nothing itself. Nothing here waits inside a handler, so timers are never late.

mod connectivity;
mod frame_ingest;
mod guard;
mod message;
mod peers;
mod session_supervisor;
mod sync_worker;
mod timer;
mod uplink;
mod wal_store;

pub(crate) use connectivity::Connectivity;
pub(crate) use frame_ingest::FrameIngest;
pub(crate) use message::{
    AccountChanged, AskInventory, AwaitFiles, Delete, HostNetwork, Inventory, LiveView, Retry,
    SessionView, Stop, Surrounded, TransferRuled, UploadView,
};
pub(crate) use peers::{Peers, Shared, tell};
pub(crate) use session_supervisor::SessionSupervisor;
pub(crate) use sync_worker::SyncWorker;
pub(crate) use uplink::Uplink;
pub(crate) use wal_store::{DiskTerms, WalStore};
