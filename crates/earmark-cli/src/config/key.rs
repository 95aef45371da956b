//! Every key that a configuration may have. The reader, `config init` and the table in
//! `docs/configuration.md` follow from this list.

use earmark::{CONVERSATION_TIMEOUT_MAX, CONVERSATION_TIMEOUT_MIN};

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Any text.
    Text,
    /// A path; one that is relative begins at the configuration's own folder.
    Path,
    /// `true` or `false`.
    Flag,
    /// A whole number between these, both included.
    Whole(u64, u64),
    /// Bytes: a whole number, or a text such as `"20 GiB"`.
    Bytes,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A program and its arguments: a list of texts.
    Command,
}

/// What counts when a key is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// It must be there.
    Refused,
    /// There is none.
    None,
    /// This text.
    Text(&'static str),
    /// This number.
    Whole(u64),
    /// This flag.
    Flag(bool),
}

/// The section of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Section {
    /// `[server]`
    Server,
    /// `[live]`
    Live,
    /// `[account.NAME]`
    Account,
    /// `[store]`
    Store,
    /// `[status]`
    Status,
    /// `[log]`
    Log,
    /// `[host]`
    Host,
    /// `[source.NAME]`
    Source,
}

impl Section {
    pub(crate) const ALL: [Self; 8] = [
        Self::Server,
        Self::Live,
        Self::Account,
        Self::Store,
        Self::Status,
        Self::Log,
        Self::Host,
        Self::Source,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Live => "live",
            Self::Account => "account",
            Self::Store => "store",
            Self::Status => "status",
            Self::Log => "log",
            Self::Host => "host",
            Self::Source => "source",
        }
    }

    /// Whether it holds a table for each of several names.
    pub(crate) const fn has_names(self) -> bool {
        matches!(self, Self::Account | Self::Source)
    }

    pub(crate) fn keys(self) -> impl Iterator<Item = &'static Key> {
        KEYS.iter().filter(move |key| key.section == self)
    }
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    pub(crate) section: Section,
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) missing: Missing,
    /// What it does, in one sentence.
    pub(crate) about: &'static str,
}

impl Key {
    /// The key with its section, as documents write it.
    #[cfg(test)]
    pub(crate) fn full_name(&self) -> String {
        let name = if self.section.has_names() { ".NAME" } else { "" };
        format!("{}{name}.{}", self.section.name(), self.name)
    }
}

const fn key(
    section: Section,
    name: &'static str,
    shape: Shape,
    missing: Missing,
    about: &'static str,
) -> Key {
    Key { section, name, shape, missing, about }
}

use Missing::{Flag, None, Refused, Text, Whole};
use Section::{Account, Host, Live, Log, Server, Source, Status, Store};

