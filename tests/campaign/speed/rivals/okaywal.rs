//! A log in files of zeros, which are used again once their entries were given up.

use std::io;
use std::path::Path;

use earmark_core::Frame;
use okaywal::{Configuration, LogVoid, WriteAheadLog};

use super::{Rival, SEGMENT_BYTES};
use crate::speed::policy::HandOver;

pub(super) struct OkayWal(WriteAheadLog);

impl Rival for OkayWal {
    const NAME: &'static str = "okaywal";
    const HANDS_OVER: bool = false;

    fn open(folder: &Path) -> io::Result<Self> {
        let configuration = Configuration::default_for(folder)
            .preallocate_bytes(SEGMENT_BYTES)
            .checkpoint_after_bytes(u64::from(SEGMENT_BYTES));
        configuration.open(LogVoid).map(Self)
    }

    fn keep(&mut self, frames: &[Frame], _: HandOver) -> io::Result<()> {
        let mut entry = self.0.begin_entry()?;
        for frame in frames {
            entry.write_chunk(&frame.bytes)?;
        }
        entry.commit().map(drop)
    }
}
