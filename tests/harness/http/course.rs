//! What an upload must do next while a server behaves in a given way.
//!
//! A course is told what is seen from outside (requests that leave, their ends, what is shown) and
//! says what is wrong about it. Where a death leaves open whether an outcome was written down, it
//! goes on with both answers until one is ruled out.

use std::collections::VecDeque;
use std::time::Duration;

use super::table::{Behaviour, Class, Meaning, When};

/// Attempts that may be spent.
const ATTEMPTS_MAX: u32 = 3;
/// How long a job is asked for.
const LEASE: Duration = Duration::from_secs(6 * 3_600);
/// The wait before a question, when nobody says how long; a server for which nothing is scripted
/// says the same.
const FIRST_POLL: Duration = Duration::from_secs(3);
/// The wait of a recording that a server has no place for.
const NO_PLACE: Duration = Duration::from_secs(3_600);
/// How far a time may be beside what was expected.
const SLACK: Duration = Duration::from_millis(1);

/// What is wrong, in words.
pub type Check = Result<(), String>;

/// What a person is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The status.
    pub status: &'static str,
    /// The reason.
    pub reason: Option<String>,
    /// The attempts that are spent.
    pub attempts: u32,
    /// How long the wait is until the next attempt, if one is shown.
    pub wait: Option<Duration>,
}

/// What must be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Expected {
    status: &'static str,
    /// What the reason begins with.
    reason: Option<String>,
    wait: Option<Span>,
}

/// The least and the most of a time.
type Span = (Duration, Duration);

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    /// To upload.
    Upload,
    /// To ask about a job.
    Poll,
}

/// How a recording ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The server has it.
    Synced,
    /// Not tried again; the words begin like this.
    Failed(String),
}

#[derive(Clone, Debug)]
enum Next {
    /// A request leaves at this time.
    Leaves(Errand, Span),
    Flies(Errand),
    /// A person must sign in.
    Person(Errand),
    Over(End),
}

/// The course of one recording's upload.
#[derive(Clone, Debug)]
pub struct Course {
    candidates: Vec<Track>,
}

#[derive(Clone, Debug)]
struct Track {
    uploads: VecDeque<Meaning>,
    polls: VecDeque<Meaning>,
    attempts: u32,
    /// Back-offs in a row.
    row: u32,
    is_renewed: bool,
    is_named: bool,
    is_v1: bool,
    lease_end: Duration,
    next: Next,
    shown: VecDeque<Expected>,
    /// How it stood when the last answered upload was on its way.
    flying: Option<Box<Track>>,
}

