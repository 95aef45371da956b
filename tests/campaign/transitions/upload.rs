//! The machine of one recording's upload, with a journal, a server and restarts around it.

mod replay;

use std::collections::VecDeque;
use std::time::Duration;

use earmark_core::sync::{
    ATTEMPTS_MAX, Api, Delay, Effect, Event, PollVerdict, SWALLOWED_MAX, Settlement, Setup, State,
    Upload, UploadFacts, UploadStage, UploadStep, Verdict,
};
use earmark_core::{
    BootId, ConversationId, Effects, Machine, Moment, RecordingId, SealedToken, Stamp, WallTime,
};
use earmark_sim::feed::DiskOp;

use super::story::Story;
use super::{Bench, Choice, ensure};

const UNRECORDED: &str = "an attempt is not in the journal before it leaves";
const KEPT: &str = "a request that a crash cut off counts as never made";

pub(super) const BENCH: Bench =
    Bench { name: "upload", run, bugs: &[UNRECORDED, KEPT], share: 0.25, replay: replay::replay };

const KINDS: u32 = 18;
const ROUNDS_MAX: usize = 400;

/// A proof of the bench's own; the store alone makes real ones.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Token;

impl SealedToken for Token {
    fn recording(&self) -> RecordingId {
        RecordingId::new(0, 1)
    }
}

/// The budget, counted by somebody else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Budget {
    spent: u32,
    swallowed: u32,
}

/// What the journal holds of the upload.
#[derive(Clone, Debug)]
struct Kept {
    facts: UploadFacts,
    budget: Budget,
    conversation: Option<ConversationId>,
}

struct World {
    machine: Machine<Upload<Token>>,
    now: Stamp,
    bug: Option<String>,
    online: bool,
    signed_in: bool,
    /// The next answers, so that each order has one at most.
    wants_slot: bool,
    /// Records on their way into the journal, in their order; an outcome has its generation.
    journal: VecDeque<(Option<u64>, UploadFacts, Budget)>,
    is_sent: bool,
    is_polled: bool,
    is_signing_in: bool,
    timer: Option<(Moment, u64)>,
    kept: Kept,
    budget: Budget,
    /// The highest ordinal that has left, over all lives.
    left: u32,
    /// Requests whose answer spent, since a person last gave the budget back.
    spending_answers: u32,
    settled: Option<Settlement>,
    /// The journal knows an end that nobody but a person may undo.
    has_ended: bool,
    story: Story,
}

fn conversation() -> ConversationId {
    ConversationId::new("C").expect("the name is short")
}

fn run(choices: &[u32], bug: Option<&str>) -> Result<(), String> {
    World::new(bug).live(choices)
}

fn machine(online: bool, signed_in: bool) -> Machine<Upload<Token>> {
    let setup = Setup { online, signed_in, jitter: true, api: Api::V2 };
    Machine::new(Upload::new(Token, setup))
}

impl World {
    fn new(bug: Option<&str>) -> Self {
        let now = Stamp {
            boot: BootId::from_u128(1),
            moment: Moment::from_micros(1_000_000),
            wall: WallTime::from_unix_micros(1_000_000),
        };
        let (budget, facts) = (Budget::default(), UploadFacts::new());
        Self {
            machine: machine(true, true),
            now,
            bug: bug.map(str::to_owned),
            online: true,
            signed_in: true,
            wants_slot: false,
            journal: VecDeque::new(),
            is_sent: false,
            is_polled: false,
            is_signing_in: false,
            timer: None,
            kept: Kept { facts, budget, conversation: Some(conversation()) },
            budget,
            left: 0,
            spending_answers: 0,
            settled: None,
            has_ended: false,
            story: Story::beginning(now.moment),
        }
    }

    fn live(&mut self, choices: &[u32]) -> Result<(), String> {
        self.hear(Event::Due { conversation: Some(conversation()) })?;
        for choice in choices {
            self.take(&Choice::of(*choice, KINDS))?;
        }
        self.end_well()
    }

