//! The one source of randomness.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::{Arc, Mutex};

use crate::source::locked;

/// A generator that all parts of one runtime draw from. The same seed gives the same draws.
#[derive(Clone, Debug)]
pub(crate) struct Chance(Arc<Mutex<u64>>);

impl Chance {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(seed)))
    }

    /// Seeded by the operating system, through the standard library's hash seeds.
    pub(crate) fn from_system() -> Self {
        Self::seeded(RandomState::new().build_hasher().finish())
    }

    /// The next draw (splitmix64: one addition and a mix, every seed good).
    pub(crate) fn draw(&self) -> u64 {
        let mut state = locked(&self.0);
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A draw of 16 bits.
    pub(crate) fn roll(&self) -> u16 {
        (self.draw() >> 48) as u16
    }
}
