//! A full disk: what was taken and what is decided goes into the reserve.

use earmark_core::RecordingId;

use super::world::{SMALL, World, conversation, device, stamp};
use crate::{DiskError, DiskOp, Outcome, Record, Removal, Ticket, Work};

const RESERVE: &str = "journal/reserve";

/// A store with a reserve, a sealed recording and a file that cannot grow.
fn full() -> (World, RecordingId) {
    let mut world = World::new();
    world.run(Work::Prune).expect("the disk is healthy");
    let recording = world.sealed_recording(30);
    world.disk.set_full(true);
    world.run(Work::Write).expect("nothing is staged");
    (world, recording)
}

/// Stages a decision and has it written, wherever there is room.
fn decide(world: &mut World, record: Record) -> Ticket {
    let ticket = world.stage(record);
    if world.run(Work::Write).is_err() {
        let outcome = world.run(Work::Replace).expect("there is a reserve");
        assert!(matches!(outcome, Some(Outcome::Replaced { .. })));
    }
    world.run(Work::Sync).expect("the disk is healthy");
    ticket
}

fn link(recording: RecordingId) -> Record {
    let (conversation, recordings) = (conversation("c1"), vec![recording]);
    Record::Linked { conversation, recordings, seals: Vec::new(), at: stamp() }
}

fn reserve_bytes(world: &World) -> Option<u64> {
    world.disk.contents(RESERVE).map(|bytes| bytes.len() as u64)
}

/// Decides until the reserve is spent.
fn spend(world: &mut World) {
    let mut muted = false;
    while !world.store.reserve_is_spent() {
        muted = !muted;
        decide(world, Record::MuteSet { device: device(), muted });
    }
}

#[test]
fn a_reserve_lies_ready_and_outlives_the_process() {
    let mut world = World::new();
    world.run(Work::Prune).expect("the disk is healthy");
    assert_eq!(reserve_bytes(&world), Some(SMALL.journal_file_bytes_max / 2));
    let before = world.disk.operations();
    let mut world = world.power_cut(1);
    world.disk.set_full(true);
    spend(&mut world);
    assert!(world.disk.operations() > before);
}

#[test]
fn on_a_full_disk_a_link_is_durable_and_a_removal_goes_on() {
    let (mut world, recording) = full();
    spend(&mut world);
    let ticket = decide(&mut world, link(recording));
    assert!(world.store.durable() >= ticket);
    decide(&mut world, Record::Removing { recording, why: Removal::Deleted });
    let removed = world.run(Work::Remove(recording)).expect("the disk is healthy");
    assert_eq!(removed, Some(Outcome::Removed { recording }));
}

#[test]
fn what_the_reserve_holds_outlives_a_power_cut() {
    for seed in 0..50 {
        let (mut world, recording) = full();
        spend(&mut world);
        decide(&mut world, link(recording));
        world.disk.set_full(false);
        let world = world.power_cut(seed);
        assert!(world.recovered.damage.is_empty(), "{:?}", world.recovered.damage);
        let facts = &world.store.ledger().recordings[&recording];
        assert_eq!(facts.conversation, Some(conversation("c1")), "{seed}");
    }
}

#[test]
fn frames_that_were_taken_go_into_the_reserve() {
    let (mut world, _) = full();
    let (capture, session) = world.capture();
    world.recording(capture, session);
    let ticket = world.frames(capture, 10);
    while world.run(Work::Write).is_ok() {
        world.frames(capture, 10);
    }
    world.run(Work::Replace).expect("there is a reserve");
    assert!(world.store.durable() >= ticket && world.store.undurable_bytes() == 0);
}

#[test]
fn frames_that_do_not_fit_into_the_reserve_stay_in_memory_and_leave_it_ready() {
    let (mut world, _) = full();
    let (capture, session) = world.capture();
    let recording = world.recording(capture, session);
    let ticket = world.frames(capture, 400);
    world.run(Work::Write).expect_err("there is no room");
    let failure = world.run(Work::Replace).expect_err("nor is there in the reserve");
    assert_eq!(failure.error.raw_os_error(), Some(28));
    assert!(world.store.durable() < ticket && reserve_bytes(&world).is_some());
    world.disk.set_full(false);
    world.run(Work::Replace).expect("there is room");
    assert!(world.store.durable() >= ticket && !world.store.reserve_is_spent());
    world.cut(capture, recording);
    world.flush();
    world.seal_all();
    world.assert_true_frames(recording);
}

#[test]
fn the_reserve_is_made_anew_once_there_is_room() {
    let (mut world, recording) = full();
    spend(&mut world);
    assert_eq!(reserve_bytes(&world), None);
    let failure = world.run(Work::Refill).expect_err("there is no room");
    assert!(!failure.journal_is_dead && world.store.reserve_is_spent());
    world.run(Work::Prune).expect("the disk is healthy");
    assert!(world.store.reserve_is_spent(), "only a refill ends that");
    world.disk.set_full(false);
    assert_eq!(world.run(Work::Refill).expect("there is room"), Some(Outcome::Refilled));
    assert_eq!(reserve_bytes(&world), Some(SMALL.journal_file_bytes_max / 2));
    assert!(world.run(Work::Refill).expect("nothing is done").is_none());
    world.disk.set_full(true);
    spend(&mut world);
    world.assert_true_frames(recording);
}

#[test]
fn the_reserve_is_for_a_full_disk_and_for_no_other_fault() {
    let (mut world, _) = full();
    world.disk.set_full(false);
    world.stage(Record::MuteSet { device: device(), muted: true });
    world.disk.set_fault(DiskOp::Write, DiskError::Eio, 2);
    world.run(Work::Write).expect_err("the write fails");
    world.run(Work::Replace).expect_err("the write fails");
    assert!(reserve_bytes(&world).is_some());
    world.run(Work::Replace).expect("the disk is healthy again");
    world.run(Work::Prune).expect("the disk is healthy again");
    world.disk.set_full(true);
    spend(&mut world);
}

#[test]
fn a_reserve_that_cannot_be_named_durably_acknowledges_nothing() {
    let (mut world, _) = full();
    let (capture, _) = world.capture();
    let mut ticket = world.frames(capture, 10);
    while world.run(Work::Write).is_ok() {
        ticket = world.frames(capture, 10);
    }
    world.disk.set_fault(DiskOp::Sync, DiskError::Eio, -1);
    world.run(Work::Replace).expect_err("the folder cannot be synced");
    assert!(world.store.durable() < ticket);
    world.disk.clear_faults();
    world.disk.set_full(false);
    world.run(Work::Replace).expect("the disk is healthy again");
    assert!(world.store.durable() >= ticket);
}

#[test]
fn a_reserve_whose_sync_has_failed_serves_no_more() {
    let (mut world, _) = full();
    while world.run(Work::Write).is_ok() {
        world.stage(Record::MuteSet { device: device(), muted: true });
    }
    // The file that cannot be made is not synced: the first sync is that of the reserve.
    world.disk.set_fault(DiskOp::Sync, DiskError::Enospc, 1);
    assert!(world.run(Work::Replace).is_err());
    assert_eq!(reserve_bytes(&world), None);
    assert!(world.run(Work::Replace).is_err(), "there is no room and no reserve");
    world.disk.set_full(false);
    world.run(Work::Replace).expect("there is room");
    world.run(Work::Prune).expect("there is room");
    assert_eq!(reserve_bytes(&world), Some(SMALL.journal_file_bytes_max / 2));
    let world = world.power_cut(1);
    assert!(world.recovered.damage.is_empty(), "{:?}", world.recovered.damage);
}
