//! A log whose appends are one write each.

use std::io;
use std::path::Path;

use earmark_core::Frame;
use wal_db::{SegmentedStore, Wal};

use super::{Rival, SEGMENT_BYTES};
use crate::speed::policy::HandOver;

pub(super) struct WalDb(Wal<SegmentedStore>);

impl Rival for WalDb {
    const NAME: &'static str = "wal-db";
    const HANDS_OVER: bool = true;

    fn open(folder: &Path) -> io::Result<Self> {
        let wal = Wal::open_segmented(folder, u64::from(SEGMENT_BYTES));
        wal.map(Self).map_err(io::Error::other)
    }

    fn keep(&mut self, frames: &[Frame], _: HandOver) -> io::Result<()> {
        for frame in frames {
            self.0.append(&frame.bytes).map(drop).map_err(io::Error::other)?;
        }
        self.0.sync().map_err(io::Error::other)
    }
}
