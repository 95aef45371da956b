//! `verify`: reads everything, checks every hash, changes nothing.

use std::path::Path;

use earmark_store::{Damage, verify as verify_store};

use crate::data_dir;
use crate::exit::{Failure, Outcome};
use crate::output::{Progress, print_line};

pub(crate) fn run(folder: &Path) -> Result<Outcome, Failure> {
    let disk = data_dir::read_only(folder)?;
    let progress = Progress::new("verifying");
    let verified = verify_store(&disk, &mut |done, all| progress.show(done, all, ""));
    progress.clear();
    let verified = verified.map_err(|error| Failure::read(folder, &error))?;
    for damage in &verified.damage {
        print_line(told(damage))?;
    }
    let (recordings, bytes) = (verified.recordings, verified.bytes);
    if verified.given_up > 0 {
        let given_up = verified.given_up;
        print_line(format_args!("given up before, as `earmark list` shows: {given_up}"))?;
    }
    if verified.quarantined > 0 {
        let (count, aside) = (verified.quarantined, folder.join("quarantine"));
        print_line(format_args!("files put aside before, in {}: {count}", aside.display()))?;
    }
    print_line(format_args!(
        "{recordings} sealed recordings with {bytes} bytes are as they were sealed; {}",
        match verified.damage.len() {
            0 => String::from("no damage was found"),
            1 => String::from("1 damage was found"),
            several => format!("{several} damages were found"),
        }
    ))?;
    Ok(Outcome::good_if(verified.damage.is_empty()))
}

/// A damage, where it is, and what it has cost.
pub(crate) fn told(damage: &Damage) -> String {
    let cost = damage.cost.as_ref().map_or_else(String::new, |cost| format!("; {cost}"));
    format!("damaged: {damage}{cost}")
}