impl Course {
    /// A named recording that must leave within this span, to a server that behaves so, one after
    /// the other, and then takes everything.
    pub fn new<'a>(behaviours: impl IntoIterator<Item = &'a Behaviour>, leaves: Span) -> Self {
        let (mut uploads, mut polls) = (VecDeque::new(), VecDeque::new());
        for behaviour in behaviours {
            uploads.push_back(behaviour.to_upload.clone());
            polls.extend((0..behaviour.job.unwrap_or(0)).map(|_| behaviour.to_poll.clone()));
        }
        Self::begin(uploads, polls, leaves)
    }

    /// The same, where the first upload is taken and the behaviour is the answer to the first
    /// question about it.
    pub fn polled(behaviour: &Behaviour, leaves: Span) -> Self {
        let times = behaviour.job.unwrap_or(1);
        let polls = (0..times).map(|_| behaviour.to_poll.clone());
        Self::begin(VecDeque::new(), polls.collect(), leaves)
    }

    fn begin(uploads: VecDeque<Meaning>, polls: VecDeque<Meaning>, leaves: Span) -> Self {
        let track = Track {
            uploads,
            polls,
            attempts: 0,
            row: 0,
            is_renewed: false,
            is_named: true,
            is_v1: false,
            lease_end: Duration::ZERO,
            next: Next::Leaves(Errand::Upload, leaves),
            shown: VecDeque::new(),
            flying: None,
        };
        Self { candidates: vec![track] }
    }

    /// Goes on with those of the possible courses that this agrees with.
    fn filter(&mut self, mut step: impl FnMut(&mut Track) -> Check) -> Check {
        let mut wrong = String::new();
        self.candidates.retain_mut(|track| match step(track) {
            Ok(()) => true,
            Err(why) => {
                wrong = why;
                false
            }
        });
        if self.candidates.is_empty() { Err(wrong) } else { Ok(()) }
    }

    /// A request left.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn left(&mut self, at: Duration, errand: Errand, is_named: bool, is_v1: bool) -> Check {
        self.filter(|track| track.left(at, errand, is_named, is_v1))
    }

    /// The request in flight ended; `plain` is what the server said if nothing was scripted.
    ///
    /// # Errors
    ///
    /// That there was none.
    pub fn ended(&mut self, at: Duration, plain: Class) -> Check {
        self.filter(|track| track.ended(at, plain))
    }

    /// Something is shown.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn shows(&mut self, shown: &Shown) -> Check {
        self.filter(|track| track.shows(shown))
    }

    /// The process died, and starts again at this time.
    pub fn restarts(&mut self, at: Duration) {
        let both = self.candidates.iter().flat_map(|track| {
            let swallowed = track.flying.clone().map(|flying| *flying);
            [Some(track.clone()), swallowed]
        });
        self.candidates = both.flatten().map(|track| track.restarted(at)).collect();
    }

    /// The same, where the store tells whether the last outcome was written down.
    pub fn restarts_knowing(&mut self, at: Duration, is_swallowed: bool) {
        for track in &mut self.candidates {
            if is_swallowed && let Some(flying) = track.flying.take() {
                *track = *flying;
            }
            track.flying = None;
        }
        self.restarts(at);
    }

    /// A person signs in.
    pub fn signs_in(&mut self, at: Duration) {
        for track in &mut self.candidates {
            track.is_renewed = false;
            if let Next::Person(errand) = track.next {
                track.next = Next::Leaves(errand, (at, at));
            }
        }
    }

    /// Whether all that must be shown by now is, and nothing happens before time passes.
    pub fn rests(&self, at: Duration) -> bool {
        self.candidates.iter().all(|track| track.shown.is_empty() && track.rests(at))
    }

    /// How it must have ended.
    ///
    /// # Errors
    ///
    /// That it has not.
    pub fn over(&self) -> Result<End, String> {
        let next = self.candidates.first().map(|track| track.next.clone());
        match next {
            Some(Next::Over(end)) => Ok(end),
            other => Err(format!("it should go on: {other:?}")),
        }
    }
}

impl Track {
    fn left(&mut self, at: Duration, errand: Errand, is_named: bool, is_v1: bool) -> Check {
        let Next::Leaves(expected, (from, to)) = self.next else {
            return Err(format!("a request left at {at:?}, and {:?} was expected", self.next));
        };
        if expected != errand {
            return Err(format!("{errand:?} left at {at:?}, and {expected:?} was expected"));
        }
        if at + SLACK < from || at > to + SLACK {
            return Err(format!("{errand:?} left at {at:?}, and not from {from:?} to {to:?}"));
        }
        if errand == Errand::Upload && (is_named, is_v1) != (self.is_named, self.is_v1) {
            let expected = (self.is_named, self.is_v1);
            let found = (is_named, is_v1);
            return Err(format!("named and to v1: {found:?}, and {expected:?} was expected"));
        }
        self.next = Next::Flies(errand);
        self.shown.clear();
        Ok(())
    }

    fn ended(&mut self, at: Duration, plain: Class) -> Check {
        let Next::Flies(errand) = self.next else {
            return Err(format!("a request ended at {at:?}, and {:?} was expected", self.next));
        };
        self.flying = (errand == Errand::Upload).then(|| Box::new(self.clone()));
        let scripted = match errand {
            Errand::Upload => self.uploads.pop_front(),
            Errand::Poll => self.polls.pop_front(),
        };
        let words = String::from("the server works on it");
        let meaning = scripted.unwrap_or(Meaning { class: plain, words });
        self.is_renewed &= meaning.class == Class::SignIn;
        match errand {
            Errand::Upload => self.uploaded(at, &meaning),
            Errand::Poll => self.polled(at, &meaning),
        }
        Ok(())
    }

