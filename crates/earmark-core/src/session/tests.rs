//! One track on a bench: a device, a server and a store, all of them the test itself.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::*;
use crate::{
    CaptureId, Codec, ConversationId, Effects, Encoding, FrameSeq, Moment, RecordingId,
    SealedToken, SessionId, WallTime,
};

mod connects;
mod cuts;
mod diagram;
mod links;
mod orders;
mod recovery;
mod waits;

/// A token of the bench's own; the store alone makes real ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Token(RecordingId);

impl SealedToken for Token {
    fn recording(&self) -> RecordingId {
        self.0
    }
}

type Orders = Vec<Effect<Token>>;

const OPUS: Encoding = Encoding::mono_16k(Codec::Opus);
/// Frames in a second of it.
const FPS: u64 = 100;

/// More deadlines than any test of these machines lets pass.
const DEADLINES_MAX: u32 = 10_000;

#[derive(Debug)]
struct Bench {
    track: Track<Token>,
    ids: Ids,
    now: Moment,
    captures: u32,
    /// The running capture and the number of its next frame.
    running: Option<Position>,
    /// What was ordered to be linked to each conversation.
    asked: BTreeMap<ConversationId, Vec<RecordingId>>,
    /// Where sessions were said to stand, one after the other.
    reports: Vec<(SessionId, &'static str)>,
    /// Whether a deadline was said to have started the sync of a session.
    fell_back: BTreeMap<SessionId, bool>,
    /// How many deadlines were told.
    told: u32,
}

impl Bench {
    fn new() -> Self {
        Self {
            track: Track::default(),
            ids: Ids::starting_at(session(1), recording(1)),
            now: Moment::from_micros(1_000_000_000),
            captures: 0,
            running: None,
            asked: BTreeMap::new(),
            reports: Vec::new(),
            fell_back: BTreeMap::new(),
            told: 0,
        }
    }

    /// A socket is up, and so many seconds were captured: recording 1 of session 1 is open.
    fn speaking(seconds: u64) -> Self {
        let mut bench = Self::new();
        bench.connect();
        bench.pass(secs(60));
        bench.speak(seconds);
        bench
    }

    /// The same, and the capture has stopped.
    fn stopped(seconds: u64) -> Self {
        let mut bench = Self::speaking(seconds);
        bench.stop();
        bench
    }

    /// All orders of the step but the reports of where sessions stand.
    fn hear(&mut self, event: Event<Token>) -> Orders {
        let mut effects = Effects::new();
        self.track.step(event, self.now, &mut self.ids, &mut effects);
        let mut orders = Vec::new();
        for order in effects.drain() {
            if let Effect::SealAndLink { conversation, recordings } = &order {
                self.asked.insert(conversation.clone(), recordings.clone());
            }
            if let Effect::ReportSession { session, state, fallback_fired, .. } = order {
                self.reports.push((session, state));
                self.fell_back.insert(session, fallback_fired);
            } else {
                orders.push(order);
            }
        }
        orders
    }

    fn start(&mut self, encoding: Encoding) -> Orders {
        self.captures += 1;
        let capture = capture(self.captures);
        self.running = Some(Position { capture, next: FrameSeq(0) });
        self.hear(Event::CaptureStarted { capture, encoding })
    }

    fn stop(&mut self) -> Orders {
        let Position { capture, .. } = self.running.take().expect("a capture runs");
        self.hear(Event::CaptureStopped(capture))
    }

    /// Frames come at the pace of Opus, and are told of in one run.
    fn speak(&mut self, seconds: u64) -> Orders {
        self.frames(seconds * FPS, secs(seconds))
    }

    /// So many frames come within so much time.
    fn frames(&mut self, count: u64, within: Duration) -> Orders {
        if self.running.is_none() {
            self.start(OPUS);
        }
        let running = self.running.as_mut().expect("a capture runs");
        let Position { capture, next: first } = *running;
        running.next = first.plus(count);
        let at = (self.now, self.now + within);
        self.now = at.1;
        let walls = (wall(at.0), wall(at.1));
        self.hear(Event::FramesTaken(Run { capture, first, count, at, walls }))
    }

