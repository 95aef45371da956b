//! A recording's file as the body of a request.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use reqwest::Body;
use reqwest::multipart::{Form, Part};
use tokio::task::spawn_blocking;

use super::progress::Progress;
use crate::http::{Blocks, Damaged, FilePart};

/// The most bytes that are handed out at once. The client keeps some pieces before it writes them,
/// so that they are the grain in which progress is seen.
const PIECE_BYTES_MAX: usize = 4 << 10;

/// How long the last piece waits for a server that breaks the connection. What breaks before the
/// last piece left had surely no effect; what breaks after it is in doubt.
const LAST_PIECE_MILLISECONDS: u64 = 20;

type SharedBlocks = Arc<Mutex<Box<dyn Blocks>>>;

/// A recording's file on its way out.
pub(super) struct Upload {
    name: String,
    bytes: u64,
    blocks: SharedBlocks,
}

/// Why a body ended before its time.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error(transparent)]
    Damaged(Damaged),
    #[error("the file was not read to its end")]
    Unread,
}

impl Upload {
    pub(super) fn new(part: FilePart) -> Self {
        let FilePart { name, bytes, blocks } = part;
        Self { name, bytes, blocks: Arc::new(Mutex::new(blocks)) }
    }

    /// Starts again from the first block, for another request with the same file; whether it can.
    pub(super) async fn rewind(&self) -> bool {
        let blocks = Arc::clone(&self.blocks);
        spawn_blocking(move || lock(&blocks).rewind()).await.unwrap_or(false)
    }

    /// The form with the file as its one part.
    pub(super) fn form(&self, progress: &Arc<Progress>) -> Form {
        let body = Body::wrap_stream(self.pieces(Arc::clone(progress)));
        let part = Part::stream_with_length(body, self.bytes)
            .file_name(self.name.clone())
            .mime_str("application/octet-stream")
            .expect("a media type that is written here is one");
        Form::new().part("files", part)
    }

    fn pieces(&self, progress: Arc<Progress>) -> impl Stream<Item = Result<Bytes, Broken>> + use<> {
        let blocks = Arc::clone(&self.blocks);
        let pieces = Pieces { blocks, progress, left: self.bytes, block: Bytes::new() };
        stream::try_unfold(pieces, |mut pieces| async {
            let piece = pieces.next().await?;
            Ok(piece.map(|piece| (piece, pieces)))
        })
    }
}

struct Pieces {
    blocks: SharedBlocks,
    progress: Arc<Progress>,
    /// Bytes of the file that were not handed out.
    left: u64,
    /// What was read and not handed out.
    block: Bytes,
}

impl Pieces {
    async fn next(&mut self) -> Result<Option<Bytes>, Broken> {
        self.progress.make();
        if self.left == 0 {
            self.progress.complete();
            return Ok(None);
        }
        while self.block.is_empty() {
            self.block = self.read().await?.ok_or_else(|| self.damaged("is too short"))?;
        }
        let piece = self.block.split_to(self.block.len().min(PIECE_BYTES_MAX));
        let rest = self.left.checked_sub(piece.len() as u64);
        self.left = rest.ok_or_else(|| self.damaged("is too long"))?;
        if self.left == 0 {
            self.finish().await?;
        }
        Ok(Some(piece))
    }

    /// Makes sure that nothing follows the last piece, and lets it go.
    async fn finish(&mut self) -> Result<(), Broken> {
        if !self.block.is_empty() || self.read().await?.is_some_and(|block| !block.is_empty()) {
            return Err(self.damaged("is too long"));
        }
        tokio::time::sleep(Duration::from_millis(LAST_PIECE_MILLISECONDS)).await;
        self.progress.complete();
        Ok(())
    }

    async fn read(&mut self) -> Result<Option<Bytes>, Broken> {
        let blocks = Arc::clone(&self.blocks);
        let read = spawn_blocking(move || lock(&blocks).next_block()).await;
        read.map_err(|_| Broken::Unread)?.map_err(|damaged| {
            self.progress.damaged(damaged.clone());
            Broken::Damaged(damaged)
        })
    }

    fn damaged(&self, what: &str) -> Broken {
        let damaged =
            Damaged { reason: format!("the file {what} for what was sealed"), may_pass: false };
        self.progress.damaged(damaged.clone());
        Broken::Damaged(damaged)
    }
}

fn lock(blocks: &SharedBlocks) -> impl std::ops::DerefMut<Target = Box<dyn Blocks>> {
    blocks.lock().unwrap_or_else(PoisonError::into_inner)
}
