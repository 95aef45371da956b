//! `export`: one recording as a file to listen to or to upload by hand, or all of them as an Omi
//! app keeps its own.

mod formats;
mod ogg_opus;
mod sound;
mod target;

use std::io;
use std::path::Path;

use earmark::RecordingId;
use earmark_store::{FoundAudio, ReadAudioError, read_audio};

use crate::args::ExportArgs;
use crate::data_dir;
use crate::exit::{Failure, Outcome};
use crate::listing::unknown;
use crate::output::print_line;
use crate::takeover;
use formats::{Format, Unfit};
use sound::Sound;
use target::Target;

pub(crate) use target::refuse_inside;

pub(crate) fn run(args: ExportArgs) -> Result<Outcome, Failure> {
    let store = data_dir::chosen(args.store.data_dir)?;
    match (args.omi, args.output, args.recordings.as_slice()) {
        (Some(folder), _, chosen) => takeover::export(&store, &folder, chosen, args.json),
        (None, Some(file), [id]) => one(&store, *id, &file, args.force),
        (None, Some(_), ids) => Err(Failure::unusable(format!(
            "{} recordings are named; a file takes one: name one ID, as `earmark list` shows it",
            ids.len()
        ))),
        (None, None, _) => Err(Failure::unusable("name a file with -o, or a folder with --omi")),
    }
}

/// Writes one recording; the file is there as a whole, or not at all.
fn one(store: &Path, id: RecordingId, path: &Path, force: bool) -> Result<Outcome, Failure> {
    let format = Format::of(path).ok_or_else(|| unknown_format(path))?;
    let disk = data_dir::read_only(store)?;
    let mut target = Target::new(path, store, force)?;
    let found = read_audio(&disk, id).map_err(|error| unreadable(store, id, &error))?;
    let found = found.ok_or_else(|| unknown(store, id))?;
    let sound = Sound::of(&found, format.is_heard());
    let sound = sound.map_err(|error| Failure::wrong(format!("{id}: {error}")))?;
    if sound.frames.is_empty() {
        return Err(nothing_left(store, id, &found));
    }
    let written = format.write(&sound, &mut target.file);
    written.map_err(|unfit| not_written(path, id, unfit))?;
    target.keep().map_err(|error| error.failure(path))?;
    tell(path, id, &found, &sound)
}

fn unknown_format(path: &Path) -> Failure {
    Failure::unusable(format!(
        "{} has no ending that says what to write; name a .wav, .ogg or .bin file",
        path.display()
    ))
}

fn unreadable(store: &Path, id: RecordingId, error: &ReadAudioError) -> Failure {
    match error {
        ReadAudioError::Store(error) => Failure::read(store, error),
        ReadAudioError::Recording(error) => Failure::wrong(format!(
            "nothing of {id} can be read: {error}; `earmark verify --data-dir {}` tells all that \
             is damaged",
            store.display()
        )),
    }
}

fn nothing_left(store: &Path, id: RecordingId, found: &FoundAudio) -> Failure {
    let why = found.faults.join("; ");
    let why = if why.is_empty() { String::from("it has no frame yet") } else { why };
    let store = store.display();
    Failure::wrong(format!("nothing of {id} in {store} can be written: {why}"))
}

fn not_written(path: &Path, id: RecordingId, unfit: Unfit) -> Failure {
    match unfit {
        Unfit::Codec(codec) => Failure::unusable(format!(
            "{id} is {codec}, and an .ogg file takes Opus; name a .wav or .bin file"
        )),
        Unfit::TooLong => Failure::unusable(format!(
            "{id} has more samples than a .wav file can hold; name an .ogg or .bin file"
        )),
        Unfit::File(error) => cannot_write(path, &error),
    }
}

/// The file could not be written to its end; what was written of it is gone.
pub(crate) fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    let path = path.display();
    Failure::wrong(format!("{path} cannot be written: {error}; nothing was left there"))
}

/// Says what was written, and what is missing from it.
fn tell(
    path: &Path,
    id: RecordingId,
    found: &FoundAudio,
    sound: &Sound<'_>,
) -> Result<Outcome, Failure> {
    let frames = sound.frames.len();
    print_line(format_args!("{}: {frames} frames of {id}", path.display()))?;
    if found.facts.sealed.is_none() {
        print_line(format_args!("{id} is not sealed yet; this is what the disk has of it so far"))?;
    }
    found.faults.iter().try_for_each(|fault| print_line(format_args!("damaged: {fault}")))?;
    let filled = sound.damaged + sound.undecodable;
    if filled > 0 {
        print_line(format_args!(
            "{filled} of its frames hold no audio ({} damaged, {} no {}); as much time without \
             sound stands for them",
            sound.damaged, sound.undecodable, found.facts.encoding.codec
        ))?;
    }
    if found.missing > 0 {
        print_line(format_args!("{} frames behind these are lost", found.missing))?;
    }
    Ok(Outcome::good_if(found.faults.is_empty() && filled == 0 && found.missing == 0))
}