    fn connect(&mut self) -> Orders {
        self.hear(Event::SocketCameUp(self.running))
    }

    fn finish(&mut self) -> Orders {
        self.hear(Event::ConversationFinished(self.running))
    }

    fn say(&mut self, announcement: Announcement) -> Orders {
        self.hear(Event::ServerSpoke { announcement, position: self.running })
    }

    /// The server ends a conversation.
    fn end(&mut self, name: &str) -> Orders {
        self.say(Announcement::ProcessingStarted(Some(conversation(name))))
    }

    /// The server says that a conversation is ready.
    fn ready(&mut self, name: &str) -> Orders {
        let conversation = Some(conversation(name));
        self.say(Announcement::ConversationEvent { conversation, span: None })
    }

    fn seal(&mut self, number: u32) -> Orders {
        self.hear(Event::RecordingSealed(Token(recording(number))))
    }

    /// A link is durable, and with it the seals of what it covers.
    fn link(&mut self, name: &str, covers: &[u32]) -> Orders {
        let conversation = conversation(name);
        let recordings = covers.iter().map(|number| Token(recording(*number))).collect();
        let asked = self.asked.remove(&conversation).unwrap_or_default();
        self.hear(Event::LinkRecorded { conversation, asked, recordings })
    }

    fn settle(&mut self, number: u32, gone: bool) -> Orders {
        self.hear(Event::UploadSettled { recording: recording(number), gone })
    }

    /// Time passes, and every deadline on the way is told.
    fn pass(&mut self, wait: Duration) -> Orders {
        let (end, mut orders) = (self.now + wait, Vec::new());
        while let Some(at) = self.track.deadline().filter(|at| *at <= end) {
            self.told += 1;
            assert!(self.told < DEADLINES_MAX, "a deadline passed and did not move");
            self.now = self.now.max(at);
            orders.extend(self.hear(Event::TimerFired));
        }
        self.now = end;
        orders
    }

    fn state(&self, number: u32) -> &'static str {
        let mut sessions = self.track.sessions();
        let found = sessions.find(|(id, _)| *id == session(number));
        found.map_or("gone", |(_, machine)| machine.state().name())
    }
}

const fn capture(number: u32) -> CaptureId {
    CaptureId::new(1, number)
}

const fn session(number: u32) -> SessionId {
    SessionId::new(1, number)
}

const fn recording(number: u32) -> RecordingId {
    RecordingId::new(1, number)
}

fn conversation(name: &str) -> ConversationId {
    ConversationId::new(name).expect("the name is short")
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn wall(at: Moment) -> WallTime {
    WallTime::from_unix_micros(at.as_micros() as i64)
}

fn open_session(number: u32, of: u32, first: u64) -> Effect<Token> {
    let (session, capture) = (session(number), capture(of));
    Effect::OpenSession { session, capture, first: FrameSeq(first) }
}

fn open_recording(number: u32, of: (u32, u32), first: u64) -> Effect<Token> {
    let (session, capture) = (session(of.0), capture(of.1));
    Effect::OpenRecording { recording: recording(number), session, capture, first: FrameSeq(first) }
}

fn cut(number: u32, end: u64) -> Effect<Token> {
    Effect::CutRecording { recording: recording(number), end: FrameSeq(end) }
}

fn seal(number: u32) -> Effect<Token> {
    Effect::SealRecording(recording(number))
}

fn close(number: u32, end: SessionEnd) -> Effect<Token> {
    Effect::CloseSession { session: session(number), end }
}

fn link(name: &str, covers: &[u32]) -> Effect<Token> {
    let recordings = covers.iter().map(|number| recording(*number)).collect();
    Effect::SealAndLink { conversation: conversation(name), recordings }
}

fn sync(number: u32, fallback: bool) -> Effect<Token> {
    Effect::NoteSyncStarted { session: session(number), fallback }
}

fn upload(number: u32, name: Option<&str>) -> Effect<Token> {
    let conversation = name.map(conversation);
    Effect::StartUpload { recording: Token(recording(number)), conversation }
}
