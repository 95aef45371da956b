//! What holds uploads back although the network is there: the host's rules, and servers that ask
//! for less.
//!
//! A recording that a server refused waits by itself. What is here is about the others: right after
//! a server said that it is busy, none of them leaves; while one account has used its fair share,
//! its other recordings stay in line, and while the server has no capacity for history, the backlog
//! does. Each ends with its time, and with the first upload that the server takes. Questions about
//! jobs are never held back.

use alloc::collections::{BTreeMap, BTreeSet};
use core::time::Duration;

use super::RETRY_AFTER_MAX;
use crate::{Account, Moment, Stamp, WallTime};

/// How long fair use is waited for when the server does not say.
pub const FAIR_USE_WAIT: Duration = Duration::from_secs(30 * 60);

/// How long a busy server is left alone by the recordings that it has not refused.
pub const BUSY_WAIT: Duration = Duration::from_secs(5);

/// How old audio is that counts as history.
pub const HISTORY_AGE: Duration = Duration::from_secs(6 * 60 * 60);

/// The most accounts whose fair use is remembered; the oldest is forgotten for a new one.
pub const COOLING_ACCOUNTS_MAX: usize = 1_000;

/// When audio may leave, by the person's wish.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransferRules {
    /// Not over a network that is paid by the byte.
    pub unmetered_only: bool,
    /// Not from the battery.
    pub charging_only: bool,
    /// Not in quiet hours.
    pub not_in_quiet_hours: bool,
    /// Nothing by itself: only recordings that a person has asked to be tried.
    pub by_hand_only: bool,
}

/// What the host sees of the machine that it runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Surroundings {
    /// The network is not paid by the byte, as Wi-Fi is.
    pub unmetered: bool,
    /// The battery is being charged, or there is none.
    pub charging: bool,
    /// It is the time in which the person wants quiet.
    pub quiet_hours: bool,
}

impl Default for Surroundings {
    fn default() -> Self {
        Self { unmetered: true, charging: true, quiet_hours: false }
    }
}

/// Why a server takes less, as far as it says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pressure {
    /// It is busy: one request at a time.
    Busy,
    /// The account has used its fair share.
    FairUse,
    /// It has no capacity for history.
    Capacity,
}

/// Why an upload stays in line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hold {
    /// It waits for a network that is not paid by the byte.
    Metered,
    /// It waits for the charger.
    NotCharging,
    /// It waits for the end of the quiet hours.
    QuietHours,
    /// It waits until a person asks for it.
    ByHand,
    /// The server is busy, and left alone until then.
    Busy(Moment),
    /// It waits with its account, until then.
    FairUse(Moment),
    /// It waits with the backlog, until then.
    Capacity(Moment),
}

impl Hold {
    /// What a person reads.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Metered => "it waits for a network that is not paid by the byte",
            Self::NotCharging => "it waits for the charger",
            Self::QuietHours => "it waits for the end of the quiet hours",
            Self::ByHand => "it waits until a person asks for it",
            Self::Busy(_) => "the server is busy, and is left alone for a while",
            Self::FairUse(_) => "the server wants fewer requests of this account",
            Self::Capacity(_) => "the server has no capacity for older recordings",
        }
    }

    /// When it ends by itself; the others end when the host says so.
    pub const fn until(self) -> Option<Moment> {
        match self {
            Self::Busy(until) | Self::FairUse(until) | Self::Capacity(until) => Some(until),
            Self::Metered | Self::NotCharging | Self::QuietHours | Self::ByHand => None,
        }
    }
}

/// Decides whether an upload that has its turn may leave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Gate<K> {
    rules: TransferRules,
    surroundings: Surroundings,
    /// Those that a person has asked for.
    asked: BTreeSet<K>,
    busy: Option<Cool<K>>,
    fair_use: BTreeMap<Account, Cool<K>>,
    capacity: Option<Cool<K>>,
}

/// A wait, and who asks whether it is over: the recording that met the refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Cool<K> {
    until: Moment,
    asks: K,
}

impl<K: Copy + Ord> Gate<K> {
    /// Nothing is held back.
    pub const fn new() -> Self {
        Self {
            rules: TransferRules {
                unmetered_only: false,
                charging_only: false,
                not_in_quiet_hours: false,
                by_hand_only: false,
            },
            surroundings: Surroundings { unmetered: true, charging: true, quiet_hours: false },
            asked: BTreeSet::new(),
            busy: None,
            fair_use: BTreeMap::new(),
            capacity: None,
        }
    }

    /// The person wants it so from now on.
    pub fn set_rules(&mut self, rules: TransferRules) {
        self.rules = rules;
        if !rules.by_hand_only {
            self.asked.clear();
        }
    }

    /// A person wants this one to be tried, be nothing else uploaded.
    pub fn ask_for(&mut self, recording: K) {
        if self.rules.by_hand_only {
            self.asked.insert(recording);
        }
    }

    /// This one is uploaded, or gone.
    pub fn forget(&mut self, recording: K) {
        self.asked.remove(&recording);
    }

