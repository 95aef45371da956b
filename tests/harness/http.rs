//! What a server can do with a request, and what must come of it, by the specification alone.
//!
//! | module | holds |
//! |---|---|
//! | [`table`] | every behaviour: how it is scripted, its class, its price, its wait, its words |
//! | [`page`] | the same as the table of `docs/http.md` |
//! | [`course`] | what an upload must do next, step by step, while a server behaves so |
//!
//! Nothing here looks at the code that classifies answers: a test that holds one against the other
//! would see nothing if they were the same.

pub mod course;
pub mod page;
pub mod table;
