//! The control socket: how `earmark mute` and its like reach a running host.
//!
//! It is a Unix socket that its owner alone may use. A connection brings one line of JSON and gets
//! one line back.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use earmark::{Device, SourceHandle};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{sleep, timeout};

use super::board::Board;
use super::crowd::Crowd;

/// How many persons are served at a time; a further one takes the place of the oldest.
const CONNECTIONS_MAX: usize = 16;
/// The most bytes of a line.
const LINE_BYTES_MAX: u64 = 4 << 10;
/// How long a connection may take.
const CONNECTION_SECONDS_MAX: u64 = 5;
/// How long to wait before the next connection when one could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a person wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Wish {
    /// What the device captures goes nowhere from now on.
    Mute { device: String },
    /// It is taken again.
    Unmute { device: String },
    /// Its conversation ends here.
    Finish { device: String },
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) ok: bool,
    pub(crate) what: String,
}

/// The devices, as a person speaks of them.
pub(crate) struct Devices {
    pub(crate) handles: BTreeMap<Device, SourceHandle>,
    pub(crate) board: Arc<Board>,
}

impl Devices {
    fn grant(&self, wish: &Wish) -> Result<String, String> {
        let (Wish::Mute { device } | Wish::Unmute { device } | Wish::Finish { device }) = wish;
        let found = self.handles.iter().find(|(known, _)| known.as_str() == device);
        let known = || self.handles.keys().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let (device, handle) = found
            .ok_or_else(|| format!("no device is called {device:?}; there are {}", known()))?;
        let refused = |error: earmark::TooMuchNews| error.to_string();
        match wish {
            Wish::Mute { .. } => self.mute(device, handle, true)?,
            Wish::Unmute { .. } => self.mute(device, handle, false)?,
            Wish::Finish { .. } => handle.finish().map_err(refused)?,
        }
        let done = match wish {
            Wish::Mute { .. } => "is muted, until it is unmuted",
            Wish::Unmute { .. } => "is not muted",
            Wish::Finish { .. } => "begins another conversation",
        };
        tracing::info!(%device, "the device {done}");
        Ok(format!("{device} {done}"))
    }

    fn mute(&self, device: &Device, handle: &SourceHandle, muted: bool) -> Result<(), String> {
        handle.mute(muted).map_err(|error| error.to_string())?;
        self.board.note(|facts| {
            let of_device = facts.sources.values_mut().filter(|source| source.device == *device);
            of_device.for_each(|source| source.is_muted = muted);
        });
        Ok(())
    }
}

/// Serves until it is dropped.
pub(crate) async fn serve(listener: UnixListener, devices: Devices) {
    let (devices, mut crowd) = (Arc::new(devices), Crowd::new(CONNECTIONS_MAX));
    loop {
        match listener.accept().await {
            Ok((stream, _)) => crowd.admit(serve_one(stream, Arc::clone(&devices))).await,
            Err(error) => {
                tracing::warn!(%error, "a connection to the control socket was not accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve_one(stream: UnixStream, devices: Arc<Devices>) {
    let limit = Duration::from_secs(CONNECTION_SECONDS_MAX);
    if !matches!(timeout(limit, answer(stream, &devices)).await, Ok(Ok(()))) {
        tracing::warn!("a connection to the control socket was broken off");
    }
}

async fn answer(mut stream: UnixStream, devices: &Devices) -> io::Result<()> {
    let mut line = String::new();
    BufReader::new((&mut stream).take(LINE_BYTES_MAX)).read_line(&mut line).await?;
    // Whoever has gone was told by nobody that it is done, and may have done something else since.
    if has_gone(&stream)? {
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    let wish = serde_json::from_str::<Wish>(&line).map_err(|error| error.to_string());
    let answer = match wish.and_then(|wish| devices.grant(&wish)) {
        Ok(what) => Answer { ok: true, what },
        Err(what) => Answer { ok: false, what },
    };
    stream.write_all(format!("{}\n", serde_json::to_string(&answer)?).as_bytes()).await
}

/// Whether the other end is closed for reading as well: one that has said all still listens.
fn has_gone(stream: &UnixStream) -> io::Result<bool> {
    let mut looked = [PollFd::new(stream, PollFlags::empty())];
    poll(&mut looked, Some(&Timespec::default()))?;
    Ok(looked[0].revents().contains(PollFlags::HUP))
}

/// Tells a running host what a person wants. `NotFound` and `ConnectionRefused` say that none runs.
pub(crate) async fn ask(path: &std::path::Path, wish: &Wish) -> io::Result<Answer> {
    let limit = Duration::from_secs(CONNECTION_SECONDS_MAX);
    let exchange = async {
        let mut stream = UnixStream::connect(path).await?;
        stream.write_all(format!("{}\n", serde_json::to_string(wish)?).as_bytes()).await?;
        let mut line = String::new();
        BufReader::new(stream.take(LINE_BYTES_MAX)).read_line(&mut line).await?;
        Ok(serde_json::from_str(&line)?)
    };
    timeout(limit, exchange).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
