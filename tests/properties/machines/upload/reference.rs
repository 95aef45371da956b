//! The rules of an upload in plain words.

use std::time::Duration;

use earmark_core::Moment;
use earmark_core::sync::{Delay, PollVerdict, Verdict};
use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);
const ATTEMPTS_MAX: u32 = 3;

/// One thing that happens to an upload.
#[derive(Clone, Debug)]
pub(super) enum Transition {
    /// Its session lets it go; whether to a conversation.
    Due(bool),
    Slot,
    /// The journal has taken what it was given, or has not.
    Recorded(bool),
    Reply(Verdict),
    Polled(PollVerdict),
    Network(bool),
    Account(bool),
    /// There are fresh credentials, or none.
    Renewed(bool),
    /// The time has come for which it waits.
    Timer,
    Retry,
    Damage,
    Delete,
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Errand {
    Upload,
    /// To ask for a job until the lease is over.
    Poll {
        lease: Moment,
        wait: Duration,
    },
}

/// What ends a wait before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// The network's return, or a person.
    BackOff,
    /// A person.
    Fixed,
    /// Nobody.
    Told,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Synced,
    Failed,
    Corrupted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Held,
    Queued(Errand),
    Offline(Errand),
    SignedOut(Errand),
    Journalling,
    Uploading,
    Polling(Moment, Duration),
    Waiting(Errand, Pause, Moment),
    SigningIn(Errand),
    SignInNeeded(Errand),
    /// The journal must know of the end; when it is told again, if it did not take it.
    Settling(End, Option<Moment>),
    Ended(End),
    Deleted,
}

impl Phase {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Held => "Held",
            Self::Queued(_) => "Queued",
            Self::Offline(_) => "Offline",
            Self::SignedOut(_) => "SignedOut",
            Self::Journalling => "Journalling",
            Self::Uploading => "Uploading",
            Self::Polling(..) => "Polling",
            Self::Waiting(..) => "Waiting",
            Self::SigningIn(_) => "SigningIn",
            Self::SignInNeeded(_) => "SignInNeeded",
            Self::Settling(..) => "Settling",
            Self::Ended(End::Synced) => "Synced",
            Self::Ended(End::Failed) => "Failed",
            Self::Ended(End::Corrupted) => "Corrupted",
            Self::Deleted => "Deleted",
        }
    }

    pub(super) const fn until(&self) -> Option<Moment> {
        match self {
            Self::Waiting(_, _, until) => Some(*until),
            Self::Settling(_, until) => *until,
            Self::Held
            | Self::Queued(_)
            | Self::Offline(_)
            | Self::SignedOut(_)
            | Self::Journalling
            | Self::Uploading
            | Self::Polling(..)
            | Self::SigningIn(_)
            | Self::SignInNeeded(_)
            | Self::Ended(_)
            | Self::Deleted => None,
        }
    }

    /// The errand that it has while no request is made for it.
    const fn errand(&self) -> Option<Errand> {
        match self {
            Self::Held => Some(Errand::Upload),
            Self::Queued(errand)
            | Self::Offline(errand)
            | Self::SignedOut(errand)
            | Self::Waiting(errand, ..)
            | Self::SigningIn(errand)
            | Self::SignInNeeded(errand) => Some(*errand),
            Self::Journalling
            | Self::Uploading
            | Self::Polling(..)
            | Self::Settling(..)
            | Self::Ended(_)
            | Self::Deleted => None,
        }
    }
}

/// Where an upload stands.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    pub(super) now: Moment,
    pub(super) phase: Phase,
    is_due: bool,
    is_online: bool,
    is_signed_in: bool,
    pub(super) is_named: bool,
    /// What its session said while the journal took its first request.
    meanwhile: Option<bool>,
    has_v2: bool,
    pub(super) requests: u32,
    pub(super) attempts: u32,
    waits: u32,
    is_renewed: bool,
    pub(super) sent: Option<(bool, u32)>,
    pub(super) polls: u32,
}

impl Reference {
    fn hear(&mut self, transition: &Transition) {
        match transition {
            Transition::Due(named) => self.let_go(*named),
            Transition::Slot => self.take_slot(),
            Transition::Recorded(well) => self.recorded(*well),
            Transition::Reply(verdict) => self.answered(verdict),
            Transition::Polled(verdict) => self.polled(verdict),
            Transition::Network(online) => self.network(*online),
            Transition::Account(signed_in) => self.account(*signed_in),
            Transition::Renewed(well) => {
                if let Phase::SigningIn(errand) = self.phase {
                    self.phase = Phase::SignInNeeded(errand);
                    if *well {
                        self.be_ready(errand);
                    }
                }
            }
            Transition::Timer => self.fire(),
            Transition::Retry => self.retry(),
            Transition::Damage => self.damage(),
            Transition::Delete => self.phase = Phase::Deleted,
        }
    }

