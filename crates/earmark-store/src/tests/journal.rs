//! The journal's bytes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use earmark_core::sync::{UploadFacts, UploadStage};
use earmark_core::{
    Account, CaptureId, Codec, Deadline, Encoding, Frame, FrameSeq, RecordingId, SessionId,
    WallTime,
};
use proptest::prelude::*;

use super::world::{World, conversation, device, stamp};
use crate::format::{self, FILE_HEADER_BYTES, FileId, Head, Kind};
use crate::frames::{self, Walk};
use crate::journal::{FRAMES_PAYLOAD_BYTES_MAX, Journal};
use crate::scan::Scan;
use crate::{FrameSpan, Record, Removal, Seal, SessionEnd, Sha256Sum, Work};

const INCARNATION: u64 = 0x1234_5678_9abc_def0;

fn file() -> FileId {
    FileId::new(3, INCARNATION, 1)
}

fn record(seq: u64, payload: &[u8], file: FileId) -> Vec<u8> {
    let mut bytes = Vec::new();
    format::begin_record(&mut bytes);
    bytes.extend_from_slice(payload);
    format::end_record(0, &mut bytes);
    let head = Head { seq, durable: 0, kind: Kind::Decision };
    format::patch_header(&mut bytes, payload.len() as u32, head, file);
    bytes
}

fn seal() -> Arc<Seal> {
    Arc::new(Seal {
        frames: 3,
        bytes: 99,
        sha256: Sha256Sum([0xab; 32]),
        started_at: WallTime::from_unix_micros(-5),
        ended_at: WallTime::from_unix_micros(7),
        twin: 1,
        missing: 0,
    })
}

fn every_stage() -> Vec<UploadStage> {
    let deadline = Deadline::after(stamp(), Duration::from_secs(5));
    let reason = "in words".to_owned();
    vec![
        UploadStage::Pending {
            next: Some(deadline),
            told: true,
            fixed: false,
            reason: Some(reason.clone()),
        },
        UploadStage::Uploading,
        UploadStage::Accepted {
            job: "j".to_owned(),
            since: stamp(),
            lease: deadline,
            poll_after: Duration::from_millis(1),
            not_before: Some(deadline),
        },
        UploadStage::Synced { at: stamp() },
        UploadStage::Failed { reason: reason.clone() },
        UploadStage::Corrupted { reason },
    ]
}

fn every_decision() -> Vec<Record> {
    let (capture, session) = (CaptureId::new(1, 1), SessionId::new(1, 2));
    let (recording, at, first) = (RecordingId::new(1, 3), stamp(), FrameSeq(u64::MAX));
    let account = Account::new("a").expect("a short name");
    let encoding = Encoding::mono_16k(Codec::Opus);
    let mut all = vec![
        Record::CaptureOpened { capture, device: device(), account, encoding, at },
        Record::CaptureClosed { capture, at },
        Record::MuteSet { device: device(), muted: false },
        Record::SessionOpened { session, capture, first, at },
        Record::SessionClosed { session, end: SessionEnd::Gap, at },
        Record::SessionMoved { recording, session },
        Record::RecordingOpened { recording, session, capture, first },
        Record::RecordingCut { recording, end: FrameSeq(9) },
        Record::Sealed { recording, seal: seal() },
        Record::Linked {
            conversation: conversation("c"),
            recordings: vec![recording],
            seals: vec![(recording, seal())],
            at,
        },
        Record::Relinked { recording, old: conversation("c"), reason: "gone".to_owned() },
        Record::SyncStarted { session, fallback: true },
        Record::Delivered { capture, from: FrameSeq(1), to: FrameSeq(2) },
        Record::Removing { recording, why: Removal::Expired },
        Record::Removed { recording },
    ];
    all.extend(every_stage().into_iter().map(|stage| {
        let facts = UploadFacts { stage, ..UploadFacts::new() };
        Record::Upload { recording, facts }
    }));
    all
}

#[test]
fn every_decision_reads_back_as_it_was_written() {
    for record in every_decision() {
        let json = serde_json::to_vec(&record).expect("it has a form");
        let read: Record = serde_json::from_slice(&json).expect("it is one");
        assert_eq!(read, record);
    }
}

/// F154.
#[test]
fn a_field_that_a_later_version_added_is_skipped() {
    let json = r#"{"removed":{"recording":"r-00000001-3","why":"a later version says"}}"#;
    let read: Record = serde_json::from_str(json).expect("it is one");
    assert_eq!(read, Record::Removed { recording: RecordingId::new(1, 3) });
}

