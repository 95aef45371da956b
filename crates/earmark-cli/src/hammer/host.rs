//! The owner of the store: what is staged goes to the disk, and what comes of it is told.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use earmark_core::{BootId, CaptureId, Frame, FrameSeq, Moment, RecordingId, Stamp, WallTime};
use earmark_store::{
    Config, Done, Failure as WorkFailure, Job, Outcome, Record, Seal, Store, Work,
};

use super::dice::Dice;
use super::disk::TrappedDisk;
use super::{HammerArgs, Sabotage};
use crate::exit::Failure;
use crate::output;

/// So small that journal files end and snapshots are written all the time.
const CONFIG: Config = Config { journal_file_bytes_max: 8 << 10, snapshot_after_bytes: 8 << 10 };
/// So much may wait for a sync.
const UNDURABLE_BYTES_MAX: usize = 16 << 10;
/// A disk that fails more often is broken and no planted fault.
const FAILURES_MAX: u32 = 20;
/// Where the writer's own time begins; it reads no clock.
const START_MICROS: i64 = 1_775_260_800_000_000;

/// The lines that are not on standard output yet.
#[derive(Default)]
pub(super) struct Tell(String);

impl Tell {
    pub(super) fn say(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        if self.0.is_empty() {
            return Ok(());
        }
        let lines = std::mem::take(&mut self.0);
        output::print_to_driver(lines)
    }
}

/// A store and whoever does its work.
pub(super) struct Host {
    pub(super) store: Store,
    pub(super) tell: Tell,
    pub(super) dice: Dice,
    pub(super) frames_seed: u64,
    pub(super) sabotage: Option<Sabotage>,
    /// Numbers the conversations of this life.
    pub(super) conversations: u64,
    pub(super) life: u64,
    syncs: Sender<Job>,
    tasks: Sender<Job>,
    done: Receiver<Done>,
    in_flight: usize,
    failures: u32,
    ticks: i64,
}

impl Host {
    /// Opens the store; nothing is told before that but that it is tried.
    pub(super) fn open(disk: TrappedDisk, args: &HammerArgs) -> Result<Self, Failure> {
        output::print_to_driver("opening\n")?;
        let mut dice = Dice::new(args.seed);
        let life = dice.draw();
        let opened = Store::open(Arc::new(disk), CONFIG, &mut || dice.draw(), stamp(0));
        let (store, recovered) = opened.map_err(|error| Failure::store(&args.data_dir, error))?;
        if let Some(failure) = recovered.journal_failure {
            return Err(Failure::store(&args.data_dir, failure));
        }
        let mut tell = Tell::default();
        for damage in &recovered.damage {
            tell.say(&format!("damage {damage}"));
        }
        let (send, done) = mpsc::channel();
        Ok(Self {
            store,
            tell,
            dice,
            frames_seed: args.frames,
            sabotage: args.sabotage,
            conversations: 0,
            life,
            syncs: worker(send.clone()),
            tasks: worker(send),
            done,
            in_flight: 0,
            failures: 0,
            ticks: 0,
        })
    }

    /// The next instant of the writer's own time.
    pub(super) fn now(&mut self) -> Stamp {
        self.ticks += 1;
        stamp(self.ticks)
    }

    /// Stages a record, and tells of it before it can reach the disk.
    pub(super) fn stage(&mut self, record: Record) {
        let json = serde_json::to_string(&record).unwrap_or_default();
        let is_dropped =
            self.sabotage == Some(Sabotage::DropLink) && matches!(record, Record::Linked { .. });
        let ticket = if is_dropped { self.store.staged() } else { self.store.stage(record) };
        self.tell.say(&format!("+{} {json}", ticket.number()));
    }

    /// Stages frames one by one: each knows which record it went into.
    pub(super) fn stage_frames(&mut self, capture: CaptureId, first: FrameSeq, frames: &[Frame]) {
        let mut seq = first;
        for frame in frames {
            let ticket = self.store.stage_frames(capture, seq, std::slice::from_ref(frame));
            self.tell.say(&format!("+{} frames {capture} {} 1", ticket.number(), seq.0));
            seq = seq.plus(1);
        }
    }

