//! What the suites share.

pub mod feeds;
pub mod http;
pub mod models;
pub mod reference;
pub mod simulate;
