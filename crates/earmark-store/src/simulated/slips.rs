//! Writes that go wrong without an error: the medium says that it has taken what it has not.

/// How a write goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slip {
    /// Only its first half reaches the medium.
    Torn,
    /// Nothing of it does.
    Lost,
    /// It reaches the medium at another place of the file.
    Misdirected,
}

/// A write that went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slipped {
    /// How.
    pub slip: Slip,
    /// The file.
    pub path: String,
    /// Where the write was meant to go.
    pub offset: u64,
    /// How many bytes it had.
    pub len: u64,
}

/// How far from its place a misdirected write lands, in bytes.
const STRAY_BYTES: u64 = 8_192;

/// The slips that are due, and those that were.
#[derive(Debug, Default)]
pub(super) struct Slips {
    due: Vec<(Slip, String, u64)>,
    met: Vec<Slipped>,
}

impl Slips {
    pub(super) fn add(&mut self, slip: Slip, prefix: &str, times: u64) {
        self.due.push((slip, prefix.to_owned(), times));
    }

    pub(super) fn clear(&mut self) {
        self.due.clear();
    }

    pub(super) fn take(&mut self) -> Vec<Slipped> {
        std::mem::take(&mut self.met)
    }

    /// Where a write really goes, and what of it.
    pub(super) fn meet<'a>(&mut self, path: &str, offset: u64, bytes: &'a [u8]) -> (u64, &'a [u8]) {
        let is_due = |due: &&mut (Slip, String, u64)| due.2 > 0 && path.starts_with(&due.1);
        let Some((slip, _, times)) = self.due.iter_mut().find(is_due) else {
            return (offset, bytes);
        };
        *times -= 1;
        let (slip, path) = (*slip, path.to_owned());
        self.met.push(Slipped { slip, path, offset, len: bytes.len() as u64 });
        match slip {
            Slip::Torn => (offset, &bytes[..bytes.len() / 2]),
            Slip::Lost => (offset, &[]),
            Slip::Misdirected => (offset + STRAY_BYTES, bytes),
        }
    }
}
