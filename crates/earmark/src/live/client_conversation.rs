//! A conversation as the client names it.

use std::fmt;

/// A UUID that the client gives a conversation, and gives again at each reconnect, so that a server
/// that takes one goes on with the conversation instead of beginning another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientConversationId(u128);

impl ClientConversationId {
    /// An id from two random draws.
    pub(crate) const fn random(high: u64, low: u64) -> Self {
        const VERSION_4: u128 = 0x4 << 76;
        const VERSION_MASK: u128 = 0xf << 76;
        const VARIANT: u128 = 0b10 << 62;
        const VARIANT_MASK: u128 = 0b11 << 62;
        let drawn = ((high as u128) << 64) | low as u128;
        Self(drawn & !(VERSION_MASK | VARIANT_MASK) | VERSION_4 | VARIANT)
    }
}

impl fmt::Display for ClientConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:032x}", self.0);
        let (a, b) = (&digits[..8], &digits[8..12]);
        let (c, d, e) = (&digits[12..16], &digits[16..20], &digits[20..]);
        write!(f, "{a}-{b}-{c}-{d}-{e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_written_as_a_random_uuid() {
        let zero = ClientConversationId::random(0, 0);
        assert_eq!(zero.to_string(), "00000000-0000-4000-8000-000000000000");
        let ones = ClientConversationId::random(u64::MAX, u64::MAX);
        assert_eq!(ones.to_string(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        let mixed = ClientConversationId::random(0x0123_4567_89ab_cdef, 0x0011_2233_4455_6677);
        assert_eq!(mixed.to_string(), "01234567-89ab-4def-8011-223344556677");
    }
}
