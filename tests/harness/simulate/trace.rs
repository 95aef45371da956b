//! The course of a world in one number: the same seed and build must give the same.

use std::fmt::Write;
use std::time::Duration;

use earmark_sim::witness::{Answer, Answered, Heard, Witness};

/// A hash over everything that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace(u64);

impl Default for Trace {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Trace {
    /// The number.
    pub const fn hash(self) -> u64 {
        self.0
    }

    const fn word(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.word(u64::from_le_bytes(*word)));
        rest.iter().for_each(|byte| self.word(u64::from(*byte)));
    }
}

impl Write for Trace {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.bytes(text.as_bytes());
        Ok(())
    }
}

impl Witness for Trace {
    fn hear(&mut self, at: Duration, heard: &Heard<'_>) {
        self.word(u64::try_from(at.as_micros()).unwrap_or(u64::MAX));
        match heard {
            Heard::Frame(device, _, _, bytes, answer) => {
                self.bytes(device.as_str().as_bytes());
                self.bytes(bytes);
                self.word(match answer {
                    Answer::Taken(seq) => seq.0 << 2,
                    Answer::Muted => 1,
                    Answer::Rejected(_) => 2,
                    Answer::Nobody => 3,
                });
            }
            Heard::Disk(call) => {
                self.word(call.op as u64);
                self.bytes(call.path.as_bytes());
                self.word(call.offset);
                self.word(call.len << 1 | u64::from(call.error.is_some()));
            }
            Heard::Live(device, _, bytes) => {
                self.bytes(device.as_str().as_bytes());
                self.bytes(bytes);
            }
            Heard::Body(number, bytes) => {
                self.word(*number);
                self.bytes(bytes);
            }
            Heard::Answered(number, Answered::Reply(status, _, body)) => {
                self.word(*number << 16 | u64::from(*status));
                self.bytes(body);
            }
            // A witness that cannot write is one that cannot fail.
            Heard::Event(event) => drop(write!(self, "{event:?}")),
            Heard::Held(_, _, held) => self.word(*held as u64),
            Heard::Ended(report, _, settled) => {
                self.bytes(report.to_json().as_bytes());
                self.word(u64::from(*settled));
            }
            Heard::Started(status, _) => drop(write!(self, "{status:?}")),
            Heard::Died(toll, _) => drop(write!(self, "{toll:?}")),
            other => drop(write!(self, "{:?}", std::mem::discriminant(other))),
        }
    }
}
