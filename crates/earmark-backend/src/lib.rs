//! A development server that speaks the protocol of Omi's, with scripted faults.
//!
//! [`Server`] is all of it but the sockets: it takes requests, frames and the time as arguments and
//! gives answers and messages as values, so that a simulated world can hold one.

pub mod audio;
pub mod net;
pub mod script;
pub mod server;

pub use net::{RunningBackend, serve};
pub use script::{Answer, Fault, FieldError, ServerAction};
pub use server::{Options, Server, StateReport};
