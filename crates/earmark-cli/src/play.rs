//! `play`: a scripted feed, in simulated or in real time.

mod real;

use std::fs;
use std::path::{Path, PathBuf};

use earmark::Policy;
use earmark_sim::feed::{Feed, Sounds};
use earmark_sim::play::{PlayError, PlayOptions, Until, load_sounds, play};
use earmark_sim::report::Report;

use crate::args::{ClockChoice, PlayArgs, ProfileChoice, UntilChoice};
use crate::exit::{Failure, Outcome};
use crate::feed_file;
use crate::output::print;

pub(crate) fn run(args: PlayArgs) -> Result<Outcome, Failure> {
    let feed = feed_file::read(&args.feed)?;
    let sounds = load_sounds(&feed, &args.feed)?;
    let options = options(&args);
    if let Some(path) = &args.report {
        check_report(path, &args.feed)?;
    }
    let played = match args.clock {
        ClockChoice::Virtual => {
            refuse_real_flags(&args)?;
            simulated(&args.feed, &feed, &sounds, &options)?
        }
        ClockChoice::Real => {
            let script = real::Script { path: &args.feed, feed: &feed, sounds: &sounds, options };
            crate::wait(real::play(script, args.data_dir, args.server))?
        }
    };
    let outcome = tell(&played.report, args.report)?;
    played.stuck.map_or(Ok(outcome), Err)
}

/// What came of a feed, and why it was not played to its end, if it was not.
struct Played {
    report: Report,
    stuck: Option<Failure>,
}

fn options(args: &PlayArgs) -> PlayOptions {
    PlayOptions {
        policy: match args.profile {
            ProfileChoice::Everyday => Policy::EVERYDAY,
            ProfileChoice::Omi202604 => Policy::OMI_2026_04,
        },
        seed: args.seed,
        until: match args.until {
            UntilChoice::Settled => Until::Settled,
            UntilChoice::End => Until::End,
        },
    }
}

/// A simulated world has neither folders nor servers of this one.
fn refuse_real_flags(args: &PlayArgs) -> Result<(), Failure> {
    let given = [("--data-dir", args.data_dir.is_some()), ("--server", args.server.is_some())];
    match given.iter().find(|(_, given)| *given) {
        Some((flag, _)) => Err(Failure::unusable(format!(
            "{flag} is of the real world: expected `--clock real` with it"
        ))),
        None => Ok(()),
    }
}

fn simulated(
    path: &Path,
    feed: &Feed,
    sounds: &Sounds,
    options: &PlayOptions,
) -> Result<Played, Failure> {
    match play(feed, sounds, options) {
        Ok(report) => Ok(Played { report, stuck: None }),
        Err(PlayError::Stuck { error, report }) => {
            Ok(Played { report: *report, stuck: Some(Failure::play(path, &error)) })
        }
        Err(error) => Err(Failure::play(path, &error)),
    }
}

/// Refuses a report that cannot be written before anything runs.
fn check_report(path: &Path, feed: &Path) -> Result<(), Failure> {
    if path.canonicalize().ok().is_some_and(|path| feed.canonicalize().is_ok_and(|it| it == path)) {
        let path = path.display();
        return Err(Failure::unusable(format!("--report {path} is the feed; name another file")));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = fs::metadata(folder.unwrap_or(Path::new(".")));
    let is_folder = folder.map_err(|error| Failure::named("--report", path, &error))?.is_dir();
    if path.is_dir() || !is_folder {
        let path = path.display();
        return Err(Failure::unusable(format!("--report {path}: expected a file in a folder")));
    }
    Ok(())
}

fn tell(report: &Report, path: Option<PathBuf>) -> Result<Outcome, Failure> {
    let text = report.to_json();
    match path {
        None => print(text)?,
        Some(path) => fs::write(&path, text).map_err(|error| {
            Failure::wrong(format!("the report {} cannot be written: {error}", path.display()))
        })?,
    }
    Ok(Outcome::good_if(report.is_good()))
}
