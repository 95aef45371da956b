//! The real runtime in simulated worlds.

mod planted;
mod seeds;
