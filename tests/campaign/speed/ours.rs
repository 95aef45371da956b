//! Earmark's store as a contender.

use std::io;
use std::sync::Arc;

use earmark_core::{
    Account, BootId, CaptureId, Codec, Device, Encoding, Frame, FrameSeq, Moment, RecordingId,
    SessionId, Stamp, WallTime,
};
use earmark_store::{Config, Disk, Job, Outcome, Record, Removal, Seal, Store, Work};

use crate::speed::contender::{Contender, Side};
use crate::speed::frames::Audio;
use crate::speed::policy::Policy;

/// The name of our store among the contenders.
pub(super) const NAME: &str = "earmark";

/// What is staged before it is written, where nobody looks at the time.
const FLUSH_BYTES: usize = 256 << 10;

/// A moment, the same for all.
pub(super) fn stamp() -> Stamp {
    Stamp {
        boot: BootId::from_u128(7),
        moment: Moment::from_micros(5),
        wall: WallTime::from_unix_micros(1_775_260_800_000_000),
    }
}

/// Opens a store; what is drawn by chance follows from nothing.
pub(super) fn open(disk: Arc<dyn Disk>, config: Config) -> io::Result<Store> {
    let mut drawn = 0_u64;
    let mut entropy = || {
        drawn = drawn.wrapping_add(0x9e37_79b9_7f4a_7c15);
        drawn
    };
    let opened = Store::open(disk, config, &mut entropy, stamp());
    opened.map(|(store, _)| store).map_err(io::Error::other)
}

/// A host in few words.
pub(super) struct Host {
    pub(super) store: Store,
}

/// A device that captures.
#[derive(Clone, Copy, Debug)]
pub(super) struct Capture {
    pub(super) id: CaptureId,
    session: SessionId,
    pub(super) recording: RecordingId,
    next: FrameSeq,
}

impl Host {
    pub(super) fn on(disk: Arc<dyn Disk>) -> io::Result<Self> {
        Self::with(disk, Config::default())
    }

    pub(super) fn with(disk: Arc<dyn Disk>, config: Config) -> io::Result<Self> {
        let mut host = Self { store: open(disk, config)? };
        host.run(Work::Prune)?;
        Ok(host)
    }

    /// Does the work, if there is any, and says what came of it.
    pub(super) fn run(&mut self, work: Work) -> io::Result<Option<Outcome>> {
        let done = self.store.begin(work).map(Job::run);
        done.map(|done| self.store.end(done)).transpose().map_err(io::Error::other)
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.run(Work::Write)?;
        self.run(Work::Sync).map(drop)
    }

    pub(super) fn capture(&mut self, device: &str) -> Capture {
        let (id, session) = (self.store.next_capture(), self.store.next_session());
        let recording = self.store.next_recording();
        self.store.stage(Record::CaptureOpened {
            capture: id,
            device: Device::new(device).expect("the name is short"),
            account: Account::new("default").expect("the name is short"),
            encoding: Encoding::mono_16k(Codec::Opus),
            at: stamp(),
        });
        let next = FrameSeq(0);
        self.store.stage(Record::SessionOpened { session, capture: id, first: next, at: stamp() });
        let capture = Capture { id, session, recording, next };
        self.open_recording(&capture);
        capture
    }

    fn open_recording(&mut self, capture: &Capture) {
        let Capture { id, session, recording, next } = *capture;
        let opened = Record::RecordingOpened { recording, session, capture: id, first: next };
        self.store.stage(opened);
    }

    pub(super) fn stage(&mut self, capture: &mut Capture, frames: &[Frame]) {
        self.store.stage_frames(capture.id, capture.next, frames);
        capture.next = capture.next.plus(frames.len() as u64);
    }

    /// Cuts the recording and opens the next one; the one that was cut is returned.
    pub(super) fn cut(&mut self, capture: &mut Capture) -> RecordingId {
        let recording = capture.recording;
        self.store.stage(Record::RecordingCut { recording, end: capture.next });
        capture.recording = self.store.next_recording();
        self.open_recording(capture);
        recording
    }

    /// Writes the file of a recording that was cut, and notes that.
    pub(super) fn seal(&mut self, recording: RecordingId) -> io::Result<Arc<Seal>> {
        self.flush()?;
        let Some(Outcome::Sealed { seal, .. }) = self.run(Work::Seal(recording))? else {
            return Err(io::Error::other(format!("{recording} was not sealed")));
        };
        self.store.stage(Record::Sealed { recording, seal: Arc::clone(&seal) });
        Ok(seal)
    }

    /// Lets go of a recording that was cut, so that its journal files can serve again.
    pub(super) fn let_go(&mut self, recording: RecordingId) -> io::Result<()> {
        self.store.stage(Record::Removing { recording, why: Removal::Released });
        self.flush()?;
        self.run(Work::Remove(recording))?;
        self.store.stage(Record::Removed { recording });
        self.flush()
    }

    /// Fills the first journal file, which grows: a process has no spare before it.
    pub(super) fn leave_first_file(&mut self, change: &Record) -> io::Result<()> {
        let mut left = Config::default().journal_file_bytes_max;
        while left > 0 {
            while self.store.staged_bytes() < FLUSH_BYTES {
                self.store.stage(change.clone());
            }
            left = left.saturating_sub(self.store.staged_bytes() as u64);
            self.flush()?;
        }
        self.keep_house()
    }

    /// What an owner does now and then.
    pub(super) fn keep_house(&mut self) -> io::Result<()> {
        self.run(Work::Snapshot)?;
        self.run(Work::Prune).map(drop)
    }
}

/// The store with one device that captures, as a contender.
pub(super) struct Ours {
    host: Host,
    capture: Capture,
}

impl Ours {
    pub(super) fn on(disk: Arc<dyn Disk>) -> io::Result<Self> {
        let mut host = Host::on(disk)?;
        let capture = host.capture("pendant");
        host.flush()?;
        Ok(Self { host, capture })
    }
}

impl Contender for Ours {
    fn name(&self) -> &str {
        NAME
    }

    fn side(&self) -> Side {
        Side::Ours
    }

    fn can(&self, _: Policy) -> bool {
        true
    }

    fn prepare(&mut self) -> io::Result<()> {
        let recording = self.host.cut(&mut self.capture);
        self.host.let_go(recording)?;
        self.host.keep_house()
    }

    fn commit(&mut self, audio: &Audio, policy: Policy) -> io::Result<()> {
        let frames = &audio.frames[..policy.frames_per_sync];
        for handed_over in frames.chunks(policy.frames_per_write()) {
            self.host.stage(&mut self.capture, handed_over);
            self.host.run(Work::Write)?;
        }
        self.host.run(Work::Sync).map(drop)
    }
}
