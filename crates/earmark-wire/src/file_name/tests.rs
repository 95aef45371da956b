use alloc::format;
use alloc::string::ToString;

use proptest::prelude::*;

use super::*;

const APRIL: i64 = 1_775_260_800;

#[test]
fn a_recordings_name_is_what_every_server_takes() {
    let opus = Encoding::mono_16k(Codec::Opus);
    let name = UploadName::new("AA:BB:0C", opus, seconds(APRIL), 0);
    assert_eq!(name.to_string(), "audio_aabb0c_opus_16000_1_fs160_1775260800.bin");
    let name = UploadName::new("phone-mic", opus, seconds(APRIL), 2);
    assert_eq!(name.to_string(), "audio_phonemic_opus_16000_1_fs160_u2_1775260800.bin");
    let long = Encoding::mono_16k(Codec::OpusFs320);
    let late = WallTime::from_unix_micros(APRIL * 1_000_000 + 999_999);
    assert_eq!(
        UploadName::new("omi", long, late, 0).to_string(),
        "audio_omi_opus_fs320_16000_1_fs320_1775260800.bin"
    );
}

#[test]
fn names_of_all_eras_are_read_and_printed_as_they_were() {
    use FileCodec::{Aac, Captured, Lc3Fs1030};
    for (text, codec, samples, micros) in [
        (
            "audio_omi_pcm8_8000_1_fs160_1775260800.bin",
            Captured(Codec::Pcm8),
            160,
            1_775_260_800_000_000,
        ),
        (
            "audio_omi_opus_fs320_16000_1_fs320_1775260800.bin",
            Captured(Codec::OpusFs320),
            320,
            1_775_260_800_000_000,
        ),
        (
            "audio_omi_lc3_fs1030_16000_1_fs160_u1_1775260800.25.bin",
            Lc3Fs1030,
            160,
            1_775_260_800_250_000,
        ),
        (
            "audio_limitless_opus_16000_1_fs320_r48213_1775260800123.bin",
            Captured(Codec::Opus),
            320,
            1_775_260_800_123_000,
        ),
        ("audio_phonemic_aac_16000_1_fs160_1775260800.000001.bin", Aac, 160, 1_775_260_800_000_001),
    ] {
        let name = UploadName::parse(text).expect(text);
        assert_eq!(name.to_string(), text);
        assert_eq!(name.codec(), codec, "{text}");
        assert_eq!(name.frame_samples(), samples, "{text}");
        assert_eq!(name.started_at(), WallTime::from_unix_micros(micros), "{text}");
    }
}

#[test]
fn a_name_tells_its_parts() {
    let name = UploadName::parse("audio_limitless_opus_16000_2_fs320_r48a_1775260800123.bin");
    let name = name.expect("a name");
    assert_eq!(name.device(), "limitless");
    assert_eq!(name.sample_rate(), 16_000);
    assert_eq!(name.channels(), 2);
    assert_eq!(name.mark(), &Mark::Chance("48a".into()));
}

#[test]
fn a_name_that_lacks_a_part_is_refused_with_the_part() {
    use NamePart as P;
    for (text, part) in [
        ("", P::Prefix),
        ("video_omi_opus_16000_1_fs160_1775260800.bin", P::Prefix),
        ("audio_", P::Suffix),
        ("audio_omi_opus_16000_1_fs160_1775260800", P::Suffix),
        ("audio_omi_opus_16000_1_fs160_1775260800.bin.exe", P::Suffix),
        ("audio_.bin", P::Time),
        ("audio_omi_opus_16000_1_fs160_.bin", P::Time),
        ("audio_omi_opus_16000_1_fs160_01775260800.bin", P::Time),
        ("audio_omi_opus_16000_1_fs160_1775260800..bin", P::Time),
        ("audio_omi_opus_16000_1_fs160_1775260800.50.bin", P::Time),
        ("audio_omi_opus_16000_1_fs160_1775260800.1234567.bin", P::Time),
        ("audio_omi_opus_16000_1_fs160_1775260800123.5.bin", P::Time),
        ("audio_omi_opus_16000_1_fs160_1234567890123456.bin", P::Time),
        ("audio_omi_opus_16000_1_fs160_99999999999999999999.bin", P::Time),
        ("audio_omi_opus_16000_1_fs160_u0_1775260800.bin", P::Mark),
        ("audio_omi_opus_16000_1_fs160_u_1775260800.bin", P::Mark),
        ("audio_omi_opus_16000_1_fs160_r_1775260800.bin", P::Mark),
        ("audio_omi_opus_16000_1_u1_1775260800.bin", P::FrameSamples),
        ("audio_omi_opus_16000_1_160_1775260800.bin", P::FrameSamples),
        ("audio_omi_opus_16000_256_fs160_1775260800.bin", P::Channels),
        ("audio_omi_opus_16000_1_fs99999999999_1775260800.bin", P::FrameSamples),
        ("audio_omi_opus_x_1_fs160_1775260800.bin", P::SampleRate),
        ("audio_omi_mp3_16000_1_fs160_1775260800.bin", P::Codec),
        ("audio_omi_16000_1_fs160_1775260800.bin", P::Codec),
        ("audio__opus_16000_1_fs160_1775260800.bin", P::Device),
        ("audio_a.b_opus_16000_1_fs160_1775260800.bin", P::Device),
        ("audio_1775260800.bin", P::FrameSamples),
    ] {
        assert_eq!(UploadName::parse(text), Err(NameFault::Part { part }), "{text}");
    }
}

