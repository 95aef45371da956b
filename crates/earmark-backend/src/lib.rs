//! A development server that speaks the protocol of Omi's, with scripted faults.

pub mod audio;
pub mod script;

pub use script::{Answer, Fault, FieldError, ServerAction};
