//! Seals, proofs, readers and removals.

use std::sync::Arc;

use earmark_core::FrameSeq;

use super::world::{World, conversation, stamp};
use crate::{Harm, Record, RecordingError, RecordingReader, Removal, Work, recording_path, verify};

/// F40.
#[test]
fn there_is_no_proof_before_the_seals_record_is_durable() {
    let mut world = World::new();
    let (capture, session) = world.capture();
    let recording = world.recording(capture, session);
    world.frames(capture, 10);
    assert!(world.run(Work::Seal(recording)).expect("nothing is done").is_none(), "it is open");
    world.cut(capture, recording);
    assert!(world.run(Work::Seal(recording)).expect("nothing is done").is_none(), "not durable");
    world.flush();
    let seal = world.seal(recording);
    assert!(world.store.sealed(recording).is_none());
    world.stage(Record::Sealed { recording, seal: Arc::clone(&seal) });
    world.run(Work::Write).expect("the disk is healthy");
    assert!(world.store.sealed(recording).is_none());
    world.run(Work::Sync).expect("the disk is healthy");
    let sealed = world.store.sealed(recording).expect("now it is");
    assert_eq!((sealed.frames(), sealed.bytes()), (10, seal.bytes));
    assert!(world.run(Work::Seal(recording)).expect("nothing is done").is_none(), "it is sealed");
}

/// F49.
#[test]
fn a_link_and_the_seal_in_it_are_both_durable_or_neither_is() {
    let mut both = [0, 0];
    for seed in 0..200 {
        let mut world = World::new();
        let (capture, session) = world.capture();
        let recording = world.cut_recording(capture, session, 10);
        world.flush();
        let seal = world.seal(recording);
        world.stage(Record::Linked {
            conversation: conversation("c1"),
            recordings: vec![recording],
            seals: vec![(recording, seal)],
            at: stamp(),
        });
        world.run(Work::Write).expect("the disk is healthy");
        let world = world.power_cut(seed);
        let facts = &world.store.ledger().recordings[&recording];
        assert_eq!(facts.sealed.is_some(), facts.conversation.is_some(), "{seed}");
        both[usize::from(facts.sealed.is_some())] += 1;
    }
    assert!(both.iter().all(|count| *count > 0), "{both:?}");
}

/// F47.
#[test]
fn a_seal_after_a_crash_gives_the_same_file() {
    let mut world = World::new();
    let (capture, session) = world.capture();
    let recording = world.cut_recording(capture, session, 100);
    world.flush();
    let first = world.seal(recording);
    let mut world = world.power_cut(1);
    assert!(world.recovered.damage.is_empty());
    let second = world.seal(recording);
    assert_eq!(first, second);
}

/// F47, F139.
#[test]
fn half_a_file_of_a_seal_is_swept_away() {
    let world = World::new();
    for path in ["recordings/r-00000001-9.part", "snapshots/new.tmp"] {
        world.disk.plant(path, b"half");
    }
    let world = world.reopen();
    assert!(world.recovered.damage.is_empty(), "{:?}", world.recovered.damage);
    let left = world.disk.paths();
    assert!(!left.iter().any(|path| path.ends_with(".part") || path.ends_with(".tmp")), "{left:?}");
}

#[test]
fn a_recording_takes_its_own_frames_alone() {
    let mut world = World::new();
    let (capture, session) = world.capture();
    let first = world.recording(capture, session);
    world.frames(capture, 25);
    // The boundary is found when frames behind it are there already.
    world.stage(Record::RecordingCut { recording: first, end: FrameSeq(20) });
    let second = world.store.next_recording();
    let opened =
        Record::RecordingOpened { recording: second, session, capture, first: FrameSeq(20) };
    world.stage(opened);
    world.frames(capture, 15);
    world.cut(capture, second);
    world.flush();
    world.seal_all();
    assert_eq!((world.read(first).len(), world.read(second).len()), (20, 20));
    world.assert_true_frames(first);
    world.assert_true_frames(second);
}

#[test]
fn recordings_of_one_upload_name_are_told_apart() {
    let mut world = World::new();
    let recordings: Vec<_> = (0..3).map(|_| world.sealed_recording(5)).collect();
    let twin = |recording| world.store.sealed(recording).map(|sealed| sealed.twin());
    let twins: Vec<_> = recordings.iter().filter_map(|recording| twin(*recording)).collect();
    assert_eq!(twins, [0, 1, 2]);
}

