//! A thread that reads and encodes, so that a disk or a pipe that does not answer stops nothing
//! else.

use std::thread;

use bytes::Bytes;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// How many frames are read ahead.
pub(super) const FRAMES_AHEAD_MAX: usize = 64;

/// Whoever reads hands out frames here; it ends when nobody wants them any more.
pub(super) struct Outlet(Sender<Result<Bytes, String>>);

impl Outlet {
    /// Hands out a frame; whether there is somebody who wants more.
    pub(super) fn give(&self, frame: impl Into<Bytes>) -> bool {
        self.0.blocking_send(Ok(frame.into())).is_ok()
    }

    /// Whether there is somebody who wants more.
    #[cfg(any(test, feature = "microphone"))]
    pub(super) fn is_wanted(&self) -> bool {
        !self.0.is_closed()
    }
}

/// Has a thread of its own read frames.
pub(super) fn feed(
    read: impl FnOnce(&Outlet) -> Result<(), String> + Send + 'static,
) -> Result<Receiver<Result<Bytes, String>>, String> {
    let (frames, wanted) = channel(FRAMES_AHEAD_MAX);
    let run = move || {
        let outlet = Outlet(frames);
        if let Err(fault) = read(&outlet) {
            // Nobody may be left to be told.
            let _ = outlet.0.blocking_send(Err(fault));
        }
    };
    let started = thread::Builder::new().name(String::from("earmark-source")).spawn(run);
    started.map_err(|error| format!("no thread can be started: {error}"))?;
    Ok(wanted)
}
