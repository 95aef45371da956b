//! What the host does before the cut.

use earmark_store::{DiskError, DiskOp, Lie, OpenError, Operation, Past, Removal, SimDisk};

use super::dice::{Dice, mix};
use super::facts::Story;
use super::host::Host;
use super::sabotage::Sabotage;

/// Steps of a long workload.
const LONG_STEPS: u64 = 160;
/// Every so many workloads one is long.
const LONG_EVERY: u64 = 40;
/// A file in the store that no record speaks of.
const STRAY: (&str, &[u8]) = ("recordings/r-00000001-77.bin", b"nobody knows whose this is");

/// One thing that a host does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Start,
    Frames(usize, u64),
    Write,
    Flush,
    /// The next sync fails.
    FailingFlush,
    Cut(usize),
    Stop(usize),
    Seal,
    Link,
    Attempt,
    Receipt,
    Remove(Removal),
    Unlink,
    KeepHouse,
    /// The disk has no room from here on.
    Fill,
    /// It has room again.
    Free,
    Restart,
}

/// A list of steps, all of which follow from the seed and its number.
#[derive(Clone, Debug)]
pub(crate) struct Workload {
    pub(crate) number: u64,
    pub(crate) seed: u64,
    pub(crate) name: &'static str,
    pub(crate) steps: Vec<Step>,
    pub(crate) stray: Option<(&'static str, &'static [u8])>,
}

/// A story around one point where something becomes durable.
struct Short {
    name: &'static str,
    tell: fn(&mut Dice) -> Vec<Step>,
}

const SHORT: [Short; 16] = [
    Short { name: "capture", tell: |dice| [recorded(dice), recorded(dice)].concat() },
    Short { name: "chunk seal", tell: sealed },
    Short { name: "session seal and link", tell: linked },
    Short { name: "attempt", tell: attempted },
    Short { name: "receipt", tell: received },
    Short { name: "rotation", tell: |dice| many(dice, 4, recorded) },
    Short { name: "snapshot", tell: |dice| many(dice, 4, housekept) },
    Short { name: "release", tell: |dice| removed(dice, sealed, Removal::Released) },
    Short { name: "delete", tell: |dice| removed(dice, linked, Removal::Deleted) },
    Short { name: "expiry", tell: |dice| removed(dice, received, Removal::Expired) },
    Short { name: "quarantine", tell: |dice| restarted(dice, sealed) },
    Short { name: "restart", tell: |dice| restarted(dice, written) },
    Short { name: "failed sync", tell: |dice| [written(dice), vec![Step::FailingFlush]].concat() },
    Short { name: "full disk", tell: filled },
    Short { name: "two devices", tell: interleaved },
    Short { name: "long capture", tell: outlasting },
];

fn many(dice: &mut Dice, count: usize, tell: fn(&mut Dice) -> Vec<Step>) -> Vec<Step> {
    (0..count).flat_map(|_| tell(dice)).collect()
}

fn written(dice: &mut Dice) -> Vec<Step> {
    vec![Step::Start, Step::Frames(0, 1 + dice.below(25)), Step::Write]
}

fn recorded(dice: &mut Dice) -> Vec<Step> {
    let mut steps = vec![Step::Start, Step::Frames(0, 1 + dice.below(30)), Step::Flush];
    if dice.below(3) == 0 {
        steps.insert(2, Step::Write);
        steps.insert(3, Step::Frames(0, 1 + dice.below(10)));
    }
    steps
}

fn sealed(dice: &mut Dice) -> Vec<Step> {
    let (frames, more) = (1 + dice.below(30), dice.below(8));
    let end = [Step::Cut(0), Step::Flush, Step::Seal, Step::Flush];
    [vec![Step::Start, Step::Frames(0, frames)], end.to_vec(), vec![Step::Frames(0, 1 + more)]]
        .concat()
}

fn linked(dice: &mut Dice) -> Vec<Step> {
    let mut steps = if dice.below(2) == 0 { sealed(dice) } else { vec![Step::Start] };
    for _ in 0..1 + dice.below(3) {
        steps.extend([Step::Frames(0, 1 + dice.below(12)), Step::Cut(0)]);
    }
    steps.extend([Step::Flush, Step::Link, Step::Flush]);
    steps
}

fn attempted(dice: &mut Dice) -> Vec<Step> {
    let mut steps = if dice.below(2) == 0 { sealed(dice) } else { linked(dice) };
    for _ in 0..1 + dice.below(3) {
        steps.extend([Step::Attempt, Step::Flush]);
    }
    steps
}

fn received(dice: &mut Dice) -> Vec<Step> {
    [attempted(dice), vec![Step::Receipt, Step::Flush]].concat()
}

fn housekept(dice: &mut Dice) -> Vec<Step> {
    let frames = Step::Frames(0, 15 + dice.below(20));
    let end = [Step::Stop(0), Step::Flush, Step::Seal, Step::Flush, Step::KeepHouse];
    [vec![Step::Start, frames], end.to_vec()].concat()
}

/// The frames of one device end at the number with which those of the other go on.
fn interleaved(dice: &mut Dice) -> Vec<Step> {
    let (count, more) = (1 + dice.below(12), 1 + dice.below(12));
    let begin = [Step::Start, Step::Start, Step::Frames(1, count), Step::Flush];
    let meet = [Step::Frames(0, count), Step::Frames(1, more), Step::Flush];
    let end = [Step::Cut(0), Step::Cut(1), Step::Flush, Step::Seal, Step::Flush];
    [&begin[..], &meet, &end].concat()
}