    fn uploaded(&mut self, at: Duration, meaning: &Meaning) {
        let words = &meaning.words;
        match meaning.class {
            Class::Synced => self.synced(),
            Class::Accepted => {
                self.lease_end = at + LEASE;
                self.next = Next::Leaves(Errand::Poll, (at + FIRST_POLL, at + FIRST_POLL));
                self.expect("processing", Some(words), None);
            }
            Class::Spends => self.spend(at, words),
            Class::Waits(when) => self.wait(Errand::Upload, when, at, words),
            Class::Final => self.fail(words),
            Class::SignIn => self.sign_in(Errand::Upload, at, words),
            Class::Relink if self.is_named => {
                self.is_named = false;
                self.next = Next::Leaves(Errand::Upload, (at, at));
            }
            Class::UsesV1 if !self.is_v1 => {
                self.is_v1 = true;
                self.next = Next::Leaves(Errand::Upload, (at, at));
            }
            Class::Relink | Class::UsesV1 => {
                self.wait(Errand::Upload, When::Fixed(NO_PLACE.as_secs()), at, words);
            }
            Class::Running(_) | Class::Again(_) => unreachable!("no answer to an upload"),
        }
    }

    fn polled(&mut self, at: Duration, meaning: &Meaning) {
        let (words, is_over) = (&meaning.words, at + SLACK >= self.lease_end);
        match meaning.class {
            Class::Synced => self.synced(),
            Class::Spends => self.spend(at, words),
            Class::Again(when) => self.wait(Errand::Upload, when, at, words),
            Class::SignIn => self.sign_in(Errand::Poll, at, words),
            Class::Running(_) | Class::Waits(_) if is_over => {
                let words = "the server did not finish its work on it within 6 h";
                let when = if let Class::Waits(told @ When::Told(_)) = meaning.class {
                    told
                } else {
                    When::BackOff
                };
                self.wait(Errand::Upload, when, at, words);
            }
            Class::Running(seconds) => {
                self.row = 0;
                let next = (at + Duration::from_secs(seconds)).min(self.lease_end);
                self.next = Next::Leaves(Errand::Poll, (next, next));
            }
            Class::Waits(when) => self.wait(Errand::Poll, when, at, words),
            Class::Accepted | Class::Final | Class::Relink | Class::UsesV1 => {
                unreachable!("no answer to a question")
            }
        }
    }

    fn synced(&mut self) {
        self.next = Next::Over(End::Synced);
        self.expect("processing", Some("the server has it"), None);
        self.expect("synced", None, None);
    }

    fn fail(&mut self, words: &str) {
        self.next = Next::Over(End::Failed(words.to_owned()));
        self.expect("processing", Some("it has failed"), None);
        self.expect("failed", Some(words), None);
    }

    fn spend(&mut self, at: Duration, words: &str) {
        (self.attempts, self.row) = (self.attempts + 1, 0);
        if self.attempts == ATTEMPTS_MAX {
            return self.fail(words);
        }
        let wait = Duration::from_secs(if self.attempts == 1 { 5 } else { 10 });
        self.pause(Errand::Upload, lengthened(wait), at, words);
    }

    fn wait(&mut self, errand: Errand, when: When, at: Duration, words: &str) {
        let span = match when {
            When::BackOff => {
                self.row += 1;
                let seconds = (5_u64 << (self.row - 1).min(8)).min(900);
                lengthened(Duration::from_secs(seconds))
            }
            When::Fixed(seconds) | When::Told(seconds) => {
                (Duration::from_secs(seconds), Duration::from_secs(seconds))
            }
        };
        self.pause(errand, span, at, words);
    }

