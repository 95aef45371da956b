//! What a server reads off an upload's file name, by the rules of the strictest one.

use earmark_core::{Codec, WallTime};
use earmark_wire::{FILE_NAME_BYTES_MAX, NAME_SECONDS_MAX, NAME_SECONDS_MIN};

/// Why a server refuses an upload for its file name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileNameFault {
    /// It is longer than a file name can be.
    #[error("Invalid file name: too long")]
    TooLong,
    /// It could lead out of a folder.
    #[error("Invalid file name: path separators are not allowed")]
    Separator,
    /// It is not one of an audio file.
    #[error("Invalid file format: expected <name>_<timestamp>.bin")]
    Format,
    /// What should be the time is no whole number.
    #[error("Invalid file format: the timestamp is no whole number")]
    Timestamp,
    /// The time lies ahead.
    #[error("Invalid timestamp: it lies in the future")]
    Future,
    /// The time lies before 2024.
    #[error("Invalid timestamp: it lies before 2024")]
    TooOld,
}

/// Checks a name as a server does.
pub(super) fn check(name: &str, now: WallTime) -> Result<(), FileNameFault> {
    if name.len() > FILE_NAME_BYTES_MAX {
        return Err(FileNameFault::TooLong);
    }
    if name.contains(['/', '\\', '\0']) {
        return Err(FileNameFault::Separator);
    }
    let stem = name.strip_suffix(".bin").ok_or(FileNameFault::Format)?;
    let (_, time) = stem.rsplit_once('_').ok_or(FileNameFault::Format)?;
    let digits = !time.is_empty() && time.bytes().all(|byte| byte.is_ascii_digit());
    let number: Option<i64> = digits.then(|| time.parse().ok()).flatten();
    let seconds = match number.ok_or(FileNameFault::Timestamp)? {
        millis if millis > NAME_SECONDS_MAX => millis / 1_000,
        seconds => seconds,
    };
    if seconds > now.unix_seconds() {
        return Err(FileNameFault::Future);
    }
    if seconds < NAME_SECONDS_MIN {
        return Err(FileNameFault::TooOld);
    }
    Ok(())
}

/// The codec by which a server decodes the file: what names neither kind of PCM is decoded as Opus,
/// whatever it is.
pub(super) fn codec(name: &str) -> Codec {
    if name.contains("_pcm16_") {
        Codec::Pcm16
    } else if name.contains("_pcm8_") {
        Codec::Pcm8
    } else if name.contains("_fs320") {
        Codec::OpusFs320
    } else {
        Codec::Opus
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: WallTime = WallTime::from_unix_micros(1_775_260_800_000_000);

    #[test]
    fn the_codec_is_read_off_the_name() {
        for (name, expected) in [
            ("audio_pen_opus_16000_1_fs160_1775260800.bin", Codec::Opus),
            ("audio_pen_opus_fs320_16000_1_fs320_1775260800.bin", Codec::OpusFs320),
            ("audio_pen_pcm16_16000_1_fs160_u1_1775260799.bin", Codec::Pcm16),
            ("audio_pen_pcm8_16000_1_fs160_1775260799000.bin", Codec::Pcm8),
            ("recording_1775260799.bin", Codec::Opus),
        ] {
            assert_eq!((check(name, NOW), codec(name)), (Ok(()), expected), "{name}");
        }
    }

    #[test]
    fn a_name_that_no_era_would_take_is_refused_with_the_reason() {
        for (name, expected) in [
            ("audio_1775260800.wav", FileNameFault::Format),
            ("1775260800.bin", FileNameFault::Format),
            ("audio_.bin", FileNameFault::Timestamp),
            ("audio_1775260800.5.bin", FileNameFault::Timestamp),
            ("audio_-1775260800.bin", FileNameFault::Timestamp),
            ("audio_99999999999999999999.bin", FileNameFault::Timestamp),
            ("audio_1775260801.bin", FileNameFault::Future),
            ("audio_1704067199.bin", FileNameFault::TooOld),
            ("../audio_1775260800.bin", FileNameFault::Separator),
        ] {
            assert_eq!(check(name, NOW), Err(expected), "{name}");
        }
        let long = format!("{}_1775260800.bin", "a".repeat(240));
        assert_eq!(check(&long, NOW), Err(FileNameFault::TooLong));
    }
}
