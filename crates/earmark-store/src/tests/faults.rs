//! Disks that refuse, and what the store makes of it.

use super::world::{World, device};
use crate::{Aim, DiskError, DiskOp, Fault, Outcome, Record, Work};

#[test]
fn a_failed_sync_is_never_made_good_by_another_one() {
    for seed in 0..100 {
        let mut world = World::new();
        let (capture, session) = world.capture();
        let recording = world.recording(capture, session);
        let ticket = world.frames(capture, 40);
        world.run(Work::Write).expect("the disk is healthy");
        world.disk.set_fault(DiskOp::Sync, DiskError::Eio, 1);
        let failure = world.run(Work::Sync).expect_err("the sync fails");
        assert!(failure.journal_is_dead);
        assert!(world.run(Work::Sync).expect("nothing is done").is_none());
        assert!(world.store.durable() < ticket);
        assert!(matches!(world.run(Work::Replace), Ok(Some(Outcome::Replaced { .. }))));
        assert!(world.store.durable() >= ticket);
        let mut world = world.power_cut(seed);
        world.seal_all();
        assert_eq!(world.read(recording).len(), 40, "{seed}");
    }
}

#[test]
fn a_failed_write_goes_into_a_new_file_with_all_that_is_not_durable() {
    let mut world = World::new();
    let (capture, session) = world.capture();
    let recording = world.recording(capture, session);
    world.frames(capture, 10);
    world.run(Work::Write).expect("the disk is healthy");
    world.frames(capture, 10);
    world.disk.set_fault(DiskOp::Write, DiskError::Enospc, 2);
    let failure = world.run(Work::Write).expect_err("the write fails");
    assert_eq!(failure.error.raw_os_error(), Some(28));
    world.frames(capture, 10);
    let again = world.run(Work::Replace).expect_err("the disk is still full");
    assert!(again.journal_is_dead);
    world.run(Work::Replace).expect("the disk is healthy again");
    assert_eq!(world.store.undurable_bytes(), 0);
    world.cut(capture, recording);
    world.flush();
    world.seal(recording);
    let mut world = world.power_cut(4);
    world.seal_all();
    assert_eq!(world.read(recording).len(), 30);
    world.assert_true_frames(recording);
}

/// F38.
#[test]
fn tries_that_fail_leave_no_files_behind() {
    let mut world = World::new();
    world.stage(Record::MuteSet { device: device(), muted: true });
    world.disk.set_fault(DiskOp::Write, DiskError::Eio, 20);
    world.run(Work::Write).expect_err("the write fails");
    let before = world.disk.paths().len();
    for _ in 0..19 {
        world.run(Work::Replace).expect_err("the write fails");
    }
    assert_eq!(world.disk.paths().len(), before);
    world.run(Work::Replace).expect("the disk is healthy again");
}

#[test]
fn a_sync_acknowledges_only_what_was_written_before_it_began() {
    let mut world = World::new();
    let (capture, _) = world.capture();
    let first = world.frames(capture, 5);
    world.run(Work::Write).expect("the disk is healthy");
    let sync = world.store.begin(Work::Sync).expect("there is something to sync");
    let second = world.frames(capture, 5);
    world.run(Work::Write).expect("one write and one sync go together");
    world.store.end(sync.run()).expect("the disk is healthy");
    assert!(world.store.durable() >= first);
    assert!(world.store.durable() < second);
    world.flush();
    assert!(world.store.durable() >= second);
}

#[test]
fn a_sync_does_not_acknowledge_a_write_that_is_in_flight() {
    let mut world = World::new();
    let (capture, _) = world.capture();
    let first = world.frames(capture, 5);
    world.run(Work::Write).expect("the disk is healthy");
    let second = world.frames(capture, 5);
    let write = world.store.begin(Work::Write).expect("there is something to write");
    world.run(Work::Sync).expect("the disk is healthy");
    assert!(world.store.durable() >= first);
    assert!(world.store.durable() < second);
    world.store.end(write.run()).expect("the disk is healthy");
    world.run(Work::Sync).expect("the disk is healthy");
    assert!(world.store.durable() >= second);
}

