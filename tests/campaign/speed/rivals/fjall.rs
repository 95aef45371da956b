//! A log-structured merge tree with a journal.

use std::io;
use std::path::Path;

use earmark_core::Frame;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::Rival;
use crate::speed::policy::HandOver;

pub(super) struct Fjall {
    database: Database,
    frames: Keyspace,
    next: u64,
}

impl Rival for Fjall {
    const NAME: &'static str = "fjall";
    const HANDS_OVER: bool = true;

    fn open(folder: &Path) -> io::Result<Self> {
        let database = Database::builder(folder).open().map_err(io::Error::other)?;
        let frames = database.keyspace("frames", KeyspaceCreateOptions::default);
        Ok(Self { database, frames: frames.map_err(io::Error::other)?, next: 0 })
    }

    fn keep(&mut self, frames: &[Frame], hand_over: HandOver) -> io::Result<()> {
        let mut batch = self.database.batch();
        for frame in frames {
            let (key, value) = (self.next.to_be_bytes(), frame.bytes.as_ref());
            self.next += 1;
            match hand_over {
                HandOver::Each => self.frames.insert(key, value).map_err(io::Error::other)?,
                HandOver::Batch => batch.insert(&self.frames, key, value),
            }
        }
        batch.commit().map_err(io::Error::other)?;
        self.database.persist(PersistMode::SyncData).map_err(io::Error::other)
    }
}