    /// Whatever hinders the errand is waited for, in this order.
    fn be_ready(&mut self, errand: Errand) {
        self.phase = if !self.is_due {
            Phase::Held
        } else if !self.is_online {
            Phase::Offline(errand)
        } else if !self.is_signed_in {
            Phase::SignedOut(errand)
        } else {
            Phase::Queued(errand)
        };
    }

    fn let_go(&mut self, named: bool) {
        if self.requests == 0 {
            self.is_named = named;
        } else if self.requests == 1 && self.phase == Phase::Journalling {
            self.meanwhile = Some(named);
        }
        self.is_due = true;
        if self.phase == Phase::Held {
            self.be_ready(Errand::Upload);
        }
    }

    fn take_slot(&mut self) {
        let Phase::Queued(errand) = self.phase else {
            return;
        };
        match errand {
            Errand::Upload => {
                self.requests += 1;
                self.phase = Phase::Journalling;
            }
            Errand::Poll { lease, wait } => {
                self.polls += 1;
                self.phase = Phase::Polling(lease, wait);
            }
        }
    }

    fn recorded(&mut self, well: bool) {
        let meanwhile = self.meanwhile.take();
        match (self.phase, well) {
            (Phase::Journalling, true) if self.is_online && self.is_signed_in => {
                self.sent = Some((self.is_named, self.requests));
                self.phase = Phase::Uploading;
            }
            // It never left.
            (Phase::Journalling, true) => {
                self.requests -= 1;
                self.be_ready(Errand::Upload);
            }
            // What was said meanwhile counts, because no record names another conversation.
            (Phase::Journalling, false) => {
                self.requests -= 1;
                self.is_named = meanwhile.unwrap_or(self.is_named);
                self.wait(Errand::Upload, Delay::BackOff);
            }
            (Phase::Settling(end, None), true) => self.phase = Phase::Ended(end),
            (Phase::Settling(end, None), false) => {
                self.phase = Phase::Settling(end, Some(self.now + SECOND * 5));
            }
            _ => {}
        }
    }

