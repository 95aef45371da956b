//! A log of one writer in files whose room was asked for.

use std::io;
use std::path::Path;

use earmark_core::Frame;
use open_wal::{Wal, WalConfig};

use super::{Rival, SEGMENT_BYTES};
use crate::speed::policy::HandOver;

pub(super) struct OpenWal(Wal);

impl Rival for OpenWal {
    const NAME: &'static str = "open-wal";
    const HANDS_OVER: bool = false;

    fn open(folder: &Path) -> io::Result<Self> {
        let segment_size = u64::from(SEGMENT_BYTES);
        let config = WalConfig { segment_size, ..WalConfig::default() };
        let (wal, _) = Wal::open(folder, config).map_err(io::Error::other)?;
        Ok(Self(wal))
    }

    fn keep(&mut self, frames: &[Frame], _: HandOver) -> io::Result<()> {
        for frame in frames {
            self.0.append(&frame.bytes).map_err(io::Error::other)?;
        }
        self.0.commit().map(drop).map_err(io::Error::other)
    }
}
