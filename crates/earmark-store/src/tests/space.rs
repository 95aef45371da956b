//! The journal stays short, whatever has been recorded.

use earmark_core::FrameSeq;

use super::world::{World, stamp};
use crate::{Record, Removal, Work};

fn journal_bytes(world: &World) -> usize {
    let paths = world.disk.paths();
    let journal = paths.iter().filter(|path| path.starts_with("journal/"));
    journal.filter_map(|path| world.disk.contents(path)).map(|bytes| bytes.len()).sum()
}

fn keep_house(world: &mut World) {
    world.run(Work::Snapshot).expect("the disk is healthy");
    world.run(Work::Prune).expect("the disk is healthy");
}

/// F153.
#[test]
fn the_journal_stays_short_while_recordings_gather() {
    let mut world = World::new();
    let mut recordings = Vec::new();
    let mut longest = 0;
    for _ in 0..60 {
        recordings.push(world.sealed_recording(60));
        keep_house(&mut world);
        longest = longest.max(journal_bytes(&world));
    }
    assert!(longest < 60 << 10, "{longest}");
    let world = world.power_cut(2);
    assert!(world.recovered.damage.is_empty(), "{:?}", world.recovered.damage);
    for recording in recordings {
        world.assert_true_frames(recording);
    }
}

#[test]
fn a_journal_file_stays_as_long_as_an_unsealed_recording_needs_it() {
    let mut world = World::new();
    let (capture, session) = world.capture();
    let waiting = world.cut_recording(capture, session, 50);
    for _ in 0..30 {
        world.sealed_recording(60);
        keep_house(&mut world);
    }
    let mut world = world.reopen();
    assert!(world.recovered.damage.is_empty(), "{:?}", world.recovered.damage);
    world.seal_all();
    world.assert_true_frames(waiting);
    for _ in 0..10 {
        world.sealed_recording(60);
        keep_house(&mut world);
    }
    assert!(journal_bytes(&world) < 60 << 10);
}

#[test]
fn a_running_capture_does_not_hold_the_journal() {
    let mut world = World::new();
    let (capture, session) = world.capture();
    let mut longest = 0;
    for _ in 0..80 {
        world.cut_recording(capture, session, 60);
        world.flush();
        world.seal_all();
        keep_house(&mut world);
        longest = longest.max(journal_bytes(&world));
    }
    assert!(longest < 60 << 10, "{longest}");
    assert_eq!(world.next(capture), FrameSeq(80 * 60));
}

#[test]
fn removed_recordings_leave_nothing_but_their_count() {
    let mut world = World::new();
    for _ in 0..40 {
        let recording = world.sealed_recording(30);
        world.stage(Record::Removing { recording, why: Removal::Released });
        world.flush();
        world.run(Work::Remove(recording)).expect("the disk is healthy").expect("it is due");
        world.stage(Record::Removed { recording });
        world.flush();
        keep_house(&mut world);
    }
    let ledger = world.store.durable_ledger();
    assert_eq!(ledger.totals.released_frames, 40 * 30);
    assert!(ledger.recordings.is_empty() && ledger.captures.is_empty());
    let recordings = world.disk.paths();
    assert!(!recordings.iter().any(|path| path.starts_with("recordings/")));
    assert!(world.disk.bytes_held() < 200 << 10, "{}", world.disk.bytes_held());
}

#[test]
fn many_short_lives_do_not_gather_journal_files() {
    let mut world = World::new();
    for _ in 0..50 {
        world.stage(Record::MuteSet { device: super::world::device(), muted: true });
        world.flush();
        world = world.reopen();
        keep_house(&mut world);
    }
    assert!(world.disk.paths().len() < 30, "{:?}", world.disk.paths());
}

#[test]
fn sessions_without_recordings_are_remembered_up_to_a_limit() {
    let mut world = World::new();
    let (capture, _) = world.capture();
    for _ in 0..crate::SESSIONS_KEPT_MAX + 50 {
        let session = world.store.next_session();
        world.stage(Record::SessionOpened { session, capture, first: FrameSeq(0), at: stamp() });
        world.stage(Record::SessionClosed { session, end: crate::SessionEnd::Gap, at: stamp() });
    }
    assert!(world.store.ledger().sessions.len() <= crate::SESSIONS_KEPT_MAX + 1);
}
