//! The whole runtime on a real file system that fills up.
//!
//! A recording is made, and then somebody else's file takes the room. Until there is room again,
//! frames are refused, and everything else goes on: what was taken becomes durable, the recording
//! is linked, deleted and unlinked, and a process that dies and starts on the full disk knows that.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use earmark::{
    Account, Codec, Device, RecordingStatus, Rejection, Runtime, Socket, Source, SourceHandle,
    Status,
};
use earmark_sim::feed::PseudoFrames;
use earmark_store::{FsDisk, Inspection, inspect};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::Real;
use super::tmpfs::{Ballast, Tmpfs};
use crate::kills::content;
use crate::request::Slice;

/// The bytes of a frame, and how often one comes: uncompressed audio, which fills a disk soonest.
const FRAME_BYTES: usize = 320;
const FRAME_EVERY: Duration = Duration::from_millis(10);
/// The first recording.
const FRAMES: u64 = 100;
/// What is left when the disk fills up: two seconds of audio.
const ROOM_BYTES: u64 = 64 << 10;
/// Refused within a second, and what a loaded machine adds to that.
const REFUSED_WITHIN: Duration = Duration::from_millis(1_500);
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);
const STARTED: &str = r#"{"type":"memory_processing_started","memory":{"id":"c1"}}"#;

pub(super) fn run(slice: &Slice, real: &mut Real) {
    match Tmpfs::mount(1) {
        Ok(disk) => match Story::new(&disk, slice.seed).run(&disk) {
            Ok([refused, resumed]) => {
                eprintln!("full disk: refused after {refused:?}, taken again after {resumed:?}");
                real.runs += 1;
                real.more.push(("refused_after_ms", json!(refused.as_millis())));
                real.more.push(("resumed_after_ms", json!(resumed.as_millis())));
            }
            Err(why) => real.violation(&format!("on a full disk: {why}")),
        },
        Err(missing) => real.skip(format!("a full file system: {missing}")),
    }
}

struct Story {
    store: PathBuf,
    seed: u64,
}

impl Story {
    fn new(disk: &Tmpfs, seed: u64) -> Self {
        Self { store: disk.store(), seed }
    }

