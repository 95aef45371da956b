//! One recording as a file: what is in it, and when there is none.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use earmark_backend::audio::Wav;
use earmark_store::{Disk, FsDisk};
use earmark_wire::frames;
use ogg::PacketReader;
use serde_json::Value;

use crate::harness::{Ran, Room, contents, earmark, id, listed};
use crate::samples::{DEVICES, SECONDS, captured, decoded, spoken};

fn export(store: &str, recording: &str, file: &str) -> Ran {
    earmark(&["export", recording, "-o", file, "--data-dir", store])
}

fn of_device<'a>(recordings: &'a [Value], device: &str) -> &'a str {
    id(recordings.iter().find(|one| one["device"] == device).expect("one of each"))
}

/// An Ogg Opus file, taken apart.
struct Opus {
    head: Vec<u8>,
    tags: Vec<u8>,
    packets: Vec<Vec<u8>>,
    /// The position in time at the end of each page of packets.
    positions: Vec<u64>,
    is_ended: bool,
}

impl Opus {
    fn open(path: &Path) -> Self {
        let mut reader = PacketReader::new(File::open(path).expect("it is there"));
        let head = reader.read_packet_expected().expect("a head");
        assert!(head.first_in_stream() && head.last_in_page());
        let tags = reader.read_packet_expected().expect("tags");
        assert!(tags.first_in_page() && tags.last_in_page());
        let (mut packets, mut positions, mut is_ended) = (Vec::new(), Vec::new(), false);
        while let Some(packet) = reader.read_packet().expect("every page has its checksum") {
            assert!(!is_ended, "nothing is behind the end");
            if packet.last_in_page() {
                positions.push(packet.absgp_page());
            }
            is_ended = packet.last_in_stream();
            packets.push(packet.data);
        }
        Self { head: head.data, tags: tags.data, packets, positions, is_ended }
    }
}

#[test]
fn each_format_holds_what_was_captured() {
    let room = Room::new();
    let store = captured(&room);
    let (before, recordings) = (contents(Path::new(&store)), listed(&store));
    for (device, codec) in DEVICES {
        let recording = of_device(&recordings, device);
        let frames_captured = spoken(codec);
        let samples = decoded(codec, frames_captured.iter().map(Vec::as_slice));
        let [wav, ogg, bin] =
            ["wav", "ogg", "bin"].map(|ending| room.text(&format!("{device}.{ending}")));

        let ran = export(&store, recording, &wav);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(ran.out.contains(&wav) && ran.out.contains(recording), "{}", ran.out);
        let heard = Wav::open(Path::new(&wav)).expect("it is a WAV file");
        assert_eq!((heard.sample_rate, heard.samples.len()), (16_000, SECONDS * 16_000));
        assert!(heard.samples == samples, "{device}: other samples");
        let mode = fs::metadata(&wav).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "others cannot listen");

        let ran = export(&store, recording, &bin);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let sealed = Path::new(&store).join(format!("recordings/{recording}.bin"));
        let sealed = fs::read(sealed).expect("it is sealed");
        assert!(fs::read(&bin).expect("it is there") == sealed, "{device}");

        let ran = export(&store, recording, &ogg);
        if !codec.is_opus() {
            assert_eq!(ran.code, Some(2), "{ran:?}");
            assert!(ran.err.contains(device) && ran.err.contains(".wav"), "{}", ran.err);
            assert!(!Path::new(&ogg).exists());
            continue;
        }
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let opus = Opus::open(Path::new(&ogg));
        assert_eq!(&opus.head[..12], b"OpusHead\x01\x01\0\0", "one channel, nothing is skipped");
        assert_eq!(&opus.head[12..], [0x80, 0x3e, 0, 0, 0, 0, 0], "from 16 kHz");
        assert!(opus.tags.starts_with(b"OpusTags"));
        assert!(opus.packets == frames_captured, "{device}: other packets");
        assert!(opus.is_ended);
        let expected: Vec<u64> = (1..=opus.positions.len() as u64)
            .map(|page| page * 50 * u64::from(codec.frame_samples()) * 3)
            .collect();
        assert_eq!(opus.positions, expected, "{device}: where each page ends at 48 kHz");
        let played = decoded(codec, opus.packets.iter().map(Vec::as_slice));
        assert!(played == samples, "{device}: other samples");
    }
    assert!(contents(Path::new(&store)) == before, "the store is only read");
}

