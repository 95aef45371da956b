//! What the suites share.

pub mod feeds;
