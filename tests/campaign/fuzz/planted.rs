//! Parsers with a bug each, which the fuzzer must notice.

/// Panics on two bytes in a row.
pub(super) fn panics(bytes: &[u8]) -> String {
    assert!(!bytes.windows(2).any(|pair| pair == [0xff, 0x7f]), "the planted panic");
    String::new()
}

/// Allocates as much as it is told.
pub(super) fn allocates(bytes: &[u8]) -> String {
    let len = bytes.first_chunk().map_or(0, |len| u32::from_le_bytes(*len));
    // Not more than a machine has: the bound is what is to be noticed.
    let buffer: Vec<u8> = Vec::with_capacity((len as usize).min(64 << 20));
    format!("{}", buffer.capacity().leading_zeros())
}

/// Goes on for ever once it meets a certain byte.
pub(super) fn loops(bytes: &[u8]) -> String {
    let mut at = 0;
    while at < bytes.len() {
        at += std::hint::black_box(usize::from(bytes[at] != 0xff));
    }
    String::new()
}