    fn pause(&mut self, errand: Errand, (least, most): Span, at: Duration, words: &str) {
        self.next = Next::Leaves(errand, (at + least, at + most));
        match errand {
            Errand::Upload => {
                let status = self.waiting(errand);
                self.expect(status, Some(words), Some((least, most)));
            }
            Errand::Poll => self.expect("processing", Some(words), None),
        }
    }

    /// Fresh credentials are asked for once, and are there at once; then a person is needed.
    fn sign_in(&mut self, errand: Errand, at: Duration, words: &str) {
        let status = self.waiting(errand);
        self.expect(status, Some(words), None);
        self.next =
            if self.is_renewed { Next::Person(errand) } else { Next::Leaves(errand, (at, at)) };
        self.is_renewed = true;
    }

    fn rests(&self, at: Duration) -> bool {
        match &self.next {
            Next::Leaves(_, (from, _)) => *from > at + SLACK,
            Next::Flies(_) => false,
            Next::Person(_) | Next::Over(_) => true,
        }
    }

    const fn waiting(&self, errand: Errand) -> &'static str {
        match errand {
            Errand::Poll => "processing",
            Errand::Upload if self.attempts == 0 => "pending",
            Errand::Upload => "retrying",
        }
    }

    fn expect(&mut self, status: &'static str, reason: Option<&str>, wait: Option<Span>) {
        let reason = reason.map(str::to_owned);
        self.shown.push_back(Expected { status, reason, wait });
    }

    fn shows(&mut self, shown: &Shown) -> Check {
        if shown.attempts != self.attempts {
            let spent = self.attempts;
            return Err(format!("{shown:?} is shown, and {spent} attempts are spent"));
        }
        if let Some(expected) = self.shown.pop_front() {
            return expected.is_met_by(shown);
        }
        let may_be = match (&self.next, shown.status) {
            (Next::Over(End::Synced), "failed" | "corrupted") => false,
            (Next::Over(_), _) => true,
            (_, "synced" | "failed" | "corrupted") => false,
            (_, _) => true,
        };
        if may_be { Ok(()) } else { Err(format!("{shown:?} is shown, being {:?}", self.next)) }
    }

    /// What was in flight is in doubt, and asked for again at once; a wait goes on.
    fn restarted(mut self, at: Duration) -> Self {
        self.shown.clear();
        self.flying = None;
        self.next = match self.next {
            Next::Flies(errand) => {
                // The server chose its answer when the request came.
                match errand {
                    Errand::Upload => self.uploads.pop_front(),
                    Errand::Poll => self.polls.pop_front(),
                };
                Next::Leaves(errand, (at, at))
            }
            // How long the last wait for a job was is not written down.
            Next::Leaves(Errand::Poll, (_, to)) => Next::Leaves(Errand::Poll, (at, to.max(at))),
            Next::Leaves(errand, (from, to)) => Next::Leaves(errand, (from.max(at), to.max(at))),
            // A process that starts again tries with the credentials that it has then.
            Next::Person(errand) => Next::Leaves(errand, (at, at)),
            over @ Next::Over(_) => over,
        };
        self
    }
}

impl Expected {
    fn is_met_by(&self, shown: &Shown) -> Check {
        let begins = match (&self.reason, &shown.reason) {
            (None, None) => true,
            (Some(expected), Some(reason)) => reason
                .strip_prefix(expected.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with([':', ';'])),
            (_, _) => false,
        };
        let waits = match (self.wait, shown.wait) {
            (None, None) => true,
            (Some((least, most)), Some(wait)) => wait + SLACK >= least && wait <= most + SLACK,
            (_, _) => false,
        };
        if begins && waits && self.status == shown.status {
            return Ok(());
        }
        Err(format!("{shown:?} is shown, and {self:?} was expected"))
    }
}

/// A wait that chance lengthens by a fifth at most.
fn lengthened(wait: Duration) -> Span {
    (wait, wait + wait / 5)
}
