//! The program from outside: what it prints, what it writes, and how it exits.

mod backend;
mod demo;
mod export;
mod harness;
mod host;
mod keep;
mod play;
mod real_feeds;
mod refusals;
mod repair;
mod samples;
mod store;
mod takeover;
mod upload;