/// F40.
#[test]
fn nothing_is_durable_before_the_name_of_its_file_is() {
    let mut world = World::new();
    world.capture();
    world.flush();
    // The next file is due, and its folder cannot be synced.
    let (capture, _) = world.capture();
    let ticket = world.frames(capture, 150);
    world.disk.set_fault(DiskOp::Sync, DiskError::Eio, -1);
    world.run(Work::Write).expect_err("the new file's name cannot be made durable");
    world.run(Work::Replace).expect_err("nor that of its successor");
    assert!(world.store.durable() < ticket);
    world.disk.clear_faults();
    world.run(Work::Replace).expect("the disk is healthy again");
    assert!(world.store.durable() >= ticket);
}

#[test]
fn a_full_disk_opens_and_goes_on_when_there_is_room() {
    let mut world = World::new();
    let recording = world.sealed_recording(30);
    let (capture, session) = world.capture();
    let open = world.recording(capture, session);
    world.frames(capture, 10);
    world.flush();
    world.disk.set_full(true);
    let mut world = world.reopen();
    let failure = world.recovered.journal_failure.take().expect("there is no room");
    assert_eq!(failure.work, Work::Replace);
    assert!(world.store.journal_is_dead());
    world.assert_true_frames(recording);
    world.run(Work::Replace).expect_err("there is no room yet");
    world.disk.set_full(false);
    world.run(Work::Replace).expect("there is room");
    world.seal_all();
    assert_eq!(world.read(open).len(), 10);
}

#[test]
fn a_seal_that_fails_can_be_tried_again() {
    for op in [DiskOp::Create, DiskOp::Write, DiskOp::Sync, DiskOp::Rename, DiskOp::Read] {
        for passed in 0..2 {
            let mut world = World::new();
            let (capture, session) = world.capture();
            let recording = world.cut_recording(capture, session, 90);
            world.flush();
            if passed == 1 {
                world.disk.set_fault(op, DiskError::Enospc, 1);
                world.run(Work::Seal(recording)).expect_err("the disk refuses");
                assert!(!world.store.journal_is_dead());
            }
            world.seal_all();
            world.assert_true_frames(recording);
            assert!(!world.disk.paths().iter().any(|path| path.ends_with(".part")));
        }
    }
}

#[test]
fn a_torn_tail_that_cannot_be_cut_stops_no_start_up_and_never_comes_back() {
    let mut world = World::new();
    let (capture, session) = world.capture();
    let recording = world.recording(capture, session);
    world.frames(capture, 10);
    world.flush();
    let paths = world.disk.paths();
    let path = paths.iter().rfind(|path| path.starts_with("journal/")).expect("there is one");
    let whole = world.disk.contents(path).expect("it is there");
    world.frames(capture, 3);
    world.run(Work::Write).expect("the disk is healthy");
    let mut torn = world.disk.contents(path).expect("it is there");
    torn[whole.len() + 40] ^= 1;
    world.disk.plant(path, &torn);
    let fault = Fault::Error(DiskError::Eio);
    let aim = Aim { op: DiskOp::Write, prefix: path.clone(), skip: 0, times: 2, fault };
    world.disk.aim(aim);
    let mut world = world.reopen();
    let failure = world.recovered.journal_failure.take().expect("the tail cannot be cut");
    assert_eq!((failure.work, failure.path), (Work::Replace, path.clone()));
    world.run(Work::Write).expect("nothing is written before that");
    world.run(Work::Replace).expect_err("the tail still cannot be cut");
    assert!(world.store.journal_is_dead());
    world.run(Work::Replace).expect("the disk is healthy again");
    assert_eq!(world.disk.contents(path).expect("it is there"), whole);
    let mut world = world.power_cut(3);
    assert!(world.recovered.damage.is_empty(), "{:?}", world.recovered.damage);
    world.seal_all();
    assert_eq!(world.read(recording).len(), 10);
}

#[test]
fn a_file_of_which_only_the_header_was_written_makes_no_earlier_one_needless() {
    let mut world = World::new();
    let (capture, session) = world.capture();
    let recording = world.recording(capture, session);
    world.frames(capture, 10);
    world.flush();
    let aim = |op, skip| Aim {
        op,
        prefix: String::from("journal/"),
        skip,
        times: -1,
        fault: Fault::Error(DiskError::Eio),
    };
    world.disk.aim(aim(DiskOp::Write, 1));
    world.disk.aim(aim(DiskOp::Remove, 0));
    let mut world = world.reopen();
    world.recovered.journal_failure.take().expect("nothing fits behind the header");
    world.disk.clear_faults();
    let mut world = world.reopen();
    world.seal_all();
    assert_eq!(world.read(recording).len(), 10);
}
