//! What devices have still to say.

use std::collections::BTreeMap;

use bytes::Bytes;
use earmark::{Account, Codec, Device, Encoding, SourceHandle};
use earmark_backend::audio::Encoder;
use earmark_sim::feed::{Action, Feed, FeedTime, PseudoFrames, Sound};

/// The devices of a feed, and the frames that are scheduled.
pub(super) struct Frames {
    devices: BTreeMap<Device, Speaker>,
    streams: Vec<Stream>,
}

/// One device.
pub(super) struct Speaker {
    pub(super) account: Account,
    pub(super) encoding: Encoding,
    pub(super) handle: Option<SourceHandle>,
    /// One a capture, since an encoder carries state from each frame to the next.
    encoder: Encoder,
}

/// Frames that come one after the other.
struct Stream {
    device: Device,
    began: FeedTime,
    given: u64,
    made: Made,
}

/// Where frames come from.
pub(super) enum Made {
    /// Out of nothing.
    Pseudo { maker: PseudoFrames, count: u64 },
    /// From sound.
    Heard(Sound),
}

impl Speaker {
    fn new(account: Account, encoding: Encoding) -> Self {
        let encoder = Encoder::new(encoding.codec);
        Self { account, encoding, handle: None, encoder }
    }
}

impl Frames {
    /// The devices that a feed names, each with the account and encoding of its first capture.
    pub(super) fn of(feed: &Feed) -> Self {
        let mut devices = BTreeMap::new();
        for line in &feed.lines {
            if let Action::CaptureStart { device, account, encoding } = &line.action {
                let new = || Speaker::new(account.clone(), *encoding);
                devices.entry(device.clone()).or_insert_with(new);
            }
        }
        Self { devices, streams: Vec::new() }
    }

    /// A device; one that never starts belongs to `default` and sends Opus.
    pub(super) fn device(&mut self, device: &Device) -> &mut Speaker {
        self.devices.entry(device.clone()).or_insert_with(|| {
            let account = Account::new("default").expect("the name is short and not empty");
            Speaker::new(account, Encoding::mono_16k(Codec::Opus))
        })
    }

    /// A capture began: from now on frames are of this encoding, and come from a new encoder.
    pub(super) fn began(&mut self, device: &Device, account: &Account, encoding: Encoding) {
        let speaker = self.device(device);
        let handle = speaker.handle.take().filter(|handle| handle.account() == account);
        *speaker = Speaker { handle, ..Speaker::new(account.clone(), encoding) };
    }

    pub(super) fn schedule(&mut self, device: &Device, made: Made, began: FeedTime) {
        let stream = Stream { device: device.clone(), began, given: 0, made };
        self.streams.push(stream);
    }

    /// When the next frame is due.
    pub(super) fn next_at(&self) -> Option<FeedTime> {
        self.streams.iter().filter_map(|stream| self.due(stream)).min()
    }

    /// The frames that are due, each with its device and when it was captured, in the order in
    /// which their streams began.
    pub(super) fn take_due(&mut self, now: FeedTime) -> Vec<(Device, Bytes, FeedTime)> {
        let mut due = Vec::new();
        let mut streams = std::mem::take(&mut self.streams);
        for stream in &mut streams {
            while let Some(at) = self.due(stream).filter(|at| *at <= now) {
                let encoder = &mut self.device(&stream.device).encoder;
                let frame = stream.next(encoder);
                due.extend(frame.map(|frame| (stream.device.clone(), frame, at)));
            }
        }
        streams.retain(|stream| !stream.is_over());
        self.streams = streams;
        due
    }

    /// Frame i of a stream that began at t is captured at t + (i + 1) ÷ frame rate.
    fn due(&self, stream: &Stream) -> Option<FeedTime> {
        if stream.is_over() {
            return None;
        }
        let codec = self.devices.get(&stream.device)?.encoding.codec;
        let behind = (stream.given + 1) * 1_000_000 / u64::from(codec.frames_per_second());
        FeedTime::from_micros(stream.began.as_micros() + behind)
    }
}

impl Stream {
    const fn is_over(&self) -> bool {
        match &self.made {
            Made::Pseudo { count, .. } => self.given >= *count,
            Made::Heard(sound) => sound.frames() == 0,
        }
    }

    fn next(&mut self, encoder: &mut Encoder) -> Option<Bytes> {
        let place = self.given;
        self.given += 1;
        match &mut self.made {
            Made::Pseudo { maker, .. } => Some(maker.frame(place)),
            Made::Heard(sound) => {
                // A capture of another codec has begun meanwhile: what it cannot code is not heard.
                encoder.encode(&sound.next()?).ok().map(Bytes::from)
            }
        }
    }
}
