//! What is done to the host, one thing at a time, at random.

use std::time::Duration;

use crate::crash_states::dice::Dice;

/// Something that is done to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// What is connected is broken, and nothing new connects.
    Cut,
    /// Nothing goes either way, and nothing breaks.
    Stall,
    /// A few bytes at a time.
    Slow,
    /// The server is killed, and another one comes that knows nothing.
    Server,
    /// The token expires, and some time later there is a new one.
    Token,
    /// Somebody else's file takes all the room.
    Disk,
    /// SIGKILL for the host, and a new start.
    Kill,
    /// The time of day jumps.
    Clock,
}

impl Fault {
    pub(super) const ALL: [Self; 8] = [
        Self::Cut,
        Self::Stall,
        Self::Slow,
        Self::Server,
        Self::Token,
        Self::Disk,
        Self::Kill,
        Self::Clock,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Cut => "network_cut",
            Self::Stall => "socket_stalled",
            Self::Slow => "network_slow",
            Self::Server => "server_restarted",
            Self::Token => "token_expired",
            Self::Disk => "disk_full",
            Self::Kill => "host_killed",
            Self::Clock => "clock_jumped",
        }
    }
}

/// Draws what is done, and how long it lasts.
pub(super) struct Draw {
    dice: Dice,
    /// What can be done on this machine.
    pub(super) possible: Vec<Fault>,
    /// The longest fault, in seconds.
    pub(super) seconds_max: u64,
}

impl Draw {
    pub(super) const fn new(seed: u64, possible: Vec<Fault>, seconds_max: u64) -> Self {
        Self { dice: Dice::new(seed), possible, seconds_max }
    }

    /// From one to three faults for a round. A host that is killed counts the silence between its
    /// lives by the time of day, so that no jump of it may come beside a kill.
    pub(super) fn round(&mut self, may_kill: bool) -> Vec<Fault> {
        let mut faults: Vec<Fault> = Vec::new();
        for _ in 0..=self.dice.below(3) {
            let fault = self.possible[self.dice.below(self.possible.len() as u64) as usize];
            let beside = |other| faults.contains(&other);
            let fits = match fault {
                Fault::Kill => may_kill && !beside(Fault::Clock),
                Fault::Clock => !beside(Fault::Kill),
                Fault::Cut
                | Fault::Stall
                | Fault::Slow
                | Fault::Server
                | Fault::Token
                | Fault::Disk => true,
            };
            if fits {
                faults.push(fault);
            }
        }
        faults
    }

    pub(super) fn length(&mut self) -> Duration {
        Duration::from_millis(500 + self.dice.below(self.seconds_max * 1_000))
    }

    pub(super) fn is_heads(&mut self) -> bool {
        self.dice.below(2) == 0
    }

    /// How far the clock is off: up to six hours back, since a server takes no name from the
    /// future.
    pub(super) fn clock(&mut self) -> i64 {
        -i64::try_from(self.dice.below(6 * 3_600)).unwrap_or(0)
    }
}