#[test]
fn a_name_that_could_lead_elsewhere_is_refused_with_the_place() {
    for (text, offset) in [
        ("../audio_omi_opus_16000_1_fs160_1775260800.bin", 2),
        ("audio_omi/_opus_16000_1_fs160_1775260800.bin", 9),
        ("audio_omi\\_opus_16000_1_fs160_1775260800.bin", 9),
        ("audio_omi_opus_16000_1_fs160_1775260800.bin\0", 43),
        ("audio_omi\u{202e}_opus_16000_1_fs160_1775260800.bin", 9),
        ("audio_OMI_opus_16000_1_fs160_1775260800.bin", 6),
    ] {
        assert_eq!(UploadName::parse(text), Err(NameFault::Character { offset }), "{text}");
    }
    let long = format!("audio_{}_opus_16000_1_fs160_1775260800.bin", "x".repeat(215));
    assert_eq!(long.len(), 255);
    assert_eq!(UploadName::parse(&long), Err(NameFault::TooLong { bytes: 255 }));
    assert!(UploadName::parse(&long.replacen("x", "", 1)).is_ok());
}

#[test]
fn the_strictest_servers_checks_are_made() {
    let now = seconds(APRIL);
    let check = |time: &str| {
        let text = format!("audio_omi_opus_16000_1_fs160_{time}.bin");
        UploadName::parse(&text).expect("a name").admissible(now)
    };
    assert_eq!(check("1775260800"), Ok(()));
    assert_eq!(check("1775260799999"), Ok(()));
    assert_eq!(check("1704067200"), Ok(()));
    assert_eq!(check("1775260799.5"), Err(NameFault::Fraction));
    let second = Duration::from_secs(1);
    assert_eq!(check("1775260801"), Err(NameFault::Future { ahead: second }));
    assert_eq!(check("1704067199"), Err(NameFault::TooOld { seconds: 1_704_067_199 }));
    assert_eq!(check("0"), Err(NameFault::TooOld { seconds: 0 }));
    assert!(matches!(check("10000000000"), Err(NameFault::Future { .. })));
    assert_eq!(check("10000000001"), Err(NameFault::TooOld { seconds: 10_000_000 }));
}

#[test]
fn a_time_before_1970_is_written_as_0_and_one_after_2286_as_the_last_second() {
    let opus = Encoding::mono_16k(Codec::Opus);
    for (micros, time) in [(-1, 0_i64), (i64::MIN, 0), (i64::MAX, 10_000_000_000)] {
        let name = UploadName::new("omi", opus, WallTime::from_unix_micros(micros), 0);
        assert_eq!(name.to_string(), format!("audio_omi_opus_16000_1_fs160_{time}.bin"));
        assert_eq!(UploadName::parse(&name.to_string()), Ok(name));
    }
}

#[test]
fn a_fault_names_the_part_in_words() {
    let fault = UploadName::parse("audio_omi_mp3_16000_1_fs160_1.bin").expect_err("no codec");
    assert_eq!(
        fault.to_string(),
        "the file name lacks the codec (opus, opus_fs320, pcm16, pcm8, aac or lc3_fs1030), \
         or has it in a form that is not taken"
    );
}

proptest! {
    #[test]
    fn every_recording_has_a_legal_name_that_reads_back(
        device: String,
        codec in prop::sample::select(&Codec::ALL[..]),
        rate in prop::sample::select(&[8_000, 16_000, 48_000][..]),
        channels in 1_u8..=2,
        micros: i64,
        twin: u32,
    ) {
        let encoding = Encoding::new(codec, rate, channels).expect("a legal encoding");
        let name = UploadName::new(&device, encoding, WallTime::from_unix_micros(micros), twin);
        let text = name.to_string();
        prop_assert!(text.len() <= FILE_NAME_BYTES_MAX);
        let is_plain = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.');
        prop_assert!(text.bytes().all(is_plain));
        prop_assert_eq!(text.matches('.').count(), 1);
        prop_assert_eq!(UploadName::parse(&text), Ok(name));
    }

    #[test]
    fn a_name_made_now_is_admissible(
        at in NAME_SECONDS_MIN..4_000_000_000,
        ahead in 0..1_000_000_i64,
    ) {
        let now = WallTime::from_unix_micros(at * 1_000_000 + ahead);
        let name = UploadName::new("omi", Encoding::mono_16k(Codec::Opus), now, 0);
        prop_assert_eq!(name.admissible(now), Ok(()));
    }

    #[test]
    fn what_is_read_is_printed_the_same(
        text in "audio_[a-z0-9]{0,3}_(opus|opus_fs320|pcm16|lc3_fs1030|x)_[0-9]{0,6}_[0-9]{0,3}\
            _fs[0-9]{0,4}(_[ur][0-9a-z]{0,3})?_[0-9]{0,16}(\\.[0-9]{0,7})?\\.bin",
    ) {
        if let Ok(name) = UploadName::parse(&text) {
            prop_assert_eq!(name.to_string(), text);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text: String, near in "[audio_fs.bn0-9/\\\\\0]{0,60}", now: i64) {
        for text in [text, near] {
            if let Ok(name) = UploadName::parse(&text) {
                let _ = name.admissible(WallTime::from_unix_micros(now));
            }
        }
    }
}

fn seconds(seconds: i64) -> WallTime {
    WallTime::from_unix_micros(seconds * 1_000_000)
}
