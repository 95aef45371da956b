//! The thin shell around the machines, through the handle that a host holds, in virtual time.

mod boundaries;
mod durability;
mod host;
mod limits;
mod live;
mod panics;
mod targets;
mod transfers;
mod wire;
