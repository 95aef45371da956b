//! What a world has really met: fault kinds, rare events, and how much of everything.

mod disk;
mod network;
mod rare;
mod sources;

use std::time::Duration;

use earmark_sim::feed::Action;
use earmark_sim::witness::{Heard, Mishap, Witness};
use earmark_store::Slip;

use super::kinds::{FaultKind, Kinds};
use disk::DiskFaults;
use network::NetworkFaults;
pub use rare::{RARE, Rare, Rarities};
use sources::SourceFaults;

/// A stall is a piece of the disk's work that takes so long.
const STALL: Duration = Duration::from_secs(10);
/// A sleep of so long counts as one of hours.
const LONG_SLEEP: Duration = Duration::from_secs(3_600);
/// A reply that drips for longer than this would have ended in silence.
const DRIP: Duration = Duration::from_secs(30);
/// So many starts within [`STORM_WITHIN`] are a storm.
const STORM_STARTS: usize = 3;
const STORM_WITHIN: Duration = Duration::from_secs(10);

/// How much of everything happened in a world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames that were offered.
    pub frames: u64,
    /// Operations on the disk.
    pub disk: u64,
    /// Requests, their bodies and answers, frames and texts on live sockets.
    pub network: u64,
    /// Events that the runtime announced.
    pub announced: u64,
}

/// Counts what a world has met.
#[derive(Debug, Default)]
pub struct Census {
    /// The kinds of faults.
    pub met: Kinds,
    /// The rare events.
    pub rare: Rarities,
    /// How much there was.
    pub counts: Counts,
    disk: DiskFaults,
    network: NetworkFaults,
    sources: SourceFaults,
    starts: Vec<Duration>,
    cut: bool,
    busy: bool,
}

impl Witness for Census {
    fn hear(&mut self, at: Duration, heard: &Heard<'_>) {
        self.count(heard);
        self.rare.hear(at, heard);
        self.sources.hear(at, heard, &mut self.met);
        self.network.hear(heard, &mut self.met);
        match heard {
            Heard::Disk(call) => self.disk.hear(call, &mut self.met),
            Heard::Slipped(all) => all.iter().for_each(|one| self.met.add(kind_of(one.slip))),
            Heard::Damaged(_) => self.met.add(FaultKind::BitFlip),
            Heard::Line(line) => self.line(&line.action),
            Heard::Mishap(mishap) => self.mishap(*mishap),
            Heard::Died(Some(toll), _) => {
                self.cut = true;
                self.meet_if(toll.torn > 0, FaultKind::TornWrite);
                self.meet_if(toll.reordered > 0, FaultKind::Reordered);
            }
            Heard::Started(..) => self.started(at),
            Heard::Panicked => self.met.add(FaultKind::Panic),
            Heard::Stopped(_) => {
                let is_busy = self.busy || self.sources.is_capturing();
                self.meet_if(is_busy, FaultKind::StopMidDrain);
            }
            Heard::Second(_) => self.met.add(FaultKind::SecondInstance),
            Heard::Slept(slept) => self.meet_if(*slept >= LONG_SLEEP, FaultKind::Suspend),
            Heard::Held(_, _, held) => self.busy = *held > 0,
            _ => {}
        }
    }
}

impl Census {
    fn count(&mut self, heard: &Heard<'_>) {
        match heard {
            Heard::Frame(..) => self.counts.frames += 1,
            Heard::Disk(_) => self.counts.disk += 1,
            Heard::Asked(_)
            | Heard::Body(..)
            | Heard::Answered(..)
            | Heard::Live(..)
            | Heard::Said(..) => self.counts.network += 1,
            Heard::Event(_) => self.counts.announced += 1,
            _ => {}
        }
    }

    fn meet_if(&mut self, met: bool, kind: FaultKind) {
        if met {
            self.met.add(kind);
        }
    }

    fn line(&mut self, action: &Action) {
        match action {
            Action::Kill => self.met.add(FaultKind::Kill),
            Action::ClockJump { .. } => self.met.add(FaultKind::WallJump),
            Action::ClockZone { .. } => self.met.add(FaultKind::Zone),
            _ => {}
        }
    }

    fn mishap(&mut self, mishap: Mishap) {
        match mishap {
            Mishap::Slow(takes) => self.meet_if(takes >= STALL, FaultKind::Stall),
            Mishap::DiedOpening => self.met.add(FaultKind::DiesOpening),
            Mishap::Twice => self.met.add(FaultKind::Duplicate),
            Mishap::Drip(lasts) => self.meet_if(lasts > DRIP, FaultKind::Drip),
        }
    }

    fn started(&mut self, at: Duration) {
        self.busy = false;
        if std::mem::take(&mut self.cut) {
            self.met.add(FaultKind::BootId);
        }
        self.starts.push(at);
        let recent = self.starts.iter().filter(|start| at - **start <= STORM_WITHIN).count();
        self.meet_if(recent >= STORM_STARTS, FaultKind::RestartStorm);
    }
}

const fn kind_of(slip: Slip) -> FaultKind {
    match slip {
        Slip::Torn => FaultKind::TornWrite,
        Slip::Lost => FaultKind::LostWrite,
        Slip::Misdirected => FaultKind::MisdirectedWrite,
    }
}
