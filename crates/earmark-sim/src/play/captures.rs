//! What devices have still to say.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use bytes::Bytes;
use earmark::{Account, Codec, Device, Encoding, SourceHandle};
use earmark_backend::audio::FrameCoder;

use crate::feed::{Action, Feed, FeedTime, PseudoFrames, Sound};

/// The devices of a feed, and the frames that are scheduled.
pub(super) struct Captures {
    devices: BTreeMap<Device, Source>,
    /// The next frame of each stream, by time and then by the order in which the streams began.
    schedule: BinaryHeap<Reverse<(FeedTime, u64)>>,
    streams: BTreeMap<u64, Stream>,
    begun: u64,
}

/// One device.
pub(super) struct Source {
    pub(super) account: Account,
    pub(super) encoding: Encoding,
    pub(super) handle: Option<SourceHandle>,
    /// How many frames were held when it was last told.
    held: usize,
    /// Whether a frame was offered since.
    pub(super) offered: bool,
    /// Handles for other accounts of which frames are not acknowledged, in the same way.
    former: Vec<(SourceHandle, usize)>,
    /// One encoder a capture; it is taken out while a stream encodes.
    coder: Option<FrameCoder>,
}

/// Frames that come one after the other.
struct Stream {
    device: Device,
    began: FeedTime,
    given: u64,
    frames: Frames,
}

enum Frames {
    Pseudo { maker: PseudoFrames, count: u64 },
    Heard(Sound),
}

impl Captures {
    /// The devices that a feed names, each with the account and encoding of its first capture.
    pub(super) fn of(feed: &Feed) -> Self {
        let mut devices = BTreeMap::new();
        for line in &feed.lines {
            if let Action::CaptureStart { device, account, encoding } = &line.action {
                devices.entry(device.clone()).or_insert_with(|| Source {
                    account: account.clone(),
                    encoding: *encoding,
                    handle: None,
                    held: 0,
                    offered: false,
                    former: Vec::new(),
                    coder: None,
                });
            }
        }
        Self { devices, schedule: BinaryHeap::new(), streams: BTreeMap::new(), begun: 0 }
    }

    /// A device, as it was last started; one that never is belongs to `default` and sends Opus.
    pub(super) fn device(&mut self, device: &Device) -> &mut Source {
        self.devices.entry(device.clone()).or_insert_with(|| Source {
            account: Account::new("default").expect("the name is short and not empty"),
            encoding: Encoding::mono_16k(Codec::Opus),
            handle: None,
            held: 0,
            offered: false,
            former: Vec::new(),
            coder: None,
        })
    }

    /// Tells how many frames of each device are not acknowledged, where that has changed.
    pub(super) fn tell_held(&mut self, mut tell: impl FnMut(&Device, &Account, usize)) {
        for (device, source) in &mut self.devices {
            let held = source.handle.as_ref().map_or(0, SourceHandle::unacknowledged);
            if held != source.held || std::mem::take(&mut source.offered) {
                source.held = held;
                if let Some(handle) = &source.handle {
                    tell(device, handle.account(), held);
                }
            }
            for (handle, held) in &mut source.former {
                let now = handle.unacknowledged();
                if now != *held {
                    *held = now;
                    tell(device, handle.account(), now);
                }
            }
            source.former.retain(|(_, held)| *held > 0);
        }
    }

    /// A capture began: from now on frames are of this encoding.
    pub(super) fn began(&mut self, device: &Device, account: &Account, encoding: Encoding) {
        self.drop_streams(device);
        let source = self.device(device);
        source.account = account.clone();
        source.encoding = encoding;
        source.coder = Some(FrameCoder::new(encoding.codec));
    }

    /// The process died: its handles are gone, and so is all that was scheduled.
    pub(super) fn forget(&mut self) {
        self.schedule.clear();
        self.streams.clear();
        for source in self.devices.values_mut() {
            source.handle = None;
            source.held = 0;
            source.former.clear();
            source.coder = None;
        }
    }

    /// A capture stopped: what was scheduled of it still comes, and is rejected.
    pub(super) fn drop_streams(&mut self, device: &Device) {
        self.streams.retain(|_, stream| stream.device != *device);
    }

    pub(super) fn schedule_pseudo(
        &mut self,
        device: &Device,
        maker: PseudoFrames,
        count: u64,
        at: FeedTime,
    ) {
        self.add(device, Frames::Pseudo { maker, count }, at);
    }

    pub(super) fn schedule_heard(&mut self, device: &Device, sound: Sound, at: FeedTime) {
        self.add(device, Frames::Heard(sound), at);
    }

    fn add(&mut self, device: &Device, frames: Frames, began: FeedTime) {
        let number = self.begun;
        self.begun += 1;
        let stream = Stream { device: device.clone(), began, given: 0, frames };
        self.streams.insert(number, stream);
        self.schedule_next(number);
    }

    /// Frame i of a stream that began at t is captured at t + (i + 1) ÷ frame rate.
    fn schedule_next(&mut self, number: u64) {
        let Some(stream) = self.streams.get(&number) else {
            return;
        };
        let rate = self
            .devices
            .get(&stream.device)
            .map_or(100, |source| u64::from(source.encoding.codec.frames_per_second()));
        if stream.is_over() {
            self.streams.remove(&number);
            return;
        }
        let micros = stream.began.as_micros() + (stream.given + 1) * 1_000_000 / rate;
        if let Some(at) = FeedTime::from_micros(micros) {
            self.schedule.push(Reverse((at, number)));
        }
    }

    /// When the next frame is due.
    pub(super) fn next_at(&self) -> Option<FeedTime> {
        self.schedule.peek().map(|Reverse((at, _))| *at)
    }

    /// The next frame that is due, with its device. A coder may hold a frame back or give two.
    pub(super) fn next_due(&mut self, now: FeedTime) -> Option<(Device, Vec<Bytes>)> {
        let Reverse((at, number)) = *self.schedule.peek()?;
        if at > now {
            return None;
        }
        self.schedule.pop();
        let Some(stream) = self.streams.get_mut(&number) else {
            return Some((Device::new("gone").ok()?, Vec::new()));
        };
        let device = stream.device.clone();
        let coder = self.devices.get_mut(&device).and_then(|source| source.coder.as_mut());
        let frames = stream.next(coder);
        self.schedule_next(number);
        Some((device, frames))
    }
}

impl Source {
    /// Another handle takes the place of the present one.
    pub(super) fn replace(&mut self, handle: Option<SourceHandle>) {
        let held = std::mem::take(&mut self.held);
        self.former.extend(self.handle.take().map(|former| (former, held)));
        self.handle = handle;
    }
}

impl Stream {
    const fn is_over(&self) -> bool {
        match &self.frames {
            Frames::Pseudo { count, .. } => self.given >= *count,
            Frames::Heard(sound) => sound.frames() == 0,
        }
    }

    fn next(&mut self, coder: Option<&mut FrameCoder>) -> Vec<Bytes> {
        let place = self.given;
        self.given += 1;
        match &mut self.frames {
            Frames::Pseudo { maker, .. } => vec![maker.frame(place)],
            Frames::Heard(sound) => {
                let (Some(samples), Some(coder)) = (sound.next(), coder) else {
                    return Vec::new();
                };
                // An encoder that fails gives no frame; the counts of the report show that.
                let frames = coder.push(&samples).unwrap_or_default();
                frames.into_iter().map(Bytes::from).collect()
            }
        }
    }
}