/// One capture goes on while others come and go, and the journal is kept short.
fn outlasting(dice: &mut Dice) -> Vec<Step> {
    let begin = [Step::Start, Step::Frames(0, 5 + dice.below(10)), Step::Flush];
    let mut steps = begin.to_vec();
    for _ in 0..5 {
        steps.extend([Step::Start, Step::Frames(1, 20 + dice.below(20)), Step::Stop(1)]);
        steps.extend([Step::Flush, Step::Seal, Step::Flush, Step::KeepHouse]);
    }
    steps
}

fn removed(dice: &mut Dice, before: fn(&mut Dice) -> Vec<Step>, why: Removal) -> Vec<Step> {
    let end = [Step::Remove(why), Step::Flush, Step::Unlink, Step::Flush, Step::KeepHouse];
    [before(dice), end.to_vec()].concat()
}

fn restarted(dice: &mut Dice, before: fn(&mut Dice) -> Vec<Step>) -> Vec<Step> {
    let end =
        [Step::Restart, Step::Seal, Step::Flush, Step::Start, Step::Frames(0, 5), Step::Flush];
    [before(dice), end.to_vec()].concat()
}

/// Decisions go on in the reserve while the disk is full, and frames once there is room.
fn filled(dice: &mut Dice) -> Vec<Step> {
    let full = [Step::Fill, Step::Frames(0, 1 + dice.below(6)), Step::Flush];
    let decided = [Step::Attempt, Step::Flush, Step::Remove(Removal::Deleted), Step::Flush];
    let freed = [Step::Unlink, Step::Flush, Step::Free, Step::KeepHouse];
    let more = [Step::Frames(0, 1 + dice.below(20)), Step::Flush];
    let before = [vec![Step::KeepHouse], many(dice, 2, linked)].concat();
    [before, full.to_vec(), decided.to_vec(), freed.to_vec(), more.to_vec()].concat()
}

fn any_step(dice: &mut Dice) -> Step {
    let device = dice.below(2) as usize;
    match dice.below(26) {
        0..6 => Step::Frames(device, 1 + dice.below(30)),
        6 | 7 => Step::Write,
        8..12 => Step::Flush,
        12 => Step::FailingFlush,
        13 => Step::Cut(device),
        14 => Step::Stop(device),
        15 | 16 => Step::Start,
        17 => Step::Seal,
        18 => Step::Link,
        19 => Step::Attempt,
        20 => Step::Receipt,
        21 => Step::Remove(Removal::Deleted),
        22 => Step::Unlink,
        23 => Step::Fill,
        24 => Step::Free,
        _ if dice.below(3) == 0 => Step::Restart,
        _ => Step::KeepHouse,
    }
}

/// What the disk and the host did.
pub(crate) struct Tape {
    pub(crate) before: Past,
    pub(crate) log: Vec<Operation>,
    pub(crate) story: Story,
}

impl Workload {
    pub(crate) fn new(seed: u64, number: u64) -> Self {
        let mut dice = Dice::new(seed ^ mix(number));
        if number % LONG_EVERY == LONG_EVERY - 1 {
            let steps = (0..LONG_STEPS).map(|_| any_step(&mut dice)).collect();
            return Self { number, seed, name: "long", steps, stray: None };
        }
        let short = &SHORT[(number % SHORT.len() as u64) as usize];
        let stray = (short.name == "quarantine").then_some(STRAY);
        Self { number, seed, name: short.name, steps: (short.tell)(&mut dice), stray }
    }

    /// Does it all on a new disk.
    pub(crate) fn perform(&self, sabotage: Option<Sabotage>) -> Result<Tape, OpenError> {
        let disk = SimDisk::new(self.seed ^ self.number);
        if let Some((path, bytes)) = self.stray {
            disk.plant(path, bytes);
        }
        let before = Past::of(&disk);
        disk.start_log();
        if let Some(Sabotage::Lie(lie)) = sabotage {
            disk.tell(lie);
        }
        let mut host = Host::open(disk, mix(self.number), sabotage)?;
        for step in &self.steps {
            act(&mut host, *step, sabotage)?;
        }
        Ok(Tape { before, log: host.disk.take_log(), story: host.story })
    }
}

/// Lets the host do one step.
pub(crate) fn act(
    host: &mut Host,
    step: Step,
    sabotage: Option<Sabotage>,
) -> Result<(), OpenError> {
    match step {
        Step::Start => host.start(),
        Step::Frames(device, count) => host.frames(device, count),
        Step::Write => drop(host.run(earmark_store::Work::Write)),
        Step::Flush => {
            // Only a sync that fails shows a disk that hides it.
            if sabotage == Some(Sabotage::Lie(Lie::FileSyncErrors)) {
                fail_a_sync(host);
            }
            host.flush();
        }
        Step::FailingFlush => {
            fail_a_sync(host);
            host.flush();
        }
        Step::Cut(device) => host.cut(device),
        Step::Stop(device) => host.stop(device),
        Step::Seal => host.seal(),
        Step::Link => host.link(),
        Step::Attempt => host.attempt(),
        Step::Receipt => host.receipt(),
        Step::Remove(why) => host.remove(why),
        Step::Unlink => host.unlink(),
        Step::KeepHouse => host.keep_house(),
        Step::Fill => host.disk.set_full(true),
        Step::Free => host.disk.set_full(false),
        Step::Restart => return host.restart(),
    }
    Ok(())
}

fn fail_a_sync(host: &mut Host) {
    host.run(earmark_store::Work::Write);
    host.disk.set_fault(DiskOp::Sync, DiskError::Eio, 1);
    host.run(earmark_store::Work::Sync);
    host.disk.clear_faults();
    host.revive();
}
