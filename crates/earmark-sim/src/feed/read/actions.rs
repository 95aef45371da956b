//! The actions that a feed knows, and how each one's fields are read.

mod mishaps;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use earmark_backend::audio::SAMPLE_RATE;
use earmark_backend::{FieldError, ServerAction};
use earmark_core::{Account, Codec, Device, Encoding, EncodingError};
use serde_json::Value;

use super::super::fields::{
    AUDIO_SECONDS_MAX, FEED_FRAME_BYTES_MAX, FILE_DAMAGE_BITS_MAX, FILE_OFFSET_BYTES_MAX,
    FRAMES_COUNT_MAX, Fields, index, whole,
};
use super::super::time::{FEED_TIME_SECONDS_MAX, micros};
use super::super::{Action, AudioSource, DiskError, DiskOp, FeedFault, Times};
use super::Story;
use crate::expect::Expectation;

type Read = Result<Action, FeedFault>;

/// An action that a feed knows.
pub(super) struct Known {
    /// Its name.
    pub(super) name: &'static str,
    /// Its fields, beside `at` and `do`; for `expect` the report tells them.
    pub(super) fields: &'static [&'static str],
    /// Whether it makes no sense between a kill and the restart.
    pub(super) needs_process: bool,
    /// How its fields are read.
    pub(super) read: fn(&Story<'_>, &Fields<'_>) -> Read,
}

/// An action of the outside world, which goes on while the process is dead.
const fn of_world(
    name: &'static str,
    fields: &'static [&'static str],
    read: fn(&Story<'_>, &Fields<'_>) -> Read,
) -> Known {
    Known { name, fields, needs_process: false, read }
}

/// An action that takes a living process.
const fn of_process(
    name: &'static str,
    fields: &'static [&'static str],
    read: fn(&Story<'_>, &Fields<'_>) -> Read,
) -> Known {
    Known { name, fields, needs_process: true, read }
}

/// All actions.
pub(super) const ACTIONS: [Known; 45] = [
    of_process(
        "capture.start",
        &["device", "codec", "sample_rate", "channels", "account"],
        capture_start,
    ),
    of_world("capture.stop", &["device"], |story, fields| {
        Ok(Action::CaptureStop { device: story.device(fields)? })
    }),
    of_world("audio", &["device", "seconds", "wav", "from", "tone"], audio),
    of_world("frames", &["device", "count", "bytes", "seed", "pace"], frames),
    of_world("frame", &["device", "data"], frame),
    of_world("frame.late", &["device", "data", "seconds"], mishaps::frame_late),
    of_world("mute", &["device"], |story, fields| {
        Ok(Action::Mute { device: story.device(fields)? })
    }),
    of_world("unmute", &["device"], |story, fields| {
        Ok(Action::Unmute { device: story.device(fields)? })
    }),
    of_process("socket.up", &["device"], |story, fields| {
        Ok(Action::SocketUp { device: story.device(fields)? })
    }),
    of_world("socket.down", &["device", "code"], socket_down),
    of_world("socket.stall", &["device"], |story, fields| {
        server_with_device("socket.stall", story, fields)
    }),
    of_world("server.message", &["device", "text"], |story, fields| {
        server_with_device("server.message", story, fields)
    }),
    of_world("server.end", &["device", "event"], |story, fields| {
        server_with_device("server.end", story, fields)
    }),
    of_world("server.respond", &["queue"], |_, fields| server("server.respond", fields)),
    of_world("job.respond", &["queue"], |_, fields| server("job.respond", fields)),
    of_world("server.accept", &[], |_, fields| server("server.accept", fields)),
    of_world("server.restart", &[], |_, fields| server("server.restart", fields)),
    of_world("account.sign_in", &["account"], |_, fields| {
        Ok(Action::AccountSignIn { account: fields.account()? })
    }),
    of_world("account.sign_out", &["account"], |_, fields| {
        Ok(Action::AccountSignOut { account: fields.account()? })
    }),
    of_world("network.offline", &[], |_, _| Ok(Action::NetworkOffline)),
    of_world("network.online", &[], |_, _| Ok(Action::NetworkOnline)),
    of_world("disk.fault", &["op", "error", "times"], disk_fault),
    of_world("disk.full", &[], |_, _| Ok(Action::DiskFull)),
    of_world("disk.freed", &[], |_, _| Ok(Action::DiskFreed)),
    of_world("disk.slip", &["how", "files", "times"], mishaps::disk_slip),
    of_world("disk.heal", &[], |_, _| Ok(Action::DiskHeal)),
    of_world("disk.slow", &["seconds", "times"], mishaps::disk_slow),
    of_world("disk.damage", &["files", "index", "offset", "bits"], mishaps::disk_damage),
    of_process("process.stop", &["deadline"], mishaps::process_stop),
    of_process("process.panic", &["after"], mishaps::process_panic),
    of_world("process.up", &[], |_, _| Ok(Action::ProcessUp)),
    of_world("process.dies_opening", &["after"], mishaps::process_dies_opening),
    of_process("process.second", &[], |_, _| Ok(Action::ProcessSecond)),
    of_process("kill", &[], |_, _| Ok(Action::Kill)),
    of_world("power.cut", &["seed"], |_, fields| {
        Ok(Action::PowerCut { seed: fields.whole("seed", 0..=u64::MAX, Some(0))? })
    }),
    of_world("restart", &[], |_, _| Ok(Action::Restart)),
    of_world("clock.jump", &["seconds"], clock_jump),
    of_world("clock.zone", &["minutes"], mishaps::clock_zone),
    of_world("suspend", &["seconds"], mishaps::suspend),
    of_world("file.remove", &["recording"], |_, fields| {
        Ok(Action::FileRemove { recording: fields.recording()? })
    }),
    of_world("file.damage", &["recording", "offset", "bits"], file_damage),
    of_process("user.retry", &["recording", "all"], |_, fields| {
        Ok(Action::UserRetry { recordings: fields.selector()? })
    }),
    of_process("user.delete", &["recording", "all"], |_, fields| {
        Ok(Action::UserDelete { recordings: fields.selector()? })
    }),
    of_process("user.finish", &["device"], |story, fields| {
        Ok(Action::UserFinish { device: story.device(fields)? })
    }),
    of_world("expect", &[], expect),
];

