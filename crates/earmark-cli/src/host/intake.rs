//! Where a source's frames go in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use earmark::{Encoding, FrameSeq, Rejected, Rejection, SourceHandle, WallTime};

use super::room::Room;

/// How long a source that can wait waits until it offers a frame again.
const OFFER_AGAIN: Duration = Duration::from_millis(50);

/// What became of a source's frames since the start.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Offered.
    pub(crate) offered: AtomicU64,
    /// Taken.
    pub(crate) taken: AtomicU64,
    /// Refused and lost: their source could not wait.
    pub(crate) refused: AtomicU64,
}

impl Counts {
    fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// A source's way into the runtime.
pub(crate) struct Intake {
    handle: SourceHandle,
    encoding: Encoding,
    room: Arc<Room>,
    counts: Arc<Counts>,
}

/// A frame that was not taken.
#[derive(Debug)]
pub(crate) struct NotTaken {
    pub(crate) frame: Bytes,
    pub(crate) fault: String,
    /// Whether the same frame may be taken later.
    pub(crate) may_pass: bool,
}

impl Intake {
    pub(crate) fn new(
        handle: SourceHandle,
        encoding: Encoding,
        room: Arc<Room>,
        counts: Arc<Counts>,
    ) -> Self {
        Self { handle, encoding, room, counts }
    }

    pub(crate) const fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Begins a capture.
    pub(crate) fn start(&mut self) -> Result<(), String> {
        self.handle.start(self.encoding).map_err(|error| error.to_string())
    }

    /// Ends the capture, if one runs.
    pub(crate) fn stop(&self) -> Result<(), String> {
        self.handle.stop().map_err(|error| error.to_string())
    }

    /// Ends the conversation: what comes is another one.
    pub(crate) fn finish(&self) -> Result<(), String> {
        self.handle.finish().map_err(|error| error.to_string())
    }

    /// Whether what is offered is let go, by a person's wish.
    #[cfg(feature = "microphone")]
    pub(crate) fn is_muted(&self) -> bool {
        self.handle.is_muted()
    }

    /// How many taken frames are not durable yet.
    pub(crate) fn unacknowledged(&self) -> usize {
        self.handle.unacknowledged()
    }

    /// Offers a frame that was captured just now, or at a time that its source knows. Nothing is
    /// given back for one that was let go because of a mute.
    pub(crate) fn push(
        &self,
        frame: Bytes,
        captured: Option<WallTime>,
    ) -> Result<Option<FrameSeq>, NotTaken> {
        Counts::add(&self.counts.offered);
        let bytes = frame.len() as u64;
        if let Err(fault) = self.room.admit(bytes) {
            return Err(NotTaken { frame, fault, may_pass: true });
        }
        let pushed = match captured {
            Some(captured) => self.handle.push_captured(frame, captured),
            None => self.handle.push(frame),
        };
        match pushed {
            Ok(Some(seq)) => {
                Counts::add(&self.counts.taken);
                self.room.took(bytes);
                Ok(Some(seq))
            }
            Ok(None) => Ok(None),
            Err(Rejected { frame, reason }) => {
                let may_pass = matches!(reason, Rejection::Full | Rejection::Store(_));
                Err(NotTaken { frame, fault: reason.to_string(), may_pass })
            }
        }
    }

    /// A refused frame is lost.
    pub(crate) fn lost(&self, fault: &str) {
        Counts::add(&self.counts.refused);
        tracing::warn!(device = %self.handle.device(), fault, "a frame was refused and is lost");
    }

    /// A refused frame is not lost: its source keeps it, and may offer it again.
    pub(crate) fn refused(&self, fault: &str) {
        let device = self.handle.device();
        tracing::warn!(%device, fault, "a frame was refused; its source may offer it again");
    }

    /// Offers a frame of a source that can wait until it is taken; whether it had to.
    pub(crate) async fn push_patiently(&self, frame: Bytes) -> bool {
        let (mut frame, mut has_waited) = (frame, false);
        loop {
            match self.push(frame, None) {
                Ok(_) => return has_waited,
                Err(refused) if refused.may_pass => {
                    if !has_waited {
                        let fault = refused.fault;
                        tracing::warn!(device = %self.handle.device(), fault, "the source waits");
                    }
                    frame = refused.frame;
                    has_waited = true;
                    tokio::time::sleep(OFFER_AGAIN).await;
                }
                Err(refused) => {
                    self.lost(&refused.fault);
                    return has_waited;
                }
            }
        }
    }

    /// Offers a frame of a source that goes on whatever happens.
    #[cfg(feature = "microphone")]
    pub(crate) fn push_or_lose(&self, frame: Bytes) {
        if let Err(refused) = self.push(frame, None) {
            self.lost(&refused.fault);
        }
    }
}
