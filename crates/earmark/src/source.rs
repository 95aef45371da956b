//! A device as the host holds it: frames, socket news and messages go in here, in order.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use earmark_core::ingest::{Effect, Event, Rejection, Source as Machinery};
use earmark_core::session::Position;
use earmark_core::{
    Account, CaptureId, Codec, Delivery, Device, Effects, Encoding, Frame, FrameSeq, Machine,
    Moment, Stamp, Step, WallTime,
};
use earmark_store::SealedRecording;
use tokio::sync::Notify;

use crate::clock::SharedClock;
use crate::numbers::Numbers;
use crate::sources::Sources;

/// How many messages, socket news and commands of one source may wait to be handled.
pub const NEWS_WAITING_MAX: usize = 4_096;
/// How many bytes the messages among them may have.
pub const NEWS_BYTES_MAX: usize = 16 << 20;

/// What a host opens to capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The device.
    pub device: Device,
    /// What its frames are.
    pub encoding: Encoding,
    /// Whose audio it is.
    pub account: Account,
}

impl Source {
    /// A device that sends 16 kHz mono in one of the codecs.
    pub const fn mono_16k(device: Device, codec: Codec, account: Account) -> Self {
        Self { device, encoding: Encoding::mono_16k(codec), account }
    }
}

/// News of a host's own live socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Socket {
    /// It came up.
    Up,
    /// It went down with this close code; 1006 when it broke.
    Down(u16),
}

/// A frame that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the frame was not taken: {reason}")]
pub struct Rejected {
    /// The frame, given back.
    pub frame: Bytes,
    /// Why.
    pub reason: Rejection,
}

/// So much news of this source waits already that nothing more is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("4096 messages of this source, or 16 MiB of them, wait to be handled")]
pub struct TooMuchNews;

/// Which source: a device and an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SourceKey {
    pub(crate) device: Device,
    pub(crate) account: Account,
}

impl SourceKey {
    /// The source that a recording comes from.
    pub(crate) fn of(recording: &SealedRecording) -> Self {
        Self { device: recording.device().clone(), account: recording.account().clone() }
    }
}

/// Something that entered at a source, in the order of its entry.
#[derive(Debug)]
pub(crate) enum Item {
    Started { capture: CaptureId, encoding: Encoding, at: Stamp },
    Frame { capture: CaptureId, seq: FrameSeq, frame: Frame, at: Moment },
    Stopped { capture: CaptureId, at: Stamp },
    SocketUp { position: Option<Position>, at: Moment },
    SocketDown { code: u16 },
    Server { text: String, position: Option<Position>, at: Moment },
    Delivered { capture: CaptureId, up_to: FrameSeq },
    Finished { position: Option<Position>, at: Moment },
    Muted { muted: bool },
    WantsLive { wanted: bool },
}

/// What the host's side and the runtime's side of a source share.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: SourceKey,
    inner: Mutex<Inner>,
    inbox: Arc<Inbox>,
}

#[derive(Debug)]
struct Inner {
    machine: Machine<Machinery>,
    effects: Effects<Effect>,
    items: VecDeque<Item>,
    news: usize,
    news_bytes: usize,
    is_listed: bool,
}

/// The sources that have something for the runtime, and what wakes it.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    ready: Mutex<VecDeque<Arc<Entry>>>,
    pub(crate) bell: Notify,
    /// Whether the runtime looks for frames by itself, so that none has to ring.
    is_watched: AtomicBool,
}

impl Inbox {
    /// The next source that has something.
    pub(crate) fn next(&self) -> Option<Arc<Entry>> {
        locked(&self.ready).pop_front()
    }

    /// The runtime looks for frames by itself from now on, or no longer: then it **must** look once
    /// more, for one that came just before.
    pub(crate) fn watch(&self, is_watched: bool) {
        self.is_watched.store(is_watched, Ordering::Release);
    }

    /// Has the runtime look now.
    pub(crate) fn ring(&self) {
        self.bell.notify_one();
    }

    /// A source has something new; only a frame may wait to be looked for.
    fn announce(&self, item_is_frame: bool) {
        if !(item_is_frame && self.is_watched.load(Ordering::Acquire)) {
            self.ring();
        }
    }
}

