//! A story in the making: lines at any time, put in order at the end.

use std::time::Duration;

use bytes::Bytes;
use earmark_backend::{Answer, ServerAction};
use earmark_core::{Account, Device, Encoding};
use earmark_sim::feed::{Action, Feed, FeedTime};

use super::dice::Dice;
use super::kinds::{FaultKind, Kinds};

/// A second of feed time, in microseconds.
pub const SECOND: u64 = 1_000_000;

/// A time in which the process is down.
#[derive(Clone, Copy, Debug)]
pub struct Down {
    /// From when on, in microseconds.
    pub from: u64,
    /// Until when.
    pub until: u64,
}

/// A device of the world.
#[derive(Clone, Debug)]
pub struct Pendant {
    /// Its name.
    pub device: Device,
    /// Whose audio it records at first.
    pub account: Account,
    /// What it sends at first.
    pub encoding: Encoding,
}

/// A story in the making.
pub struct Story {
    /// What is left to chance.
    pub dice: Dice,
    /// The kinds of faults that may be in it.
    pub kinds: Kinds,
    /// When the faults cease, in microseconds.
    pub end: u64,
    /// The devices.
    pub pendants: Vec<Pendant>,
    /// When the process is down.
    pub downs: Vec<Down>,
    lines: Vec<(u64, Action)>,
    frames: u64,
}

impl Story {
    /// A story without lines.
    pub fn new(dice: Dice, kinds: Kinds, end: u64, pendants: Vec<Pendant>) -> Self {
        Self { dice, kinds, end, pendants, downs: Vec::new(), lines: Vec::new(), frames: 0 }
    }

    /// Something happens.
    pub fn tell(&mut self, at: u64, action: Action) {
        self.lines.push((at, action));
    }

    /// Whether a kind of faults may be in it.
    pub const fn has(&self, kind: FaultKind) -> bool {
        self.kinds.has(kind)
    }

    /// A moment before the faults cease.
    pub const fn moment(&mut self) -> u64 {
        self.dice.below(self.end)
    }

    /// A moment at which the process runs, if there is one that chance finds.
    pub fn moment_alive(&mut self) -> u64 {
        let tries: [u64; 4] = std::array::from_fn(|_| self.moment());
        let is_up = |at: &u64| !self.downs.iter().any(|down| down.from <= *at && *at < down.until);
        tries.into_iter().find(is_up).unwrap_or(tries[0])
    }

    /// One of the devices.
    pub fn pendant(&mut self) -> Pendant {
        let place = self.dice.place(self.pendants.len());
        self.pendants[place].clone()
    }

    /// When the process comes up again between two moments.
    pub fn ups_within(&self, from: u64, to: u64) -> Vec<u64> {
        let ups = self.downs.iter().map(|down| down.until);
        ups.filter(|up| from <= *up && *up < to).collect()
    }

    /// Has the server answer the next uploads so.
    pub fn respond(&mut self, at: u64, answers: Vec<Answer>) {
        self.tell(at, Action::Server(ServerAction::Respond(answers)));
    }

    /// Has the server answer the next questions about jobs so.
    pub fn job_respond(&mut self, at: u64, answers: Vec<Answer>) {
        self.tell(at, Action::Server(ServerAction::JobRespond(answers)));
    }

    /// The server says something on a device's live socket.
    pub fn say(&mut self, at: u64, device: &Device, text: String) {
        let device = Some(device.as_str().to_owned());
        self.tell(at, Action::Server(ServerAction::Message { device, text }));
    }

    /// Frames of a device, of bytes that no other line makes.
    pub fn frames(&mut self, at: u64, pendant: &Pendant, count: u64, bytes: usize) {
        self.frames += 1;
        let (seed, device) = (self.frames, pendant.device.clone());
        self.tell(at, Action::Frames { device, count, bytes, seed, pace: true });
    }

    /// The bytes of a single frame that no other line makes.
    pub fn single(&mut self, pendant: &Pendant) -> Bytes {
        let bytes = pendant.encoding.frame_bytes().unwrap_or(60);
        let words = (0..bytes.div_ceil(8)).map(|_| self.dice.roll());
        let mut frame: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
        frame.truncate(bytes);
        Bytes::from(frame)
    }

    /// The feed, in the order of time; lines of the same time stay in the order in which they were
    /// told.
    pub fn feed(mut self) -> Feed {
        self.lines.sort_by_key(|(at, _)| *at);
        let time = |at: u64| FeedTime::from_micros(at).unwrap_or(FeedTime::MAX);
        self.lines.into_iter().map(|(at, action)| (time(at), action)).collect()
    }
}

/// An answer with a status, and a body of its own.
pub fn answer(status: u16, body: Option<&str>) -> Answer {
    Answer { body: body.map(String::from), ..Answer::status(status) }
}

/// The same, after a delay.
pub fn delayed(answer: Answer, delay: Duration) -> Answer {
    Answer { delay, ..answer }
}
