//! Standard input: raw samples, or ready frames.

use std::io::{self, Read};

use earmark::{Codec, Encoding};
use earmark_backend::audio::{FrameCoder, SAMPLE_RATE};
use earmark_core::FrameFault;

use super::feed::{Outlet, feed};
use crate::config::StdinFormat;
use crate::host::intake::Intake;

/// Bytes of samples that are read at once: a tenth of a second.
const BYTES_AT_ONCE: usize = SAMPLE_RATE as usize / 10 * 2;
/// What stands before each frame: its length.
const LENGTH_BYTES: usize = 4;

pub(super) async fn run(
    intake: &mut Intake,
    format: StdinFormat,
    paced: bool,
) -> Result<(), String> {
    let encoding = intake.encoding();
    let frames = feed(move |outlet| {
        let input = io::stdin().lock();
        match format {
            StdinFormat::Samples => samples(input, encoding.codec, outlet),
            StdinFormat::Frames => ready_frames(input, encoding, outlet),
        }
        .map_err(|fault| format!("standard input: {fault}"))
    })?;
    super::capture(intake, frames, paced).await
}

fn samples(mut input: impl Read, codec: Codec, outlet: &Outlet) -> Result<(), String> {
    let mut coder = FrameCoder::new(codec);
    let mut bytes = vec![0; BYTES_AT_ONCE];
    // The first byte of a sample whose second one has not come yet.
    let mut held = 0;
    loop {
        let read = input.read(&mut bytes[held..]);
        let read = match read {
            Ok(0) => break,
            Ok(read) => held + read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(format!("it cannot be read: {error}")),
        };
        let (pairs, rest) = bytes[..read].as_chunks::<2>();
        let samples: Vec<i16> = pairs.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
        held = rest.len();
        for frame in coder.push(&samples).map_err(|error| error.to_string())? {
            if !outlet.give(frame) {
                return Ok(());
            }
        }
        bytes[0] = bytes[read - 1];
    }
    if let Some(last) = coder.finish().map_err(|error| error.to_string())? {
        outlet.give(last);
    }
    Ok(())
}

/// Frames as a recording's file has them. What is no frame ends it: behind a wrong length nothing
/// can be told from anything.
fn ready_frames(mut input: impl Read, encoding: Encoding, outlet: &Outlet) -> Result<(), String> {
    for number in 1_u64.. {
        let mut length = [0; LENGTH_BYTES];
        let got = fill(&mut input, &mut length)?;
        if got == 0 {
            break;
        }
        if got < LENGTH_BYTES {
            return Err(format!("it ends within the length of frame {number}"));
        }
        let length = u32::from_le_bytes(length) as usize;
        FrameFault::check(encoding, length).map_err(|fault| format!("frame {number}: {fault}"))?;
        let mut frame = vec![0; length];
        if fill(&mut input, &mut frame)? < length {
            return Err(format!("it ends within frame {number}"));
        }
        if !outlet.give(frame) {
            break;
        }
    }
    Ok(())
}

/// Reads until a buffer is full or nothing more comes; how many bytes came.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> Result<usize, String> {
    let mut got = 0;
    while got < buffer.len() {
        match input.read(&mut buffer[got..]) {
            Ok(0) => break,
            Ok(read) => got += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(format!("it cannot be read: {error}")),
        }
    }
    Ok(got)
}
