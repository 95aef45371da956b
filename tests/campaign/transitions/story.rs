//! A history as a feed that `earmark play` can play.
//!
//! A feed says what the world does to the runtime. What a disk or a server does in the middle of
//! the runtime's own work is told as what makes it do that: faults that wait for the next write,
//! and answers that wait for the next request.

mod answers;

use std::time::Duration;

use earmark_backend::ServerAction;
use earmark_core::{Account, Codec, ConversationId, Device, Encoding, Moment};
use earmark_sim::feed::{Action, DiskError, DiskOp, Feed, FeedTime, RecordingRef, Selector, Times};
use serde_json::json;

use answers::Answers;

/// After this time what was taken is in a file, where a kill leaves it.
const WRITTEN_AFTER: Duration = Duration::from_millis(100);

/// The lines of a feed, from the start on.
#[derive(Debug)]
pub(super) struct Story {
    device: Device,
    account: Account,
    /// When the history begins, by its own clock.
    start: Moment,
    /// How much later than in the history everything is told by now.
    delay: Duration,
    /// When the next line happens, since the feed began.
    now: Duration,
    lines: Vec<(Duration, Action)>,
    /// Whether a fault of the disk was told in this life of the process.
    has_fault: bool,
    /// How the requests are answered. They are told before everything else, since the server must
    /// know its answers before it is asked.
    pub(super) answers: Answers,
}

impl Story {
    pub(super) fn beginning(start: Moment) -> Self {
        Self {
            device: Device::new("pendant").expect("the name is short"),
            account: Account::new("default").expect("the name is short"),
            start,
            delay: Duration::ZERO,
            now: Duration::ZERO,
            lines: Vec::new(),
            has_fault: false,
            answers: Answers::default(),
        }
    }

    /// The history has come to this moment. A feed's time never falls, so that what happened
    /// within a run of frames is told behind it.
    pub(super) fn at(&mut self, moment: Moment) -> &mut Self {
        let at = moment.since(self.start) + self.delay;
        self.now = self.now.max(at);
        self
    }

    /// The feed needs time for what took none in the history, and everything after it is told so
    /// much later.
    pub(super) fn wait(&mut self, time: Duration) -> &mut Self {
        self.now += time;
        self.delay += time;
        self
    }

    fn tell(&mut self, action: Action) -> &mut Self {
        self.lines.push((self.now, action));
        self
    }

    /// How many lines were told; a number that no other line of the feed has.
    fn place(&self) -> u64 {
        self.lines.len() as u64
    }

    pub(super) fn start(&mut self) -> &mut Self {
        let (device, account) = (self.device.clone(), self.account.clone());
        let encoding = Encoding::mono_16k(Codec::Opus);
        self.tell(Action::CaptureStart { device, account, encoding })
    }

    pub(super) fn stop(&mut self) -> &mut Self {
        let device = self.device.clone();
        self.tell(Action::CaptureStop { device })
    }

    /// Frames at the codec's pace. They take no time here: who tells them lets it pass.
    pub(super) fn speak(&mut self, count: u64) -> &mut Self {
        self.frames(count, 80, true)
    }

    /// Frames of one size, all at once.
    pub(super) fn burst(&mut self, count: u64, bytes: usize) -> &mut Self {
        self.frames(count, bytes, false)
    }

    fn frames(&mut self, count: u64, bytes: usize, pace: bool) -> &mut Self {
        let (device, seed) = (self.device.clone(), self.place());
        self.tell(Action::Frames { device, count, bytes, seed, pace })
    }

    pub(super) fn mute(&mut self, muted: bool) -> &mut Self {
        let device = self.device.clone();
        self.tell(if muted { Action::Mute { device } } else { Action::Unmute { device } })
    }

    pub(super) fn connect(&mut self) -> &mut Self {
        let device = self.device.clone();
        self.tell(Action::SocketUp { device })
    }

    pub(super) fn disconnect(&mut self) -> &mut Self {
        let device = self.device.clone();
        self.tell(Action::SocketDown { device, code: 1006 })
    }

    pub(super) fn announce(&mut self, id: Option<&ConversationId>, kind: &str) -> &mut Self {
        let id = id.map(ConversationId::as_str);
        let text = json!({ "type": kind, "memory": { "id": id } }).to_string();
        let device = Some(self.device.as_str().to_owned());
        self.tell(Action::Server(ServerAction::Message { device, text }))
    }

    pub(super) fn network(&mut self, online: bool) -> &mut Self {
        self.tell(if online { Action::NetworkOnline } else { Action::NetworkOffline })
    }

    pub(super) fn sign_in(&mut self, signed_in: bool) -> &mut Self {
        let account = self.account.clone();
        self.tell(if signed_in {
            Action::AccountSignIn { account }
        } else {
            Action::AccountSignOut { account }
        })
    }

    /// The next operation of this kind fails.
    pub(super) fn disk_fault(&mut self, op: DiskOp) -> &mut Self {
        self.has_fault = true;
        self.tell(Action::DiskFault { op, error: DiskError::Eio, times: Times::Count(1) })
    }

    pub(super) fn disk_full(&mut self, full: bool) -> &mut Self {
        self.tell(if full { Action::DiskFull } else { Action::DiskFreed })
    }

    pub(super) fn finish(&mut self) -> &mut Self {
        let device = self.device.clone();
        self.tell(Action::UserFinish { device })
    }

    pub(super) fn retry_all(&mut self) -> &mut Self {
        self.tell(Action::UserRetry { recordings: Selector::All })
    }

    pub(super) fn delete_all(&mut self) -> &mut Self {
        self.tell(Action::UserDelete { recordings: Selector::All })
    }

    /// A bit of the first recording flips. It is another one each time, since a bit that flips
    /// twice is as it was.
    pub(super) fn damage(&mut self) -> &mut Self {
        let (recording, offset) = (RecordingRef::Index(0), self.place());
        self.tell(Action::FileDamage { recording, offset, bits: 1 })
    }

    /// The process dies and starts again. What a history has taken outlives that, and so it is
    /// given the time to be written.
    pub(super) fn crash(&mut self) -> &mut Self {
        self.end_fault();
        self.wait(WRITTEN_AFTER).tell(Action::Kill).tell(Action::Restart)
    }

    /// A failed write that has found nothing to fail would fail the next start, and in a history
    /// every start goes well. A mute is written down, and so it meets the fault and changes
    /// nothing.
    fn end_fault(&mut self) {
        if std::mem::take(&mut self.has_fault) {
            self.mute(true).mute(false);
        }
    }

    /// The feed, and what went wrong in the history as a remark above it.
    pub(super) fn to_feed(&self, why: &str) -> String {
        let scripts = self.answers.scripts();
        let scripts = scripts.map(|script| (FeedTime::ZERO, Action::Server(script)));
        let lines = self.lines.iter().map(|(at, action)| (feed_time(*at), action.clone()));
        let feed: Feed = scripts.chain(lines).collect();
        format!("# {}\n{}", why.replace('\n', " "), feed.to_text())
    }
}

fn feed_time(at: Duration) -> FeedTime {
    let micros = u64::try_from(at.as_micros()).ok();
    micros.and_then(FeedTime::from_micros).expect("a history is shorter than ten years")
}
