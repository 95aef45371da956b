//! A development server that speaks the protocol of Omi's, with scripted faults.
//!
//! [`Server`] is all of it but the sockets: it takes requests, frames and the time as arguments and
//! gives answers and messages as values, so that a simulated world can hold one. [`serve`] puts the
//! same server behind real sockets.
//!
//! | path | |
//! |---|---|
//! | `/v4/listen` | the live socket; `codec` in the query, `X-Device-Id-Hash` says whose it is |
//! | `POST /v1/sync-local-files`, `/v2/…` | an upload: form `files`, query `conversation_id` |
//! | `GET /v2/sync-local-files/{job}` | what has become of an upload |
//! | `POST /v1/conversations` | ends the conversation that is in progress |
//! | `GET /earmark/state` | what the server holds: [`StateReport`] |
//! | `GET /earmark/live` | the same by conversation: [`server::LiveReport`] |
//! | `POST /earmark/do` | takes one line of a script: [`ServerAction`] |
//!
//! With [`Options::token`] each of them wants that bearer token. `/earmark/do` answers 200, 400 to
//! a line that cannot be read, and 409 to one that cannot be carried out now. What is received is
//! kept as counts and hashes; no audio stays in memory.

pub mod audio;
pub mod net;
pub mod script;
pub mod server;

pub use net::{RunningBackend, serve};
pub use script::{Answer, Fault, FieldError, ServerAction};
pub use server::{Options, Server, StateReport};
