//! One upload machine on a bench: what it hears, what it orders.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::*;
use crate::{
    BootId, ConversationId, Deadline, Effects, Machine, Moment, RecordingId, SealedToken, Stamp,
    WallTime,
};

mod budget;
mod diagram;
mod jobs;
mod orders;
mod outside;
mod restart;

/// A token of the bench's own; the store alone makes real ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Token;

impl SealedToken for Token {
    fn recording(&self) -> RecordingId {
        RecordingId::new(0, 1)
    }
}

const SETUP: Setup = Setup { online: true, signed_in: true, jitter: false, api: Api::V2 };

#[derive(Clone, Debug)]
struct Bench {
    machine: Machine<Upload<Token>>,
    now: Stamp,
    roll: u16,
    /// What a person was told last.
    told: Option<Report>,
}

impl Bench {
    fn new() -> Self {
        Self::with(SETUP)
    }

    fn with(setup: Setup) -> Self {
        let machine = Machine::new(Upload::new(Token, setup));
        Self { machine, now: at(0), roll: 0, told: None }
    }

    /// A request for an upload to conversation C is in flight.
    fn sent() -> Self {
        let mut bench = Self::new();
        bench.hear(due("C"));
        bench.send();
        bench
    }

    /// The server works on a job.
    fn accepted() -> Self {
        let mut bench = Self::sent();
        bench.reply(Verdict::Accepted { job: String::from("J"), poll_after: None });
        bench
    }

    fn recovered(stage: UploadStage) -> Self {
        let mut bench = Self::new();
        bench.recover(UploadFacts { requests: 1, stage, ..UploadFacts::new() });
        bench
    }

    fn recover(&mut self, facts: UploadFacts) -> Vec<Effect<Token>> {
        let conversation = Some(conversation("C"));
        self.hear(Event::Recovered { facts, conversation })
    }

    /// All orders of the step but the report.
    fn hear(&mut self, event: Event) -> Vec<Effect<Token>> {
        let mut effects = Effects::new();
        let mut step = UploadStep { now: self.now, roll: self.roll, effects: &mut effects };
        self.machine.step(&event, &mut step);
        let mut orders = Vec::new();
        for order in effects.drain() {
            if let Effect::Report(report) = order {
                self.told = Some(report);
            } else {
                orders.push(order);
            }
        }
        orders
    }

    /// From the line to the request that is in flight.
    fn send(&mut self) -> Vec<Effect<Token>> {
        self.hear(Event::SlotGranted);
        self.hear(Event::AttemptRecorded)
    }

    fn reply(&mut self, verdict: Verdict) -> Vec<Effect<Token>> {
        self.hear(Event::ReplyArrived { verdict })
    }

    fn poll(&mut self, verdict: PollVerdict) -> Vec<Effect<Token>> {
        self.hear(Event::SlotGranted);
        self.hear(Event::JobPolled { verdict })
    }

    fn record(&mut self) -> Vec<Effect<Token>> {
        let State::Settling { generation, .. } = *self.machine.state() else {
            panic!("nothing is settling: {:?}", self.machine.state());
        };
        self.hear(Event::OutcomeRecorded { generation })
    }

    /// Lets the wait run out.
    fn wait(&mut self) -> Vec<Effect<Token>> {
        let (at, generation) = self.timer();
        self.now.moment = at;
        self.hear(Event::TimerFired { generation })
    }

    fn timer(&self) -> (Moment, u64) {
        let State::Waiting { pause, .. } = self.machine.state() else {
            panic!("nothing waits for a time: {:?}", self.machine.state());
        };
        (pause.until.moment(self.now), pause.generation)
    }

    /// How long the wait is, from now on.
    fn waits(&self) -> Duration {
        self.timer().0.since(self.now.moment)
    }

    fn state(&self) -> &'static str {
        self.machine.state().name()
    }

    fn facts(&self) -> UploadFacts {
        self.machine.shared().facts(self.machine.state())
    }

    fn attempts(&self) -> u32 {
        self.machine.shared().attempts()
    }

    /// What a person sees, who was told of it.
    fn report(&self) -> Report {
        let report = self.machine.shared().report(self.machine.state());
        assert_eq!(self.told, report, "what was told last is not what is");
        report.expect("it is not deleted")
    }

    fn status(&self) -> &'static str {
        self.report().status.word()
    }
}

const fn at(seconds: u64) -> Stamp {
    Stamp {
        boot: BootId::from_u128(1),
        moment: Moment::from_micros(seconds * 1_000_000),
        wall: WallTime::from_unix_micros(seconds as i64 * 1_000_000),
    }
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn conversation(name: &str) -> ConversationId {
    ConversationId::new(name).expect("it is short")
}

fn due(name: &str) -> Event {
    Event::Due { conversation: Some(conversation(name)) }
}

fn spends() -> Verdict {
    Verdict::Spends { reason: String::from("a part failed") }
}

fn waits(delay: Delay) -> Verdict {
    Verdict::Waits { reason: String::from("the server is busy"), delay }
}

fn sign_in() -> Verdict {
    Verdict::SignIn { reason: String::from("the token is old") }
}

fn gone() -> Verdict {
    Verdict::ConversationGone { reason: String::from("no such conversation") }
}

fn damaged() -> Event {
    Event::FileDamaged { reason: String::from("bytes 0 to 4095 differ") }
}

fn sends_to(effects: &[Effect<Token>]) -> Vec<(Option<&str>, Api, u32)> {
    effects
        .iter()
        .filter_map(|effect| {
            if let Effect::SendUpload { conversation, api, ordinal, .. } = effect {
                let named = conversation.as_ref().map(ConversationId::as_str);
                Some((named, *api, *ordinal))
            } else {
                None
            }
        })
        .collect()
}