    fn answered(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Synced => self.phase = Phase::Settling(End::Synced, None),
            Verdict::Accepted { poll_after, .. } => {
                let (lease, wait) = (self.now + HOUR * 6, poll_after.unwrap_or(SECOND * 3));
                let errand = Errand::Poll { lease, wait };
                self.phase = Phase::Waiting(errand, Pause::Fixed, self.now + wait);
            }
            Verdict::Waits { delay, .. } => self.wait(Errand::Upload, *delay),
            Verdict::Spends { .. } => self.spend(),
            Verdict::Fails { .. } => self.phase = Phase::Settling(End::Failed, None),
            Verdict::SignIn { .. } => self.sign_in(Errand::Upload),
            Verdict::ConversationGone { .. } if self.is_named => {
                self.is_named = false;
                self.be_ready(Errand::Upload);
            }
            Verdict::UseV1 { .. } if self.has_v2 => {
                self.has_v2 = false;
                self.be_ready(Errand::Upload);
            }
            Verdict::ConversationGone { .. } | Verdict::UseV1 { .. } => {
                self.wait(Errand::Upload, Delay::Fixed(HOUR));
            }
        }
        self.is_renewed &= matches!(verdict, Verdict::SignIn { .. });
    }

    fn polled(&mut self, verdict: &PollVerdict) {
        let Phase::Polling(lease, wait) = self.phase else {
            return;
        };
        let errand = Errand::Poll { lease, wait };
        match verdict {
            PollVerdict::Synced => self.phase = Phase::Settling(End::Synced, None),
            PollVerdict::Spends { .. } => self.spend(),
            PollVerdict::Reupload { delay, .. } => self.wait(Errand::Upload, *delay),
            PollVerdict::SignIn { .. } => self.sign_in(errand),
            PollVerdict::Waits { delay: Delay::Told(told), .. } if lease <= self.now => {
                self.wait(Errand::Upload, Delay::Told(*told));
            }
            PollVerdict::Running { .. } | PollVerdict::Waits { .. } if lease <= self.now => {
                self.wait(Errand::Upload, Delay::BackOff);
            }
            PollVerdict::Running { poll_after } => {
                self.waits = 0;
                let doubled = (wait * 2).clamp(SECOND * 3, SECOND * 120);
                let wait = poll_after.filter(|wait| !wait.is_zero()).unwrap_or(doubled);
                let at = (self.now + wait).min(lease);
                self.phase = Phase::Waiting(Errand::Poll { lease, wait }, Pause::Fixed, at);
            }
            PollVerdict::Waits { delay, .. } => self.wait(errand, *delay),
        }
        self.is_renewed &= matches!(verdict, PollVerdict::SignIn { .. });
    }

    /// A wait that spends nothing: 5 s, doubling to 15 min, where nobody says how long.
    fn wait(&mut self, errand: Errand, delay: Delay) {
        let (pause, wait) = match delay {
            Delay::BackOff if !self.is_online => return self.be_ready(errand),
            Delay::BackOff => {
                let doubled = 5 * 2_u64.saturating_pow(self.waits.min(20));
                self.waits += 1;
                (Pause::BackOff, SECOND * u32::try_from(doubled.min(900)).unwrap_or(900))
            }
            Delay::Fixed(wait) => (Pause::Fixed, wait),
            Delay::Told(wait) => (Pause::Told, wait.min(HOUR * 24)),
        };
        self.phase = Phase::Waiting(errand, pause, self.now + wait);
    }

    fn spend(&mut self) {
        self.attempts += 1;
        self.waits = 0;
        self.phase = match self.attempts {
            ATTEMPTS_MAX.. => Phase::Settling(End::Failed, None),
            spent => {
                let until = self.now + SECOND * 5 * spent;
                Phase::Waiting(Errand::Upload, Pause::Fixed, until)
            }
        };
    }

    fn sign_in(&mut self, errand: Errand) {
        if !self.is_signed_in {
            return self.be_ready(errand);
        }
        let was_renewed = std::mem::replace(&mut self.is_renewed, true);
        self.phase =
            if was_renewed { Phase::SignInNeeded(errand) } else { Phase::SigningIn(errand) };
    }

    fn network(&mut self, online: bool) {
        self.is_online = online;
        if online {
            self.waits = 0;
        }
        match (self.phase, online) {
            (Phase::Queued(errand), false)
            | (Phase::Offline(errand) | Phase::Waiting(errand, Pause::BackOff, _), true) => {
                self.be_ready(errand);
            }
            _ => {}
        }
    }

    fn account(&mut self, signed_in: bool) {
        self.is_signed_in = signed_in;
        self.is_renewed &= !signed_in;
        match (self.phase, signed_in) {
            (Phase::SigningIn(errand) | Phase::SignInNeeded(errand), _)
            | (Phase::SignedOut(errand), true)
            | (Phase::Queued(errand), false) => self.be_ready(errand),
            _ => {}
        }
    }

    fn fire(&mut self) {
        if let Some(until) = self.phase.until() {
            self.now = self.now.max(until);
        }
        if let Phase::Waiting(errand, ..) = self.phase {
            self.be_ready(errand);
        } else if let Phase::Settling(end, Some(_)) = self.phase {
            self.phase = Phase::Settling(end, None);
        }
    }

    /// A person gives back the budget where no request is under way, and ends what the server did
    /// not ask for.
    fn retry(&mut self) {
        let failed = (self.phase == Phase::Ended(End::Failed)).then_some(Errand::Upload);
        let Some(errand) = failed.or(self.phase.errand()) else {
            return;
        };
        if matches!(self.phase, Phase::SigningIn(_)) {
            return;
        }
        (self.attempts, self.waits, self.is_renewed) = (0, 0, false);
        let is_told = matches!(self.phase, Phase::Waiting(_, Pause::Told, _));
        let is_needed = matches!(self.phase, Phase::SignInNeeded(_) | Phase::Waiting(..));
        if failed.is_some() || (is_needed && !is_told) {
            self.be_ready(errand);
        }
    }

    /// Damage counts while the recording may still have to be sent.
    fn damage(&mut self) {
        let sends = matches!(self.phase, Phase::Journalling | Phase::Uploading);
        if sends || self.phase.errand() == Some(Errand::Upload) {
            self.phase = Phase::Settling(End::Corrupted, None);
        }
    }
}

fn delay() -> impl Strategy<Value = Delay> {
    prop_oneof![
        2 => Just(Delay::BackOff),
        1 => (1..900_u64).prop_map(|told| Delay::Told(Duration::from_secs(told))),
        1 => Just(Delay::Fixed(SECOND * 10)),
    ]
}

