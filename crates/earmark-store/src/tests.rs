//! Stories about the store, told on the simulated disk.

mod adopt;
mod crashes;
mod damage;
#[cfg(target_os = "linux")]
mod descriptors;
mod disks;
mod faults;
mod found;
mod journal;
mod kept;
mod ledger;
mod recovery;
mod repair;
mod reserve;
mod sealing;
mod snapshots;
mod space;
mod spares;
mod world;
