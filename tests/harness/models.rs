//! Simple models of machines, for the campaign and for the property tests.

pub mod connectivity;
pub mod ingest;
