//! Each machine of the core against a small reference of it.
//!
//! The reference decides what may happen next, and what must come of it; after every transition the
//! machine must be where it says, and have ordered what it says.

mod connectivity;
mod ingest;
mod session;
mod upload;

mod wal_store;
