//! The database that most would take: a write-ahead log, one transaction for each hand-over.

use std::io;
use std::path::Path;

use earmark_core::Frame;
use rusqlite::Connection;

use super::Rival;
use crate::speed::policy::HandOver;

const INSERT: &str = "INSERT INTO frames (bytes) VALUES (?1)";

pub(super) struct Sqlite(Connection);

impl Sqlite {
    /// `FULL` syncs with each commit, `NORMAL` with each checkpoint.
    fn synchronous(&self, how: &str) -> rusqlite::Result<()> {
        self.0.pragma_update(None, "synchronous", how)
    }

    fn insert(&self, frame: &Frame) -> rusqlite::Result<()> {
        self.0.prepare_cached(INSERT)?.execute([frame.bytes.as_ref()]).map(drop)
    }

    fn each(&self, frames: &[Frame]) -> rusqlite::Result<()> {
        self.synchronous("NORMAL")?;
        frames.iter().try_for_each(|frame| self.insert(frame))?;
        self.0.query_row("PRAGMA wal_checkpoint(FULL)", [], |_| Ok(()))
    }

    fn batch(&self, frames: &[Frame]) -> rusqlite::Result<()> {
        self.synchronous("FULL")?;
        let transaction = self.0.unchecked_transaction()?;
        frames.iter().try_for_each(|frame| self.insert(frame))?;
        transaction.commit()
    }
}

impl Rival for Sqlite {
    const NAME: &'static str = "sqlite";
    const HANDS_OVER: bool = true;

    fn open(folder: &Path) -> io::Result<Self> {
        let connection = Connection::open(folder.join("frames.db")).map_err(io::Error::other)?;
        let prepare = "PRAGMA journal_mode = WAL; CREATE TABLE frames (bytes BLOB NOT NULL);";
        connection.execute_batch(prepare).map_err(io::Error::other)?;
        Ok(Self(connection))
    }

    fn keep(&mut self, frames: &[Frame], hand_over: HandOver) -> io::Result<()> {
        let kept = match hand_over {
            HandOver::Each => self.each(frames),
            HandOver::Batch => self.batch(frames),
        };
        kept.map_err(io::Error::other)
    }
}
