//! The whole runtime in random worlds: one seed makes one world, and everything that happens in it
//! is checked as it happens.
//!
//! | module | holds |
//! |---|---|
//! | [`kinds`] | the fault kinds |
//! | [`generate`] | worlds out of seeds, as feeds |
//! | [`checker`] | the invariants, held against everything that happens |
//! | [`trace`] | the course of a world as one number |
//! | [`run`](mod@run) | one seed played, and many until something breaks |
//! | [`shrink`](mod@shrink) | a failing feed made smaller |
//! | [`kept`] | feeds that once broke something |
//! | [`lies`] | lies that the checker must notice |
//! | [`tell`] | a world told to a person |
//! | [`census`] | which faults, and which rare events, a world has really met |

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "whoever listens to a world takes what it understands, and lets the rest pass"
)]

pub mod census;
pub mod checker;
pub mod dice;
pub mod generate;
pub mod kept;
pub mod kinds;
pub mod lies;
pub mod run;
pub mod shrink;
pub mod story;
pub mod tell;
pub mod trace;
