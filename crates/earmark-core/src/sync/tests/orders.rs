//! The machine in a world that does anything that can happen, in any order.

use alloc::collections::VecDeque;

use proptest::prelude::*;

use super::diagram::{poll_verdicts, verdicts};
use super::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Away,
    Waiting,
    Granted,
}

/// What the journal was given, and whether it is an attempt or which outcome it is.
type Record = (UploadFacts, Option<u64>);

/// All that surrounds one machine: what was ordered, and what is true outside.
struct World {
    bench: Bench,
    line: Line,
    /// The journal answers in the order in which it is given records.
    journal: VecDeque<Record>,
    attempt_is_durable: bool,
    uploading: bool,
    polling: bool,
    asking: bool,
    timer: Option<(Moment, u64)>,
    durable: UploadFacts,
    relinked: bool,
    was_due: bool,
}

impl World {
    fn new() -> Self {
        Self {
            bench: Bench::new(),
            line: Line::Away,
            journal: VecDeque::new(),
            attempt_is_durable: false,
            uploading: false,
            polling: false,
            asking: false,
            timer: None,
            durable: UploadFacts::new(),
            relinked: false,
            was_due: false,
        }
    }

    fn state(&self) -> &State {
        self.bench.machine.state()
    }

    fn setup(&self) -> Setup {
        *self.bench.machine.shared().setup()
    }

    /// One step; every order is checked against what it may follow.
    fn hear(&mut self, event: Event) {
        let attempts = self.bench.attempts();
        let by_a_person = event == Event::RetryRequested;
        let recovers = matches!(event, Event::Recovered { .. });
        self.was_due |= matches!(event, Event::Due { .. });
        for order in self.bench.hear(event) {
            self.carry_out(order);
        }
        assert!(by_a_person || recovers || self.bench.attempts() >= attempts);
        assert!(self.bench.attempts() <= ATTEMPTS_MAX);
        self.check();
    }

    fn carry_out(&mut self, order: Effect<Token>) {
        match order {
            Effect::RequestSlot { .. } => {
                assert_eq!(self.line, Line::Away);
                assert!(self.setup().online && self.setup().signed_in);
                self.line = Line::Waiting;
            }
            Effect::ReleaseSlot => {
                assert_ne!(self.line, Line::Away);
                self.line = Line::Away;
                self.attempt_is_durable = false;
                (self.uploading, self.polling) = (false, false);
            }
            Effect::RecordAttempt { facts } => {
                assert_eq!(self.line, Line::Granted);
                self.journal.push_back((facts, None));
            }
            Effect::SendUpload { conversation, .. } => {
                assert!(self.attempt_is_durable && self.line == Line::Granted);
                assert!(!self.uploading && !self.polling && self.setup().online);
                assert!(conversation.is_none() || !self.relinked);
                self.uploading = true;
            }
            Effect::PollJob { .. } => {
                assert_eq!(self.line, Line::Granted);
                assert!(!self.uploading && !self.polling && self.setup().online);
                self.polling = true;
            }
            Effect::RecordOutcome { facts, generation } => {
                self.journal.push_back((facts, Some(generation)));
            }
            Effect::Relink { .. } => assert!(!core::mem::replace(&mut self.relinked, true)),
            Effect::ArmTimer { at, generation } => self.timer = Some((at, generation)),
            Effect::CancelTimer => self.timer = None,
            Effect::AskSignIn => self.asking = true,
            Effect::Settled { how } => {
                if how != Settlement::Deleted {
                    assert!(self.durable.is_final());
                }
                self.timer = None;
            }
            Effect::Reopened | Effect::Report(_) => {}
            Effect::Unexpected { state, event } => panic!("{state} has no answer to {event}"),
        }
    }

