//! The name under which an audio file is uploaded. The server reads the encoding and the time off
//! it.
//!
//! ```text
//! audio_<device>_<codec>_<rate>_<channels>_fs<samples>_[u<n>_|r<word>_]<time>.bin
//!
//! device    lower-case letters and digits
//! codec     opus, opus_fs320, pcm16, pcm8; also aac and lc3_fs1030 in files of others
//! samples   in a frame, at 16 kHz
//! u<n>      set apart two files that would have the same name
//! r<word>   the same, by chance, in old Limitless files
//! time      start of the audio: seconds since the Unix epoch, milliseconds when above 10^10,
//!           with a fraction of at most six digits in late files of others
//! ```
//!
//! Parsing takes exactly what [`UploadName`] prints, so that a name has one spelling.

mod parse;

use alloc::string::String;
use core::fmt;
use core::time::Duration;

use earmark_core::{Codec, Encoding, WallTime};

use crate::time_text::SECONDS_LIMIT;

/// The most bytes of a file name; file systems have room for one more.
pub const FILE_NAME_BYTES_MAX: usize = 254;

/// The earliest time that a server takes: 2024-01-01T00:00:00Z, in seconds since the Unix epoch.
pub const NAME_SECONDS_MIN: i64 = 1_704_067_200;

/// The latest time that can be written in seconds; a server reads a larger number as milliseconds.
pub const NAME_SECONDS_MAX: i64 = SECONDS_LIMIT as i64;

/// The codec in a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileCodec {
    /// One that Earmark captures.
    Captured(Codec),
    /// AAC, in files of others. Servers decode it as Opus, to noise.
    Aac,
    /// LC3 in frames of 10 ms and 30 bytes, in files of others. Servers decode it as Opus, to
    /// noise.
    Lc3Fs1030,
}

impl FileCodec {
    /// All codecs that stand in names.
    pub const ALL: [Self; 6] = [
        Self::Captured(Codec::Opus),
        Self::Captured(Codec::OpusFs320),
        Self::Captured(Codec::Pcm16),
        Self::Captured(Codec::Pcm8),
        Self::Aac,
        Self::Lc3Fs1030,
    ];

    /// The codec's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Captured(codec) => codec.name(),
            Self::Aac => "aac",
            Self::Lc3Fs1030 => "lc3_fs1030",
        }
    }
}

/// What sets apart two files of the same device, encoding and time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Mark {
    /// Nothing.
    None,
    /// `_u<n>`: the nth twin.
    Twin(u32),
    /// `_r<word>`: a word made by chance, in old Limitless files.
    Chance(String),
}

/// The name under which an audio file is uploaded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UploadName {
    device: String,
    codec: FileCodec,
    sample_rate: u32,
    channels: u8,
    frame_samples: u32,
    mark: Mark,
    /// In microseconds since the Unix epoch.
    micros: u64,
    /// Whether the time is written in milliseconds.
    millis: bool,
}

/// A part of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamePart {
    /// `audio_` at the start.
    Prefix,
    /// The device.
    Device,
    /// The codec.
    Codec,
    /// The sample rate.
    SampleRate,
    /// The number of channels.
    Channels,
    /// `fs` and the samples in a frame.
    FrameSamples,
    /// `u` or `r`, and what follows.
    Mark,
    /// The time.
    Time,
    /// `.bin` at the end.
    Suffix,
}

impl fmt::Display for NamePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prefix => "`audio_` at the start",
            Self::Device => "the device (lower-case letters and digits)",
            Self::Codec => "the codec (opus, opus_fs320, pcm16, pcm8, aac or lc3_fs1030)",
            Self::SampleRate => "the sample rate in hertz",
            Self::Channels => "the number of channels",
            Self::FrameSamples => "`fs` and the samples in a frame",
            Self::Mark => "`u` and a number, or `r` and a word, before the time",
            Self::Time => "the time in seconds or milliseconds since 1970",
            Self::Suffix => "`.bin` at the end",
        })
    }
}