#[test]
fn an_export_that_cannot_be_says_why_and_leaves_nothing() {
    let room = Room::new();
    let store = room.recorded();
    let recordings = listed(&store);
    let recording = id(&recordings[0]);
    fs::write(room.path("there.wav"), "mine").expect("it is written");
    fs::create_dir(room.path("folder.wav")).expect("a new folder");
    let inside = format!("{store}/recordings/mine.bin");
    let before = contents(Path::new(&room.text("")));
    for (id, file, told) in [
        (recording, room.text("audio.mp3"), ".wav, .ogg or .bin"),
        (recording, room.text("audio"), ".wav, .ogg or .bin"),
        (recording, room.text("there.wav"), "--force"),
        (recording, room.text("folder.wav"), "is a folder"),
        (recording, room.text("nowhere/audio.wav"), "nowhere"),
        (recording, inside, "lies in the store"),
        ("r-00000000-1", room.text("audio.wav"), "`earmark list`"),
    ] {
        let ran = export(&store, id, &file);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{file}: {ran:?}");
        assert!(ran.err.contains(told), "{file}: {}", ran.err);
    }
    let (file, omi, data) = (room.text("audio.wav"), room.text("omi"), ["--data-dir", &store]);
    let two = [&["export", recording, recording, "-o", &file], &data[..]].concat();
    let none = [&["export", "-o", &file], &data[..]].concat();
    let both = [&["export", recording, "-o", &file, "--omi", &omi], &data[..]].concat();
    for flags in [two, none, both] {
        assert_eq!(earmark(&flags).code, Some(2), "{flags:?}");
    }
    let nowhere = export(&room.text("no-store"), recording, &room.text("audio.wav"));
    assert_eq!(nowhere.code, Some(4), "{nowhere:?}");
    assert!(contents(Path::new(&room.text(""))) == before, "something was written");
}

#[test]
fn a_file_that_is_there_is_replaced_only_when_asked_to() {
    let room = Room::new();
    let store = room.recorded();
    let recordings = listed(&store);
    let file = room.text("there.bin");
    fs::write(&file, "mine").expect("it is written");
    let flags =
        ["export", id(&recordings[0]), "-o", &file, "--force", "--data-dir", store.as_str()];
    let ran = earmark(&flags);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let written = fs::read(&file).expect("it is there");
    assert_eq!(written.len(), 50 * 84, "{} bytes", written.len());
}

/// The limit stands for a disk that is full.
#[test]
fn a_write_that_fails_leaves_no_half_file() {
    let room = Room::new();
    let store = room.recorded();
    let recordings = listed(&store);
    let before = contents(Path::new(&room.text("")));
    let line = "trap '' XFSZ; ulimit -f 1; exec \"$@\"";
    for ending in ["wav", "bin"] {
        let file = room.text(&format!("audio.{ending}"));
        let program = env!("CARGO_BIN_EXE_earmark");
        let flags = ["export", id(&recordings[0]), "-o", &file, "--data-dir", &store];
        let mut shell = Command::new("sh");
        let shell = shell.args(["-c", line, "sh", program]).args(flags).env_remove("RUST_LOG");
        let ran = shell.output().expect("there is a shell");
        let said = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(1), "{said}");
        assert!(said.contains(&file) && said.contains("cannot be written"), "{said}");
    }
    assert!(contents(Path::new(&room.text(""))) == before, "half a file is left");
}

