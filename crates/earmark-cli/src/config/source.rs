//! `[source.NAME]`: where audio comes from.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use earmark::{Account, Codec, Device, Encoding};

use super::key::Section;
use super::{At, Reader, SOURCES_MAX};

/// One source.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SourceConfig {
    pub(crate) name: String,
    pub(crate) device: Device,
    pub(crate) account: Account,
    pub(crate) encoding: Encoding,
    pub(crate) live: bool,
    pub(crate) input: Input,
}

/// What it listens to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// A file of 16-bit samples at 16 kHz, one channel.
    Wav { path: PathBuf, paced: bool, repeat: bool },
    /// Standard input.
    Stdin { format: StdinFormat, paced: bool },
    /// Frames from another program, over a Unix socket.
    Unix { path: PathBuf },
    /// Frames from another program, over a loopback port.
    Tcp { listen: SocketAddr },
    /// A microphone.
    Microphone { input: String },
}

/// What standard input brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StdinFormat {
    /// 16-bit little-endian samples at 16 kHz, one channel.
    Samples,
    /// Ready frames, each behind its length as 4 bytes, little-endian.
    Frames,
}

impl Input {
    /// Whether frames come ready, and not as samples that are encoded here.
    const fn brings_frames(&self) -> bool {
        match self {
            Self::Unix { .. } | Self::Tcp { .. } => true,
            Self::Stdin { format, .. } => matches!(format, StdinFormat::Frames),
            Self::Wav { .. } | Self::Microphone { .. } => false,
        }
    }
}

impl Reader {
    pub(super) fn sources(&mut self) -> Vec<SourceConfig> {
        self.settings.refuse_same_spelling(Section::Source);
        let names = self.settings.names_of(Section::Source);
        if names.is_empty() {
            let what = "there is no source; one is a table [source.NAME] with a `kind`";
            self.refuse((Section::Source, None), "", what);
        }
        if names.len() > SOURCES_MAX {
            let what =
                format!("{} sources are given; at most {SOURCES_MAX} are taken", names.len());
            self.refuse((Section::Source, None), "", what);
        }
        let sources: Vec<SourceConfig> =
            names.iter().filter_map(|name| self.source(name)).collect();
        self.refuse_twins(&sources);
        sources
    }

    fn source(&mut self, name: &str) -> Option<SourceConfig> {
        let at = (Section::Source, Some(name));
        let kind = self.text(at, "kind");
        let device = self.text(at, "device").unwrap_or_else(|| name.to_owned());
        let device = self.checked(at, "device", Device::new(&device));
        let account = self.text(at, "account")?;
        let account = self.checked(at, "account", Account::new(&account));
        let encoding = self.encoding(at);
        let live = self.flag(at, "live")?;
        let input = self.input(at, &kind?);
        let source = SourceConfig {
            name: name.to_owned(),
            device: device?,
            account: account?,
            encoding: encoding?,
            live,
            input: input?,
        };
        self.refuse_encoding(at, &source);
        Some(source)
    }

    fn encoding(&mut self, at: At<'_>) -> Option<Encoding> {
        let codec = self.text(at, "codec")?;
        let codec: Codec = self.checked(at, "codec", codec.parse())?;
        let rate = u32::try_from(self.whole(at, "sample_rate")?).ok()?;
        let channels = u8::try_from(self.whole(at, "channels")?).ok()?;
        self.checked(at, "sample_rate", Encoding::new(codec, rate, channels))
    }

    fn input(&mut self, at: At<'_>, kind: &str) -> Option<Input> {
        self.refuse_unused(at, kind);
        let paced = self.flag(at, "paced");
        match kind {
            "wav" => Some(Input::Wav {
                path: self.needed_path(at, kind)?,
                paced: paced.unwrap_or(true),
                repeat: self.flag(at, "repeat")?,
            }),
            "stdin" => {
                let is_samples = self.text(at, "format")? == "samples";
                let format = if is_samples { StdinFormat::Samples } else { StdinFormat::Frames };
                Some(Input::Stdin { format, paced: paced.unwrap_or(false) })
            }
            "unix" => Some(Input::Unix { path: self.needed_path(at, kind)? }),
            "tcp" => {
                let listen = self.text(at, "listen");
                if listen.is_none() {
                    self.refuse(at, "", "a tcp source needs `listen`");
                }
                Some(Input::Tcp { listen: self.loopback(at, &listen?)? })
            }
            _ => Some(Input::Microphone { input: self.text(at, "input")? }),
        }
    }

    fn needed_path(&mut self, at: At<'_>, kind: &str) -> Option<PathBuf> {
        let path = self.path(at, "path");
        if path.is_none() {
            self.refuse(at, "", format!("a {kind} source needs `path`"));
        }
        path
    }

    /// A key that another kind of source has would do nothing here, which nobody would expect.
    fn refuse_unused(&mut self, at: At<'_>, kind: &str) {
        let used: &[&str] = match kind {
            "wav" => &["path", "paced", "repeat"],
            "stdin" => &["format", "paced"],
            "unix" => &["path"],
            "tcp" => &["listen"],
            _ => &["input"],
        };
        for key in ["path", "listen", "format", "paced", "repeat", "input"] {
            if !used.contains(&key) && self.settings.is_given(at.0, at.1, key) {
                self.refuse(at, key, format!("a {kind} source has no such key"));
            }
        }
    }

    fn refuse_encoding(&mut self, at: At<'_>, source: &SourceConfig) {
        let is_usual = source.encoding == Encoding::mono_16k(source.encoding.codec);
        if !is_usual && !source.input.brings_frames() {
            let what = "samples are taken at 16000 Hz with one channel only";
            self.refuse(at, "sample_rate", what);
        }
    }

    /// A device captures for one source at a time, and standard input is there once.
    fn refuse_twins(&mut self, sources: &[SourceConfig]) {
        let (mut devices, mut has_stdin) = (BTreeSet::new(), false);
        for source in sources {
            let at = (Section::Source, Some(source.name.as_str()));
            if !devices.insert(&source.device) {
                let what = format!("another source has the device {:?}, too", source.device);
                self.refuse(at, "device", what);
            }
            let is_stdin = matches!(source.input, Input::Stdin { .. });
            if is_stdin && has_stdin {
                self.refuse(at, "kind", "another source reads standard input, too");
            }
            has_stdin |= is_stdin;
        }
    }
}