#[test]
fn a_record_of_another_file_or_of_no_length_never_parses() {
    let bytes = record(7, b"payload", file());
    assert!(matches!(format::look(&bytes, file()), format::Found::Record { seq: 7, .. }));
    for stranger in [FileId::new(4, INCARNATION, 1), FileId::new(3, 1, 1)] {
        assert_eq!(format::look(&bytes, stranger), format::Found::Nothing);
    }
    assert_eq!(format::look(&record(7, b"", file()), file()), format::Found::Nothing);
    assert_eq!(format::look(&[0; 64], file()), format::Found::Nothing);
}

#[test]
fn forged_numbers_that_leave_no_higher_one_are_damage_and_stop_nothing() {
    assert!(FileId::parse(&FileId::new(u64::MAX, 1, 1).header()).is_err());
    assert!(FileId::parse(&FileId::new(1, 1, u64::MAX).header()).is_err());
    for seq in [u64::MAX, u64::MAX - 1] {
        let forged = FileId::new(1, INCARNATION, 1);
        let mut bytes = forged.header();
        bytes.extend(record(1, b"x", forged));
        bytes.extend(record(seq, b"{\"mute_set\":{\"device\":\"a\",\"muted\":true}}", forged));
        let disk = crate::SimDisk::new(1);
        disk.plant("journal/0000000000000001.log", &bytes);
        crate::verify(&disk, &mut |_, _| {}).expect("it can be read");
        let mut world = World::on(disk, super::world::SMALL);
        let recording = world.sealed_recording(10);
        world.reopen().assert_true_frames(recording);
    }
}

#[test]
fn either_copy_of_a_files_header_is_enough() {
    for at in [3, 20, 515, 540] {
        let mut header = file().header();
        header[at] ^= 4;
        assert_eq!(FileId::parse(&header), Ok(file()));
    }
    let mut header = file().header();
    header[3] ^= 4;
    header[515] ^= 4;
    assert!(FileId::parse(&header).is_err());
}

#[test]
fn a_torn_tail_is_cut_at_the_last_whole_record_wherever_it_tears() {
    let mut world = World::new();
    let (capture, session) = world.capture();
    world.recording(capture, session);
    world.flush();
    let active = world.disk.paths().into_iter().rfind(|path| path.starts_with("journal/"));
    let path = active.expect("there is a journal file");
    let whole = world.disk.contents(&path).expect("it is there").len();
    for _ in 0..4 {
        world.frames(capture, 3);
        world.run(Work::Write).expect("the disk is healthy");
    }
    let bytes = world.disk.contents(&path).expect("it is there");
    let mut seen = Vec::new();
    for len in whole..=bytes.len() {
        world.disk.plant(&path, &bytes[..len]);
        let found = crate::inspect(&world.disk).expect("it can be read");
        assert!(found.damage.is_empty(), "{len}: {:?}", found.damage);
        seen.push(found.ledger.captures[&capture].next_seq.0);
    }
    assert!(seen.is_sorted());
    seen.dedup();
    assert_eq!(seen, [0, 3, 6, 9, 12]);
}

/// F46.
#[test]
fn what_was_torn_off_never_comes_back() {
    let mut world = World::new();
    let (capture, session) = world.capture();
    let recording = world.recording(capture, session);
    world.flush();
    let active = world.disk.paths().into_iter().rfind(|path| path.starts_with("journal/"));
    let path = active.expect("there is a journal file");
    let hole = world.disk.contents(&path).expect("it is there").len() as u64;
    for _ in 0..5 {
        world.frames(capture, 1);
        world.run(Work::Write).expect("the disk is healthy");
    }
    // The first of the writes is lost, those behind it are there.
    assert!(world.disk.flip_bit(&path, (hole + 5) * 8));
    let mut world = world.reopen();
    assert!(world.recovered.torn_bytes > 0);
    assert!(world.recovered.damage.is_empty());
    assert!(!world.store.ledger().recordings.contains_key(&recording), "it had no frame left");
    world.sealed_recording(4);
    let world = world.reopen();
    assert_eq!(world.recovered.torn_bytes, 0);
    assert!(world.recovered.damage.is_empty(), "{:?}", world.recovered.damage);
    assert_eq!(world.store.ledger().recordings.len(), 1);
}

#[test]
fn frames_are_gathered_into_records_of_four_kibibytes() {
    let mut journal = Journal::new(1, 0, Default::default(), 1);
    let capture = CaptureId::new(1, 1);
    let at = WallTime::from_unix_micros(0);
    for seq in 0..100 {
        let frame = Frame { at, bytes: Bytes::from(vec![1; 200]) };
        journal.stage_frames(capture, FrameSeq(seq), std::slice::from_ref(&frame));
    }
    let large = Frame { at, bytes: Bytes::from(vec![1; 6_000]) };
    journal.stage_frames(capture, FrameSeq(100), &[large]);
    let seq = journal.next_seq - 1;
    assert_eq!(seq, 7);
    assert!(journal.staged_bytes() < 7 * (FRAMES_PAYLOAD_BYTES_MAX + 64) + 6_100);
}

