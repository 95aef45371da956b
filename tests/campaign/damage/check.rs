//! Compares what a damaged store says, and the audio that it gives, with the truth.

use std::collections::{BTreeMap, BTreeSet};

use earmark_core::{CaptureId, RecordingId};
use earmark_store::{Config, Harm, Ledger, Record, SimDisk, Store, Work, inspect, recording_path};

use super::host;
use super::truth::{Expected, Report, Truth};

/// A store that is opened draws its chance from this.
const LIFE: u64 = 4_711;

/// What reading a store has found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) ledger: Ledger,
    pub(super) damage: Vec<Report>,
}

impl Found {
    pub(super) fn on(disk: &SimDisk) -> Result<Self, String> {
        let found = inspect(disk).map_err(|error| format!("it cannot be read: {error}"))?;
        // Whether a file that no record speaks of is told here or at the opening is not the matter.
        let damage = found.damage.iter().filter(|damage| damage.harm != Harm::Unclaimed);
        Ok(Self { ledger: found.ledger, damage: damage.map(Report::of).collect() })
    }

    /// Whether exactly what is expected was found.
    pub(super) fn compare(&self, expected: &Expected) -> Result<(), String> {
        if self.damage != expected.damage {
            let (found, expected) = (&self.damage, &expected.damage);
            return Err(format!("reported {found:?} instead of {expected:?}"));
        }
        if self.ledger != expected.ledger {
            let missing = &expected.missing;
            return Err(format!("more is lost, or invented, than the records {missing:?}"));
        }
        Ok(())
    }
}

/// A store that was opened on damage and has sealed what it could.
pub(super) struct Opened {
    disk: SimDisk,
    store: Store,
}

impl Opened {
    /// Opens it; the disk is the store's from here on.
    pub(super) fn on(disk: SimDisk, truth: &Truth, expected: &Expected) -> Result<Self, String> {
        let (mut store, recovered) = host::open(&disk, Config::default(), LIFE);
        let reports = recovered.damage.iter().map(Report::of);
        let (unclaimed, others): (Vec<_>, Vec<_>) =
            reports.partition(|report| report.harm == Harm::Unclaimed);
        if others != expected.damage || unclaimed.len() != truth.unclaimed(&expected.ledger) {
            return Err(format!("opening reports {:?}", recovered.damage));
        }
        seal_all(&mut store)?;
        Ok(Self { disk, store })
    }

    /// Whether every frame is in one recording, but for those in the missing records and those
    /// that they alone lead to, whose number is given back.
    pub(super) fn compare(&self, truth: &Truth, expected: &Expected) -> Result<u64, String> {
        let lost = Lost::of(truth, expected);
        let mut shown: BTreeMap<(CaptureId, u64), u32> = BTreeMap::new();
        for recording in self.store.ledger().recordings.keys() {
            for frame in self.frames(*recording, truth, expected, &lost)? {
                *shown.entry(frame).or_default() += 1;
            }
        }
        if let Some((frame, times)) = shown.iter().find(|(_, times)| **times > 1) {
            return Err(format!("frame {frame:?} is in {times} recordings"));
        }
        let mut hidden = 0;
        for frame in wanted(truth).filter(|frame| !shown.contains_key(frame)) {
            if !lost.frames.contains(&frame) {
                if !lost.leads_to(frame, truth) {
                    return Err(format!("frame {frame:?} is in no recording"));
                }
                hidden += 1;
            }
        }
        Ok(hidden)
    }

