use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use earmark_core::Codec;
use proptest::prelude::*;

use super::*;
use crate::FileCodec;

/// What the late app writes, with keys that nobody here knows.
const LATE: &str = r#"{"version":1,"timestamp":1775260900000,"ring":{"epoch":18446744073709551616},
"wals":[{"timer_start":1775260800,"codec":"opus_fs320","channel":1,"sample_rate":16000,
"status":"uploaded","storage":"disk","file_path":"audio_aa_opus_fs320_16000_1_fs320_1775260800.bin",
"seconds":60,"device":"AA","device_model":"Omi","storage_offset":0,"storage_total_bytes":0,
"file_num":1,"total_frames":3000,"synced_frame_offset":0,"original_storage":"sdcard",
"conversation_id":"C","retry_count":1,"last_retry_at":1775260850,"job_id":"j-1",
"uploaded_at":1775260860,"geolocation":{"lat":1.50},"sourceClockEpoch":1.0000000000000000001},
{"timer_start":1775260860000,"codec":"opus"}]}"#;

fn names(index: &WalIndex) -> Vec<Option<&str>> {
    index.entries.iter().map(|entry| entry.file_name.as_deref()).collect()
}

#[test]
fn an_entry_is_read_with_all_that_it_says() {
    let index = read_wals(LATE.as_bytes());
    assert_eq!((index.fault, index.entries.len(), index.unusable.len()), (None, 2, 0));
    let entry = &index.entries[0];
    assert_eq!(entry.codec, Some(FileCodec::Captured(Codec::OpusFs320)));
    assert_eq!((entry.status, entry.storage), (WalStatus::Uploaded, WalStorage::Disk));
    assert_eq!(entry.conversation.as_ref().map(|id| id.as_str()), Some("C"));
    assert_eq!(entry.job.as_ref().map(|id| id.as_str()), Some("j-1"));
    assert_eq!(entry.device.as_ref().map(|device| device.as_str()), Some("AA"));
    assert_eq!(entry.retry_count, 1);
}

#[test]
fn an_entry_without_a_key_is_read_with_what_the_app_takes_for_it() {
    let index = read_wals(LATE.as_bytes());
    let entry = &index.entries[1];
    assert_eq!((entry.status, entry.storage), (WalStatus::InProgress, WalStorage::Mem));
    assert_eq!((entry.sample_rate, entry.channels, entry.retry_count), (16_000, 1, 0));
    assert_eq!(entry.device.as_ref().map(|device| device.as_str()), Some("phone"));
    assert_eq!(entry.started_at.map(|at| at.unix_seconds()), Some(1_775_260_860));
    assert_eq!((&entry.file_name, &entry.job, &entry.conversation), (&None, &None, &None));
}