#[test]
fn a_recording_that_only_a_snapshot_tells_of_keeps_its_upload_name_to_itself() {
    let mut world = World::new();
    world.sealed_recording(5);
    world.store.want_snapshot();
    world.run(Work::Snapshot).expect("the disk is healthy").expect("it is due");
    let mut world = world.reopen();
    let recording = world.sealed_recording(5);
    assert_eq!(world.store.sealed(recording).map(|sealed| sealed.twin()), Some(1));
}

#[test]
fn two_seals_in_hand_at_once_do_not_share_a_name() {
    let mut world = World::new();
    let mut recordings = Vec::new();
    for _ in 0..2 {
        let (capture, session) = world.capture();
        let recording = world.cut_recording(capture, session, 3);
        recordings.push(recording);
    }
    world.flush();
    let twins: Vec<u32> = recordings.iter().map(|one| world.seal(*one).twin).collect();
    assert_eq!(twins, [0, 1]);
}

#[test]
fn every_flipped_bit_of_a_recording_is_found_and_named_by_its_block() {
    let mut world = World::new();
    let recording = world.sealed_recording(200);
    let sealed = world.store.sealed(recording).expect("it is sealed");
    let path = recording_path(recording);
    for bit in (0..sealed.bytes() * 8).step_by(1_237) {
        assert!(world.disk.flip_bit(&path, bit));
        let mut reader = RecordingReader::open(&world.disk, &sealed).expect("its length is right");
        let block = bit / 8 / 4_096 * 4_096;
        match reader.verify() {
            Err(RecordingError::Damaged { range, .. }) => {
                assert_eq!(range.start, block);
                assert!(range.end <= block + 4_096);
            }
            other => panic!("{bit}: {other:?}"),
        }
        let verification = verify(&world.disk, &mut |_, _| {}).expect("it can be read");
        assert_eq!(verification.damage.len(), 1);
        assert_eq!(verification.damage[0].harm, Harm::WrongContent { recording });
        assert!(world.disk.flip_bit(&path, bit));
    }
    let verification = verify(&world.disk, &mut |_, _| {}).expect("it can be read");
    assert_eq!((verification.recordings, verification.damage.len()), (1, 0));
}

#[test]
fn a_reader_says_which_recording_it_reads_and_how_long_it_is() {
    let mut world = World::new();
    let recording = world.sealed_recording(10);
    let sealed = world.store.sealed(recording).expect("it is sealed");
    let reader = RecordingReader::open(&world.disk, &sealed).expect("it can be opened");
    assert_eq!(reader.bytes(), sealed.bytes());
    assert!(format!("{reader:?}").contains(&format!("{recording:?}")));
}

#[test]
fn a_missing_file_is_reported_and_stops_nothing() {
    let mut world = World::new();
    let missing = world.sealed_recording(10);
    let sound = world.sealed_recording(10);
    assert!(world.disk.remove_file(&recording_path(missing)));
    let world = world.reopen();
    let harms: Vec<_> = world.recovered.damage.iter().map(|damage| &damage.harm).collect();
    assert_eq!(harms, [&Harm::FileMissing { recording: missing }]);
    let sealed = world.store.sealed(missing).expect("it is still known");
    let opened = RecordingReader::open(&world.disk, &sealed).map(drop);
    assert!(matches!(opened, Err(RecordingError::Missing { .. })));
    world.assert_true_frames(sound);
}

/// F50.
#[test]
fn nothing_is_unlinked_before_its_removal_is_durable() {
    let mut world = World::new();
    let recording = world.sealed_recording(10);
    world.stage(Record::Removing { recording, why: Removal::Deleted });
    world.run(Work::Write).expect("the disk is healthy");
    assert!(world.run(Work::Remove(recording)).expect("nothing is done").is_none());
    assert!(world.disk.contents(&recording_path(recording)).is_some());
    world.run(Work::Sync).expect("the disk is healthy");
    world.run(Work::Remove(recording)).expect("the disk is healthy").expect("it is due");
    assert!(world.disk.contents(&recording_path(recording)).is_none());
}

/// F131.
#[test]
fn a_removal_that_a_crash_interrupted_is_finished() {
    for seed in 0..40 {
        let mut world = World::new();
        let recording = world.sealed_recording(10);
        world.stage(Record::Removing { recording, why: Removal::Deleted });
        world.flush();
        if seed % 2 == 0 {
            world.run(Work::Remove(recording)).expect("the disk is healthy");
        }
        let world = world.power_cut(seed);
        assert!(world.recovered.damage.is_empty(), "{:?}", world.recovered.damage);
        assert!(!world.store.ledger().recordings.contains_key(&recording));
        assert_eq!(world.store.durable_ledger().totals.deleted_frames, 10);
        assert!(world.disk.contents(&recording_path(recording)).is_none());
    }
}
