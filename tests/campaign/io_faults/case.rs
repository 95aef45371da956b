//! One run with one fault.

use std::fmt;

use earmark_store::{Aim, DiskOp, OpenError, Past, SimDisk};

use crate::crash_states::dice::mix;
use crate::crash_states::host::Host;
use crate::crash_states::oracle::Oracle;
use crate::crash_states::sabotage::Sabotage;
use crate::crash_states::workload::{Step, Workload, act};

/// After the fault was met the disk is cut after so many steps.
const CUTS_AFTER_FAULT: u64 = 3;
/// How often a host goes on trying once the fault is over.
const TRIES_MAX: usize = 10;

/// A workload and the one operation that fails.
pub(super) struct Case {
    workload: Workload,
    aim: Option<Aim>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct End {
    pub(super) was_hit: bool,
    /// The store did not open, and said why.
    pub(super) was_refused: bool,
    /// The store opened and reported what it could not read.
    pub(super) reported_damage: bool,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Workload { number, seed, name, steps, .. } = &self.workload;
        write!(f, "{:?} in workload {number} ({name}) of --seed {seed}: {steps:?}", self.aim)
    }
}

impl Case {
    pub(super) fn new(workload: &Workload, aim: Aim) -> Self {
        Self { workload: workload.clone(), aim: Some(aim) }
    }

    pub(super) fn healthy(workload: &Workload) -> Self {
        Self { workload: workload.clone(), aim: None }
    }

    fn disk(&self, sabotage: Option<Sabotage>) -> SimDisk {
        let disk = SimDisk::new(self.workload.seed ^ self.workload.number);
        if let Some((path, bytes)) = self.workload.stray {
            disk.plant(path, bytes);
        }
        disk.start_log();
        if let Some(Sabotage::Lie(lie)) = sabotage {
            disk.tell(lie);
        }
        if let Some(aim) = &self.aim {
            disk.aim(aim.clone());
        }
        disk
    }

    /// Everything that the disk is asked for when nothing fails.
    pub(super) fn asked(&self) -> Vec<(DiskOp, String)> {
        let disk = self.disk(None);
        let opened = Host::open(disk.clone(), mix(self.workload.number), None);
        let Ok(mut host) = opened else { return Vec::new() };
        for step in self.workload.steps.iter().filter(|step| **step != Step::FailingFlush) {
            let _ = act(&mut host, *step, None);
        }
        disk.take_asked()
    }

    pub(super) fn run(&self, sabotage: Option<Sabotage>) -> Result<End, String> {
        let disk = self.disk(sabotage);
        let mut end = End::default();
        let mut host = self.open(&disk, sabotage, &mut end)?;
        let mut cuts = 0;
        for step in &self.workload.steps {
            if *step == Step::FailingFlush {
                continue;
            }
            self.act(&mut host, *step, sabotage, &mut end)?;
            if end.reported_damage {
                // What the disk could not read counts as damaged, which was said.
                return Ok(End { was_hit: true, ..end });
            }
            if host.disk.hits() > 0 && cuts < CUTS_AFTER_FAULT {
                cuts += 1;
                self.cut(&host, cuts)?;
            }
        }
        end.was_hit = host.disk.hits() > 0;
        self.go_on(&mut host)?;
        Ok(end)
    }

    fn open(
        &self,
        disk: &SimDisk,
        sabotage: Option<Sabotage>,
        end: &mut End,
    ) -> Result<Host, String> {
        let seed = mix(self.workload.number);
        match Host::open(disk.clone(), seed, sabotage) {
            Ok(host) => Ok(host),
            Err(error) => {
                said(&error)?;
                end.was_refused = true;
                disk.clear_faults();
                let again = Host::open(disk.clone(), seed + 1, sabotage);
                again.map_err(|error| format!("a healthy disk is refused: {error}"))
            }
        }
    }

    fn act(
        &self,
        host: &mut Host,
        step: Step,
        sabotage: Option<Sabotage>,
        end: &mut End,
    ) -> Result<(), String> {
        if let Err(error) = act(host, step, sabotage) {
            said(&error)?;
            end.was_refused = true;
            host.disk.clear_faults();
            let again = host.restart();
            again.map_err(|error| format!("a healthy disk is refused: {error}"))?;
        }
        let stray = self.workload.stray.map(|stray| stray.0);
        let mut damage = host.recovered.damage.iter();
        end.reported_damage |= damage.any(|damage| Some(damage.path.as_str()) != stray);
        host.revive();
        Ok(())
    }

    /// Nothing is called durable that a power cut right now would take.
    fn cut(&self, host: &Host, number: u64) -> Result<(), String> {
        let past = Past::of(&host.disk);
        let mut telling = host.story.tell();
        telling.advance(host.disk.log_len());
        let oracle = Oracle { must: &telling.must, may: &telling.may, stray: self.workload.stray };
        let seed = mix(self.workload.seed ^ number);
        for disk in [past.cut(seed), past.cut(seed + 1), past.kept()] {
            let checked = oracle.check(&disk, seed);
            checked.map_err(|violation| format!("after a power cut: {}", violation.why))?;
        }
        Ok(())
    }

    /// The fault is over: what was taken becomes durable, and the host takes more.
    fn go_on(&self, host: &mut Host) -> Result<(), String> {
        host.disk.clear_faults();
        host.disk.set_full(false);
        settle(host)?;
        host.start();
        host.frames(host.running.len() - 1, 5);
        settle(host)?;
        self.cut(host, CUTS_AFTER_FAULT + 1)
    }
}

/// Everything that was taken becomes durable and sealed.
fn settle(host: &mut Host) -> Result<(), String> {
    for _ in 0..TRIES_MAX {
        host.flush();
        host.seal();
        host.unlink();
        if host.store.durable() == host.store.staged() {
            return Ok(());
        }
    }
    let (durable, staged) = (host.store.durable(), host.store.staged());
    Err(format!("on a healthy disk {durable:?} of {staged:?} become durable"))
}

fn said(error: &OpenError) -> Result<(), String> {
    let empty = error.to_string().is_empty();
    if empty { Err(String::from("it does not open and says nothing")) } else { Ok(()) }
}
