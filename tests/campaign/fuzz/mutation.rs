//! Changes inputs as damage, accidents and malice would.

/// Numbers that follow from a seed (SplitMix64).
#[derive(Clone, Debug)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) const fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 when there is none.
    pub(super) const fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { (self.roll() % end as u64) as usize }
    }
}

/// Integers at the edges of their types.
const EXTREMES: [u64; 12] = [
    0,
    1,
    0x7f,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    0x0100_0000,
    0x7fff_ffff_ffff_ffff,
    u64::MAX,
    0x8000_0000_0000_0000,
];

/// What may stand in JSON where something else stood.
const TOKENS: [&str; 16] = [
    "null",
    "true",
    "-1",
    "1e309",
    "0.5",
    "18446744073709551616",
    "\"\"",
    "[]",
    "{}",
    "[[[[[[[[",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "{\"a\":",
    ",",
    "9223372036854775807",
    "\"%2e%2e/\"",
];

/// Changes of one input at most.
const CHANGES_MAX: usize = 4;

/// Changes `input` a few times; it may take parts of `other`.
pub(super) fn mutate(input: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    for _ in 0..=dice.below(CHANGES_MAX) {
        change(input, other, dice);
    }
}

fn change(input: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    let at = dice.below(input.len());
    match dice.below(9) {
        0 | 1 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << dice.below(8);
            }
        }
        2 => {
            if let Some(byte) = input.get_mut(at) {
                *byte = dice.roll() as u8;
            }
        }
        3 => input.truncate(at),
        4 => splice(input, at, other, dice),
        5 => extreme(input, at, dice),
        6 => {
            let end = (at + 1 + dice.below(16)).min(input.len());
            input.drain(at.min(end)..end);
        }
        7 => {
            let end = (at + 1 + dice.below(32)).min(input.len());
            let part = input.get(at..end).unwrap_or_default().to_vec();
            input.splice(at..at, part);
        }
        _ => token(input, at, dice),
    }
}

/// Puts a part of another input over or into this one.
fn splice(input: &mut Vec<u8>, at: usize, other: &[u8], dice: &mut Dice) {
    let from = dice.below(other.len());
    let len = dice.below((other.len() - from.min(other.len())).min(64) + 1);
    let part = other.get(from..from + len).unwrap_or_default().to_vec();
    let over = if dice.below(2) == 0 { 0 } else { len.min(input.len() - at) };
    input.splice(at..at + over, part);
}

fn extreme(input: &mut [u8], at: usize, dice: &mut Dice) {
    let bytes = EXTREMES[dice.below(EXTREMES.len())].to_le_bytes();
    let width = [1, 2, 4, 8][dice.below(4)];
    for (place, byte) in input.iter_mut().skip(at).zip(&bytes[..width]) {
        *place = *byte;
    }
}

/// Replaces what stands between two marks of JSON.
fn token(input: &mut Vec<u8>, at: usize, dice: &mut Dice) {
    let mark = |byte: &u8| b",:[]{}".contains(byte);
    let start = input[..at].iter().rposition(mark).map_or(0, |mark| mark + 1);
    let end = input[at..].iter().position(mark).map_or(input.len(), |mark| at + mark);
    let token = TOKENS[dice.below(TOKENS.len())].bytes();
    input.splice(start..end.max(start), token);
}
