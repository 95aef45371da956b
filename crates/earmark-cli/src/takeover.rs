//! `import` and `export`: what an Omi app has recorded is taken over, and given back.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use earmark::takeover::{self, AppFolder, ExportError, Fate, Told};
use earmark::{Account, Clock, RecordingId, SystemClock};
use earmark_store::{AdoptError, Adopter, Config, Disk, FsDisk, inspect};
use serde::Serialize;

use crate::data_dir;
use crate::exit::{Failure, Outcome};
use crate::export::refuse_inside;
use crate::listing::unknown;
use crate::output::{Progress, print_line};
use crate::repair::entropy;

/// What is printed at the end.
#[derive(Default, Serialize)]
struct Summary {
    /// What is wrong beside single recordings, in words.
    faults: Vec<String>,
    /// How many recordings came to what.
    counts: BTreeMap<Fate, usize>,
    recordings: Vec<Told>,
    /// Why something that was to be said was not. The work goes on all the same.
    #[serde(skip)]
    unsaid: Option<Failure>,
}

impl Summary {
    /// Prints what became of a recording, unless all is printed at the end.
    fn take(&mut self, told: Told, json: bool) {
        *self.counts.entry(told.outcome).or_default() += 1;
        if json {
            self.recordings.push(told);
            return;
        }
        match told.outcome {
            Fate::Known | Fate::Gone | Fate::Settled | Fate::InPlace => {}
            Fate::Adopted | Fate::OnDevice | Fate::Missing | Fate::Refused | Fate::Exported => {
                self.unsaid = self.unsaid.take().or(print_line(line(&told)).err());
            }
        }
    }

    fn end(mut self, json: bool, what: &str) -> Result<Outcome, Failure> {
        if let Some(unsaid) = self.unsaid.take() {
            return Err(unsaid);
        }
        if json {
            let text = serde_json::to_string_pretty(&self);
            print_line(text.expect("it has text keys only and no number that JSON lacks"))?;
        } else {
            self.faults.iter().try_for_each(print_line)?;
            let counts =
                self.counts.iter().map(|(fate, count)| format!("{}: {count}", told(*fate)));
            let counts: Vec<String> = counts.collect();
            let counts =
                if counts.is_empty() { String::from("nothing") } else { counts.join("; ") };
            print_line(format_args!("{what}: {counts}"))?;
        }
        let wrong = self.counts.iter().any(|(fate, count)| fate.is_wrong() && *count > 0);
        Ok(Outcome::good_if(!wrong && self.faults.is_empty()))
    }
}

/// Takes over what lies in an app's folder.
pub(crate) fn import(
    store: &Path,
    folder: &Path,
    account: &Account,
    json: bool,
) -> Result<Outcome, Failure> {
    let named = |error| Failure::named("the app's folder", folder, &error);
    let files = FsDisk::read_only(folder).map_err(named)?;
    let found = AppFolder::read(&files).map_err(named)?;
    if found.is_empty() {
        return Err(Failure::unusable(format!(
            "{} has neither wals.json nor an audio file of an Omi app; name the folder that has",
            folder.display()
        )));
    }
    let disk = FsDisk::create(store).map_err(|error| Failure::store(store, error))?;
    let (disk, at): (Arc<dyn Disk>, _) = (Arc::new(disk), SystemClock::new().stamp());
    let refused = |error: AdoptError| adopt_failure(store, &error);
    let mut adopter = Adopter::open(disk, Config::default(), &mut entropy, at).map_err(refused)?;
    let mut summary = Summary { faults: found.faults().to_vec(), ..Summary::default() };
    let lost = adopter.damaged().iter();
    summary.faults.extend(lost.map(|path| format!("{path} cannot be read any more")));
    let progress = Progress::new("taking over");
    let taken = found.adopt(&files, &mut adopter, account, at, &mut |done, told| {
        progress.show(done, found.len(), "");
        summary.take(told, json);
        Ok(())
    });
    progress.clear();
    taken.map_err(refused)?;
    summary.end(json, "taken over")
}

fn adopt_failure(store: &Path, error: &AdoptError) -> Failure {
    match error {
        AdoptError::Open(error) => Failure::open(store, error),
        AdoptError::Work(_) | AdoptError::NoFrames | AdoptError::Differs { .. } => {
            Failure::store(store, format!("{error}; another import goes on from here"))
        }
    }
}

/// Writes recordings as an app keeps its own.
pub(crate) fn export(
    store: &Path,
    folder: &Path,
    chosen: &[RecordingId],
    json: bool,
) -> Result<Outcome, Failure> {
    let disk = data_dir::read_only(store)?;
    let there = inspect(&disk).map_err(|error| Failure::read(store, &error))?.ledger.recordings;
    if let Some(id) = chosen.iter().find(|id| !there.contains_key(id)) {
        return Err(unknown(store, *id));
    }
    let named = |error| Failure::named("the folder", folder, &error);
    refuse_inside(store, folder, folder)?;
    let files = FsDisk::create(folder).map_err(named)?;
    // What was not there yet may have led through `..`.
    refuse_inside(store, folder, folder)?;
    let mut summary = Summary::default();
    let at = SystemClock::new().stamp().wall;
    let done = takeover::export(&disk, &files, chosen, at, &mut |told| {
        summary.take(told, json);
        Ok(())
    });
    done.map_err(|error: ExportError| export_failure(store, folder, &error))?;
    summary.end(json, "exported")
}

fn export_failure(store: &Path, folder: &Path, error: &ExportError) -> Failure {
    match error {
        ExportError::Store(error) => Failure::read(store, error),
        ExportError::Unknown(id) => unknown(store, *id),
        ExportError::Taken(_) | ExportError::Foreign(_) => {
            Failure::unusable(format!("in {}: {error}", folder.display()))
        }
        ExportError::Folder { .. } => {
            Failure::wrong(format!("{} cannot be written: {error}", folder.display()))
        }
    }
}

fn line(told: &Told) -> String {
    let unnamed = || String::from("an entry without a file");
    let file = told.file.as_deref().map_or_else(unnamed, |file| file.escape_debug().to_string());
    let id = told.recording.map_or_else(String::new, |id| format!(" {id}"));
    let status = told.status.map_or_else(String::new, |status| format!(", {status}"));
    let conversation = told.conversation.as_ref().filter(|_| told.status.is_some());
    let conversation = conversation.map_or_else(String::new, |id| format!(", conversation {id}"));
    let note = told.note.as_ref().map_or_else(String::new, |note| format!("; {note}"));
    format!("{file}: {}{id}{status}{conversation}{note}", self::told(told.outcome))
}

const fn told(fate: Fate) -> &'static str {
    match fate {
        Fate::Adopted => "adopted",
        Fate::Known => "in the store before",
        Fate::Gone => "in the store before, and gone since",
        Fate::OnDevice => "on the device",
        Fate::Settled => "nothing to take over",
        Fate::Missing => "missing",
        Fate::Refused => "not taken",
        Fate::Exported => "exported",
        Fate::InPlace => "in place before",
    }
}
