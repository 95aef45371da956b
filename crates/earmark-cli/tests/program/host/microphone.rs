//! A microphone, as ALSA's file plug-in plays one: it hears what is written into a pipe.

use std::fs::{self, File};
use std::io::Write;
use std::process::Command;
use std::time::Duration;

use super::{Host, configure};
use crate::harness::{Room, earmark, id, listed};

/// How many bytes the plug-in reads at once: a tenth of a second of 16-bit samples at 16 kHz.
const PERIOD: usize = 3_200;
const PERIOD_TIME: Duration = Duration::from_millis(100);

/// Samples of which no two periods are the same.
fn samples(periods: usize) -> Vec<u8> {
    (0..periods * PERIOD / 2).flat_map(|place| (place as i16).to_le_bytes()).collect()
}

/// Makes the pipe the default microphone of whoever has the room as a home.
fn plug_in(room: &Room) {
    let pipe = room.text("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("it starts").success());
    let settings = format!(
        "pcm.pipe {{ type file slave.pcm \"null\" file \"/dev/null\" infile {pipe:?} \
         format raw }}\npcm.!default {{ type plug slave.pcm \"pipe\" }}\n"
    );
    fs::write(room.path(".asoundrc"), settings).expect("it is written");
}

/// Speaks at the pace of time, until nobody listens any more.
fn speak(room: &Room, spoken: Vec<u8>) -> std::thread::JoinHandle<()> {
    let pipe = room.path("pipe");
    std::thread::spawn(move || {
        let mut pipe = File::options().write(true).open(pipe).expect("it is heard");
        for period in spoken.chunks(PERIOD) {
            std::thread::sleep(PERIOD_TIME);
            if pipe.write_all(period).is_err() {
                return;
            }
        }
    })
}

#[test]
fn what_a_microphone_hears_is_kept_sample_by_sample() {
    let room = Room::new();
    plug_in(&room);
    let config = "[source.desk]\nkind = \"microphone\"\ncodec = \"pcm16\"\n[account.default]\n\
                  token_env = \"EARMARK_TOKEN\"";
    configure(&room, "http://127.0.0.1:9", config);
    let spoken = samples(600);
    let speaker = speak(&room, spoken.clone());
    let host = Host::start_with(&room, |command| {
        command.env("HOME", room.path("")).env("EARMARK_TOKEN", "secret");
    });
    host.wait_for_metric("earmark_frames_captured_total", |frames| frames > 200.0);
    let (code, log) = host.stop();
    assert_eq!(code, Some(0), "{log}");
    speaker.join().expect("nobody fails while speaking");
    let recordings = listed(&room.text("store"));
    assert_eq!(recordings.len(), 1, "{log}");
    let (wav, store) = (room.text("heard.wav"), room.text("store"));
    let ran = earmark(&["export", id(&recordings[0]), "-o", &wav, "--data-dir", &store]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let heard = fs::read(&wav).expect("it is there").split_off(44);
    assert!(heard.len() > 200 * 320, "{} bytes", heard.len());
    assert_eq!(heard, spoken[..heard.len()]);
}
