//! Goes through the operations of a workload, cuts the disk at each, and cuts the recovery too.

use std::sync::atomic::{AtomicU64, Ordering};

use earmark_core::RecordingId;
use earmark_store::{CutLimits, DiskOp, Ledger, Operation, Past, SimDisk, inspect, recording_path};

use super::dice::{Dice, mix};
use super::facts::Known;
use super::host;
use super::oracle::{Kind, Oracle, Violation};
use super::sabotage::Sabotage;
use super::workload::Workload;

/// How many states are built.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Depth {
    /// At each operation of a workload.
    pub(crate) cuts: CutLimits,
    /// The recovery itself is cut at one of so many operations; never when 0.
    pub(crate) recovery_every: u64,
}

/// At each operation of a recovery.
const CUTS_OF_RECOVERY: u64 = 2;

/// What was counted, by all workers together.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) states: AtomicU64,
    pub(crate) boundaries: AtomicU64,
    pub(crate) exhaustive: AtomicU64,
    pub(crate) in_recovery: AtomicU64,
    pub(crate) two_deep: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// A violation and where it was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) violation: Violation,
    pub(crate) place: String,
}

/// Checks a whole workload; the first violation ends it.
pub(crate) fn walk(
    workload: &Workload,
    sabotage: Option<Sabotage>,
    depth: Depth,
    counts: &Counts,
) -> Result<(), Found> {
    let tape = workload.perform(sabotage).map_err(|error| Found {
        violation: Violation { kind: Kind::Other, why: format!("it does not open: {error}") },
        place: String::from("a healthy disk"),
    })?;
    let (mut past, mut telling) = (tape.before, tape.story.tell());
    for boundary in 0..=tape.log.len() {
        let last = boundary.checked_sub(1).map(|last| &tape.log[last]);
        let found =
            |violation| Found { violation, place: format!("operation {boundary}, {last:?}") };
        if let Some(operation) = last {
            check_unlink(operation, &telling.must, &past).map_err(found)?;
            past.advance(operation);
        }
        telling.advance(boundary);
        count(&counts.boundaries);
        let oracle = Oracle { must: &telling.must, may: &telling.may, stray: workload.stray };
        let seed = workload.seed ^ mix(workload.number) ^ boundary as u64;
        Boundary { past: &past, oracle, seed, depth, counts }.check().map_err(found)?;
    }
    Ok(())
}

/// A recording is unlinked only after the record that says so is durable: the host knows it, or,
/// when a recovery has made it durable, it is on the disk even if nothing unsynced comes through.
fn check_unlink(operation: &Operation, must: &Known, past: &Past) -> Result<(), Violation> {
    let is_file = |id: &RecordingId| recording_path(*id) == operation.path;
    let unlinks = operation.op == DiskOp::Remove && operation.path.ends_with(".bin");
    if !unlinks || must.removing.keys().any(is_file) {
        return Ok(());
    }
    let nothing_unsynced = CutLimits { every: 0, sampled: 1 };
    let durable = past.cuts(nothing_unsynced, 0).any(|disk| {
        inspect(&disk).is_ok_and(|found| {
            let mut all = found.ledger.recordings.iter();
            all.any(|(id, facts)| is_file(id) && facts.removing.is_some())
        })
    });
    if durable {
        return Ok(());
    }
    let why = format!("{} was unlinked before that was durable", operation.path);
    Err(Violation { kind: Kind::FrameLost, why })
}

/// The disk at one operation.
struct Boundary<'a> {
    past: &'a Past,
    oracle: Oracle<'a>,
    seed: u64,
    depth: Depth,
    counts: &'a Counts,
}

impl Boundary<'_> {
    fn check(&self) -> Result<(), Violation> {
        let mut dice = Dice::new(self.seed);
        let cuts = self.past.cuts(self.depth.cuts, self.seed);
        if cuts.is_exhaustive() {
            count(&self.counts.exhaustive);
        }
        let deep = self.depth.recovery_every > 0 && dice.below(self.depth.recovery_every) == 0;
        let deep_at = dice.below(4);
        for (number, disk) in (0..).zip(cuts) {
            // A recovery can only be watched on a disk that nobody has recovered yet.
            let before = (deep && number == deep_at).then(|| Past::of(&disk));
            count(&self.counts.states);
            let ledger = self.oracle.check(&disk, dice.roll())?;
            if let Some(before) = before {
                self.check_recovery(&before, &ledger, dice)?;
            }
        }
        Ok(())
    }

    /// Cuts the recovery of a disk at each of its operations, and the recovery from that at one.
    fn check_recovery(
        &self,
        before: &Past,
        expected: &Ledger,
        mut dice: Dice,
    ) -> Result<(), Violation> {
        let limits = CutLimits { every: CUTS_OF_RECOVERY, sampled: CUTS_OF_RECOVERY };
        for place in self.stops(before, &mut dice) {
            for cut in place.cuts(limits, dice.roll()).chain([place.cut(dice.roll())]) {
                count(&self.counts.in_recovery);
                let second = Past::of(&cut);
                self.check_end(&cut, expected, &mut dice)?;
                let stops = self.stops(&second, &mut dice);
                let stop = dice.below(stops.len() as u64) as usize;
                count(&self.counts.two_deep);
                let cut = stops[stop].cut(dice.roll());
                self.check_end(&cut, expected, &mut dice)?;
            }
        }
        Ok(())
    }

    fn check_end(
        &self,
        disk: &SimDisk,
        expected: &Ledger,
        dice: &mut Dice,
    ) -> Result<(), Violation> {
        count(&self.counts.states);
        let ledger = self.oracle.check(disk, dice.roll())?;
        if ledger == *expected {
            return Ok(());
        }
        let why = format!("an interrupted recovery ends in {ledger:#?}, another in {expected:#?}");
        Err(Violation { kind: Kind::Other, why })
    }

    /// The disk at each operation of its recovery.
    fn stops(&self, before: &Past, dice: &mut Dice) -> Vec<Past> {
        let disk = before.kept();
        disk.start_log();
        let _ = host::open(&disk, dice.roll());
        let mut now = Past::of(&before.kept());
        let mut stops = vec![now.copy()];
        for operation in disk.take_log() {
            now.advance(&operation);
            stops.push(now.copy());
        }
        stops
    }
}