    /// Every state has a way out, and nothing else is going on.
    fn check(&self) {
        let setup = self.setup();
        let armed = |wanted| self.timer.is_some_and(|(_, generation)| generation == wanted);
        let (line, awaited) = match self.state() {
            State::Held => (Line::Away, !self.was_due),
            State::Queued { .. } => (Line::Waiting, true),
            State::Waiting { pause, .. } => (Line::Away, armed(pause.generation)),
            State::Offline { .. } => (Line::Away, !setup.online),
            State::Journalling => (Line::Granted, self.is_journalling(None)),
            State::Uploading => (Line::Granted, self.uploading),
            State::Polling { .. } => (Line::Granted, self.polling),
            State::SigningIn { .. } => (Line::Away, self.asking),
            State::SignInNeeded { .. } => (Line::Away, true),
            State::SignedOut { .. } => (Line::Away, !setup.signed_in),
            State::Settling { generation, armed: true, .. } => (Line::Away, armed(*generation)),
            State::Settling { generation, .. } => {
                (Line::Away, self.is_journalling(Some(*generation)))
            }
            State::Synced { .. } | State::Failed { .. } | State::Corrupted { .. } => {
                (Line::Away, self.durable.is_final())
            }
            State::Deleted => (Line::Away, true),
        };
        let waits_for_timer =
            matches!(self.state(), State::Waiting { .. } | State::Settling { armed: true, .. });
        assert_eq!(self.line, line, "{:?}", self.state());
        assert!(awaited, "{:?} waits for nothing", self.state());
        assert_eq!(self.timer.is_some(), waits_for_timer, "{:?}", self.state());
        let sends = (self.uploading, self.polling);
        let polls = matches!(self.state(), State::Polling { .. });
        assert_eq!(sends, (matches!(self.state(), State::Uploading), polls));
        let _total = self.bench.machine.shared().report(self.state());
    }

    /// What the world can do now.
    fn possible(&self) -> Vec<Event> {
        let mut events = alloc::vec![
            due("C"),
            Event::Due { conversation: None },
            Event::NetworkLost,
            Event::NetworkReturned,
            Event::SignedIn,
            Event::SignedOut,
            Event::RetryRequested,
            damaged(),
        ];
        if self.line == Line::Waiting {
            events.push(Event::SlotGranted);
        }
        if let Some((_, record)) = self.journal.front() {
            let reason = String::from("the disk is full");
            events.extend(match *record {
                None => [Event::AttemptRecorded, Event::AttemptNotMade { reason }],
                Some(generation) => [
                    Event::OutcomeRecorded { generation },
                    Event::OutcomeNotRecorded { generation },
                ],
            });
        }
        if self.uploading {
            let replies = verdicts().into_iter();
            events.extend(replies.map(|verdict| Event::ReplyArrived { verdict }));
            if self.journal.is_empty() {
                events
                    .push(Event::AttemptNotMade { reason: String::from("the file is unreadable") });
            }
        }
        if self.polling {
            let replies = poll_verdicts().into_iter();
            events.extend(replies.map(|verdict| Event::JobPolled { verdict }));
        }
        if self.asking {
            events.extend([Event::SignInRenewed, Event::SignInRefused]);
        }
        if let Some((_, generation)) = self.timer {
            events.push(Event::TimerFired { generation });
        }
        events
    }

    /// Lets an event happen: the world changes first, then the machine hears of it.
    fn happen(&mut self, event: Event) {
        match &event {
            Event::SlotGranted => self.line = Line::Granted,
            Event::AttemptRecorded | Event::OutcomeRecorded { .. } => {
                self.durable = self.journal.pop_front().expect("it was ordered").0;
                self.attempt_is_durable = event == Event::AttemptRecorded;
            }
            Event::AttemptNotMade { .. } | Event::OutcomeNotRecorded { .. } => {
                drop(self.journal.pop_front());
            }
            Event::SignInRenewed | Event::SignInRefused => self.asking = false,
            Event::TimerFired { .. } => {
                let (at, _) = self.timer.take().expect("it was armed");
                self.bench.now.moment = self.bench.now.moment.max(at);
            }
            Event::Recovered { .. }
            | Event::Due { .. }
            | Event::ReplyArrived { .. }
            | Event::JobPolled { .. }
            | Event::NetworkLost
            | Event::NetworkReturned
            | Event::SignedIn
            | Event::SignedOut
            | Event::RetryRequested
            | Event::FileDamaged { .. }
            | Event::Deleted => {}
        }
        self.hear(event);
    }

