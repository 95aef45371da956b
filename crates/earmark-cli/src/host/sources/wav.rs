//! A WAV file.

use std::path::Path;

use earmark::Codec;
use earmark_backend::audio::{FrameCoder, SAMPLE_RATE, WavStream};

use super::feed::{Outlet, feed};
use crate::host::intake::Intake;

/// Samples that are read at once: a tenth of a second.
const SAMPLES_AT_ONCE: usize = SAMPLE_RATE as usize / 10;

pub(super) async fn run(
    intake: &mut Intake,
    path: &Path,
    paced: bool,
    repeat: bool,
) -> Result<(), String> {
    let (path, codec) = (path.to_owned(), intake.encoding().codec);
    let frames = feed(move |outlet| {
        read(&path, codec, repeat, outlet).map_err(|fault| format!("{}: {fault}", path.display()))
    })?;
    super::capture(intake, frames, paced).await
}

fn read(path: &Path, codec: Codec, repeat: bool, outlet: &Outlet) -> Result<(), String> {
    let mut wav = WavStream::open(path).map_err(|error| error.to_string())?;
    if wav.sample_rate() != SAMPLE_RATE {
        let rate = wav.sample_rate();
        return Err(format!("the file has {rate} samples a second; {SAMPLE_RATE} are taken"));
    }
    let mut coder = FrameCoder::new(codec);
    let mut is_empty = true;
    loop {
        let samples = wav.read(SAMPLES_AT_ONCE).map_err(|error| error.to_string())?;
        if samples.is_empty() && (!repeat || is_empty) {
            break;
        }
        if samples.is_empty() {
            wav.rewind().map_err(|error| error.to_string())?;
        }
        is_empty = samples.is_empty();
        for frame in coder.push(&samples).map_err(|error| error.to_string())? {
            if !outlet.give(frame) {
                return Ok(());
            }
        }
    }
    if let Some(last) = coder.finish().map_err(|error| error.to_string())? {
        outlet.give(last);
    }
    Ok(())
}
