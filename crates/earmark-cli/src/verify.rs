//! `verify`: reads everything, checks every hash, changes nothing.

use std::path::Path;

use earmark_store::{Damage, Harm, verify as verify_store};

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
        print_line(format_args!("damaged: {damage}; {}", cost(damage)))?;
    }
    let (recordings, bytes) = (verified.recordings, verified.bytes);
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

/// What a damage has cost.
fn cost(damage: &Damage) -> String {
    match &damage.harm {
        Harm::Rot => String::from("whole copies of these records are used where there are any"),
        Harm::RecordsMissing { from, to } => {
            format!("{} records are lost with what only they told", to - from)
        }
        Harm::FramesMissing { frames, .. } => format!("it cost {frames} frames"),
        Harm::FileMissing { recording } | Harm::WrongLength { recording, .. } => {
            format!("{recording} can no longer be uploaded")
        }
        Harm::WrongContent { recording } => format!(
            "{recording} can no longer be uploaded; its frames outside these bytes can be read"
        ),
        Harm::Unclaimed => String::from("it cost nothing; the next start puts it aside"),
        Harm::Unreadable { .. } => String::from("what only this file told is not used"),
    }
}
