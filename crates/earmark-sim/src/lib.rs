//! The simulated world of Earmark, and the language in which stories for it are told.
//!
//! | module | holds |
//! |---|---|
//! | [`feed`] | the scripted feed: what happens to a capture host, and when |
//! | [`expect`] | what a feed expects to see of the report at a moment |
//! | [`world`] | virtual time, and a disk, a network and a server in it |
//! | [`play`] | a feed played in that world, with the real runtime |
//! | [`witness`] | whoever wants to hear everything that happens there |
//! | [`report`] | the report: what came of it all, for people and for other tools |

pub mod expect;
pub mod feed;
pub mod play;
pub mod report;
pub mod witness;
pub mod world;