    /// How long it took until frames were refused, and until they were taken again.
    fn run(&self, disk: &Tmpfs) -> Result<[Duration; 2], String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(text)?.block_on(self.tell(disk))
    }

    async fn tell(&self, disk: &Tmpfs) -> Result<[Duration; 2], String> {
        let runtime = self.start().await?;
        let (mut first, mut second) =
            (self.capture(&runtime, "first")?, self.capture(&runtime, "second")?);
        let ballast = self.fill(disk, &runtime, &mut first).await?;
        let refused = self.stream_until_refused(&mut second).await?;
        wait("what was taken is durable", &runtime, |now| now.frames.in_memory == 0).await?;
        self.decide(&runtime, &first).await?;
        drop((runtime, first));
        let found = self.look()?;
        let held: u64 = found.ledger.recordings.keys().map(|id| found.ledger.frames(*id)).sum();
        ensure(held == second.taken, || format!("{held} of {} frames are there", second.taken))?;
        let taken = second.taken;
        drop(second);
        let resumed = self.go_on(ballast, taken).await?;
        Ok([refused, resumed])
    }

    /// A runtime; the one before may not have let the store go yet.
    async fn start(&self) -> Result<Runtime, String> {
        let since = Instant::now();
        loop {
            match Runtime::builder(&self.store).start().await {
                Ok(runtime) => return Ok(runtime),
                Err(error) if since.elapsed() > PATIENCE => return Err(text(error)),
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    fn capture(&self, runtime: &Runtime, name: &str) -> Result<Microphone, String> {
        let (device, account) =
            (Device::new(name).map_err(text)?, Account::new("default").map_err(text)?);
        let frames = PseudoFrames::new(&device, self.seed, FRAME_BYTES);
        let source = Source::mono_16k(device, Codec::Pcm16, account);
        Ok(Microphone { handle: runtime.open_source(source).map_err(text)?, frames, taken: 0 })
    }

    /// A recording is sealed, the reserve is made, and then the room is taken.
    async fn fill(
        &self,
        disk: &Tmpfs,
        runtime: &Runtime,
        microphone: &mut Microphone,
    ) -> Result<Ballast, String> {
        for _ in 0..FRAMES {
            microphone.push().map_err(text)?;
        }
        microphone.handle.stop().map_err(text)?;
        wait("a recording is sealed", runtime, |now| now.recordings.iter().any(is_sealed)).await?;
        let made = async {
            while !self.reserve().is_file() {
                sleep(PAUSE).await;
            }
        };
        timeout(PATIENCE, made).await.map_err(|_| String::from("no reserve is made"))?;
        disk.fill_up_to(ROOM_BYTES).map_err(text)
    }

    fn reserve(&self) -> PathBuf {
        self.store.join("journal/reserve")
    }

    /// Frames at their own pace; how long after the reserve was needed they are refused.
    async fn stream_until_refused(&self, microphone: &mut Microphone) -> Result<Duration, String> {
        let mut ticks = interval(FRAME_EVERY);
        let (began, mut full_since) = (Instant::now(), None);
        loop {
            ticks.tick().await;
            if full_since.is_none() && !self.reserve().exists() {
                full_since = Some(Instant::now());
            }
            if let Err(reason) = microphone.push() {
                let since = full_since.ok_or("frames are refused while there is a reserve")?;
                let refused = since.elapsed();
                let says_why = reason.to_string().contains("No space left on device");
                ensure(says_why, || format!("refused for another reason: {reason}"))?;
                ensure(refused < REFUSED_WITHIN, || format!("refused only after {refused:?}"))?;
                return Ok(refused);
            }
            ensure(began.elapsed() < PATIENCE, || String::from("frames are never refused"))?;
        }
    }

    /// The first recording is linked, deleted and unlinked, all of it on the full disk.
    async fn decide(&self, runtime: &Runtime, microphone: &Microphone) -> Result<(), String> {
        microphone.handle.socket(Socket::Up).map_err(text)?;
        microphone.handle.server_message(STARTED).map_err(text)?;
        let linked = |found: &Inspection| {
            let mut all = found.ledger.recordings.values();
            all.any(|facts| facts.conversation.as_ref().is_some_and(|id| id.as_str() == "c1"))
        };
        self.wait_for("the link is on the disk", linked).await?;
        let now = runtime.status_now().await.map_err(text)?;
        let sealed = now.recordings.iter().find(|one| is_sealed(one)).map(|one| one.id);
        let sealed = sealed.ok_or("the recording is not listed")?;
        runtime.delete(Some(vec![sealed]));
        let gone = |found: &Inspection| !found.ledger.recordings.contains_key(&sealed);
        self.wait_for("the removal is on the disk", gone).await
    }

    async fn wait_for(
        &self,
        what: &str,
        is_so: impl Fn(&Inspection) -> bool,
    ) -> Result<(), String> {
        let waited = async {
            // A journal that is being written may look torn for a moment.
            while !self.look().is_ok_and(|found| is_so(&found)) {
                sleep(PAUSE).await;
            }
        };
        timeout(PATIENCE, waited).await.map_err(|_| format!("never: {what}"))
    }

    fn look(&self) -> Result<Inspection, String> {
        let disk = FsDisk::read_only(&self.store).map_err(text)?;
        let found = inspect(&disk).map_err(text)?;
        let damage = found.damage.first();
        damage.map_or(Ok(()), |damage| Err(format!("the store is damaged: {damage}")))?;
        Ok(found)
    }

    /// The next process starts on the full disk, and takes frames when the room is there; how long
    /// after that.
    async fn go_on(&self, ballast: Ballast, taken: u64) -> Result<Duration, String> {
        let runtime = self.start().await?;
        let mut third = self.capture(&runtime, "third")?;
        let mut ticks = interval(FRAME_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while third.push().is_ok() {
            ensure(third.taken < FRAMES * 10, || String::from("a full disk takes all frames"))?;
            ticks.tick().await;
        }
        ballast.remove().map_err(text)?;
        let since = Instant::now();
        while third.push().is_err() {
            ensure(since.elapsed() < PATIENCE, || String::from("frames are never taken again"))?;
            ticks.tick().await;
        }
        let resumed = since.elapsed();
        third.handle.stop().map_err(text)?;
        let all_sealed = |now: &Status| now.recordings.iter().all(is_sealed);
        wait("everything is sealed", &runtime, all_sealed).await?;
        let now = runtime.status_now().await.map_err(text)?;
        self.compare(&now, "second", taken)?;
        self.compare(&now, "third", third.taken)?;
        runtime.shutdown(PATIENCE).await;
        self.look()?;
        Ok(resumed)
    }

    /// The recordings of a device hold exactly the frames that were taken.
    fn compare(&self, now: &Status, name: &str, taken: u64) -> Result<(), String> {
        let device = Device::new(name).map_err(text)?;
        let frames = PseudoFrames::new(&device, self.seed, FRAME_BYTES);
        let mut first = 0;
        for recording in now.recordings.iter().filter(|one| one.device == device) {
            let end = first + recording.frames;
            let found = recording.sha256.map(|sum| sum.to_string()).unwrap_or_default();
            let is_right = found == content(&frames, first..end);
            ensure(is_right, || format!("frames {first} to {end} of {name} differ"))?;
            first = end;
        }
        ensure(first == taken, || format!("{first} of {taken} frames of {name} are there"))
    }
}

/// A device, the frames that it has, and how many of them were taken.
struct Microphone {
    handle: SourceHandle,
    frames: PseudoFrames,
    taken: u64,
}

impl Microphone {
    fn push(&mut self) -> Result<(), Rejection> {
        let pushed = self.handle.push(self.frames.frame(self.taken));
        pushed.map_err(|rejected| rejected.reason)?;
        self.taken += 1;
        Ok(())
    }
}

fn is_sealed(recording: &RecordingStatus) -> bool {
    recording.sha256.is_some()
}

async fn wait(
    what: &str,
    runtime: &Runtime,
    is_so: impl Fn(&Status) -> bool,
) -> Result<(), String> {
    let waited = async {
        while !is_so(&runtime.status_now().await.map_err(text)?) {
            sleep(PAUSE).await;
        }
        Ok(())
    };
    timeout(PATIENCE, waited).await.map_err(|_| format!("never: {what}"))?
}

fn ensure(holds: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(why()) }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