    fn take(&mut self, choice: &Choice) -> Result<(), String> {
        match choice.kind {
            0 | 1 => self.go_on(),
            2..=4 => self.reply(reply(choice)),
            5 | 6 => self.poll(poll(choice)),
            7 | 8 => self.refuse_record(),
            9 | 10 => self.pass_timer(choice),
            11 => self.set_network(choice.rest.is_multiple_of(2)),
            12 => self.set_account(choice.rest.is_multiple_of(2)),
            13 => self.answer_sign_in(choice.rest.is_multiple_of(2)),
            14 if choice.rest.is_multiple_of(4) => self.retry(),
            15 if choice.rest.is_multiple_of(16) => self.damage(),
            16 if choice.rest.is_multiple_of(2) => self.crash(),
            17 if choice.rest.is_multiple_of(32) => self.delete(),
            _ => self.go_on(),
        }
    }

    /// Whatever is waited for within the house happens.
    fn go_on(&mut self) -> Result<(), String> {
        if self.wants_slot {
            self.wants_slot = false;
            return self.hear(Event::SlotGranted);
        }
        match self.journal.pop_front() {
            Some((Some(generation), facts, budget)) => {
                self.keep(facts, budget);
                self.hear(Event::OutcomeRecorded { generation })
            }
            Some((None, facts, budget)) => {
                if self.bug.as_deref() != Some(UNRECORDED) {
                    self.keep(facts, budget);
                }
                self.hear(Event::AttemptRecorded)
            }
            None => self.answer_sign_in(true),
        }
    }

    fn keep(&mut self, facts: UploadFacts, budget: Budget) {
        let conversation = self.machine.shared().conversation().cloned();
        self.has_ended = facts.is_final();
        self.kept = Kept { facts, budget, conversation };
    }

    fn reply(&mut self, verdict: Verdict) -> Result<(), String> {
        if !std::mem::replace(&mut self.is_sent, false) {
            return Ok(());
        }
        self.tell_reply(&verdict);
        self.budget.swallowed = 0;
        if matches!(verdict, Verdict::Spends { .. }) {
            self.spend();
        }
        self.hear(Event::ReplyArrived { verdict })
    }

    fn poll(&mut self, verdict: PollVerdict) -> Result<(), String> {
        if !std::mem::replace(&mut self.is_polled, false) {
            return Ok(());
        }
        self.tell_poll(&verdict);
        if matches!(verdict, PollVerdict::Spends { .. }) {
            self.spend();
        }
        self.hear(Event::JobPolled { verdict })
    }

    const fn spend(&mut self) {
        self.budget.spent += 1;
        self.spending_answers += 1;
    }

    /// The journal cannot take the next record.
    fn refuse_record(&mut self) -> Result<(), String> {
        if !self.journal.is_empty() {
            self.tell().disk_fault(DiskOp::Write);
        }
        match self.journal.pop_front() {
            Some((Some(generation), _, _)) => self.hear(Event::OutcomeNotRecorded { generation }),
            Some((None, _, _)) => {
                let reason = String::from("EIO");
                self.hear(Event::AttemptNotMade { reason })
            }
            None => Ok(()),
        }
    }

    fn set_network(&mut self, online: bool) -> Result<(), String> {
        self.online = online;
        self.tell().network(online);
        self.hear(if online { Event::NetworkReturned } else { Event::NetworkLost })
    }

    fn set_account(&mut self, signed_in: bool) -> Result<(), String> {
        self.signed_in = signed_in;
        self.tell().sign_in(signed_in);
        self.hear(if signed_in { Event::SignedIn } else { Event::SignedOut })
    }

    fn answer_sign_in(&mut self, renewed: bool) -> Result<(), String> {
        if !std::mem::replace(&mut self.is_signing_in, false) {
            return Ok(());
        }
        if !renewed {
            self.tell_sign_in_refused();
        }
        self.hear(if renewed { Event::SignInRenewed } else { Event::SignInRefused })
    }

    fn pass_timer(&mut self, choice: &Choice) -> Result<(), String> {
        let Some((at, generation)) = self.timer else {
            return Ok(());
        };
        match choice.rest % 3 {
            0 => self.hear(Event::TimerFired { generation: generation.wrapping_sub(1) }),
            1 if self.now.moment + Duration::from_millis(100) < at => {
                self.pass(Duration::from_millis(50));
                self.hear(Event::TimerFired { generation })
            }
            _ => self.fire(at, generation),
        }
    }

    fn fire(&mut self, at: Moment, generation: u64) -> Result<(), String> {
        let wait = at.since(self.now.moment);
        self.pass(wait);
        self.tell_waited(wait);
        self.timer = None;
        self.hear(Event::TimerFired { generation })
    }

    fn pass(&mut self, wait: Duration) {
        self.now.moment = self.now.moment + wait;
        self.now.wall = self.now.wall + wait;
    }

