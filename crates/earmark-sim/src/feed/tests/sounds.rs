//! What `audio` lines hear.

use std::path::PathBuf;

use earmark_backend::audio::{Wav, WavError};

use super::*;

fn audio(fields: &str) -> Feed {
    feed(&[START, &format!(r#"{{"at": 0, "do": "audio", "device": "pen", {fields}}}"#)])
}

fn counting(samples: i16) -> Wav {
    Wav { sample_rate: 16_000, samples: (0..samples).collect() }
}

fn heard(feed: &Feed, wav: &Wav, codec: Codec) -> Vec<Vec<i16>> {
    let sounds = Sounds::load(feed, "x.feed", |_| Ok(wav.clone())).unwrap();
    let Action::Audio { source, micros, .. } = &feed.lines[1].action else {
        panic!("it is audio");
    };
    let sound = sounds.heard(source, *micros, codec).unwrap();
    let frames = sound.frames();
    let blocks: Vec<_> = sound.collect();
    assert_eq!(blocks.len() as u64, frames);
    blocks
}

#[test]
fn a_file_is_heard_from_where_the_line_says() {
    let feed = audio(r#""seconds": 0.02, "wav": "a.wav", "from": 0.001"#);
    let blocks = heard(&feed, &counting(1_000), Codec::Opus);
    assert_eq!(blocks.concat(), (16..336).collect::<Vec<i16>>());
}

#[test]
fn a_file_is_never_heard_past_its_last_whole_frame() {
    let feed = audio(r#""seconds": 60, "wav": "a.wav""#);
    assert_eq!(heard(&feed, &counting(700), Codec::OpusFs320).len(), 2);
    let beyond = audio(r#""seconds": 60, "wav": "a.wav", "from": 5"#);
    assert_eq!(heard(&beyond, &counting(700), Codec::Opus).len(), 0);
}

#[test]
fn a_tone_has_as_many_frames_as_its_seconds() {
    let feed = audio(r#""seconds": 1.5, "tone": 440.5"#);
    assert_eq!(heard(&feed, &counting(0), Codec::Pcm8).len(), 150);
    assert_eq!(heard(&feed, &counting(0), Codec::OpusFs320).len(), 75);
}

#[test]
fn a_file_that_cannot_be_heard_refuses_the_feed() {
    let feed = audio(r#""seconds": 1, "wav": "../a.wav""#);
    let mut asked = PathBuf::new();
    let error = Sounds::load(&feed, "x.feed", |path| {
        asked = path.to_owned();
        Err(WavError::Open(std::io::Error::other("it is gone")))
    });
    assert_eq!(
        error.unwrap_err().to_string(),
        "x.feed:2: \"wav\" is \"../a.wav\": the file cannot be opened: it is gone: \
         expected a WAV file of 16 bit, one channel, 16000 Hz"
    );
    assert_eq!(asked, PathBuf::from("../a.wav"));
    let other_rate = Wav { sample_rate: 44_100, samples: Vec::new() };
    let error = Sounds::load(&feed, "x.feed", |_| Ok(other_rate.clone())).unwrap_err();
    assert!(error.to_string().contains("the file has 44100 Hz; 16000 are taken"));
}
