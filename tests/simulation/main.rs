//! The real runtime in simulated worlds.

mod races;
mod seeds;