/// Why a name is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// It is longer than a file name can be.
    #[error("the file name has {bytes} bytes; at most 254 are taken")]
    TooLong {
        /// How many bytes it has.
        bytes: usize,
    },
    /// It has a character that could lead out of a folder, or that no such name has.
    #[error("the file name has a character other than a-z, 0-9, `_` and `.` at byte {offset}")]
    Character {
        /// Where.
        offset: usize,
    },
    /// A part is missing or is not what it should be.
    #[error("the file name lacks {part}, or has it in a form that is not taken")]
    Part {
        /// Which.
        part: NamePart,
    },
    /// The time has a fraction, which most servers do not take.
    #[error("the time in the file name has a fraction; whole seconds are taken")]
    Fraction,
    /// The time lies ahead.
    #[error("the time in the file name lies {ahead:?} in the future; check the clock")]
    Future {
        /// By how much.
        ahead: Duration,
    },
    /// The time lies before 2024.
    #[error("the time in the file name, {seconds} s, lies before 2024; check the clock")]
    TooOld {
        /// In seconds since the Unix epoch.
        seconds: i64,
    },
}

impl UploadName {
    /// The name of a recording that began at `started_at`. `device` is a name that
    /// [`slug`](earmark_core::slug) made, and is made one if it is not; `twin` tells apart
    /// recordings that would have the same name, 0 being the first of them.
    ///
    /// Seconds are written whole, since most servers take no fraction, and kept between 0 and
    /// [`NAME_SECONDS_MAX`].
    pub fn new(device: &str, encoding: Encoding, started_at: WallTime, twin: u32) -> Self {
        let seconds = started_at.unix_seconds().clamp(0, NAME_SECONDS_MAX);
        Self {
            device: earmark_core::slug(device),
            codec: FileCodec::Captured(encoding.codec),
            sample_rate: encoding.sample_rate,
            channels: encoding.channels,
            frame_samples: encoding.codec.frame_samples(),
            mark: if twin == 0 { Mark::None } else { Mark::Twin(twin) },
            micros: seconds.unsigned_abs() * 1_000_000,
            millis: false,
        }
    }

    /// Reads a name, without any folder before it.
    ///
    /// # Errors
    ///
    /// [`NameFault`] that names the first thing wrong; never one of the faults of
    /// [`Self::admissible`].
    pub fn parse(name: &str) -> Result<Self, NameFault> {
        parse::parse(name)
    }

    /// Checks what the strictest server checks: a whole number of seconds, not ahead of `now` and
    /// not before [`NAME_SECONDS_MIN`].
    ///
    /// # Errors
    ///
    /// [`NameFault::Fraction`], [`NameFault::Future`] or [`NameFault::TooOld`].
    pub fn admissible(&self, now: WallTime) -> Result<(), NameFault> {
        let started_at = self.started_at();
        if !self.millis && !self.micros.is_multiple_of(1_000_000) {
            Err(NameFault::Fraction)
        } else if started_at > now {
            let ahead = started_at.since(now);
            Err(NameFault::Future { ahead })
        } else if started_at.unix_seconds() < NAME_SECONDS_MIN {
            let seconds = started_at.unix_seconds();
            Err(NameFault::TooOld { seconds })
        } else {
            Ok(())
        }
    }

    /// The device, as a slug.
    pub fn device(&self) -> &str {
        &self.device
    }

    /// The codec.
    pub const fn codec(&self) -> FileCodec {
        self.codec
    }

    /// Samples in a second. Servers look at it for PCM only.
    pub const fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    /// The number of channels.
    pub const fn channels(&self) -> u8 {
        self.channels
    }

    /// Samples in a frame, at 16 kHz.
    pub const fn frame_samples(&self) -> u32 {
        self.frame_samples
    }

    /// What sets it apart from names that are otherwise the same.
    pub const fn mark(&self) -> &Mark {
        &self.mark
    }

    /// When the audio began.
    pub fn started_at(&self) -> WallTime {
        WallTime::from_unix_micros(i64::try_from(self.micros).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for UploadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "audio_{}_{}_", self.device, self.codec.name())?;
        write!(f, "{}_{}_", self.sample_rate, self.channels)?;
        write!(f, "fs{}_", self.frame_samples)?;
        match &self.mark {
            Mark::None => {}
            Mark::Twin(number) => write!(f, "u{number}_")?,
            Mark::Chance(word) => write!(f, "r{word}_")?,
        }
        self.write_time(f)?;
        f.write_str(".bin")
    }
}

impl UploadName {
    fn write_time(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.millis {
            return write!(f, "{}", self.micros / 1_000);
        }
        write!(f, "{}", self.micros / 1_000_000)?;
        let mut fraction = self.micros % 1_000_000;
        let mut digits = 6;
        if fraction == 0 {
            return Ok(());
        }
        while fraction.is_multiple_of(10) {
            fraction /= 10;
            digits -= 1;
        }
        write!(f, ".{fraction:0digits$}")
    }
}

#[cfg(test)]
mod tests;
