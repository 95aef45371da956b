//! What may be let go without an upload.

use core::time::Duration;

use crate::Codec;

/// When a frame counts as delivered by the live socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Delivery {
    /// As soon as it was handed to the socket: the original's rule, which a half-open connection
    /// breaks.
    Sent,
    /// When the server's end of the socket has proven that it read it.
    Delivered,
    /// Never: everything is uploaded, or kept until a person deletes it.
    Keep,
}

/// Which recordings are released instead of uploaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Policy {
    /// What counts as delivered.
    pub delivery: Delivery,
    /// A recording is released when less audio than this was not delivered; zero releases it only
    /// when every frame was.
    pub threshold: Duration,
    /// Whether waits are lengthened by up to a fifth, so that many hosts do not ask at once.
    pub jitter: bool,
}

impl Policy {
    /// The product's own rules.
    pub const EVERYDAY: Self =
        Self { delivery: Delivery::Delivered, threshold: Duration::ZERO, jitter: true };

    /// The rules of the Omi app of April 2026, for parity tests.
    pub const OMI_2026_04: Self =
        Self { delivery: Delivery::Sent, threshold: Duration::from_secs(10), jitter: false };

    /// Whether a recording with so many undelivered frames may be released.
    pub fn releases(&self, codec: Codec, undelivered: u64) -> bool {
        let threshold = self.threshold.as_micros() / codec.frame_duration().as_micros();
        match self.delivery {
            Delivery::Keep => false,
            Delivery::Sent | Delivery::Delivered => {
                undelivered == 0 || u128::from(undelivered) < threshold
            }
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::EVERYDAY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_default_one_undelivered_frame_is_enough_to_upload() {
        assert!(Policy::EVERYDAY.releases(Codec::Opus, 0));
        assert!(!Policy::EVERYDAY.releases(Codec::Opus, 1));
    }

    #[test]
    fn the_originals_rule_drops_less_than_ten_seconds() {
        assert!(Policy::OMI_2026_04.releases(Codec::Opus, 999));
        assert!(!Policy::OMI_2026_04.releases(Codec::Opus, 1_000));
        assert!(!Policy::OMI_2026_04.releases(Codec::OpusFs320, 500));
    }

    #[test]
    fn unless_a_host_says_otherwise_the_products_rules_hold() {
        assert_eq!(Policy::default(), Policy::EVERYDAY);
    }

    #[test]
    fn an_archive_releases_nothing() {
        let keep = Policy { delivery: Delivery::Keep, ..Policy::EVERYDAY };
        assert!(!keep.releases(Codec::Opus, 0));
    }
}
