//! Reading a file name, from its end, since a codec's name may have `_` in it and the rest has not.

use alloc::string::String;
use core::str::FromStr;

use super::{FILE_NAME_BYTES_MAX, FileCodec, Mark, NameFault, NamePart, UploadName};
use crate::time_text::SECONDS_LIMIT;

/// The most digits of a time: so many milliseconds still fit into microseconds.
const TIME_DIGITS_MAX: usize = 15;

/// The most digits of a time's fraction.
const FRACTION_DIGITS_MAX: usize = 6;

pub(super) fn parse(name: &str) -> Result<UploadName, NameFault> {
    check_text(name)?;
    let rest = name.strip_prefix("audio_").ok_or(fault(NamePart::Prefix))?;
    let rest = rest.strip_suffix(".bin").ok_or(fault(NamePart::Suffix))?;
    let (rest, time) = rest.rsplit_once('_').unwrap_or(("", rest));
    let (micros, millis) = parse_time(time).ok_or(fault(NamePart::Time))?;
    let (rest, mark) = split_mark(rest)?;
    let (rest, samples) = last_part(rest, NamePart::FrameSamples)?;
    let samples = samples.strip_prefix("fs").and_then(parse_number);
    let frame_samples = samples.ok_or(fault(NamePart::FrameSamples))?;
    let (rest, channels) = last_part(rest, NamePart::Channels)?;
    let channels = parse_number(channels).ok_or(fault(NamePart::Channels))?;
    let (rest, sample_rate) = last_part(rest, NamePart::SampleRate)?;
    let sample_rate = parse_number(sample_rate).ok_or(fault(NamePart::SampleRate))?;
    let (device, codec) = rest.split_once('_').ok_or(fault(NamePart::Codec))?;
    let mut codecs = FileCodec::ALL.into_iter();
    Ok(UploadName {
        device: parse_word(device).ok_or(fault(NamePart::Device))?,
        codec: codecs.find(|known| known.name() == codec).ok_or(fault(NamePart::Codec))?,
        sample_rate,
        channels,
        frame_samples,
        mark,
        micros,
        millis,
    })
}

const fn fault(part: NamePart) -> NameFault {
    NameFault::Part { part }
}

/// Refuses long names, and all characters but those of a name: separators and NUL are none of them.
fn check_text(name: &str) -> Result<(), NameFault> {
    if name.len() > FILE_NAME_BYTES_MAX {
        return Err(NameFault::TooLong { bytes: name.len() });
    }
    let taken = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.');
    match name.bytes().position(|byte| !taken(byte)) {
        Some(offset) => Err(NameFault::Character { offset }),
        None => Ok(()),
    }
}

fn last_part(rest: &str, part: NamePart) -> Result<(&str, &str), NameFault> {
    rest.rsplit_once('_').ok_or(fault(part))
}

fn split_mark(rest: &str) -> Result<(&str, Mark), NameFault> {
    let (before, last) = last_part(rest, NamePart::FrameSamples)?;
    if let Some(number) = last.strip_prefix('u') {
        let number = parse_number(number).filter(|&number| number > 0);
        let number = number.ok_or(fault(NamePart::Mark))?;
        Ok((before, Mark::Twin(number)))
    } else if let Some(word) = last.strip_prefix('r') {
        let word = parse_word(word).ok_or(fault(NamePart::Mark))?;
        Ok((before, Mark::Chance(word)))
    } else {
        Ok((rest, Mark::None))
    }
}

/// A number above 0 or 0 itself, spelt as it would be printed.
fn parse_number<T: FromStr>(text: &str) -> Option<T> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = text == "0" || !text.starts_with('0');
    (digits && canonical).then(|| text.parse().ok()).flatten()
}

fn parse_word(text: &str) -> Option<String> {
    let taken = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (!text.is_empty() && text.bytes().all(taken)).then(|| String::from(text))
}

/// The time in microseconds, and whether it was written in milliseconds.
fn parse_time(text: &str) -> Option<(u64, bool)> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, parse_fraction(fraction)?),
        None => (text, 0),
    };
    if whole.len() > TIME_DIGITS_MAX {
        return None;
    }
    let whole: u64 = parse_number(whole)?;
    match whole > SECONDS_LIMIT {
        true if fraction > 0 => None,
        true => Some((whole * 1_000, true)),
        false => Some((whole * 1_000_000 + fraction, false)),
    }
}

/// Microseconds of a fraction without zeros at its end.
fn parse_fraction(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let taken = digits && !text.ends_with('0') && (1..=FRACTION_DIGITS_MAX).contains(&text.len());
    let number: u64 = taken.then(|| text.parse().ok()).flatten()?;
    let missing = FRACTION_DIGITS_MAX - text.len();
    Some((0..missing).fold(number, |micros, _| micros * 10))
}
