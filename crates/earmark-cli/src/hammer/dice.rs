//! What a life of the writer leaves to chance.

/// A generator (splitmix64); the same seed gives the same draws.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) const fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, which is not 0.
    pub(super) const fn below(&mut self, limit: u64) -> u64 {
        self.draw() % limit
    }

    /// One of several; none of none.
    pub(super) fn pick<T: Copy>(&mut self, several: &[T]) -> Option<T> {
        let place = self.draw().checked_rem(several.len() as u64)?;
        several.get(usize::try_from(place).ok()?).copied()
    }
}
