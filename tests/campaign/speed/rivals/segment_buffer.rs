//! A buffer in front of a server: one compressed file for each flush.

use std::io;
use std::path::Path;

use earmark_core::Frame;
use segment_buffer::{DurabilityPolicy, FlushPolicy, SegmentBuffer, SegmentConfig};

use super::Rival;
use crate::speed::policy::HandOver;

pub(super) struct Segments(SegmentBuffer<Vec<u8>>);

impl Rival for Segments {
    const NAME: &'static str = "segment-buffer";
    const HANDS_OVER: bool = false;

    fn open(folder: &Path) -> io::Result<Self> {
        let config = SegmentConfig::builder()
            .durability(DurabilityPolicy::Maximal)
            .flush_policy(FlushPolicy::Manual)
            .build();
        SegmentBuffer::open(folder, config).map(Self).map_err(io::Error::other)
    }

    fn keep(&mut self, frames: &[Frame], _: HandOver) -> io::Result<()> {
        let frames = frames.iter().map(|frame| frame.bytes.to_vec());
        self.0.append_all(frames).map_err(io::Error::other)?;
        self.0.flush().map_err(io::Error::other)
    }
}