/// A poisoned lock is taken all the same: nothing that holds one can leave it half changed.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Entry {
    pub(crate) fn new(key: SourceKey, delivery: Delivery, muted: bool, inbox: Arc<Inbox>) -> Self {
        let inner = Inner {
            machine: Machine::new(Machinery::new(delivery, muted)),
            effects: Effects::new(),
            items: VecDeque::new(),
            news: 0,
            news_bytes: 0,
            is_listed: false,
        };
        Self { key, inner: Mutex::new(inner), inbox }
    }

    /// Takes out what has come in since the last time.
    pub(crate) fn take(&self) -> VecDeque<Item> {
        let mut inner = locked(&self.inner);
        inner.is_listed = false;
        (inner.news, inner.news_bytes) = (0, 0);
        std::mem::take(&mut inner.items)
    }

    /// Tells the source's machine what the runtime knows; returns its orders.
    pub(crate) fn tell(&self, event: &Event, now: Moment) -> Effects<Effect> {
        locked(&self.inner).step(event, now)
    }

    /// Looks at what the source's machine knows.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Machinery) -> T) -> T {
        look(locked(&self.inner).machine.shared())
    }

    fn enter(self: &Arc<Self>, inner: &mut Inner, item: Item) {
        let is_frame = matches!(item, Item::Frame { .. });
        inner.items.push_back(item);
        let is_listed = std::mem::replace(&mut inner.is_listed, true);
        if !is_listed {
            locked(&self.inbox.ready).push_back(Arc::clone(self));
        }
        if !(is_listed && is_frame) {
            self.inbox.announce(is_frame);
        }
    }

    /// Something for which there [was room](Inner::room_for).
    fn enter_news(self: &Arc<Self>, inner: &mut Inner, item: Item) {
        inner.news += 1;
        inner.news_bytes += item.bytes();
        self.enter(inner, item);
    }

    fn push(
        self: &Arc<Self>,
        capture: CaptureId,
        bytes: Bytes,
        at: Stamp,
        captured: WallTime,
        numbers: &Numbers,
    ) -> Result<Option<FrameSeq>, Rejected> {
        let mut inner = locked(&self.inner);
        numbers.captured.add(1);
        let arrived = Event::FrameArrived { capture, bytes: bytes.len() };
        let mut effects = inner.step(&arrived, at.moment);
        match effects.pop() {
            Some(Effect::TakeFrame(seq)) => {
                let frame = Frame { at: captured, bytes };
                self.enter(&mut inner, Item::Frame { capture, seq, frame, at: at.moment });
                numbers.taken.add(1);
                Ok(Some(seq))
            }
            Some(Effect::RejectFrame(reason)) => {
                numbers.rejected.add(1);
                Err(Rejected { frame: bytes, reason })
            }
            Some(
                Effect::DiscardFrame
                | Effect::RecordDelivered { .. }
                | Effect::ReportUnexpected { .. },
            )
            | None => {
                numbers.muted.add(1);
                Ok(None)
            }
        }
    }

    /// Stops the capture for good: no further frame is taken.
    pub(crate) fn close(self: &Arc<Self>, at: Stamp) {
        self.stop_running(&mut locked(&self.inner), at);
    }

    fn stop_running(self: &Arc<Self>, inner: &mut Inner, at: Stamp) {
        if let Some(Position { capture, .. }) = inner.position() {
            inner.step(&Event::CaptureStopped, at.moment);
            self.enter(inner, Item::Stopped { capture, at });
        }
    }

    /// Something came over the live socket, or about it.
    pub(crate) fn socket_news(
        self: &Arc<Self>,
        news: SocketNews,
        at: Moment,
    ) -> Result<(), TooMuchNews> {
        let mut inner = locked(&self.inner);
        let position = inner.position();
        let (item, change) = match news {
            SocketNews::Up => (Item::SocketUp { position, at }, Some(Event::SocketCameUp)),
            SocketNews::Down(code) => {
                // A socket that is gone carries nothing, be there room to tell of it or not.
                inner.step(&Event::SocketWentDown, at);
                (Item::SocketDown { code }, None)
            }
            SocketNews::Text(text) => (Item::Server { text, position, at }, None),
            SocketNews::Delivered(capture, up_to) => (Item::Delivered { capture, up_to }, None),
        };
        inner.room_for(&item)?;
        if let Some(change) = change {
            inner.step(&change, at);
        }
        self.enter_news(&mut inner, item);
        Ok(())
    }
}