fn capture_start(_: &Story<'_>, fields: &Fields<'_>) -> Read {
    let device = fields.device()?;
    let account = match fields.get("account") {
        None => Account::new("default").expect("it is short enough"),
        Some(_) => fields.account()?,
    };
    let codec = fields.choice("codec", &Codec::ALL, Codec::name)?;
    Ok(Action::CaptureStart { device, account, encoding: encoding(fields, codec)? })
}

fn encoding(fields: &Fields<'_>, codec: Codec) -> Result<Encoding, FeedFault> {
    const RATES: &str = "one of 8000, 12000, 16000, 24000, 48000";
    const CHANNELS: &str = "1 or 2";
    let usual = Encoding::mono_16k(codec);
    let figure = |name: &str, usual: u32, expected: &str| match fields.get(name) {
        None => Ok(usual),
        Some(_) => fields.read(name, expected, |value| u32::try_from(whole(value)?).ok()),
    };
    let rate = figure("sample_rate", usual.sample_rate, RATES)?;
    let channels = figure("channels", u32::from(usual.channels), CHANNELS)?;
    Encoding::new(codec, rate, u8::try_from(channels).unwrap_or(u8::MAX)).map_err(|error| {
        match error {
            EncodingError::SampleRate(rate) => {
                FeedFault::value("sample_rate", &Value::from(rate), RATES)
            }
            EncodingError::Channels(_) => {
                FeedFault::value("channels", &Value::from(channels), CHANNELS)
            }
        }
    })
}

fn audio(story: &Story<'_>, fields: &Fields<'_>) -> Read {
    let device = story.device(fields)?;
    if let Some(Encoding { sample_rate, channels, .. }) = story.encoding(&device)
        && (sample_rate, channels) != (SAMPLE_RATE, 1)
    {
        return Err(FeedFault::Value {
            field: String::from("device"),
            found: format!("one that captures {sample_rate} Hz, channels: {channels}"),
            expected: format!("for \"audio\" one that captures {SAMPLE_RATE} Hz, channels: 1"),
        });
    }
    let micros = fields.length("seconds", AUDIO_SECONDS_MAX, None)?;
    Ok(Action::Audio { device, micros, source: audio_source(fields)? })
}

fn audio_source(fields: &Fields<'_>) -> Result<AudioSource, FeedFault> {
    let from_micros = fields.length("from", AUDIO_SECONDS_MAX, Some(0))?;
    match (fields.get("wav"), fields.get("tone"), fields.get("from")) {
        (Some(_), None, _) => {
            let is_path = |path: &&str| !path.is_empty() && !path.contains('\0');
            let expected = "the path of a WAV file, seen from the feed's folder";
            let path = fields.read("wav", expected, |value| value.as_str().filter(is_path))?;
            Ok(AudioSource::Wav { path: path.into(), from_micros })
        }
        (None, Some(_), None) => {
            let nyquist = f64::from(SAMPLE_RATE) / 2.0;
            let expected = format!("a number of hertz above 0 and below {nyquist}");
            let hertz = fields.read("tone", &expected, |value| {
                value.as_f64().filter(|hertz| *hertz > 0.0 && *hertz < nyquist)
            })?;
            Ok(AudioSource::Tone { hertz })
        }
        (None, Some(_), Some(from)) => {
            Err(FeedFault::value("from", from, "it beside \"wav\" only"))
        }
        (Some(_), Some(tone), _) => {
            Err(FeedFault::value("tone", tone, "either \"wav\" or \"tone\", not both"))
        }
        (None, None, _) => Err(FeedFault::Missing {
            field: String::from("wav"),
            expected: String::from("the path of a WAV file, or \"tone\" in its place"),
        }),
    }
}

