//! What the suites share.

pub mod feeds;
pub mod simulate;
