//! The spare journal file: ready before it is needed, and used again when it has served.

use super::world::{SMALL, World};
use crate::{DiskError, DiskOp, Work};

const SPARE: &str = "journal/spare";

fn keep_house(world: &mut World) {
    world.run(Work::Snapshot).expect("the disk is healthy");
    world.run(Work::Prune).expect("the disk is healthy");
}

fn spare_bytes(world: &World) -> Option<u64> {
    world.disk.contents(SPARE).map(|bytes| bytes.len() as u64)
}

/// The longest journal file, by its path.
fn last_journal_file(world: &World) -> (String, usize) {
    let paths = world.disk.paths();
    let last = paths.into_iter().rfind(|path| path.ends_with(".log")).expect("there is a journal");
    let len = world.disk.contents(&last).map_or(0, |bytes| bytes.len());
    (last, len)
}

#[test]
fn no_commit_into_a_file_that_was_a_spare_changes_its_length() {
    let mut world = World::new();
    keep_house(&mut world);
    assert_eq!(spare_bytes(&world), Some(SMALL.journal_file_bytes_max));
    let first = last_journal_file(&world).0;
    while last_journal_file(&world).0 == first {
        world.sealed_recording(20);
    }
    let (path, len) = last_journal_file(&world);
    assert_eq!((len as u64, spare_bytes(&world)), (SMALL.journal_file_bytes_max, None));
    world.sealed_recording(20);
    assert_eq!(last_journal_file(&world), (path, len));
}

#[test]
fn a_file_that_nothing_needs_is_used_again_and_its_old_bytes_say_nothing() {
    let mut world = World::new();
    keep_house(&mut world);
    let mut reused = 0;
    let mut recordings = Vec::new();
    for _ in 0..60 {
        recordings.push(world.sealed_recording(30));
        let before = spare_bytes(&world);
        keep_house(&mut world);
        let zeros = |bytes: Vec<u8>| bytes.iter().all(|byte| *byte == 0);
        let is_old = !world.disk.contents(SPARE).is_none_or(zeros);
        reused += usize::from(before.is_none() && is_old);
    }
    assert!(reused > 5, "{reused} files were used again");
    let world = world.power_cut(3);
    assert!(world.recovered.damage.is_empty(), "{:?}", world.recovered.damage);
    assert_eq!(world.recovered.torn_bytes, 0);
    for recording in recordings {
        world.assert_true_frames(recording);
    }
}

#[test]
fn a_torn_record_in_a_file_that_was_used_before_is_told_from_what_lay_there() {
    let mut torn = 0;
    for seed in 0..60 {
        let mut world = World::new();
        for _ in 0..20 {
            world.sealed_recording(30);
            keep_house(&mut world);
        }
        let (capture, session) = world.capture();
        let recording = world.recording(capture, session);
        world.frames(capture, 30);
        world.flush();
        world.frames(capture, 30);
        world.run(Work::Write).expect("the disk is healthy");
        let mut world = world.power_cut(seed);
        assert!(world.recovered.damage.is_empty(), "{seed}: {:?}", world.recovered.damage);
        torn += u64::from(world.recovered.torn_bytes > 0);
        world.seal_all();
        assert!((30..=60).contains(&world.read(recording).len()), "{seed}");
        world.assert_true_frames(recording);
    }
    assert!(torn > 0, "no cut tore a record");
}

#[test]
fn the_next_process_makes_the_spare_anew() {
    let mut world = World::new();
    keep_house(&mut world);
    world.disk.plant(SPARE, b"half made");
    let mut world = world.reopen();
    keep_house(&mut world);
    assert_eq!(spare_bytes(&world), Some(SMALL.journal_file_bytes_max));
}

/// F39.
#[test]
fn without_room_for_a_spare_and_without_the_spare_the_journal_goes_on() {
    let mut world = World::new();
    // The reserve is tried for first.
    world.disk.set_fault(DiskOp::Write, DiskError::Enospc, 2);
    keep_house(&mut world);
    assert_eq!(spare_bytes(&world), None);
    let recording = world.sealed_recording(200);
    keep_house(&mut world);
    assert!(world.disk.remove_file(SPARE));
    let other = world.sealed_recording(200);
    let world = world.power_cut(1);
    world.assert_true_frames(recording);
    world.assert_true_frames(other);
}