fn frames(story: &Story<'_>, fields: &Fields<'_>) -> Read {
    let device = story.device(fields)?;
    Ok(Action::Frames {
        count: fields.whole("count", 0..=FRAMES_COUNT_MAX, None)?,
        bytes: frame_bytes(story, &device, fields)?,
        seed: fields.whole("seed", 0..=u64::MAX, Some(0))?,
        pace: fields.flag("pace", true)?,
        device,
    })
}

/// The bytes of each frame: those that the device's PCM has, else what the line says.
fn frame_bytes(
    story: &Story<'_>,
    device: &Device,
    fields: &Fields<'_>,
) -> Result<usize, FeedFault> {
    let encoding = story.encoding(device);
    let fixed = encoding.and_then(Encoding::frame_bytes).map(|bytes| bytes as u64);
    let bytes = fields.whole("bytes", 0..=FEED_FRAME_BYTES_MAX, fixed.or(Some(80)))?;
    match (encoding, fixed) {
        (Some(encoding), Some(fixed)) if bytes != fixed => {
            let expected = format!("{fixed}, as every {} frame here has", encoding.codec);
            Err(FeedFault::value("bytes", &Value::from(bytes), expected))
        }
        (Some(_) | None, _) => {
            Ok(usize::try_from(bytes).expect("the bytes of a frame fit in memory"))
        }
    }
}

fn frame(story: &Story<'_>, fields: &Fields<'_>) -> Read {
    let device = story.device(fields)?;
    let data = fields
        .read("data", "base64, with its padding", |value| STANDARD.decode(value.as_str()?).ok())?;
    Ok(Action::Frame { device, data: data.into() })
}

fn socket_down(story: &Story<'_>, fields: &Fields<'_>) -> Read {
    let code = fields.whole("code", 1_000..=4_999, Some(1_006))?;
    Ok(Action::SocketDown {
        device: story.device(fields)?,
        code: u16::try_from(code).expect("a close code has four digits"),
    })
}

fn times(fields: &Fields<'_>) -> Result<Times, FeedFault> {
    if fields.get("times").is_none() {
        return Ok(Times::Count(1));
    }
    fields.read("times", "a whole number from 1, or -1 for ever", |value| match index(value)? {
        -1 => Some(Times::ForEver),
        count => u32::try_from(count).ok().filter(|count| *count > 0).map(Times::Count),
    })
}

fn disk_fault(_: &Story<'_>, fields: &Fields<'_>) -> Read {
    let times = times(fields)?;
    Ok(Action::DiskFault {
        op: fields.choice("op", &DiskOp::ALL, DiskOp::name)?,
        error: fields.choice("error", &DiskError::ALL, DiskError::name)?,
        times,
    })
}

fn clock_jump(_: &Story<'_>, fields: &Fields<'_>) -> Read {
    let most = FEED_TIME_SECONDS_MAX;
    let expected = format!("a number of seconds from -{most} to {most}");
    let micros = fields.read("seconds", &expected, |value| {
        micros(value.as_f64()?).filter(|jump| jump.unsigned_abs() <= most * 1_000_000)
    })?;
    Ok(Action::ClockJump { micros })
}

fn file_damage(_: &Story<'_>, fields: &Fields<'_>) -> Read {
    let bits = fields.whole("bits", 1..=FILE_DAMAGE_BITS_MAX, Some(1))?;
    Ok(Action::FileDamage {
        recording: fields.recording()?,
        offset: fields.whole("offset", 0..=FILE_OFFSET_BYTES_MAX, Some(0))?,
        bits: u32::try_from(bits).expect("the limit is far below u32::MAX"),
    })
}

fn expect(_: &Story<'_>, fields: &Fields<'_>) -> Read {
    let mut parts = fields.0.clone();
    parts.retain(|name, _| name != "at" && name != "do");
    Ok(Action::Expect(Expectation::parse(&parts)?))
}

/// A line about a live socket. A script for a server alone names no device anywhere: then the
/// server takes the one that is connected.
fn server_with_device(action: &str, story: &Story<'_>, fields: &Fields<'_>) -> Read {
    let device = match story.device(fields) {
        Err(FeedFault::WhichDevice { named: 0 }) => return server(action, fields),
        device => device?,
    };
    let mut named = fields.0.clone();
    named.insert(String::from("device"), Value::from(device.as_str()));
    server(action, &Fields(&named))
}

fn server(action: &str, fields: &Fields<'_>) -> Read {
    let read = ServerAction::parse(action, fields.0)
        .expect("every action of the server's that stands in the list is read by it");
    read.map(Action::Server).map_err(|FieldError { field, found, expected }| {
        if found == "missing" {
            return FeedFault::Missing { field, expected };
        }
        FeedFault::Value { field, found, expected }
    })
}
