//! The log of a replicated database, through its keys and values.

use std::io;
use std::path::Path;

use earmark_core::Frame;
use raft_engine::{Config, Engine, LogBatch};

use super::Rival;
use crate::speed::policy::HandOver;

/// All frames belong to one group.
const GROUP: u64 = 1;

pub(super) struct RaftEngine {
    engine: Engine,
    batch: LogBatch,
    next: u64,
}

impl RaftEngine {
    /// Its own `sync` does nothing in this version; a write that says so does.
    fn write(&mut self, sync: bool) -> io::Result<()> {
        self.engine.write(&mut self.batch, sync).map(drop).map_err(io::Error::other)
    }
}

impl Rival for RaftEngine {
    const NAME: &'static str = "raft-engine";
    const HANDS_OVER: bool = true;

    fn open(folder: &Path) -> io::Result<Self> {
        let dir = folder.to_string_lossy().into_owned();
        let engine = Engine::open(Config { dir, ..Config::default() }).map_err(io::Error::other)?;
        Ok(Self { engine, batch: LogBatch::default(), next: 0 })
    }

    fn keep(&mut self, frames: &[Frame], hand_over: HandOver) -> io::Result<()> {
        for (left, frame) in (0..frames.len()).rev().zip(frames) {
            let key = self.next.to_be_bytes().to_vec();
            self.next += 1;
            self.batch.put(GROUP, key, frame.bytes.to_vec()).map_err(io::Error::other)?;
            if hand_over == HandOver::Each && left > 0 {
                self.write(false)?;
            }
        }
        self.write(true)
    }
}
