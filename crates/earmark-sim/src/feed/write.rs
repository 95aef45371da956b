//! Writes actions as the lines that read back as them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use earmark_backend::{Answer, ServerAction};
use serde_json::{Map, Value, json};

use super::mishap::slip_name;
use super::time::seconds;
use super::{Action, AudioSource, Line, RecordingRef, Selector, Times};

/// The line, with its end.
pub(super) fn line(line: &Line) -> String {
    let mut text = format!("{{\"at\":{},\"do\":\"{}\"", line.at, line.action.name());
    for (name, value) in fields(&line.action) {
        text.push_str(&format!(",{}:{value}", Value::from(name)));
    }
    text.push_str("}\n");
    text
}

fn fields(action: &Action) -> Map<String, Value> {
    let fields = match action {
        Action::CaptureStart { device, account, encoding } => json!({
            "device": device, "account": account, "codec": encoding.codec,
            "sample_rate": encoding.sample_rate, "channels": encoding.channels,
        }),
        Action::Audio { device, micros, source } => return audio(device.as_str(), *micros, source),
        Action::Frames { device, count, bytes, seed, pace } => json!({
            "device": device, "count": count, "bytes": bytes, "seed": seed, "pace": pace,
        }),
        Action::Frame { device, data } => {
            json!({"device": device, "data": STANDARD.encode(data)})
        }
        Action::FrameLate { device, data, micros } => json!({
            "device": device, "data": STANDARD.encode(data), "seconds": length(*micros),
        }),
        Action::CaptureStop { device }
        | Action::Mute { device }
        | Action::Unmute { device }
        | Action::SocketUp { device }
        | Action::UserFinish { device } => json!({"device": device}),
        Action::SocketDown { device, code } => json!({"device": device, "code": code}),
        Action::Server(action) => return server(action),
        Action::AccountSignIn { account } | Action::AccountSignOut { account } => {
            json!({"account": account})
        }
        Action::DiskFault { op, error, times } => {
            json!({"op": op.name(), "error": error.name(), "times": count(*times)})
        }
        Action::DiskSlip { slip, files, times } => {
            json!({"how": slip_name(*slip), "files": files.name(), "times": times})
        }
        Action::DiskSlow { micros, times } => {
            json!({"seconds": length(*micros), "times": count(*times)})
        }
        Action::DiskDamage { files, index, offset, bits } => json!({
            "files": files.name(), "index": index, "offset": offset, "bits": bits,
        }),
        Action::ProcessStop { micros } => json!({"deadline": length(*micros)}),
        Action::ProcessDiesOpening { after } => json!({"after": after}),
        Action::ProcessPanic { after } => json!({"after": after}),
        Action::ClockZone { minutes } => json!({"minutes": minutes}),
        Action::Suspend { micros } => json!({"seconds": length(*micros)}),
        Action::PowerCut { seed } => json!({"seed": seed}),
        Action::ClockJump { micros } => json!({"seconds": seconds(*micros)}),
        Action::FileRemove { recording: which } => json!({"recording": recording(*which)}),
        Action::FileDamage { recording: which, offset, bits } => {
            json!({"recording": recording(*which), "offset": offset, "bits": bits})
        }
        Action::UserRetry { recordings } | Action::UserDelete { recordings } => match recordings {
            Selector::One(one) => json!({"recording": recording(*one)}),
            Selector::All => json!({"all": true}),
        },
        Action::Expect(expectation) => return expectation.fields(),
        Action::NetworkOffline
        | Action::NetworkOnline
        | Action::DiskFull
        | Action::DiskFreed
        | Action::DiskHeal
        | Action::ProcessUp
        | Action::ProcessSecond
        | Action::Kill
        | Action::Restart => json!({}),
    };
    object(fields)
}

fn length(micros: u64) -> Value {
    seconds(i64::try_from(micros).unwrap_or(i64::MAX))
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn audio(device: &str, micros: u64, source: &AudioSource) -> Map<String, Value> {
    let length_s = length(micros);
    object(match source {
        AudioSource::Wav { path, from_micros } => json!({
            "device": device, "seconds": length_s,
            "wav": path.to_string_lossy(), "from": length(*from_micros),
        }),
        AudioSource::Tone { hertz } => {
            json!({"device": device, "seconds": length_s, "tone": hertz})
        }
    })
}

const fn count(times: Times) -> i64 {
    match times {
        Times::Count(count) => count as i64,
        Times::ForEver => -1,
    }
}

fn recording(recording: RecordingRef) -> Value {
    match recording {
        RecordingRef::Id(id) => Value::from(id.to_string()),
        RecordingRef::Index(index) => Value::from(index),
    }
}

fn server(action: &ServerAction) -> Map<String, Value> {
    let named = |device: &Option<String>| {
        let field = |device: &String| (String::from("device"), Value::from(device.as_str()));
        device.iter().map(field).collect::<Map<_, _>>()
    };
    match action {
        ServerAction::Message { device, text } => {
            let mut fields = named(device);
            fields.insert(String::from("text"), Value::from(text.as_str()));
            fields
        }
        ServerAction::Stall { device } => named(device),
        ServerAction::Accept | ServerAction::Restart => Map::new(),
        ServerAction::End { device, event } => {
            let mut fields = named(device);
            fields.insert(String::from("event"), Value::from(*event));
            fields
        }
        ServerAction::Respond(queue) | ServerAction::JobRespond(queue) => {
            let queue: Value = queue.iter().map(answer).collect();
            Map::from_iter([(String::from("queue"), queue)])
        }
    }
}

fn answer(answer: &Answer) -> Value {
    let headers: Map<_, _> = answer
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
        .collect();
    let mut fields = object(json!({
        "status": answer.status, "headers": headers, "delay": answer.delay.as_secs_f64(),
    }));
    let body = answer.body.as_deref().map(Value::from);
    let fault = answer.fault.map(|fault| Value::from(fault.name()));
    let stored = answer.stored.map(Value::from);
    for (name, value) in [("body", body), ("fault", fault), ("stored", stored)] {
        fields.extend(value.map(|value| (name.to_owned(), value)));
    }
    Value::Object(fields)
}