    /// A person asks for another try; the contract says when that gives the budget back.
    fn retry(&mut self) -> Result<(), String> {
        self.has_ended &= !matches!(self.machine.state(), State::Failed { .. });
        match self.machine.state() {
            State::Failed { .. }
            | State::SignInNeeded { .. }
            | State::Waiting { .. }
            | State::Held
            | State::Queued { .. }
            | State::Offline { .. }
            | State::SignedOut { .. } => {
                self.budget = Budget::default();
                self.spending_answers = 0;
                self.settled = None;
            }
            State::Journalling
            | State::Uploading
            | State::Polling { .. }
            | State::SigningIn { .. }
            | State::Settling { .. }
            | State::Synced { .. }
            | State::Corrupted { .. }
            | State::Deleted => {}
        }
        self.tell().retry_all();
        self.hear(Event::RetryRequested)
    }

    /// The file is found damaged; a request that was reading it is broken off.
    fn damage(&mut self) -> Result<(), String> {
        self.is_sent = false;
        if self.settled != Some(Settlement::Deleted) {
            self.tell().damage();
        }
        let reason = String::from("bytes 0 to 4095 differ");
        self.hear(Event::FileDamaged { reason })
    }

    fn delete(&mut self) -> Result<(), String> {
        self.tell().delete_all();
        self.hear(Event::Deleted)
    }

    /// The process dies; the next one knows what the journal holds.
    fn crash(&mut self) -> Result<(), String> {
        if self.settled == Some(Settlement::Deleted) {
            return Ok(());
        }
        self.tell().crash();
        self.machine = machine(self.online, self.signed_in);
        (self.wants_slot, self.timer) = (false, None);
        (self.is_sent, self.is_polled, self.is_signing_in) = (false, false, false);
        self.journal.clear();
        self.settled = None;
        self.has_ended = self.kept.facts.is_final();
        self.budget = self.kept.budget;
        if matches!(self.kept.facts.stage, UploadStage::Uploading) {
            self.budget.swallowed += 1;
            if self.budget.swallowed == SWALLOWED_MAX {
                self.budget = Budget { spent: self.budget.spent + 1, swallowed: 0 };
            }
        }
        if self.bug.as_deref() == Some(KEPT) {
            self.kept.facts.requests = self.kept.facts.requests.saturating_sub(1);
        }
        // What a crash swallowed may have spent at the server, but not here.
        self.spending_answers = self.spending_answers.min(self.budget.spent);
        let (facts, conversation) = (self.kept.facts.clone(), self.kept.conversation.clone());
        let was_let_go = facts.requests > 0;
        self.hear(Event::Recovered { facts, conversation })?;
        if was_let_go { Ok(()) } else { self.due() }
    }

    fn due(&mut self) -> Result<(), String> {
        let conversation = self.kept.conversation.clone();
        self.hear(Event::Due { conversation })
    }

    fn hear(&mut self, event: Event) -> Result<(), String> {
        let mut effects = Effects::new();
        let roll = 20_000;
        let mut step = UploadStep { now: self.now, roll, effects: &mut effects };
        self.machine.step(&event, &mut step);
        for effect in effects.drain() {
            self.obey(effect).map_err(|why| format!("{event:?}: {why}"))?;
        }
        let spent = self.machine.shared().attempts();
        ensure(spent == self.budget.spent, || {
            format!("{event:?}: {spent} attempts count as spent, and {} were", self.budget.spent)
        })?;
        ensure(spent <= ATTEMPTS_MAX, || format!("{event:?}: {spent} attempts were spent"))?;
        let state = self.machine.state();
        ensure(self.has_way_out(state), || format!("{event:?}: {state:?} waits for nothing"))
    }