    /// The host sees this from now on.
    pub const fn set_surroundings(&mut self, surroundings: Surroundings) {
        self.surroundings = surroundings;
    }

    /// A server said that it takes less, and for how long, to this recording of this account;
    /// whether others are held back for longer than a moment.
    pub fn pressed(
        &mut self,
        pressure: Pressure,
        told: Option<Duration>,
        (asks, account): (K, &Account),
        now: Moment,
    ) -> bool {
        let cool = |wait: Duration| Cool { until: now + wait.min(RETRY_AFTER_MAX), asks };
        match (pressure, told) {
            (Pressure::Busy, _) | (Pressure::Capacity, None) => {
                self.busy = Some(cool(BUSY_WAIT));
                return false;
            }
            (Pressure::FairUse, told) => {
                self.make_room(account);
                let wait = told.unwrap_or(FAIR_USE_WAIT);
                self.fair_use.insert(account.clone(), cool(wait));
            }
            (Pressure::Capacity, Some(wait)) => self.capacity = Some(cool(wait)),
        }
        true
    }

    /// A server took an upload of this account; whether that ends a wait of more than a moment.
    pub fn relieved(&mut self, account: &Account, started_at: WallTime, now: Stamp) -> bool {
        self.busy = None;
        let fair_use = self.fair_use.remove(account).is_some();
        let capacity = is_history(started_at, now) && self.capacity.take().is_some();
        fair_use || capacity
    }

    /// Whether nothing at all is held back.
    pub fn is_open(&self) -> bool {
        self.rules == TransferRules::default()
            && self.busy.is_none()
            && self.fair_use.is_empty()
            && self.capacity.is_none()
    }

    /// Why a recording of this account must stay in line; nothing when it may leave.
    pub fn hold(
        &self,
        recording: K,
        account: &Account,
        started_at: WallTime,
        now: Stamp,
    ) -> Option<Hold> {
        let Self { rules, surroundings, .. } = self;
        let others = |cool: &Cool<K>| cool.asks != recording && cool.until > now.moment;
        let capacity = self.capacity.filter(|cool| others(cool) && is_history(started_at, now));
        let fair_use = self.fair_use.get(account).filter(|cool| others(cool));
        if rules.unmetered_only && !surroundings.unmetered {
            Some(Hold::Metered)
        } else if rules.charging_only && !surroundings.charging {
            Some(Hold::NotCharging)
        } else if rules.not_in_quiet_hours && surroundings.quiet_hours {
            Some(Hold::QuietHours)
        } else if rules.by_hand_only && !self.asked.contains(&recording) {
            Some(Hold::ByHand)
        } else if let Some(cool) = self.busy.filter(others) {
            Some(Hold::Busy(cool.until))
        } else if let Some(cool) = fair_use {
            Some(Hold::FairUse(cool.until))
        } else {
            capacity.map(|cool| Hold::Capacity(cool.until))
        }
    }

    /// When the next wait ends by itself.
    pub fn opens_at(&self, now: Moment) -> Option<Moment> {
        let all = self.fair_use.values().chain(&self.capacity).chain(&self.busy);
        all.map(|cool| cool.until).filter(|until| *until > now).min()
    }

    fn make_room(&mut self, account: &Account) {
        let is_full = self.fair_use.len() >= COOLING_ACCOUNTS_MAX;
        if !is_full || self.fair_use.contains_key(account) {
            return;
        }
        let oldest = self.fair_use.iter().min_by_key(|(_, cool)| cool.until);
        if let Some(oldest) = oldest.map(|(account, _)| account.clone()) {
            self.fair_use.remove(&oldest);
        }
    }
}

