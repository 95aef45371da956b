//! `repair`: says what would make a damaged store sound again, and does it when asked to.

use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::Arc;

use earmark::{Clock, SystemClock};
use earmark_store::{
    Disk, FsDisk, RepairError, Step, Verification, plan_repair, repair, verify as verify_store,
};

use crate::data_dir;
use crate::exit::{Failure, Outcome};
use crate::output::{Progress, print_line};
use crate::owner::{self, Owner};
use crate::verify::told;

pub(crate) fn run(folder: &Path, apply: bool) -> Result<Outcome, Failure> {
    // A folder that is not there holds nothing that could be repaired.
    let disk = data_dir::read_only(folder)?;
    match owner::of(folder) {
        // Whether there is anything to do or not: what its owner does meanwhile looks like damage.
        Some(owner) if apply => Err(Failure::in_use(folder, owner)),
        Some(_) | None if apply => repair_now(folder),
        owner => tell(folder, &disk, owner),
    }
}

/// The dry run.
fn tell(folder: &Path, disk: &FsDisk, owner: Option<Owner>) -> Result<Outcome, Failure> {
    let progress = Progress::new("reading");
    let steps = plan_repair(disk, &mut |done, all| progress.show(done, all, ""));
    progress.clear();
    let mut steps = steps.map_err(|error| Failure::read(folder, &error))?;
    if let Some(owner) = owner {
        // What its owner has not finished is no remainder.
        steps.retain(|step| step.damage.is_some());
        print_line(format_args!("in use by {owner}; it must end before a repair with --apply"))?;
    }
    print_steps(&steps)?;
    match steps.len() {
        0 => print_line("there is nothing to do")?,
        count => print_line(format_args!(
            "things to do: {count}; nothing was changed; `earmark repair --apply` does them"
        ))?,
    }
    Ok(Outcome::good_if(steps.is_empty()))
}

fn repair_now(folder: &Path) -> Result<Outcome, Failure> {
    let files = FsDisk::create(folder).map_err(|error| Failure::store(folder, error))?;
    let disk: Arc<dyn Disk> = Arc::new(files);
    let steps = repair(&disk, &mut entropy, SystemClock::new().stamp());
    let steps = steps.map_err(|error| match &error {
        RepairError::Open(error) => Failure::open(folder, error),
        RepairError::Work(_) => Failure::store(folder, &error),
    })?;
    print_steps(&steps)?;
    let left = verify_store(disk.as_ref(), &mut |_, _| {});
    conclude(&steps, &left.map_err(|error| Failure::read(folder, &error))?)
}

fn conclude(steps: &[Step], left: &Verification) -> Result<Outcome, Failure> {
    for damage in &left.damage {
        print_line(format_args!("still {}", told(damage)))?;
    }
    match (steps.len(), left.damage.len()) {
        (0, 0) => print_line("there is nothing to do")?,
        (count, 0) => print_line(format_args!("things done: {count}; no damage is left"))?,
        (_, left) => print_line(format_args!("damages left: {left}"))?,
    }
    Ok(Outcome::good_if(left.damage.is_empty()))
}

fn print_steps(steps: &[Step]) -> Result<(), Failure> {
    for step in steps {
        if let Some(damage) = &step.damage {
            print_line(told(damage))?;
        }
        print_line(format_args!("repair: {}: {}", step.path, step.action))?;
    }
    Ok(())
}

/// A number that the next store file's name may be spread by.
pub(crate) fn entropy() -> u64 {
    RandomState::new().hash_one(())
}