/// All keys, in the order in which they are documented.
pub(crate) const KEYS: &[Key] = &[
    key(Server, "url", Shape::Text, Refused, "The server, such as `https://api.example.com`."),
    key(
        Server,
        "live",
        Shape::Flag,
        Flag(true),
        "Whether a live socket is kept up for each source; without it everything is uploaded.",
    ),
    key(
        Server,
        "api",
        Shape::OneOf(&["v2", "v1"]),
        Text("v2"),
        "Which of the server's upload paths is tried first.",
    ),
    key(
        Server,
        "root_certificate",
        Shape::Path,
        None,
        "A PEM file with root certificates that are trusted beside the platform's.",
    ),
    key(
        Server,
        "uploads_in_flight_max",
        Shape::Whole(1, 16),
        Whole(3),
        "How many uploads may be in flight at once.",
    ),
    key(
        Server,
        "requests_per_minute_max",
        Shape::Whole(1, 600),
        Whole(60),
        "How many requests may leave in a minute.",
    ),
    key(
        Live,
        "language",
        Shape::Text,
        Text("multi"),
        "The language spoken: a code such as `en`, or `multi` for any.",
    ),
    key(
        Live,
        "conversation_timeout",
        Shape::Whole(CONVERSATION_TIMEOUT_MIN as u64, CONVERSATION_TIMEOUT_MAX as u64),
        Whole(CONVERSATION_TIMEOUT_MIN as u64),
        "Seconds of silence after which the server ends a conversation; audio is parted at \
         silences of 120 s whatever this says.",
    ),
    key(
        Live,
        "source",
        Shape::Text,
        Text("omi"),
        "The kind of device, such as `omi`, `phone` or `desktop`.",
    ),
    key(
        Live,
        "include_speech_profile",
        Shape::Flag,
        Flag(true),
        "Whether the server recognises the person by their recorded voice.",
    ),
    key(
        Live,
        "stt_service",
        Shape::Text,
        None,
        "The transcription model; the server picks one when left out.",
    ),
    key(
        Live,
        "custom_stt",
        Shape::Flag,
        Flag(false),
        "Whether the client brings transcripts of its own.",
    ),
    key(
        Live,
        "onboarding",
        Shape::Flag,
        Flag(false),
        "Whether this is the first conversation of a new person.",
    ),
    key(
        Live,
        "client_conversation_id",
        Shape::Flag,
        Flag(true),
        "Whether each conversation gets a name of the host's own, the same at each reconnect.",
    ),
    key(
        Live,
        "speaker_auto_assign",
        Shape::Flag,
        None,
        "Whether the server puts names to speakers by itself; late servers only.",
    ),
    key(
        Live,
        "create_speakers",
        Shape::Flag,
        None,
        "Whether the server makes people of unknown speakers; late servers only.",
    ),
    key(
        Live,
        "vad_gate",
        Shape::Text,
        None,
        "How the server tells speech from silence; late servers only.",
    ),
    key(
        Live,
        "call_id",
        Shape::Text,
        None,
        "The phone call that the audio belongs to; late servers only.",
    ),
    key(
        Live,
        "conversation_role",
        Shape::Text,
        None,
        "The host's part in that call; late servers only.",
    ),
    key(
        Account,
        "token_env",
        Shape::Text,
        None,
        "The environment variable that holds the account's bearer token.",
    ),
    key(
        Account,
        "token_file",
        Shape::Path,
        None,
        "A file that holds the token, readable by its owner alone.",
    ),
    key(
        Account,
        "token_command",
        Shape::Command,
        None,
        "A program that prints the token, with its arguments; no shell is involved.",
    ),
    key(
        Account,
        "uid",
        Shape::Text,
        None,
        "What the server calls the account; its token alone says who it is, and old servers want \
         this as well.",
    ),
    key(
        Store,
        "data_dir",
        Shape::Path,
        None,
        "The folder of the store; the platform's data folder when left out.",
    ),
    key(
        Store,
        "policy",
        Shape::OneOf(&["delivered", "sent", "keep"]),
        Text("delivered"),
        "When a recording need not be uploaded: the live socket has proven to have delivered it, \
         was handed it, or never.",
    ),
    key(
        Store,
        "bytes_max",
        Shape::Bytes,
        Whole(0),
        "New frames are refused while the store holds this much; 0 is no limit.",
    ),
    key(
        Store,
        "free_bytes_min",
        Shape::Bytes,
        Text("64 MiB"),
        "New frames are refused while the disk has less free space than this.",
    ),
    key(
        Store,
        "warn_percent",
        Shape::Whole(1, 100),
        Whole(80),
        "A warning is given from here on, of `bytes_max` or, without it, of the disk.",
    ),
    key(
        Store,
        "remove_synced_after_days",
        Shape::Whole(0, 36_500),
        Whole(0),
        "Synced recordings are removed so many days after the server confirmed them; 0 is never.",
    ),
    key(
        Store,
        "synced_bytes_max",
        Shape::Bytes,
        Whole(0),
        "The oldest synced recordings are removed while they hold more than this; 0 is never.",
    ),
    key(
        Status,
        "listen",
        Shape::Text,
        Text("127.0.0.1:7317"),
        "Where health, readiness and metrics are served: a loopback address and a port, or `off`.",
    ),
    key(
        Status,
        "token_file",
        Shape::Path,
        None,
        "A file with a bearer token that `/metrics` then asks for.",
    ),
    key(
        Log,
        "format",
        Shape::OneOf(&["text", "json"]),
        Text("text"),
        "How a line of the log looks; `--log-format` comes first.",
    ),
    key(
        Log,
        "level",
        Shape::Text,
        Text("info"),
        "How much is logged, in the words of `RUST_LOG`, which comes first.",
    ),
    key(
        Log,
        "repeats_per_minute_max",
        Shape::Whole(1, 10_000),
        Whole(1),
        "How often the same line about a fault or a try is logged a minute; the rest is counted.",
    ),
    key(
        Host,
        "stop_seconds_max",
        Shape::Whole(1, 300),
        Whole(10),
        "How long an orderly stop may take.",
    ),
    key(
        Host,
        "ends_with_sources",
        Shape::Flag,
        Flag(false),
        "Whether the program ends when every source has ended and nothing is left to upload.",
    ),
    key(
        Host,
        "control_socket",
        Shape::Path,
        None,
        "Where `earmark mute` and `unmute` reach the host; `control.sock` in `data_dir` when left \
         out.",
    ),
    key(
        Source,
        "kind",
        Shape::OneOf(&["wav", "stdin", "unix", "tcp", "microphone"]),
        Refused,
        "Where the audio comes from.",
    ),
    key(Source, "device", Shape::Text, None, "The device's name; NAME when left out."),
    key(
        Source,
        "account",
        Shape::Text,
        Text("default"),
        "Whose audio it is, and whose token is shown.",
    ),
    key(
        Source,
        "codec",
        Shape::OneOf(&["opus", "opus_fs320", "pcm16", "pcm8"]),
        Text("opus"),
        "What the frames are, or are made into.",
    ),
    key(
        Source,
        "sample_rate",
        Shape::Whole(8_000, 48_000),
        Whole(16_000),
        "Hertz; another one than 16000 only where ready frames come in.",
    ),
    key(
        Source,
        "channels",
        Shape::Whole(1, 2),
        Whole(1),
        "Channels; 2 only where ready frames come in.",
    ),
    key(Source, "path", Shape::Path, None, "The file of a `wav`, the socket of a `unix` source."),
    key(Source, "listen", Shape::Text, None, "The loopback address and port of a `tcp` source."),
    key(
        Source,
        "format",
        Shape::OneOf(&["samples", "frames"]),
        Text("samples"),
        "What `stdin` brings: raw 16-bit little-endian samples at 16 kHz, or ready frames, each \
         behind its length as 4 bytes, little-endian.",
    ),
    key(
        Source,
        "paced",
        Shape::Flag,
        None,
        "Whether audio is taken at its own pace (a `wav` is, unless told otherwise) or as it \
         comes.",
    ),
    key(Source, "repeat", Shape::Flag, Flag(false), "Whether a `wav` begins anew at its end."),
    key(
        Source,
        "input",
        Shape::Text,
        Text("default"),
        "Which microphone, as `earmark doctor` lists them.",
    ),
    key(
        Source,
        "live",
        Shape::Flag,
        Flag(true),
        "Whether this source has a live socket, where `server.live` is on.",
    ),
];