fn frame() -> impl Strategy<Value = Frame> {
    let bytes = prop::collection::vec(any::<u8>(), 0..300);
    (any::<i64>(), bytes).prop_map(|(at, bytes)| Frame {
        at: WallTime::from_unix_micros(at),
        bytes: Bytes::from(bytes),
    })
}

proptest! {
    #[test]
    fn frames_read_back_as_they_were_staged(all in prop::collection::vec(frame(), 1..30)) {
        let (capture, first) = (CaptureId::new(9, 8), FrameSeq(5));
        let count = all.len() as u32;
        let (first_at, last_at) = (all[0].at, all[all.len() - 1].at);
        let span = FrameSpan { capture, first, count, first_at, last_at };
        let mut payload = Vec::new();
        frames::put_header(&span, &mut payload);
        let mut before = first_at;
        for frame in &all {
            frames::put_frame(before, frame, &mut payload);
            before = frame.at;
        }
        prop_assert_eq!(frames::span(&payload), Ok(span));
        let mut walk = Walk::new(&payload).expect("it is long enough");
        for frame in &all {
            let read = walk.next().expect("it is well formed").expect("there is one more");
            prop_assert_eq!((read.at, read.bytes), (frame.at, &frame.bytes[..]));
        }
        prop_assert_eq!(walk.next(), Ok(None));
        for len in 0..payload.len() {
            prop_assert!(frames::span(&payload[..len]).is_err());
        }
    }

    #[test]
    fn no_bytes_make_the_reader_of_frames_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let _ = frames::span(&bytes);
    }

    #[test]
    fn a_flipped_bit_of_a_record_is_always_noticed(
        payload in prop::collection::vec(any::<u8>(), 1..300),
        bit in any::<prop::sample::Index>(),
    ) {
        let mut bytes = record(7, &payload, file());
        let bit = bit.index((32 + payload.len()) * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        let parsed = matches!(format::look(&bytes, file()), format::Found::Record { .. });
        prop_assert!(!parsed);
    }
}

/// What is read of a file with one decision that nobody can understand, up to `covered` in a
/// snapshot, and a tail.
fn scan(tail: &[u8], covered: u64) -> Scan {
    let bytes = [file().header(), record(1, b"{}", file()), tail.to_vec()].concat();
    Scan::of(file(), &bytes, covered)
}

#[test]
fn zeros_at_the_end_of_a_file_are_no_hole_and_anything_else_is_one() {
    assert_eq!(scan(&[0; 64], 1).holes, []);
    let holes = scan(&[7; 64], 1).holes;
    let [hole] = &holes[..] else { panic!("{holes:?}") };
    let end = FILE_HEADER_BYTES + format::record_bytes(2) as u64;
    assert_eq!((hole.range.clone(), hole.from, hole.behind), (end..end + 64, 2, None));
}

#[test]
fn a_decision_that_cannot_be_understood_is_named_with_its_place_unless_a_snapshot_holds_it() {
    let odd = scan(&[], 0).odd;
    let [damage] = &odd[..] else { panic!("{odd:?}") };
    let end = FILE_HEADER_BYTES + format::record_bytes(2) as u64;
    assert_eq!(damage.range, Some(FILE_HEADER_BYTES..end));
    let held = scan(&[], 1);
    assert_eq!((held.odd.len(), held.records.len()), (0, 1));
}

#[test]
fn a_search_stops_where_a_record_may_begin_and_at_the_end() {
    let mut bytes = [0; 60];
    assert_eq!(format::next_magic(&bytes), 60);
    bytes[40..44].copy_from_slice(&record(1, b"{}", file())[..4]);
    assert_eq!(format::next_magic(&bytes), 40);
    assert_eq!(format::next_magic(&bytes[40..]), 20);
}

#[test]
fn a_record_that_is_cut_off_is_known_by_its_beginning_unless_its_number_is_of_the_past() {
    let whole = record(7, &[b' '; 100], file());
    assert_eq!(format::begun_record(&whole, 7), Some(whole.len()));
    assert_eq!(format::begun_record(&whole[..60], 7), Some(60));
    assert_eq!(format::begun_record(&whole, 8), None);
    assert_eq!(format::begun_record(&whole[..15], 7), None);
    assert_eq!(format::begun_record(&[0xff; 64], 7), None);
}