/// What a live socket has to say.
#[derive(Debug)]
pub(crate) enum SocketNews {
    Up,
    Down(u16),
    Text(String),
    Delivered(CaptureId, FrameSeq),
}

impl Item {
    /// How many bytes it brings that count as news.
    const fn bytes(&self) -> usize {
        if let Self::Server { text, .. } = self { text.len() } else { 0 }
    }
}

impl Inner {
    /// Whether there is room for something. It is asked before anything changes: what is refused
    /// has had no effect.
    const fn room_for(&self, item: &Item) -> Result<(), TooMuchNews> {
        let is_full = self.news >= NEWS_WAITING_MAX;
        if is_full || self.news_bytes + item.bytes() > NEWS_BYTES_MAX {
            return Err(TooMuchNews);
        }
        Ok(())
    }

    fn step(&mut self, event: &Event, now: Moment) -> Effects<Effect> {
        self.machine.step(event, &mut Step { now, effects: &mut self.effects });
        std::mem::take(&mut self.effects)
    }

    fn position(&self) -> Option<Position> {
        self.machine.shared().position().map(|(capture, next)| Position { capture, next })
    }
}

/// A host's hold on one device of one account. Nothing that it does blocks.
#[derive(Clone, Debug)]
pub struct SourceHandle {
    pub(crate) entry: Arc<Entry>,
    pub(crate) sources: Arc<Sources>,
    pub(crate) clock: Clocked,
    pub(crate) numbers: Arc<Numbers>,
    pub(crate) capture: Option<CaptureId>,
}

/// A clock that a handle may carry and show.
#[derive(Clone)]
pub(crate) struct Clocked(pub(crate) SharedClock);

impl std::fmt::Debug for Clocked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

impl SourceHandle {
    /// The device.
    pub fn device(&self) -> &Device {
        &self.entry.key.device
    }

    /// Whose audio it is.
    pub fn account(&self) -> &Account {
        &self.entry.key.account
    }

    /// Starts a capture; one of the same device that runs is stopped first, whoever it is for.
    ///
    /// # Errors
    ///
    /// [`TooMuchNews`] when too much waits to be handled.
    pub fn start(&mut self, encoding: Encoding) -> Result<(), TooMuchNews> {
        let capture = self.numbers.next_capture();
        let at = self.clock.0.stamp();
        let started = Item::Started { capture, encoding, at };
        locked(&self.entry.inner).room_for(&started)?;
        self.sources.stop_others(&self.entry.key, at);
        let mut inner = locked(&self.entry.inner);
        self.entry.stop_running(&mut inner, at);
        inner.step(&Event::CaptureStarted { capture, encoding }, at.moment);
        self.entry.enter_news(&mut inner, started);
        drop(inner);
        self.capture = Some(capture);
        Ok(())
    }

    /// Offers a frame that was captured just now. `None` says that it was let go, the source being
    /// muted.
    ///
    /// # Errors
    ///
    /// [`Rejected`] gives the frame back with the reason.
    pub fn push(&self, frame: Bytes) -> Result<Option<FrameSeq>, Rejected> {
        let at = self.clock.0.stamp();
        self.push_at(frame, at, at.wall)
    }

    /// Offers a frame that was captured at a time that the host knows better.
    ///
    /// # Errors
    ///
    /// [`Rejected`] gives the frame back with the reason.
    pub fn push_captured(
        &self,
        frame: Bytes,
        captured: WallTime,
    ) -> Result<Option<FrameSeq>, Rejected> {
        self.push_at(frame, self.clock.0.stamp(), captured)
    }