    /// The frames that a recording holds, each compared with the truth.
    fn frames(
        &self,
        recording: RecordingId,
        truth: &Truth,
        expected: &Expected,
        lost: &Lost,
    ) -> Result<Vec<(CaptureId, u64)>, String> {
        let facts = &self.store.ledger().recordings[&recording];
        if facts.removing.is_some() {
            return Ok(Vec::new());
        }
        let seal = facts.sealed.as_ref().ok_or_else(|| format!("{recording} is never sealed"))?;
        let before = expected.ledger.recordings.get(&recording);
        let was_sealed = before.is_some_and(|before| before.sealed.is_some());
        let path = recording_path(recording);
        let Some(bytes) = self.disk.contents(&path) else {
            let known = expected.damage.iter().any(|damage| damage.path == path);
            return if known { Ok(Vec::new()) } else { Err(format!("{path} is gone")) };
        };
        let end = match was_sealed {
            true => facts.first.0 + u64::from(seal.frames),
            false => facts.end.ok_or_else(|| format!("{recording} is never cut"))?.0,
        };
        let numbers = (facts.first.0..end).map(|seq| (facts.capture, seq));
        let held: Vec<_> =
            numbers.filter(|frame| was_sealed || !lost.frames.contains(frame)).collect();
        let mut rest = &bytes[..];
        for frame in &held {
            let truth = truth.frames.get(frame).ok_or_else(|| format!("no such {frame:?}"))?;
            let (head, behind) = rest.split_at_checked(4).ok_or("the file is too short")?;
            let behind = (head == (truth.len() as u32).to_le_bytes()).then_some(behind);
            let behind = behind.and_then(|behind| behind.strip_prefix(&truth[..]));
            rest = behind.ok_or_else(|| format!("{frame:?} in {recording} is another"))?;
        }
        if rest.is_empty() {
            Ok(held)
        } else {
            Err(format!("{recording} has more than its frames"))
        }
    }
}

fn seal_all(store: &mut Store) -> Result<(), String> {
    let open = store.ledger().awaiting_seal();
    let cut: Vec<RecordingId> =
        open.filter(|(_, facts)| facts.end.is_some()).map(|(id, _)| id).collect();
    for recording in cut {
        let job = store.begin(Work::Seal(recording));
        let job = job.ok_or_else(|| format!("{recording} cannot be sealed"))?;
        let sealed = store.end(job.run()).map_err(|error| error.to_string())?;
        let earmark_store::Outcome::Sealed { seal, .. } = sealed else {
            return Err(format!("{recording} is not sealed: {sealed:?}"));
        };
        store.stage(Record::Sealed { recording, seal });
    }
    Ok(())
}

/// The frames that the undamaged store's recordings hold.
fn wanted(truth: &Truth) -> impl Iterator<Item = (CaptureId, u64)> {
    let live = truth.ledger.recordings.values().filter(|facts| facts.removing.is_none());
    live.flat_map(|facts| {
        let end = truth.ledger.end(facts).0;
        (facts.first.0..end).map(|seq| (facts.capture, seq))
    })
}

/// What the missing records held.
struct Lost {
    frames: BTreeSet<(CaptureId, u64)>,
    captures: BTreeSet<CaptureId>,
    recordings: BTreeSet<RecordingId>,
}

impl Lost {
    fn of(truth: &Truth, expected: &Expected) -> Self {
        let (frames, captures, recordings) = Default::default();
        let mut lost = Self { frames, captures, recordings };
        for seq in &expected.missing {
            lost.take(&truth.records[seq]);
        }
        lost
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "only these three lead to audio")]
    fn take(&mut self, record: &Record) {
        match record {
            Record::Frames(span) => {
                self.frames.extend((span.first.0..span.end().0).map(|seq| (span.capture, seq)));
            }
            Record::CaptureOpened { capture, .. } => {
                self.captures.insert(*capture);
            }
            Record::RecordingOpened { recording, .. } => {
                self.recordings.insert(*recording);
            }
            _ => {}
        }
    }

    /// Whether a frame is found only through a record that is missing.
    fn leads_to(&self, (capture, seq): (CaptureId, u64), truth: &Truth) -> bool {
        let holds = |recording: &RecordingId| {
            truth.ledger.recordings.get(recording).is_some_and(|facts| {
                let end = truth.ledger.end(facts).0;
                facts.capture == capture && (facts.first.0..end).contains(&seq)
            })
        };
        self.captures.contains(&capture) || self.recordings.iter().any(holds)
    }
}