    fn is_journalling(&self, record: Option<u64>) -> bool {
        self.journal.iter().any(|(_, given)| *given == record)
    }

    /// The program dies, some of what the journal was given still gets to the disk, and it starts
    /// again on what is there.
    fn crash(&mut self, written: usize) {
        for (facts, _) in self.journal.drain(..).take(written) {
            self.durable = facts;
        }
        let (durable, now) = (self.durable.clone(), self.bench.now);
        let (relinked, was_final) = (self.relinked, self.durable.is_final());
        let attempts = self.durable.attempts;
        *self = Self::new();
        self.relinked = relinked;
        self.bench.now = now;
        self.durable = durable.clone();
        let conversation = (!relinked).then(|| conversation("C"));
        self.hear(Event::Recovered { facts: durable, conversation });
        assert!(self.bench.attempts() >= attempts);
        assert_eq!(self.bench.facts().is_final() && was_final, was_final);
    }

    /// From here on, everything goes well.
    fn heal(&mut self) {
        for event in [due("C"), Event::SignedIn, Event::NetworkReturned] {
            self.happen(event);
        }
        for _ in 0..60 {
            let state = self.state();
            if matches!(state, State::Synced { .. } | State::Corrupted { .. }) {
                return;
            }
            let next = if matches!(state, State::Failed { .. }) {
                Event::RetryRequested
            } else {
                self.good_news().expect("something is under way")
            };
            self.happen(next);
        }
        panic!("after sixty steps it is still {:?}", self.state());
    }

    fn good_news(&self) -> Option<Event> {
        if self.line == Line::Waiting {
            return Some(Event::SlotGranted);
        }
        if let Some((_, record)) = self.journal.front() {
            let outcome = |generation| Event::OutcomeRecorded { generation };
            return Some(record.map_or(Event::AttemptRecorded, outcome));
        }
        if self.uploading {
            let verdict = Verdict::Synced;
            return Some(Event::ReplyArrived { verdict });
        }
        if self.polling {
            let verdict = PollVerdict::Synced;
            return Some(Event::JobPolled { verdict });
        }
        if self.asking {
            return Some(Event::SignInRenewed);
        }
        let (_, generation) = self.timer?;
        Some(Event::TimerFired { generation })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_happens_every_wait_ends_and_a_healthy_server_gets_the_recording(
        rolls in prop::collection::vec(any::<u16>(), 0..80)
    ) {
        let mut world = World::new();
        for roll in rolls {
            world.bench.roll = roll;
            if roll % 23 == 0 {
                world.crash(usize::from(roll) % 3);
                continue;
            }
            let mut events = world.possible();
            let chosen = usize::from(roll) % events.len();
            world.happen(events.swap_remove(chosen));
        }
        world.heal();
    }

    #[test]
    fn a_deleted_recording_answers_whatever_was_still_on_its_way(
        rolls in prop::collection::vec(any::<u16>(), 0..40)
    ) {
        let mut world = World::new();
        for roll in rolls {
            let mut events = world.possible();
            let chosen = usize::from(roll) % events.len();
            world.happen(events.swap_remove(chosen));
        }
        // What was ordered and is not taken back by the deletion's own orders may still be
        // answered.
        let on_their_way = world.possible();
        world.hear(Event::Deleted);
        for event in on_their_way {
            if event != Event::SlotGranted {
                prop_assert_eq!(world.bench.hear(event), []);
            }
        }
    }
}
