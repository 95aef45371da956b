//! One recording's upload, from its session's word to its end. Restarts are left to the campaign,
//! which has a journal for them.

mod reference;

use earmark_core::sync::{Api, Effect, Event, Setup, State, Upload, UploadStep};
use earmark_core::{
    BootId, ConversationId, Effects, Machine, Moment, RecordingId, SealedToken, Stamp, WallTime,
};
use proptest_state_machine::{StateMachineTest, prop_state_machine};

use reference::{Reference, Transition};

/// A proof of the test's own; the store alone makes real ones.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Token;

impl SealedToken for Token {
    fn recording(&self) -> RecordingId {
        RecordingId::new(0, 1)
    }
}

/// The machine, and what it waits for.
struct Waits {
    machine: Machine<Upload<Token>>,
    now: Moment,
    timer: Option<(Moment, u64)>,
    /// The outcome that is on its way into the journal.
    record: Option<u64>,
    /// The last request: what it named, and its number.
    sent: Option<(Option<ConversationId>, u32)>,
    polls: u32,
}

fn conversation() -> ConversationId {
    ConversationId::new("C").expect("the name is short")
}

impl Waits {
    fn hear(&mut self, event: &Event) {
        let mut effects = Effects::new();
        let wall = WallTime::from_unix_micros(1_000_000);
        let now = Stamp { boot: BootId::from_u128(1), moment: self.now, wall };
        self.machine.step(event, &mut UploadStep { now, roll: 0, effects: &mut effects });
        for effect in effects.drain() {
            match effect {
                Effect::SendUpload { conversation, ordinal, .. } => {
                    self.sent = Some((conversation, ordinal));
                }
                Effect::PollJob { .. } => self.polls += 1,
                Effect::RecordOutcome { generation, .. } => self.record = Some(generation),
                Effect::ArmTimer { at, generation } => self.timer = Some((at, generation)),
                Effect::CancelTimer => self.timer = None,
                Effect::Unexpected { state, event } => panic!("{event} in {state}"),
                Effect::RequestSlot { .. }
                | Effect::ReleaseSlot
                | Effect::RecordAttempt { .. }
                | Effect::Relink { .. }
                | Effect::AskSignIn
                | Effect::Settled { .. }
                | Effect::Reopened
                | Effect::Report(_) => {}
            }
        }
    }

    /// The journal's answer to what it was given last.
    fn recorded(&self, well: bool) -> Event {
        let generation = self.record.unwrap_or(0);
        match (self.machine.state(), well) {
            (State::Journalling, true) => Event::AttemptRecorded,
            (State::Journalling, false) => Event::AttemptNotMade { reason: String::from("EIO") },
            (_, true) => Event::OutcomeRecorded { generation },
            (_, false) => Event::OutcomeNotRecorded { generation },
        }
    }

    fn event(&mut self, transition: &Transition) -> Event {
        match transition {
            Transition::Due(named) => Event::Due { conversation: named.then(conversation) },
            Transition::Slot => Event::SlotGranted,
            Transition::Recorded(well) => self.recorded(*well),
            Transition::Reply(verdict) => Event::ReplyArrived { verdict: verdict.clone() },
            Transition::Polled(verdict) => Event::JobPolled { verdict: verdict.clone() },
            Transition::Network(true) => Event::NetworkReturned,
            Transition::Network(false) => Event::NetworkLost,
            Transition::Account(true) => Event::SignedIn,
            Transition::Account(false) => Event::SignedOut,
            Transition::Renewed(true) => Event::SignInRenewed,
            Transition::Renewed(false) => Event::SignInRefused,
            Transition::Timer => {
                let (_, generation) = self.timer.take().expect("one is armed");
                Event::TimerFired { generation }
            }
            Transition::Retry => Event::RetryRequested,
            Transition::Damage => Event::FileDamaged { reason: String::from("a bit") },
            Transition::Delete => Event::Deleted,
        }
    }
}

struct Test;

impl StateMachineTest for Test {
    type SystemUnderTest = Waits;
    type Reference = Reference;

    fn init_test(reference: &Reference) -> Waits {
        let setup = Setup { online: true, signed_in: true, jitter: false, api: Api::V2 };
        Waits {
            machine: Machine::new(Upload::new(Token, setup)),
            now: reference.now,
            timer: None,
            record: None,
            sent: None,
            polls: 0,
        }
    }

    fn apply(mut waits: Waits, reference: &Reference, transition: Transition) -> Waits {
        waits.now = reference.now;
        let event = waits.event(&transition);
        waits.hear(&event);
        waits
    }

    fn check_invariants(waits: &Waits, reference: &Reference) {
        let knows = waits.machine.shared();
        assert_eq!(waits.machine.state().name(), reference.phase.name());
        assert_eq!(knows.attempts(), reference.attempts, "attempts");
        assert_eq!(knows.requests(), reference.requests, "requests");
        assert_eq!(knows.conversation().is_some(), reference.is_named, "named");
        assert_eq!(waits.timer.map(|(at, _)| at), reference.phase.until(), "the timer");
        let sent = waits.sent.as_ref().map(|(named, ordinal)| (named.is_some(), *ordinal));
        assert_eq!(sent, reference.sent, "the last request");
        assert_eq!(waits.polls, reference.polls, "polls");
    }
}

prop_state_machine! {
    #![proptest_config(crate::config())]

    #[test]
    fn an_upload_goes_the_way_of_the_reference(sequential 1..60 => Test);
}