fn is_history(started_at: WallTime, now: Stamp) -> bool {
    now.wall.since(started_at) > HISTORY_AGE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BootId;

    const HOUR: i64 = 3_600_000_000;

    fn account(name: &str) -> Account {
        Account::new(name).expect("short enough")
    }

    /// So many seconds after noon.
    fn at(seconds: u64) -> Stamp {
        let micros = i64::try_from(seconds).expect("a few seconds") * 1_000_000;
        Stamp {
            boot: BootId::from_u128(1),
            moment: Moment::from_micros(seconds * 1_000_000),
            wall: WallTime::from_unix_micros(12 * HOUR + micros),
        }
    }

    fn hold(gate: &Gate<u32>, recording: u32, owner: &str, seconds: u64) -> Option<Hold> {
        gate.hold(recording, &account(owner), at(0).wall, at(seconds))
    }

    /// F85.
    #[test]
    fn rules_hold_while_the_surroundings_are_against_them() {
        let rules = |one: fn(&mut TransferRules)| {
            let mut rules = TransferRules::default();
            one(&mut rules);
            rules
        };
        let against = Surroundings { unmetered: false, charging: false, quiet_hours: true };
        for (rules, expected) in [
            (rules(|rules| rules.unmetered_only = true), Hold::Metered),
            (rules(|rules| rules.charging_only = true), Hold::NotCharging),
            (rules(|rules| rules.not_in_quiet_hours = true), Hold::QuietHours),
        ] {
            let mut gate = Gate::new();
            gate.set_surroundings(against);
            assert_eq!(hold(&gate, 1, "anna", 0), None, "nobody asked for {expected:?}");
            gate.set_rules(rules);
            assert_eq!(hold(&gate, 1, "anna", 0), Some(expected));
            gate.set_surroundings(Surroundings::default());
            assert_eq!(hold(&gate, 1, "anna", 0), None);
        }
    }

    /// F57.
    #[test]
    fn fair_use_holds_the_other_recordings_of_the_account_until_the_time_told() {
        let mut gate = Gate::new();
        let told = Some(Duration::from_secs(60));
        gate.pressed(Pressure::FairUse, told, (1, &account("anna")), at(0).moment);
        let until = Hold::FairUse(at(60).moment);
        assert_eq!(hold(&gate, 2, "anna", 59), Some(until));
        assert_eq!(gate.opens_at(at(0).moment), Some(at(60).moment));
        assert_eq!(hold(&gate, 1, "anna", 59), None, "whoever was refused waits by itself");
        assert_eq!(hold(&gate, 2, "bert", 59), None, "another account has its own share");
        assert_eq!(hold(&gate, 2, "anna", 60), None);
        assert_eq!(gate.opens_at(at(60).moment), None);
    }

    /// F57.
    #[test]
    fn fair_use_without_a_time_lasts_half_an_hour_or_until_an_upload_is_taken() {
        let mut gate = Gate::new();
        gate.pressed(Pressure::FairUse, None, (1, &account("anna")), at(0).moment);
        assert!(hold(&gate, 2, "anna", 1_799).is_some());
        assert!(hold(&gate, 2, "anna", 1_800).is_none());
        assert!(!gate.relieved(&account("bert"), at(0).wall, at(5)));
        assert!(gate.relieved(&account("anna"), at(0).wall, at(5)));
        assert_eq!(hold(&gate, 2, "anna", 6), None);
    }

    /// F74.
    #[test]
    fn a_busy_server_is_left_alone_by_the_others_for_five_seconds_or_until_it_takes_an_upload() {
        let mut gate = Gate::new();
        let told = Some(Duration::from_secs(60));
        assert!(!gate.pressed(Pressure::Busy, told, (1, &account("anna")), at(0).moment));
        let until = Hold::Busy(at(5).moment);
        for owner in ["anna", "bert"] {
            assert_eq!(hold(&gate, 2, owner, 4), Some(until), "{owner}");
            assert_eq!(hold(&gate, 2, owner, 5), None, "{owner}");
        }
        assert_eq!(gate.opens_at(at(0).moment), Some(at(5).moment));
        gate.relieved(&account("bert"), at(0).wall, at(1));
        assert_eq!(hold(&gate, 2, "anna", 1), None);
        assert!(gate.is_open());
    }

    /// F85.
    #[test]
    fn without_uploads_by_themselves_only_what_was_asked_for_leaves() {
        let mut gate = Gate::new();
        gate.ask_for(1);
        gate.set_rules(TransferRules { by_hand_only: true, ..TransferRules::default() });
        assert_eq!(hold(&gate, 1, "anna", 0), Some(Hold::ByHand), "it was asked for before");
        gate.ask_for(2);
        assert_eq!((hold(&gate, 2, "anna", 0), Hold::ByHand.until()), (None, None));
        gate.forget(2);
        assert_eq!(hold(&gate, 2, "anna", 0), Some(Hold::ByHand));
        gate.set_rules(TransferRules::default());
        assert!(gate.is_open() && hold(&gate, 1, "anna", 0).is_none());
    }

    #[test]
    fn missing_capacity_holds_history_of_all_accounts_and_nothing_of_today() {
        let mut gate = Gate::new();
        let told = Some(Duration::from_secs(3_600));
        gate.pressed(Pressure::Capacity, told, (1, &account("anna")), at(0).moment);
        assert_eq!(hold(&gate, 2, "bert", 5), None);
        let old = WallTime::from_unix_micros(5 * HOUR);
        let held = gate.hold(2, &account("bert"), old, at(5));
        assert_eq!(held, Some(Hold::Capacity(at(3_600).moment)));
        assert!(!gate.relieved(&account("bert"), at(0).wall, at(6)), "today says nothing of it");
        assert!(gate.relieved(&account("bert"), old, at(6)));
        assert_eq!(gate.hold(2, &account("bert"), old, at(7)), None);
    }

    #[test]
    fn a_server_cannot_hold_an_account_for_more_than_a_day_nor_fill_the_memory() {
        let mut gate = Gate::new();
        for number in 0..=COOLING_ACCOUNTS_MAX {
            let owner = account(&alloc::format!("account-{number}"));
            let told = Some(Duration::MAX);
            gate.pressed(Pressure::FairUse, told, (1, &owner), at(0).moment);
        }
        assert_eq!(gate.fair_use.len(), COOLING_ACCOUNTS_MAX);
        assert_eq!(hold(&gate, 2, "account-1000", 86_400), None);
    }
}