fn reply() -> BoxedStrategy<Verdict> {
    let reason = || String::from("so says the server");
    let after = proptest::option::of((1..200_u64).prop_map(Duration::from_secs));
    prop_oneof![
        1 => Just(Verdict::Synced),
        2 => after.prop_map(|poll_after| Verdict::Accepted { job: String::from("J"), poll_after }),
        3 => delay().prop_map(move |delay| Verdict::Waits { reason: reason(), delay }),
        3 => Just(Verdict::Spends { reason: reason() }),
        1 => Just(Verdict::Fails { reason: reason() }),
        2 => Just(Verdict::SignIn { reason: reason() }),
        1 => Just(Verdict::ConversationGone { reason: reason() }),
        1 => Just(Verdict::UseV1 { reason: reason() }),
    ]
    .boxed()
}

fn poll() -> BoxedStrategy<PollVerdict> {
    let reason = || String::from("so says the server");
    let after = proptest::option::of((0..9_000_u64).prop_map(Duration::from_secs));
    prop_oneof![
        1 => Just(PollVerdict::Synced),
        4 => after.prop_map(|poll_after| PollVerdict::Running { poll_after }),
        1 => Just(PollVerdict::Spends { reason: reason() }),
        1 => delay().prop_map(move |delay| PollVerdict::Reupload { reason: reason(), delay }),
        1 => delay().prop_map(move |delay| PollVerdict::Waits { reason: reason(), delay }),
        1 => Just(PollVerdict::SignIn { reason: reason() }),
    ]
    .boxed()
}

impl ReferenceStateMachine for Reference {
    type State = Self;
    type Transition = Transition;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self {
            now: Moment::from_micros(1_000_000),
            phase: Phase::Held,
            is_due: false,
            is_online: true,
            is_signed_in: true,
            is_named: false,
            meanwhile: None,
            has_v2: true,
            requests: 0,
            attempts: 0,
            waits: 0,
            is_renewed: false,
            sent: None,
            polls: 0,
        })
        .boxed()
    }

    fn transitions(state: &Self) -> BoxedStrategy<Transition> {
        let next = match state.phase {
            Phase::Held => any::<bool>().prop_map(Transition::Due).boxed(),
            Phase::Queued(_) => Just(Transition::Slot).boxed(),
            Phase::Journalling | Phase::Settling(_, None) => {
                proptest::bool::weighted(0.8).prop_map(Transition::Recorded).boxed()
            }
            Phase::Uploading => reply().prop_map(Transition::Reply).boxed(),
            Phase::Polling(..) => poll().prop_map(Transition::Polled).boxed(),
            Phase::Waiting(..) | Phase::Settling(_, Some(_)) => Just(Transition::Timer).boxed(),
            Phase::SigningIn(_) => any::<bool>().prop_map(Transition::Renewed).boxed(),
            Phase::Offline(_) => Just(Transition::Network(true)).boxed(),
            Phase::SignedOut(_) => Just(Transition::Account(true)).boxed(),
            Phase::SignInNeeded(_) | Phase::Ended(_) => Just(Transition::Retry).boxed(),
            Phase::Deleted => any::<bool>().prop_map(Transition::Network).boxed(),
        };
        prop_oneof![
            24 => next,
            1 => any::<bool>().prop_map(Transition::Due),
            2 => any::<bool>().prop_map(Transition::Network),
            2 => any::<bool>().prop_map(Transition::Account),
            1 => Just(Transition::Retry),
            1 => proptest::bool::weighted(0.3).prop_map(|damage| {
                if damage { Transition::Damage } else { Transition::Retry }
            }),
            1 => proptest::bool::weighted(0.2).prop_map(|delete| {
                if delete { Transition::Delete } else { Transition::Retry }
            }),
        ]
        .boxed()
    }

    fn apply(mut state: Self, transition: &Transition) -> Self {
        state.hear(transition);
        state
    }

    /// Answers come to what was asked.
    fn preconditions(state: &Self, transition: &Transition) -> bool {
        match transition {
            Transition::Slot => matches!(state.phase, Phase::Queued(_)),
            Transition::Recorded(_) => {
                matches!(state.phase, Phase::Journalling | Phase::Settling(_, None))
            }
            Transition::Reply(_) => state.phase == Phase::Uploading,
            Transition::Polled(_) => matches!(state.phase, Phase::Polling(..)),
            Transition::Renewed(_) => matches!(state.phase, Phase::SigningIn(_)),
            Transition::Timer => state.phase.until().is_some(),
            Transition::Due(_)
            | Transition::Network(_)
            | Transition::Account(_)
            | Transition::Retry
            | Transition::Damage
            | Transition::Delete => true,
        }
    }
}