#[test]
fn a_value_of_another_kind_is_as_if_it_were_absent_and_is_kept() {
    let text = r#"{"status":7,"storage":"cloud","device":["x"],"channel":900,"file_path":"",
        "conversation_id":"","retry_count":-1,"job_id":"../x","codec":"mp3","timer_start":"soon"}"#;
    let entry = WalEntry::parse(text).expect("it is an object");
    assert_eq!((entry.status, entry.storage), (WalStatus::InProgress, WalStorage::Mem));
    assert_eq!((&entry.device, entry.channels, &entry.file_name), (&None, 255, &None));
    assert_eq!((&entry.conversation, entry.retry_count, &entry.job), (&None, 0, &None));
    assert_eq!((entry.codec, entry.started_at), (None, None));
    assert_eq!(entry.keys.get("device"), Some(r#"["x"]"#));
}

#[test]
fn of_a_path_its_last_part_counts() {
    for (path, name) in [
        ("a.bin", Some("a.bin")),
        ("/var/mobile/Documents/a.bin", Some("a.bin")),
        ("../../etc/a.bin", Some("a.bin")),
        ("folder/", None),
    ] {
        let entry = WalEntry::parse(&format!(r#"{{"file_path":"{path}"}}"#)).expect("an object");
        assert_eq!(entry.file_name.as_deref(), name, "{path}");
    }
}

#[test]
fn of_a_key_that_comes_twice_the_latter_counts() {
    let entry = WalEntry::parse(r#"{"status":"miss","x":1,"status":"synced"}"#);
    let entry = entry.expect("an object");
    assert_eq!(entry.status, WalStatus::Synced);
    assert_eq!(entry.keys.to_text(), r#"{"status":"synced","x":1}"#);
}

#[test]
fn a_list_that_is_torn_at_any_byte_gives_the_entries_before_the_tear() {
    let whole = read_wals(LATE.as_bytes());
    let ends: Vec<usize> =
        LATE.match_indices('}').map(|(at, _)| at + 1).filter(|at| *at > 400).collect();
    for len in 0..LATE.len() {
        let index = read_wals(&LATE.as_bytes()[..len]);
        assert!(index.fault.is_some(), "{len} bytes");
        let first_is_whole = len >= ends[1];
        let second_is_whole = len >= ends[2];
        let entries = usize::from(first_is_whole) + usize::from(second_is_whole);
        assert_eq!(index.entries.len(), entries, "{len} bytes");
        assert_eq!(names(&index), names(&whole)[..entries], "{len} bytes");
    }
}

#[test]
fn an_entry_that_is_none_does_not_stop_the_others() {
    let long = format!(r#"{{"x":"{}"}}"#, "x".repeat(WAL_BYTES_MAX));
    let keys: Vec<String> = (0..=WAL_KEYS_MAX).map(|n| format!(r#""k{n}":0"#)).collect();
    let many = format!("{{{}}}", keys.join(","));
    let text = format!(r#"{{"wals":[null,[],{long},{many},{{"codec":"opus"}}]}}"#);
    let index = read_wals(text.as_bytes());
    let bytes = long.len();
    assert_eq!((index.entries.len(), index.fault), (1, None));
    let faults: Vec<WalFault> = index.unusable.iter().map(|(_, fault)| *fault).collect();
    let shape = WalFault::Shape;
    assert_eq!(faults, [shape, shape, WalFault::TooLong { bytes }, WalFault::TooManyKeys]);
    assert_eq!(index.unusable[3].0, 3);
}

#[test]
fn what_is_no_list_says_so() {
    for (text, fault) in [
        ("", WalsFault::Empty),
        (" \n", WalsFault::Empty),
        ("[]", WalsFault::Shape),
        ("{}", WalsFault::Shape),
        (r#"{"wals":{}}"#, WalsFault::Shape),
        (r#"{"wals":[]}x"#, WalsFault::Broken { line: 1, column: 12 }),
        ("\0\0\0", WalsFault::Broken { line: 1, column: 1 }),
    ] {
        assert_eq!(read_wals(text.as_bytes()).fault, Some(fault), "{text:?}");
    }
}

#[test]
fn entries_behind_the_limit_are_left_out_and_that_is_told() {
    let entries = alloc::vec!["{}"; WALS_MAX + 1].join(",");
    let index = read_wals(format!(r#"{{"wals":[{entries}]}}"#).as_bytes());
    assert_eq!((index.entries.len(), index.fault), (WALS_MAX, Some(WalsFault::TooMany)));
}

fn facts(device: &earmark_core::Device) -> WalFacts<'_> {
    WalFacts {
        started_at: earmark_core::WallTime::from_unix_micros(1_775_260_800_000_000),
        encoding: earmark_core::Encoding::mono_16k(Codec::Opus),
        device,
        file_name: "audio_aa_opus_16000_1_fs160_1775260800.bin",
        frames: 250,
        status: WalStatus::Miss,
        conversation: None,
        retry_count: 0,
        job: None,
    }
}

#[test]
fn an_entry_that_is_written_anew_reads_back() {
    let device = earmark_core::Device::new("AA").expect("a short name");
    let bytes =
        encode_wals(facts(&device).started_at, &WalKeys::default(), &[facts(&device).anew()]);
    let index = read_wals(&bytes);
    assert_eq!((index.fault, index.entries.len()), (None, 1));
    let entry = &index.entries[0];
    assert_eq!(entry.file_name.as_deref(), Some(facts(&device).file_name));
    assert_eq!((entry.status, entry.storage), (WalStatus::Miss, WalStorage::Disk));
    assert_eq!(entry.keys.get("seconds"), Some("2"));
    let text = String::from_utf8(bytes).expect("JSON is UTF-8");
    assert!(text.starts_with(r#"{"version":1,"timestamp":1775260800000,"wals":["#), "{text}");
}

#[test]
fn an_entry_that_is_written_again_keeps_every_key_to_the_last_digit() {
    let device = earmark_core::Device::new("AA").expect("a short name");
    let index = read_wals(LATE.as_bytes());
    let again = facts(&device).again(index.entries[0].keys.clone());
    assert_eq!(again.get("sourceClockEpoch"), Some("1.0000000000000000001"));
    assert_eq!(again.get("geolocation"), Some(r#"{"lat":1.50}"#));
    assert_eq!(again.get("status"), Some(r#""miss""#));
    assert_eq!((again.get("job_id"), again.get("retry_count")), (Some("null"), Some("0")));
    let text = encode_wals(facts(&device).started_at, &index.rest, &[again]);
    let rest = read_wals(&text).rest;
    assert_eq!(rest.get("ring"), Some(r#"{"epoch":18446744073709551616}"#));
    // A list of before April 2026 gets none of the later keys that say nothing.
    let old = WalKeys::parse(r#"{"timer_start":1}"#).expect("an object");
    let old = facts(&device).again(old).to_text();
    assert!(!old.contains("conversation_id") && !old.contains("job_id"), "{old}");
}

proptest! {
    #[test]
    fn no_bytes_are_too_much(bytes: Vec<u8>) {
        let _ = read_wals(&bytes);
    }

    #[test]
    fn a_list_with_any_bytes_changed_is_read_as_far_as_it_goes(
        changes in prop::collection::vec((0..LATE.len(), any::<u8>()), 1..6),
    ) {
        let mut bytes = LATE.as_bytes().to_vec();
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        let index = read_wals(&bytes);
        let written = encode_wals(earmark_core::WallTime::default(), &index.rest,
            &index.entries.iter().map(|entry| entry.keys.clone()).collect::<Vec<_>>());
        let again = read_wals(&written);
        prop_assert_eq!(again.fault, None);
        prop_assert_eq!(again.entries.len(), index.entries.len());
        let texts = |index: &WalIndex| -> Vec<String> {
            index.entries.iter().map(|entry| entry.keys.to_text()).collect()
        };
        prop_assert_eq!(texts(&again), texts(&index));
    }
}
