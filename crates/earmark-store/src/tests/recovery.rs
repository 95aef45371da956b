//! What opening reads, what it believes, and what it refuses to go on without.

use std::fs::OpenOptions;
use std::sync::Arc;

use earmark_core::{Device, FrameSeq, RecordingId};

use super::world::{SMALL, World, device, open, stamp};
use crate::format::FileId;
use crate::layout;
use crate::recovery::{self, Depth};
use crate::scan::Scan;
use crate::{
    Aim, Config, Disk, DiskError, DiskOp, Fault, FsDisk, Harm, Narrow, OpenError, ReadError,
    Record, Removal, Seal, Sha256Sum, SimDisk, Store, Work,
};

/// What is behind a file that the store's own life would give a number.
const STRANGE: &str = "journal/00000000000000aa.log";

/// A file can be opened, and whatever is read of it after that fails.
fn reads_fail(world: &World, prefix: &str) {
    world.disk.aim(Aim {
        op: DiskOp::Read,
        prefix: prefix.to_owned(),
        skip: 1,
        times: -1,
        fault: Fault::Error(DiskError::Eio),
    });
}

fn paths(world: &World, dir: &str) -> Vec<String> {
    world.disk.paths().into_iter().filter(|path| path.starts_with(dir)).collect()
}

/// Decisions come in until a snapshot is due, which holds them all.
fn snapshot(world: &mut World) {
    while world.run(Work::Snapshot).expect("the disk is healthy").is_none() {
        world.stage(Record::MuteSet { device: device(), muted: true });
        world.flush();
    }
}

/// The journal has gone on in another file, and a snapshot reaches into that.
fn a_later_file_and_a_snapshot(world: &mut World) {
    let before = paths(world, "journal/");
    while paths(world, "journal/") == before {
        world.stage(Record::MuteSet { device: device(), muted: true });
        world.flush();
    }
    snapshot(world);
}

/// A recording of twelve frames is cut and not sealed.
fn waiting_for_its_seal() -> (World, RecordingId) {
    let mut world = World::new();
    let (capture, session) = world.capture();
    let recording = world.cut_recording(capture, session, 12);
    world.stage(Record::CaptureClosed { capture, at: stamp() });
    world.flush();
    (world, recording)
}

/// Which files of the journal the next process reads.
fn read_by_the_next(world: &World) -> Vec<String> {
    world.disk.kill();
    let disk = world.disk.life();
    disk.start_log();
    open(&disk, SMALL, 7_000);
    let mut asked = disk.take_asked();
    asked.retain(|(op, path)| *op == DiskOp::Read && path.starts_with("journal/"));
    asked.into_iter().map(|(_, path)| path).collect()
}

#[test]
fn a_journal_file_is_not_read_when_a_snapshot_holds_all_that_is_wanted_of_it() {
    let mut world = World::new();
    world.sealed_recording(40);
    a_later_file_and_a_snapshot(&mut world);
    let files = paths(&world, "journal/");
    let read = read_by_the_next(&world);
    assert!(!read.contains(&files[0]), "{read:?}");
    assert!(read.contains(files.last().expect("there is one")), "{read:?}");
}

#[test]
fn a_journal_file_is_read_for_the_frames_of_a_recording_that_waits_for_its_seal() {
    let (mut world, recording) = waiting_for_its_seal();
    a_later_file_and_a_snapshot(&mut world);
    let mut world = world.reopen();
    world.seal_all();
    world.assert_true_frames(recording);
}

#[test]
fn a_journal_file_is_read_for_frames_that_no_recording_has_yet() {
    let mut world = World::new();
    let (capture, _) = world.capture();
    world.frames(capture, 12);
    world.flush();
    a_later_file_and_a_snapshot(&mut world);
    let mut world = world.reopen();
    world.seal_all();
    let recordings: Vec<_> = world.store.ledger().recordings.keys().copied().collect();
    assert_eq!(recordings.len(), 1, "they got one");
    assert_eq!(world.store.ledger().recordings[&recordings[0]].end, Some(FrameSeq(12)));
    world.assert_true_frames(recordings[0]);
}