#[test]
fn what_is_damaged_is_told_and_silent_and_takes_its_time() {
    let room = Room::new();
    let store = captured(&room);
    let recordings = listed(&store);
    for (device, codec) in DEVICES {
        let recording = of_device(&recordings, device);
        let sealed = Path::new(&store).join(format!("recordings/{recording}.bin"));
        let mut bytes = fs::read(&sealed).expect("it is sealed");
        // In the second block of checksums, and in no frame's length.
        let mut ends = frames(&bytes).scan(0, |end, frame| {
            *end += 4 + frame.expect("whole").len();
            Some(*end)
        });
        let at = ends.find(|end| *end > 5_000).expect("it is longer") - 1;
        bytes[at] ^= 0x55;
        fs::write(&sealed, &bytes).expect("it is written");
        let wav = room.text(&format!("{device}.wav"));
        let ran = export(&store, recording, &wav);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.out.contains("bytes 4096 to 8192"), "{}", ran.out);
        assert!(ran.out.contains("frames hold no audio"), "{}", ran.out);
        let heard = Wav::open(Path::new(&wav)).expect("it is a WAV file").samples;
        let own = spoken(codec);
        let whole = decoded(codec, own.iter().map(Vec::as_slice));
        assert_eq!(heard.len(), whole.len(), "{device}: the time is kept");
        let before = own.iter().scan(0, |end, frame| {
            *end += 4 + frame.len();
            Some(*end)
        });
        let sound = before.take_while(|end| *end <= 4_096).count();
        let sound = sound * codec.frame_samples() as usize;
        assert!(heard[..sound] == whole[..sound], "{device}: what lies before it is whole");
        assert!(heard != whole, "{device}");
        fs::remove_file(&sealed).expect("it is removed");
        let ran = export(&store, recording, &room.text("gone.wav"));
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains("is missing") && ran.err.contains("earmark verify"), "{ran:?}");
        assert!(!room.path("gone.wav").exists());
    }
}

#[test]
fn what_is_no_packet_of_its_codec_is_told_and_takes_its_time() {
    let room = Room::new();
    // Pseudo-random bytes are mostly no Opus.
    let store = room.recorded();
    let recordings = listed(&store);
    for ending in ["wav", "ogg"] {
        let ran = export(&store, id(&recordings[0]), &room.text(&format!("noise.{ending}")));
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.out.contains("no opus"), "{}", ran.out);
    }
    let opus = Opus::open(&room.path("noise.ogg"));
    assert_eq!(opus.packets.len(), 50);
    let heard = Wav::open(&room.path("noise.wav")).expect("it is a WAV file").samples;
    let played = decoded(earmark_core::Codec::Opus, opus.packets.iter().map(Vec::as_slice));
    assert!(heard == played, "both formats sound alike");
}

#[test]
fn a_recording_that_goes_on_is_exported_as_far_as_the_disk_has_it_beside_its_owner() {
    let room = Room::new();
    let feed = room.feed(
        "cut.jsonl",
        &[
            r#"{"at": 0, "do": "capture.start", "device": "pendant", "codec": "pcm16"}"#,
            r#"{"at": 0, "do": "audio", "device": "pendant", "tone": 440, "seconds": 1}"#,
            r#"{"at": 2.5, "do": "kill"}"#,
        ],
    );
    let store = room.text("store");
    let ran = earmark(&["play", &feed, "--clock", "real", "--data-dir", &store]);
    assert_eq!(ran.code, None, "it was killed: {ran:?}");
    let recordings = listed(&store);
    assert_eq!(recordings[0]["status"], "capturing");
    let disk = FsDisk::create(Path::new(&store)).expect("the folder is there");
    let _lock = disk.lock().expect("the disk locks").expect("nobody has it");
    let before = contents(Path::new(&store));
    let ran = export(&store, id(&recordings[0]), &room.text("tone.wav"));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("is not sealed yet"), "{}", ran.out);
    let heard = Wav::open(&room.path("tone.wav")).expect("it is a WAV file").samples;
    let tone = earmark_backend::audio::Tone::new(440.0).expect("it is audible").samples(16_000);
    assert!(heard == tone, "{} samples", heard.len());
    assert!(contents(Path::new(&store)) == before, "the store is only read");
}
