use std::io::Cursor;

use earmark_core::Codec;
use hound::{SampleFormat, WavSpec, WavWriter};

use super::*;

const SECOND: usize = SAMPLE_RATE as usize;

fn tone(hertz: f64, samples: usize) -> Vec<i16> {
    Tone::new(hertz).unwrap().samples(samples)
}

fn through(codec: Codec, samples: &[i16]) -> Vec<i16> {
    let frames = FrameCoder::new(codec).push(samples).unwrap();
    let mut decoder = Decoder::new(codec);
    frames.iter().flat_map(|frame| decoder.decode(frame).unwrap()).collect()
}

/// The share of a signal's energy that lies at one pitch.
fn share_at(hertz: f64, samples: &[i16]) -> f64 {
    let (mut sine, mut cosine, mut energy) = (0.0, 0.0, 0.0);
    for (index, sample) in samples.iter().enumerate() {
        let angle = std::f64::consts::TAU * hertz * index as f64 / f64::from(SAMPLE_RATE);
        let value = f64::from(*sample);
        sine += value * angle.sin();
        cosine += value * angle.cos();
        energy += value * value;
    }
    2.0 * (sine * sine + cosine * cosine) / (samples.len() as f64 * energy)
}

fn wav(spec: WavSpec, samples: &[i16]) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut bytes, spec).unwrap();
    samples.iter().for_each(|sample| writer.write_sample(*sample).unwrap());
    writer.finalize().unwrap();
    bytes.into_inner()
}

const SPEC: WavSpec = WavSpec {
    channels: 1,
    sample_rate: SAMPLE_RATE,
    bits_per_sample: 16,
    sample_format: SampleFormat::Int,
};

#[test]
fn pcm16_comes_back_bit_for_bit() {
    let samples: Vec<i16> = (0..=u16::MAX).map(|bits| bits as i16).collect();
    let whole = &samples[..samples.len() - samples.len() % 160];
    assert_eq!(through(Codec::Pcm16, whole), whole);
}

#[test]
fn pcm8_is_unsigned_and_keeps_the_upper_half_of_each_sample() {
    let mut encoder = Encoder::new(Codec::Pcm8);
    let mut samples = [0_i16; 160];
    samples[..4].copy_from_slice(&[i16::MIN, -1, 255, i16::MAX]);
    let frame = encoder.encode(&samples).unwrap();
    assert_eq!(frame[..5], [0, 127, 128, 255, 128]);
    let back = Decoder::new(Codec::Pcm8).decode(&frame).unwrap();
    assert_eq!(back[..5], [i16::MIN, -256, 0, 32_512, 0]);
}

#[test]
fn a_tone_is_still_that_tone_after_opus() {
    for codec in [Codec::Opus, Codec::OpusFs320] {
        let back = through(codec, &tone(440.0, SECOND));
        assert_eq!(back.len(), SECOND, "{codec}");
        assert!(share_at(440.0, &back[1_600..]) > 0.99, "{codec}");
        assert!(share_at(880.0, &back[1_600..]) < 0.01, "{codec}");
    }
}

#[test]
fn a_frame_has_the_duration_of_its_codec() {
    for codec in Codec::ALL {
        let frames = FrameCoder::new(codec).push(&tone(300.0, SECOND)).unwrap();
        assert_eq!(frames.len(), codec.frames_per_second() as usize, "{codec}");
    }
}

#[test]
fn the_pieces_in_which_samples_come_make_no_difference() {
    let samples = tone(333.0, SECOND);
    let at_once = FrameCoder::new(Codec::Opus).push(&samples).unwrap();
    let mut coder = FrameCoder::new(Codec::Opus);
    let in_pieces: Vec<_> =
        samples.chunks(77).flat_map(|piece| coder.push(piece).unwrap()).collect();
    assert_eq!(at_once, in_pieces);
    assert_eq!(coder.finish().unwrap(), None);
}

#[test]
fn the_last_frame_is_filled_up_with_silence() {
    let mut coder = FrameCoder::new(Codec::Pcm16);
    assert_eq!(coder.push(&[7; 161]).unwrap().len(), 1);
    let last = coder.finish().unwrap().unwrap();
    assert_eq!((last[0], last.len()), (7, 320));
    assert!(last[2..].iter().all(|byte| *byte == 0));
}

#[test]
fn a_frame_of_another_size_is_named_and_refused() {
    let error = Encoder::new(Codec::OpusFs320).encode(&[0; 160]).unwrap_err();
    assert_eq!(error.to_string(), "160 samples are no frame; a frame of opus_fs320 has 320");
    for frame in [&[][..], &[0; 319], &[0; 1_276]] {
        assert!(Decoder::new(Codec::Pcm16).decode(frame).is_err());
    }
}

#[test]
fn no_bytes_make_the_opus_decoder_panic() {
    let mut decoder = Decoder::new(Codec::Opus);
    let mut state = 1_u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    let mut refused = 0;
    for _ in 0..5_000 {
        let frame: Vec<u8> = (0..=random()).map(|_| random()).collect();
        refused += usize::from(decoder.decode(&frame).is_err());
    }
    assert!(refused > 100, "random bytes are mostly no packets of 120 ms at most");
    assert!(decoder.decode(&[0xff; 1_275]).is_err());
}

#[test]
fn a_tone_is_a_sine_of_its_pitch() {
    let samples = tone(1_000.0, 16);
    let expected = |index: usize| {
        (f64::from(TONE_AMPLITUDE) * (index as f64 / 16.0 * std::f64::consts::TAU).sin()).round()
    };
    for (index, sample) in samples.iter().enumerate() {
        assert!((f64::from(*sample) - expected(index)).abs() <= 1.0, "{index}");
    }
    for pitch in [0.0, -1.0, 8_000.0, f64::NAN, f64::INFINITY] {
        assert!(Tone::new(pitch).is_err(), "{pitch}");
    }
}

#[test]
fn a_wav_file_gives_its_rate_and_samples() {
    let samples = tone(440.0, 500);
    let read = Wav::read(&wav(SPEC, &samples)[..]).unwrap();
    assert_eq!((read.sample_rate, read.samples), (SAMPLE_RATE, samples));
}

#[test]
fn a_wav_file_of_another_kind_or_cut_short_is_refused() {
    let stereo = wav(WavSpec { channels: 2, ..SPEC }, &[1, 2, 3, 4]);
    assert!(matches!(Wav::read(&stereo[..]), Err(WavError::Kind { channels: 2, .. })));
    let whole = wav(SPEC, &[1, 2, 3, 4]);
    let cut = &whole[..whole.len() - 3];
    assert!(matches!(Wav::read(cut), Err(WavError::Sample { after: 2, .. })));
    assert!(matches!(Wav::read(&b"RIFF"[..]), Err(WavError::Header(_))));
    let missing = Wav::open(std::path::Path::new("/nonexistent.wav"));
    assert!(matches!(missing, Err(WavError::Open(_))));
}

#[test]
fn a_wav_file_that_announces_hours_is_refused_before_it_is_read() {
    let mut bytes = wav(SPEC, &[0; 8]);
    let announced = 0xffff_fff0_u32;
    bytes[40..44].copy_from_slice(&announced.to_le_bytes());
    assert!(matches!(Wav::read(&bytes[..]), Err(WavError::TooLong { .. })));
}