    fn obey(&mut self, effect: Effect<Token>) -> Result<(), String> {
        match effect {
            Effect::RequestSlot { .. } => self.wants_slot = true,
            Effect::ReleaseSlot => self.wants_slot = false,
            Effect::RecordAttempt { facts } => {
                ensure(!self.has_ended, || {
                    format!("it is tried again after {:?}", self.kept.facts.stage)
                })?;
                self.journal.push_back((None, facts, self.budget));
            }
            Effect::SendUpload { conversation, ordinal, .. } => {
                self.is_sent = true;
                self.story.answers.upload_left();
                return self.may_leave(conversation.as_ref(), ordinal);
            }
            Effect::PollJob { .. } => {
                self.is_polled = true;
                self.story.answers.poll_left();
            }
            Effect::RecordOutcome { facts, generation } => {
                self.journal.push_back((Some(generation), facts, self.budget));
            }
            Effect::Relink { .. } => self.kept.conversation = None,
            Effect::ArmTimer { at, generation } => self.timer = Some((at, generation)),
            Effect::CancelTimer => self.timer = None,
            Effect::AskSignIn => self.is_signing_in = true,
            Effect::Settled { how } => {
                self.settled = Some(how);
                (self.is_sent, self.is_polled, self.is_signing_in) = (false, false, false);
            }
            Effect::Reopened => self.settled = None,
            Effect::Report(_) => {}
            Effect::Unexpected { state, event } => return Err(format!("{event} in {state}")),
        }
        Ok(())
    }

    /// What must hold when a request leaves.
    fn may_leave(
        &mut self,
        conversation: Option<&ConversationId>,
        ordinal: u32,
    ) -> Result<(), String> {
        ensure(self.online && self.signed_in, || String::from("a request leaves, and may not"))?;
        ensure(self.kept.facts.requests >= ordinal, || {
            format!(
                "request {ordinal} leaves, and the journal knows of {}",
                self.kept.facts.requests
            )
        })?;
        ensure(ordinal > self.left, || {
            format!("request {ordinal} leaves again, after {} requests", self.left)
        })?;
        ensure(conversation == self.kept.conversation.as_ref(), || {
            format!("it names {conversation:?} instead of {:?}", self.kept.conversation)
        })?;
        ensure(self.spending_answers < ATTEMPTS_MAX, || {
            format!("it leaves after {} answers that spent", self.spending_answers)
        })?;
        self.left = ordinal;
        Ok(())
    }

    /// Every state that is not an end waits for something that will come.
    fn has_way_out(&self, state: &State) -> bool {
        match state {
            State::Held | State::Failed { .. } | State::Synced { .. } => true,
            State::Corrupted { .. } | State::Deleted | State::SignInNeeded { .. } => true,
            State::Offline { .. } => !self.online,
            State::SignedOut { .. } => !self.signed_in,
            State::Queued { .. } => self.wants_slot,
            State::Waiting { .. } => self.timer.is_some(),
            State::Journalling => self.journal.iter().any(|(one, _, _)| one.is_none()),
            State::Uploading => self.is_sent,
            State::Polling { .. } => self.is_polled,
            State::SigningIn { .. } => self.is_signing_in,
            State::Settling { armed, .. } => *armed || !self.journal.is_empty(),
        }
    }

    /// From now on all goes well: then the upload ends.
    fn end_well(&mut self) -> Result<(), String> {
        self.set_network(true)?;
        self.set_account(true)?;
        for _ in 0..ROUNDS_MAX {
            if self.settled.is_some() {
                return Ok(());
            }
            self.go_on()?;
            self.reply(Verdict::Synced)?;
            self.poll(PollVerdict::Synced)?;
            if let Some((at, generation)) = self.timer {
                self.fire(at, generation)?;
            }
        }
        Err(format!("it never ends: {:?}", self.machine.state()))
    }
}

fn reply(choice: &Choice) -> Verdict {
    let reason = String::from("so says the server");
    let wait = Duration::from_secs(u64::from(choice.rest / 16 % 900));
    match choice.rest % 12 {
        0 => Verdict::Synced,
        1 | 2 => Verdict::Accepted { job: String::from("J"), poll_after: None },
        3 => Verdict::Waits { reason, delay: Delay::BackOff },
        4 => Verdict::Waits { reason, delay: Delay::Told(wait) },
        5..=7 => Verdict::Spends { reason },
        8 => Verdict::Fails { reason },
        9 => Verdict::SignIn { reason },
        10 => Verdict::ConversationGone { reason },
        _ => Verdict::UseV1 { reason },
    }
}

fn poll(choice: &Choice) -> PollVerdict {
    let reason = String::from("so says the server");
    match choice.rest % 8 {
        0 => PollVerdict::Synced,
        1..=3 => PollVerdict::Running { poll_after: None },
        4 => PollVerdict::Spends { reason },
        5 => PollVerdict::Reupload { reason, delay: Delay::BackOff },
        6 => PollVerdict::Waits { reason, delay: Delay::BackOff },
        _ => PollVerdict::SignIn { reason },
    }
}