    /// Hands what is staged to the disk, has it synced meanwhile, and begins whatever else is due.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        self.tell.flush()?;
        if self.sabotage == Some(Sabotage::EarlyAck) {
            self.tell.say(&format!("~{}", self.store.staged().number()));
            self.tell.flush()?;
        }
        if self.store.journal_is_dead() {
            self.wait_for_all()?;
            self.run_now(Work::Replace)?;
        }
        self.run_now(Work::Write)?;
        self.begin(Work::Sync);
        self.begin_tasks();
        while let Ok(done) = self.done.try_recv() {
            self.ended(done)?;
        }
        while self.store.undurable_bytes() > UNDURABLE_BYTES_MAX && self.in_flight > 0 {
            self.wait()?;
        }
        self.tell.flush()
    }

    /// Ends what is under way; what it brings is staged and made durable too.
    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        while self.in_flight > 0 || self.store.undurable_bytes() > 0 {
            self.flush()?;
            self.wait_for_all()?;
        }
        self.tell.say("end");
        self.tell.flush()
    }

    fn begin_tasks(&mut self) {
        let recordings: Vec<RecordingId> = self.store.ledger().recordings.keys().copied().collect();
        for recording in recordings {
            self.begin(Work::Remove(recording));
            self.begin(Work::Seal(recording));
        }
        self.begin(Work::Snapshot);
        self.begin(Work::Refill);
        self.begin(Work::Prune);
    }

    fn begin(&mut self, work: Work) {
        let Some(job) = self.store.begin(work) else {
            return;
        };
        let worker = if work == Work::Sync { &self.syncs } else { &self.tasks };
        self.in_flight += 1;
        worker.send(job).expect("a worker lives as long as the store");
    }

    fn wait(&mut self) -> Result<(), Failure> {
        let done = self.done.recv().expect("a worker lives as long as the store");
        self.ended(done)
    }

    fn wait_for_all(&mut self) -> Result<(), Failure> {
        while self.in_flight > 0 {
            self.wait()?;
        }
        Ok(())
    }

    fn ended(&mut self, done: Done) -> Result<(), Failure> {
        self.in_flight -= 1;
        if let Some((recording, seal)) = self.end(done)? {
            self.sealed(recording, seal);
        }
        self.tell.flush()
    }

    /// Does work here and now; the seal, when it was one.
    pub(super) fn run_now(&mut self, work: Work) -> Result<Option<Arc<Seal>>, Failure> {
        let Some(job) = self.store.begin(work) else {
            return Ok(None);
        };
        let sealed = self.end(job.run())?;
        self.tell.flush()?;
        Ok(sealed.map(|(_, seal)| seal))
    }

    /// Takes what came of work, and tells what that acknowledges.
    fn end(&mut self, done: Done) -> Result<Option<(RecordingId, Arc<Seal>)>, Failure> {
        match self.store.end(done) {
            Ok(Outcome::Written { up_to }) => self.tell.say(&format!("~{}", up_to.number())),
            Ok(Outcome::Synced { durable } | Outcome::Replaced { durable }) => {
                self.tell.say(&format!("={}", durable.number()));
            }
            Ok(Outcome::Sealed { recording, seal, .. }) => return Ok(Some((recording, seal))),
            Ok(Outcome::Removed { recording }) => self.removed(recording),
            Ok(Outcome::Snapshotted | Outcome::Pruned { .. } | Outcome::Refilled) => {}
            Err(failure) => self.failed(failure)?,
        }
        Ok(None)
    }

    fn removed(&mut self, recording: RecordingId) {
        // A second try may have found the file gone.
        if self.store.ledger().recordings.contains_key(&recording) {
            self.stage(Record::Removed { recording });
        }
    }

    fn failed(&mut self, failure: WorkFailure) -> Result<(), Failure> {
        self.failures += 1;
        if self.failures > FAILURES_MAX { Err(Failure::wrong(failure)) } else { Ok(()) }
    }
}

/// A thread that does one job after another.
fn worker(done: Sender<Done>) -> Sender<Job> {
    let (send, jobs) = mpsc::channel::<Job>();
    thread::spawn(move || {
        while let Ok(job) = jobs.recv() {
            if done.send(job.run()).is_err() {
                return;
            }
        }
    });
    send
}

fn stamp(ticks: i64) -> Stamp {
    Stamp {
        boot: BootId::from_u128(1),
        moment: Moment::from_micros(ticks.unsigned_abs() * 1_000),
        wall: WallTime::from_unix_micros(START_MICROS + ticks * 1_000),
    }
}