    fn push_at(
        &self,
        frame: Bytes,
        at: Stamp,
        captured: WallTime,
    ) -> Result<Option<FrameSeq>, Rejected> {
        match self.capture {
            Some(capture) => self.entry.push(capture, frame, at, captured, &self.numbers),
            None => {
                self.numbers.captured.add(1);
                self.numbers.rejected.add(1);
                Err(Rejected { frame, reason: Rejection::NotCapturing })
            }
        }
    }

    /// The latest capture that this handle has started.
    pub const fn capture(&self) -> Option<CaptureId> {
        self.capture
    }

    /// How many frames of this device and account were taken and are not acknowledged as durable.
    pub fn unacknowledged(&self) -> usize {
        self.entry.look(Machinery::held_frames)
    }

    /// Stops the capture, if it runs.
    ///
    /// # Errors
    ///
    /// [`TooMuchNews`] when too much waits to be handled.
    pub fn stop(&self) -> Result<(), TooMuchNews> {
        let at = self.clock.0.stamp();
        let mut inner = locked(&self.entry.inner);
        let Some(Position { capture, .. }) = inner.position() else {
            return Ok(());
        };
        let stopped = Item::Stopped { capture, at };
        inner.room_for(&stopped)?;
        inner.step(&Event::CaptureStopped, at.moment);
        self.entry.enter_news(&mut inner, stopped);
        Ok(())
    }

    /// Says what became of the host's own live socket.
    ///
    /// # Errors
    ///
    /// [`TooMuchNews`] when too much waits to be handled.
    pub fn socket(&self, socket: Socket) -> Result<(), TooMuchNews> {
        let news = match socket {
            Socket::Up => SocketNews::Up,
            Socket::Down(code) => SocketNews::Down(code),
        };
        self.entry.socket_news(news, self.now())
    }

    /// Hands over a text message of the server, as it came.
    ///
    /// # Errors
    ///
    /// [`TooMuchNews`] when too much waits to be handled.
    pub fn server_message(&self, text: impl Into<String>) -> Result<(), TooMuchNews> {
        self.entry.socket_news(SocketNews::Text(text.into()), self.now())
    }

    /// Says that the server has provably read every frame before `up_to` that went out on the
    /// present connection.
    ///
    /// # Errors
    ///
    /// [`TooMuchNews`] when too much waits to be handled.
    pub fn delivered(&self, up_to: FrameSeq) -> Result<(), TooMuchNews> {
        let Some(capture) = self.capture else {
            return Ok(());
        };
        self.entry.socket_news(SocketNews::Delivered(capture, up_to), self.now())
    }

    /// Mutes the device, whoever it captures for, or lifts that. A mute survives a restart.
    ///
    /// # Errors
    ///
    /// [`TooMuchNews`] when too much waits to be handled.
    pub fn mute(&self, muted: bool) -> Result<(), TooMuchNews> {
        let item = Item::Muted { muted };
        locked(&self.entry.inner).room_for(&item)?;
        self.sources.mute(self.device(), muted, self.now());
        self.entry.enter_news(&mut locked(&self.entry.inner), item);
        Ok(())
    }

    /// Whether the device is muted, be it since before a restart.
    pub fn is_muted(&self) -> bool {
        self.sources.is_muted(self.device())
    }

    /// Ends the conversation by hand: what was captured so far is one, what comes is the next.
    ///
    /// # Errors
    ///
    /// [`TooMuchNews`] when too much waits to be handled.
    pub fn finish(&self) -> Result<(), TooMuchNews> {
        let mut inner = locked(&self.entry.inner);
        let finished = Item::Finished { position: inner.position(), at: self.now() };
        inner.room_for(&finished)?;
        self.entry.enter_news(&mut inner, finished);
        Ok(())
    }

    /// Has the runtime bring up its own live socket for this source and keep it up, or take it
    /// down.
    ///
    /// # Errors
    ///
    /// [`TooMuchNews`] when too much waits to be handled.
    pub fn live(&self, wanted: bool) -> Result<(), TooMuchNews> {
        let mut inner = locked(&self.entry.inner);
        let item = Item::WantsLive { wanted };
        inner.room_for(&item)?;
        self.entry.enter_news(&mut inner, item);
        Ok(())
    }

    fn now(&self) -> Moment {
        self.clock.0.stamp().moment
    }
}