/// F36.
#[test]
fn without_the_only_snapshot_nothing_is_opened_and_with_an_older_one_everything_is() {
    let mut world = World::new();
    let first = world.sealed_recording(20);
    snapshot(&mut world);
    reads_fail(&world, "snapshots/");
    let refused = recovery::read(&world.disk, Depth::Whole);
    let Err(ReadError::Io { path, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!([path], paths(&world, "snapshots/")[..]);
    world.disk.clear_faults();
    let second = world.sealed_recording(20);
    snapshot(&mut world);
    let snapshots = paths(&world, "snapshots/");
    reads_fail(&world, snapshots.last().expect("there is one"));
    assert_eq!(snapshots.len(), 2, "{snapshots:?}");
    let found = recovery::read(&world.disk, Depth::Whole).expect("the older one is enough");
    assert_eq!(found.damage.len(), 1, "{:?}", found.damage);
    assert!([first, second].iter().all(|one| found.durable_ledger.recordings.contains_key(one)));
}

#[test]
fn a_journal_that_the_disk_will_not_read_stops_the_opening_and_goes_nowhere() {
    let mut world = World::new();
    let recording = world.sealed_recording(20);
    let before = paths(&world, "journal/");
    reads_fail(&world, "journal/");
    world.disk.kill();
    world.disk = world.disk.life();
    let disk: Arc<dyn Disk> = Arc::new(world.disk.clone());
    let opened = Store::open(disk, SMALL, &mut || 3, stamp());
    let Err(OpenError::Files(ReadError::Io { path, .. })) = opened else {
        panic!("it was opened without its journal");
    };
    assert!(before.contains(&path), "{path}");
    world.disk.clear_faults();
    world.reopen().assert_true_frames(recording);
}

#[test]
fn a_journal_file_that_is_longer_than_any_goes_to_quarantine_unread() {
    let dir = tempfile::tempdir().expect("a folder for the test");
    let root = dir.path().join("store");
    let start = || {
        let disk: Arc<dyn Disk> = Arc::new(FsDisk::create(&root).expect("it can be made"));
        Store::open(disk, Config::default(), &mut || 3, stamp()).expect("it opens")
    };
    drop(start());
    let strange = OpenOptions::new().write(true).create_new(true).open(root.join(STRANGE));
    strange.expect("it is new").set_len((1 << 30) + 1).expect("it takes no room");
    let (_, recovered) = start();
    let damaged: Vec<&str> = recovered.damage.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(damaged, [STRANGE]);
    assert!(!root.join(STRANGE).exists());
}

#[test]
fn a_journal_file_under_the_name_of_another_is_not_believed() {
    let mut world = World::new();
    let recording = world.sealed_recording(20);
    let file = paths(&world, "journal/")[0].clone();
    let bytes = world.disk.contents(&file).expect("it is there");
    world.disk.plant(STRANGE, &bytes);
    let world = world.reopen();
    let damaged: Vec<&str> = world.recovered.damage.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(damaged, [STRANGE]);
    world.assert_true_frames(recording);
}

#[test]
fn a_journal_file_whose_making_was_interrupted_is_a_torn_tail_and_no_damage() {
    let world = World::on(SimDisk::new(1), SMALL);
    world.disk.plant(STRANGE, &[7; 900]);
    world.disk.plant("journal/00000000000000ab.log", &[0; 3_000]);
    let world = world.reopen();
    assert!(world.recovered.damage.is_empty(), "{:?}", world.recovered.damage);
    assert_eq!(world.recovered.torn_bytes, 900 + 3_000);
    let left = paths(&world, "journal/");
    assert!(!left.iter().any(|path| path.contains("00aa") || path.contains("00ab")), "{left:?}");
}

fn scan(world: &World, path: &str) -> Scan {
    let bytes = world.disk.contents(path).expect("it is there");
    Scan::of(FileId::parse(&bytes).expect("its header is whole"), &bytes, 0)
}

/// Breaks the record of a number, wherever it stands.
fn lose(world: &World, seq: u64) {
    for path in paths(world, "journal/0") {
        for record in scan(world, &path).records.iter().filter(|record| record.seq == seq) {
            assert!(world.disk.flip_bit(&path, (record.offset + 40) * 8));
        }
    }
}

fn mute(world: &mut World, name: &str) -> u64 {
    let device = Device::new(name).expect("a short name");
    world.stage(Record::MuteSet { device, muted: true }).number()
}

fn is_muted(world: &World, name: &str) -> bool {
    world.store.ledger().muted.contains(&Device::new(name).expect("a short name"))
}

fn harms(world: &World) -> Vec<Harm> {
    world.recovered.damage.iter().map(|damage| damage.harm.clone()).collect()
}

#[test]
fn what_is_behind_the_last_durable_record_is_kept_when_that_one_is_lost() {
    let mut world = World::new();
    let lost = mute(&mut world, "lost");
    world.flush();
    mute(&mut world, "behind");
    world.run(Work::Write).expect("the disk is healthy");
    lose(&world, lost);
    let world = world.reopen();
    assert_eq!(harms(&world), [Harm::Rot]);
    assert!(is_muted(&world, "behind") && !is_muted(&world, "lost"));
}

#[test]
fn what_is_behind_a_record_that_never_was_durable_is_dropped_when_that_one_is_lost() {
    let mut world = World::new();
    let durable = mute(&mut world, "durable");
    world.flush();
    let lost = mute(&mut world, "lost");
    world.run(Work::Write).expect("the disk is healthy");
    let behind = mute(&mut world, "behind");
    world.run(Work::Write).expect("the disk is healthy");
    let file = paths(&world, "journal/0").pop().expect("there is one");
    let records = scan(&world, &file).records;
    let dropped = records.iter().find(|record| record.seq == behind).expect("it is written").len;
    lose(&world, durable);
    lose(&world, lost);
    let world = world.reopen();
    assert_eq!(harms(&world), [Harm::Rot]);
    assert_eq!(world.recovered.torn_bytes, u64::from(dropped), "the rot is no torn tail");
    assert!(!is_muted(&world, "behind"), "it may have come without what was before it");
}

#[test]
fn damage_to_what_a_snapshot_holds_loses_nothing_up_to_the_last_record_in_it() {
    let (mut world, waiting) = waiting_for_its_seal();
    let recording = world.sealed_recording(20);
    let mut last = 0;
    while world.run(Work::Snapshot).expect("the disk is healthy").is_none() {
        last = mute(&mut world, "held");
        world.flush();
    }
    mute(&mut world, "behind");
    world.flush();
    lose(&world, last);
    let mut world = world.reopen();
    assert!(world.recovered.damage.is_empty(), "{:?}", world.recovered.damage);
    assert!(is_muted(&world, "held") && is_muted(&world, "behind"));
    world.assert_true_frames(recording);
    world.seal_all();
    world.assert_true_frames(waiting);
}

#[test]
fn frames_that_are_lost_below_a_snapshot_are_missed_by_a_recording_that_waits_for_its_seal() {
    let (mut world, waiting) = waiting_for_its_seal();
    let frames = world.staged.iter().rev().find(|(_, record)| matches!(record, Record::Frames(_)));
    let lost = frames.expect("some were staged").0.number();
    a_later_file_and_a_snapshot(&mut world);
    lose(&world, lost);
    let mut world = world.reopen();
    assert_eq!(harms(&world), [Harm::Rot]);
    world.seal_all();
    let facts = &world.store.ledger().recordings[&waiting];
    assert_eq!(facts.sealed.as_ref().map(|seal| seal.missing), Some(12));
}

#[test]
fn the_last_record_of_a_file_is_missed_although_nothing_stands_behind_it_there() {
    let mut world = World::new();
    while paths(&world, "journal/0").len() < 2 {
        mute(&mut world, "often");
        world.flush();
    }
    world.flush();
    let next = scan(&world, &paths(&world, "journal/0")[1]).first;
    lose(&world, next - 1);
    assert_eq!(harms(&world.reopen()), [Harm::Rot]);
}

#[test]
fn a_torn_tail_sends_no_file_to_quarantine() {
    let mut world = World::new();
    world.sealed_recording(30);
    let torn = mute(&mut world, "torn");
    world.run(Work::Write).expect("the disk is healthy");
    mute(&mut world, "behind");
    world.run(Work::Write).expect("the disk is healthy");
    lose(&world, torn);
    let mut world = world.reopen();
    assert!(world.recovered.damage.is_empty(), "{:?}", world.recovered.damage);
    outlive_the_journal(&mut world);
    assert_eq!(paths(&world, "quarantine/"), [""; 0]);
}

#[test]
fn a_journal_file_that_is_gone_is_missed_although_another_has_a_hole() {
    let mut world = World::new();
    while paths(&world, "journal/0").len() < 3 {
        mute(&mut world, "often");
        world.flush();
    }
    let files = paths(&world, "journal/0");
    let (from, to) = (scan(&world, &files[1]).first, scan(&world, &files[2]).first);
    lose(&world, 3);
    assert!(world.disk.remove_file(&files[1]));
    let world = world.reopen();
    let found = harms(&world);
    assert!(found.contains(&Harm::Rot), "{found:?}");
    assert!(found.contains(&Harm::RecordsMissing { from, to }), "{found:?}");
}

#[test]
fn without_damage_nothing_goes_to_quarantine_though_frames_of_what_was_removed_lie_there() {
    let mut world = World::new();
    for _ in 0..5 {
        let recording = world.sealed_recording(30);
        world.stage(Record::Removing { recording, why: Removal::Released });
        world.flush();
        world.run(Work::Remove(recording)).expect("the disk is healthy").expect("it is due");
        world.stage(Record::Removed { recording });
        world.flush();
    }
    let mut world = world.reopen();
    outlive_the_journal(&mut world);
    assert_eq!(paths(&world, "quarantine/"), [""; 0]);
}

/// Recordings come in until the journal files that were there before are gone.
fn outlive_the_journal(world: &mut World) {
    let files = paths(world, "journal/0");
    while files.iter().any(|path| world.disk.contents(path).is_some()) {
        world.sealed_recording(40);
        world.run(Work::Snapshot).expect("the disk is healthy");
        world.run(Work::Prune).expect("the disk is healthy");
    }
}

/// A snapshot holds everything that is durable now.
fn snapshot_at_once(world: &mut World) {
    world.store.want_snapshot();
    world.run(Work::Snapshot).expect("the disk is healthy").expect("it is due");
}

#[test]
fn a_journal_file_that_was_not_read_goes_once_the_older_snapshot_holds_its_last_record() {
    let mut world = World::new();
    mute(&mut world, "first");
    world.flush();
    let held = paths(&world, "journal/0");
    while paths(&world, "journal/0") == held {
        snapshot_at_once(&mut world);
        mute(&mut world, "often");
        world.flush();
    }
    snapshot_at_once(&mut world);
    let mut world = world.reopen();
    world.run(Work::Prune).expect("the disk is healthy");
    assert_eq!(world.disk.contents(&held[0]), None);
}

#[test]
fn a_journal_file_that_says_it_begins_before_the_first_record_is_no_reason_to_skip_another() {
    let world = World::new();
    world.disk.plant(STRANGE, &FileId::new(0xaa, 9, 0).header());
    let world = world.reopen();
    assert!(world.recovered.damage.is_empty(), "{:?}", world.recovered.damage);
}

#[test]
fn a_folder_that_cannot_be_listed_is_not_taken_for_an_empty_one() {
    let dir = tempfile::tempdir().expect("a folder for the test");
    let disk = FsDisk::create(&dir.path().join("store")).expect("it can be made");
    std::fs::write(dir.path().join("store/recordings"), b"").expect("it can be made");
    let refused = recovery::read(&disk, Depth::Whole);
    let Err(ReadError::Io { path, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(path, "recordings");
}

#[test]
fn an_identity_that_cannot_be_opened_is_not_taken_for_a_new_store() {
    let world = World::new();
    world.disk.set_narrow_fault(Narrow::Open, DiskError::Emfile, 1);
    let refused = recovery::read(&world.disk, Depth::Whole);
    let Err(ReadError::Io { path, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(path, "store.json");
}

#[test]
fn a_name_that_no_store_would_give_is_none_of_the_journal() {
    assert_eq!(layout::journal_number("00000000000000aa.log"), Some(0xaa));
    for name in ["aa.log", "+0000000000000aa.log", "00000000000000AA.log", "00000000000000aa"] {
        assert_eq!(layout::journal_number(name), None, "{name}");
    }
}

#[test]
fn a_sealed_recording_whose_cut_is_lost_ends_behind_the_frames_that_its_seal_misses() {
    let mut world = World::new();
    let (capture, session) = world.capture();
    let recording = world.recording(capture, session);
    world.frames(capture, 12);
    world.flush();
    let at = stamp().wall;
    let sha256 = Sha256Sum([0; 32]);
    let (frames, missing, bytes, twin) = (7, 3, 99, 0);
    let seal = Seal { frames, bytes, sha256, started_at: at, ended_at: at, twin, missing };
    let seal = Arc::new(seal);
    world.stage(Record::Sealed { recording, seal });
    world.flush();
    let world = world.reopen();
    assert_eq!(world.store.ledger().recordings[&recording].end, Some(FrameSeq(10)));
}
