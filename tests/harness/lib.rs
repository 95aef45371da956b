//! What the suites share.

pub mod feeds;
pub mod models;
pub mod reference;
