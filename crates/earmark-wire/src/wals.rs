//! An Omi app's list of its recordings, `wals.json`, as its versions have written it.
//!
//! ```text
//! {"version": 1, "timestamp": MILLISECONDS, "wals": [ENTRY, …]}
//!
//! entry                 read as                                   when it is absent
//! timer_start           start of the audio, seconds since 1970    told by the file's name
//! codec                 what its frames are                       told by the file's name
//! sample_rate, channel  hertz, and how many channels              16000, 1
//! status                where its upload stands                   inProgress
//! storage               where its audio lies                      mem
//! file_path             its file, without the folders before it   none
//! device                a Bluetooth address, `phone-mic`, `omi`   phone
//! conversation_id       the conversation it is linked to          none
//! retry_count           attempts that were spent                  0
//! job_id                what the server calls its work on it      none
//! ```
//!
//! Every key of an entry is kept with its value as it was written, those of this list too: who
//! writes the entry again changes some and hands on the rest.

mod encode;
mod entry;
mod keys;
mod read;

use alloc::vec::Vec;

pub use encode::{WalFacts, encode_wals};
pub use entry::{WalEntry, WalStatus, WalStorage};
pub use keys::WalKeys;
pub use read::read_wals;

/// How much of a list is read, in bytes; what lies behind is as if it were torn off.
pub const WALS_BYTES_MAX: usize = 64 << 20;

/// The most entries of a list that are read.
pub const WALS_MAX: usize = 100_000;

/// The longest entry that is read, in bytes.
pub const WAL_BYTES_MAX: usize = 64 << 10;

/// The most keys of an entry, and of the list itself, that are read.
pub const WAL_KEYS_MAX: usize = 128;

/// What a list says, as far as it can be read.
#[derive(Clone, Debug, Default)]
pub struct WalIndex {
    /// The entries that can be used, in the order of the list.
    pub entries: Vec<WalEntry>,
    /// What cannot be used: the number of the entry, from 0, and why.
    pub unusable: Vec<(usize, WalFault)>,
    /// The list's own keys, but for those that are written anew each time.
    pub rest: WalKeys,
    /// Why it was not read to its end; what stands before that counts.
    pub fault: Option<WalsFault>,
}

/// Why a list was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WalsFault {
    /// It holds nothing.
    #[error("it is empty")]
    Empty,
    /// It ends, or stops being JSON.
    #[error("it breaks off at line {line}, column {column}")]
    Broken {
        /// The line, from 1.
        line: usize,
        /// The column in bytes, from 1.
        column: usize,
    },
    /// It is JSON of another form.
    #[error("it is no object with a list `wals`")]
    Shape,
    /// It is longer than what is read.
    #[error("it is longer than {WALS_BYTES_MAX} bytes; what lies behind them was not read")]
    TooLong,
    /// It has more entries than are read.
    #[error("it has more than {WALS_MAX} entries; those behind them were not read")]
    TooMany,
}

/// Why an entry cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WalFault {
    /// It is no JSON object.
    #[error("it is no object")]
    Shape,
    /// It is longer than an entry can be.
    #[error("it has {bytes} bytes; at most {WAL_BYTES_MAX} are read")]
    TooLong {
        /// How many bytes it has.
        bytes: usize,
    },
    /// It has more keys than an entry can have.
    #[error("it has more than {WAL_KEYS_MAX} keys")]
    TooManyKeys,
}

#[cfg(test)]
mod tests;
