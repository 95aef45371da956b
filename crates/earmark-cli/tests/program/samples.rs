//! What was uploaded decodes to the very samples that were captured.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use earmark_backend::audio::{Decoder, FrameCoder, Wav};
use earmark_core::Codec;
use earmark_wire::frames;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::harness::{Backend, Room, contents, earmark, listed};

pub(crate) const SECONDS: usize = 3;
const SPEECH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/speech.wav");

/// The devices of the story, each with another codec.
pub(crate) const DEVICES: [(&str, Codec); 4] = [
    ("opus", Codec::Opus),
    ("opus_fs320", Codec::OpusFs320),
    ("pcm16", Codec::Pcm16),
    ("pcm8", Codec::Pcm8),
];

/// Captures the same speech with every codec, and gives the path of the store.
pub(crate) fn captured(room: &Room) -> String {
    fs::copy(SPEECH, room.path("speech.wav")).expect("the speech is there");
    let mut lines: Vec<String> = Vec::new();
    for (name, _) in DEVICES {
        lines.push(format!(
            r#"{{"at": 0, "do": "capture.start", "device": "{name}", "codec": "{name}"}}"#
        ));
    }
    for (name, _) in DEVICES {
        lines.push(format!(
            r#"{{"at":0,"do":"audio","device":"{name}","wav":"speech.wav","seconds":{SECONDS}}}"#
        ));
    }
    for (name, _) in DEVICES {
        lines.push(format!(r#"{{"at": 4, "do": "capture.stop", "device": "{name}"}}"#));
    }
    lines.push(String::from(r#"{"at": 4.5, "do": "expect", "recordings": {"count": 4}}"#));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let (feed, store) = (room.feed("speak.jsonl", &lines), room.text("store"));
    let ran = earmark(&["play", &feed, "--clock", "real", "--until", "end", "--data-dir", &store]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    store
}

pub(crate) fn decoded<'a>(codec: Codec, frames: impl Iterator<Item = &'a [u8]>) -> Vec<i16> {
    let mut decoder = Decoder::new(codec);
    frames.flat_map(|frame| decoder.decode(frame).expect("it was encoded by us")).collect()
}

/// The frames of the speech, as a source with this codec captures them.
pub(crate) fn spoken(codec: Codec) -> Vec<Vec<u8>> {
    let wav = Wav::open(Path::new(SPEECH)).expect("the speech is a WAV file");
    let samples = &wav.samples[..SECONDS * 16_000];
    FrameCoder::new(codec).push(samples).expect("it can be encoded")
}

/// The hashes of the files that the server holds, with how often it was given each.
fn held(backend: &Backend) -> Vec<(String, Value)> {
    let address = backend.url.strip_prefix("http://").expect("an http URL");
    let mut stream = TcpStream::connect(address).expect("it listens");
    let request = "GET /earmark/state HTTP/1.1\r\nHost: earmark\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let state: Value = serde_json::from_str(body).expect("JSON");
    let uploads = state["uploads"].as_array().expect("a list");
    let file = |upload: &Value| {
        let sha256 = upload["sha256"].as_str().expect("a hash");
        (sha256.to_owned(), upload["times"].clone())
    };
    uploads.iter().map(file).collect()
}

/// The bytes below a folder that have this SHA-256.
fn with_hash(folder: &Path, sha256: &str) -> Vec<u8> {
    let hex = |bytes: &[u8]| -> String {
        Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let mut files = contents(folder).into_iter().map(|(_, bytes)| bytes);
    files.find(|bytes| hex(bytes) == sha256).expect("what was uploaded is still there")
}

/// The development server keeps the hash of a file, which stands for its bytes here.
#[test]
fn what_the_server_holds_decodes_sample_by_sample_to_what_was_captured() {
    let room = Room::new();
    let store = captured(&room);
    let backend = Backend::start(&[]);
    let synced = earmark(&["sync", "--server", &backend.url, "--data-dir", &store]);
    assert_eq!(synced.code, Some(0), "{synced:?}");
    let (held, recordings) = (held(&backend), listed(&store));
    assert_eq!((held.len(), recordings.len()), (DEVICES.len(), DEVICES.len()));
    for (name, codec) in DEVICES {
        let recording = recordings.iter().find(|one| one["device"] == name).expect("one of each");
        let sha256 = recording["sha256"].as_str().expect("it is sealed");
        let times = held.iter().find(|(one, _)| one == sha256).map(|(_, times)| times);
        assert_eq!(times, Some(&Value::from(1)), "{name}");
        let file = with_hash(Path::new(&store), sha256);
        let uploaded: Vec<&[u8]> = frames(&file).map(|frame| frame.expect("whole")).collect();
        let spoken = spoken(codec);
        let expected = decoded(codec, spoken.iter().map(Vec::as_slice));
        assert_eq!(expected.len(), SECONDS * 16_000, "{name}");
        assert!(expected.iter().any(|sample| *sample != expected[0]), "{name}: it is heard");
        assert!(decoded(codec, uploaded.iter().copied()) == expected, "{name}: other samples");
        let one_is_lost = uploaded.iter().enumerate().filter(|(at, _)| *at != 100);
        let cut = decoded(codec, one_is_lost.map(|(_, frame)| *frame));
        assert!(cut != expected, "{name}: a lost frame would not be noticed");
    }
}
