//! The simulated world: virtual time, and a disk, a network and a server in it.
//!
//! The runtime in it is the real one. Time passes only when nothing is left to do, so an hour takes
//! seconds, and the same feed and seed take the same course to the byte.

mod clock;
mod disk;
mod http;
mod life;
mod live;
mod network;
mod record;

pub use clock::{TimeStandsStill, VirtualClock, in_virtual_time};
pub use life::{DiskSpeed, Life, PlannedPanic, Setting};
pub use network::Network;
pub(crate) use network::locked;
pub use record::Happened;
