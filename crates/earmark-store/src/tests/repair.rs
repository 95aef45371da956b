//! Repair: what it does, what it leaves, and that it may be cut short anywhere.

use std::sync::Arc;

use earmark_core::RecordingId;
use earmark_core::sync::UploadStage;

use super::world::{World, device, stamp};
use crate::{
    Action, Disk, Harm, Record, RepairError, SimDisk, Step, Work, plan_repair, recording_path,
    repair, verify,
};

/// A store with every kind of damage, and whose frames are where.
struct Damaged {
    disk: SimDisk,
    /// Its file has a flipped bit.
    rotten: RecordingId,
    /// Its file is gone.
    missing: RecordingId,
    /// Its file has a flipped bit, and the server has it.
    synced: RecordingId,
    sound: RecordingId,
    /// It is not sealed, and one record of its frames is damaged.
    unsealed: RecordingId,
}

const STRANGERS: [(&str, &[u8]); 3] = [
    ("recordings/r-00000001-77.bin", b"who am I"),
    ("journal/notes.txt", b"not a journal"),
    ("snapshots/0000000000000fff.snap", b"not a snapshot"),
];

fn damaged() -> Damaged {
    let mut world = World::new();
    let [rotten, missing, synced, sound] = [60; 4].map(|count| world.sealed_recording(count));
    world.synced(synced);
    let (capture, session) = world.capture();
    let unsealed = world.cut_recording(capture, session, 90);
    world.flush();
    // So that the bytes of the last record are known to have been durable.
    world.stage(Record::MuteSet { device: device(), muted: true });
    world.flush();
    let frame = super::world::frame(capture, 0).bytes;
    let (path, at) = find(&world.disk, "journal/", &frame);
    world.disk.kill();
    let disk = world.disk.life();
    assert!(disk.flip_bit(&path, at * 8 + 100));
    for recording in [rotten, synced] {
        assert!(disk.flip_bit(&recording_path(recording), 8 * 100));
    }
    assert!(disk.remove_file(&recording_path(missing)));
    for (path, bytes) in STRANGERS {
        disk.plant(path, bytes);
    }
    Damaged { disk, rotten, missing, synced, sound, unsealed }
}

fn find(disk: &SimDisk, folder: &str, needle: &[u8]) -> (String, u64) {
    let paths = disk.paths().into_iter().filter(|path| path.starts_with(folder));
    let place = |path: String| {
        let bytes = disk.contents(&path)?;
        let at = bytes.windows(needle.len()).position(|window| window == needle)?;
        Some((path, at as u64))
    };
    paths.filter_map(place).next().expect("it is there")
}

fn run(disk: &SimDisk, seed: u64) -> Result<Vec<Step>, RepairError> {
    let mut dice = seed;
    let mut entropy = || {
        dice += 1;
        crate::journal::mix(dice)
    };
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    repair(&disk, &mut entropy, stamp())
}

fn planned(disk: &SimDisk) -> Vec<Step> {
    plan_repair(disk, &mut |_, _| {}).expect("it can be read")
}

fn kept(disk: &SimDisk, bytes: &[u8]) -> bool {
    let mut paths = disk.paths().into_iter();
    paths.any(|path| disk.contents(&path).is_some_and(|kept| kept == bytes))
}

#[test]
fn each_damage_is_named_with_what_it_cost() {
    let damaged = damaged();
    let found = verify(&damaged.disk, &mut |_, _| {}).expect("it can be read");
    let audio = |recording: RecordingId| {
        let costs = found.damage.iter().filter_map(|damage| damage.cost.as_ref());
        let mut lost = costs.flat_map(|cost| &cost.audio);
        lost.find(|lost| lost.recording == recording).map_or(0, |lost| lost.frames)
    };
    assert_eq!(found.damage.len(), 7, "{:#?}", found.damage);
    assert!(found.damage.iter().all(|damage| damage.cost.is_some()));
    assert_eq!((audio(damaged.synced), audio(damaged.sound)), (0, 0));
    assert_eq!(audio(damaged.missing), 60);
    assert!(audio(damaged.rotten) > 0 && audio(damaged.unsealed) > 0);
    let after = run(&damaged.disk, 1).map(|_| damaged.disk.life());
    let disk = after.expect("the disk is healthy");
    let ledger = crate::inspect(&disk).expect("it can be read").ledger;
    let seal = ledger.recordings[&damaged.unsealed].sealed.clone().expect("it is sealed");
    assert_eq!(u64::from(seal.missing), audio(damaged.unsealed), "the cost was told right");
}

#[test]
fn a_lost_decision_is_named() {
    let mut world = World::new();
    let recording = world.sealed_recording(10);
    world.synced(recording);
    world.flush();
    world.stage(Record::MuteSet { device: device(), muted: true });
    world.flush();
    world.disk.kill();
    let disk = world.disk.life();
    let (path, at) = find(&disk, "journal/", b"\"synced\"");
    assert!(disk.flip_bit(&path, (at + 2) * 8));
    let found = verify(&disk, &mut |_, _| {}).expect("it can be read");
    let [damage] = &found.damage[..] else { panic!("{:?}", found.damage) };
    assert_eq!(damage.harm, Harm::Rot);
    let cost = damage.cost.clone().expect("it is weighed");
    assert_eq!((cost.decisions, cost.audio), (vec![String::from("upload")], Vec::new()));
}

#[test]
fn damage_to_frames_that_are_in_a_recording_costs_nothing() {
    let mut world = World::new();
    let recording = world.sealed_recording(60);
    let frame = super::world::frame(world.store.ledger().recordings[&recording].capture, 0).bytes;
    world.disk.kill();
    let disk = world.disk.life();
    let (path, at) = find(&disk, "journal/", &frame);
    assert!(disk.flip_bit(&path, at * 8));
    let found = verify(&disk, &mut |_, _| {}).expect("it can be read");
    let [damage] = &found.damage[..] else { panic!("{:?}", found.damage) };
    assert!(damage.cost.as_ref().is_some_and(crate::Cost::is_nothing), "{damage:?}");
}

#[test]
fn a_dry_run_writes_nothing() {
    let damaged = damaged();
    let before = damaged.disk.operations();
    let steps = planned(&damaged.disk);
    assert_eq!(damaged.disk.operations(), before);
    let actions: Vec<&Action> = steps.iter().map(|step| &step.action).collect();
    for action in [&Action::PutAside, &Action::Rewrite, &Action::GiveUp, &Action::Forget] {
        assert!(actions.contains(&action), "{action:?}: {steps:#?}");
    }
}

#[test]
fn opening_a_repaired_store_finds_no_damage() {
    let Damaged { disk, .. } = damaged();
    run(&disk, 1).expect("the disk is healthy");
    let (_store, recovered) = super::world::open(&disk, super::world::SMALL, 9);
    assert_eq!(recovered.damage, []);
}

#[test]
fn a_repaired_store_is_sound_and_a_second_repair_finds_nothing_to_do() {
    let Damaged { disk, rotten, missing, synced, sound, unsealed } = damaged();
    let bytes: Vec<_> = disk.paths().iter().filter_map(|path| disk.contents(path)).collect();
    run(&disk, 1).expect("the disk is healthy");
    let found = verify(&disk, &mut |_, _| {}).expect("it can be read");
    assert!(found.damage.is_empty(), "{:#?}", found.damage);
    assert_eq!((found.recordings, found.given_up), (2, 2));
    assert_eq!(planned(&disk), Vec::new());
    let ledger = crate::inspect(&disk).expect("it can be read").ledger;
    for recording in [rotten, missing] {
        let stage = &ledger.recordings[&recording].upload.stage;
        assert!(matches!(stage, UploadStage::Corrupted { .. }), "{stage:?}");
    }
    assert!(!ledger.recordings.contains_key(&synced));
    assert!(ledger.recordings[&sound].sealed.is_some());
    assert!(ledger.recordings[&unsealed].sealed.is_some());
    // Every file that was there is there still, in its place or in quarantine.
    assert!(bytes.iter().all(|bytes| kept(&disk, bytes)));
    let operations = disk.operations();
    assert_eq!(run(&disk, 2).expect("there is nothing to do"), Vec::new());
    assert_eq!(disk.operations(), operations);
}

#[test]
fn a_repair_may_be_killed_or_cut_off_anywhere() {
    let whole = damaged();
    let before = whole.disk.operations();
    run(&whole.disk, 1).expect("the disk is healthy");
    let operations = whole.disk.operations() - before;
    assert!(operations > 40, "{operations}");
    for count in 0..operations {
        for cut in [false, true] {
            interrupted(count, cut);
        }
    }
}

fn interrupted(count: u64, cut: bool) {
    let Damaged { disk, sound, unsealed, .. } = damaged();
    let recordings = disk.paths().into_iter().filter(|path| path.starts_with("recordings/"));
    let bytes: Vec<_> = recordings.filter_map(|path| disk.contents(&path)).collect();
    let ledger = crate::inspect(&disk).expect("it can be read").ledger;
    let damaged = super::world::frame(ledger.recordings[&unsealed].capture, 5).bytes;
    disk.kill_after(count);
    let died = run(&disk, 1);
    if cut {
        disk.power_cut(count);
    } else {
        disk.kill();
    }
    let disk = disk.life();
    run(&disk, 1_000).expect("the disk is healthy");
    let found = verify(&disk, &mut |_, _| {}).expect("it can be read");
    assert!(found.damage.is_empty(), "{count}, {died:?}: {:#?}", found.damage);
    assert_eq!((found.recordings, found.given_up), (2, 2), "{count}");
    assert_eq!(planned(&disk), Vec::new(), "{count}");
    assert!(bytes.iter().all(|bytes| kept(&disk, bytes)), "{count}: a recording's bytes are gone");
    let ledger = crate::inspect(&disk).expect("it can be read").ledger;
    let seal = ledger.recordings[&unsealed].sealed.clone().expect("it is sealed");
    assert_eq!(seal.frames + seal.missing, 90, "{count}");
    assert!(seal.frames > 30, "{count}: {seal:?}");
    assert!(ledger.recordings[&sound].sealed.is_some());
    // What is left of the damaged record is not thrown away either.
    find(&disk, "quarantine/", &damaged);
}

#[test]
fn a_store_in_use_is_not_repaired() {
    let damaged = damaged();
    let _lock = damaged.disk.lock().expect("the disk locks").expect("nobody has it");
    let before: Vec<_> = damaged.disk.paths();
    let repaired = run(&damaged.disk, 1);
    assert!(matches!(repaired, Err(RepairError::Open(crate::OpenError::InUse))), "{repaired:?}");
    assert_eq!(damaged.disk.paths(), before);
}

#[test]
fn a_lost_identity_is_made_anew() {
    let mut world = World::new();
    let recording = world.sealed_recording(10);
    world.disk.kill();
    let disk = world.disk.life();
    assert!(disk.remove_file("store.json"));
    let found = verify(&disk, &mut |_, _| {}).expect("it can be read");
    assert_eq!(found.damage.len(), 1);
    assert_eq!(found.damage[0].harm, Harm::IdentityMissing);
    run(&disk, 1).expect("the disk is healthy");
    assert_eq!(planned(&disk), Vec::new());
    let found = crate::inspect(&disk).expect("it can be read");
    assert!(found.ledger.recordings.contains_key(&recording));
}

#[test]
fn damaged_checksums_of_a_sound_recording_cost_nothing_and_are_made_anew() {
    let mut world = World::new();
    let recording = world.sealed_recording(200);
    let path = crate::layout::sums_path(recording);
    let before = world.disk.contents(&path).expect("they were kept");
    for bit in [3, 8 * 20, 8 * 50, 8 * 70] {
        world.disk.kill();
        let disk = world.disk.life();
        assert!(disk.flip_bit(&path, bit));
        let found = verify(&disk, &mut |_, _| {}).expect("it can be read");
        let [damage] = found.damage.as_slice() else { panic!("{:#?}", found.damage) };
        assert_eq!(damage.path, path);
        assert!(damage.cost.as_ref().is_some_and(crate::Cost::is_nothing));
        let steps = run(&disk, bit).expect("the disk is healthy");
        assert_eq!(steps.len(), 1);
        assert_eq!(steps[0].action, Action::Rebuild);
        assert_eq!(disk.contents(&path), Some(before.clone()));
        assert_eq!(planned(&disk), Vec::new());
    }
}

#[test]
fn without_its_checksums_all_of_a_damaged_recording_is_named() {
    let mut world = World::new();
    let recording = world.sealed_recording(200);
    let file = recording_path(recording);
    world.disk.kill();
    let disk = world.disk.life();
    assert!(disk.remove_file(&crate::layout::sums_path(recording)));
    assert!(disk.flip_bit(&file, 8 * 100));
    let found = verify(&disk, &mut |_, _| {}).expect("it can be read");
    let len = disk.contents(&file).expect("it is there").len() as u64;
    let [damage] = found.damage.as_slice() else { panic!("{:#?}", found.damage) };
    assert_eq!(
        (damage.range.clone(), &damage.harm),
        (Some(0..len), &Harm::WrongContent { recording })
    );
}

#[test]
fn the_journal_is_put_aside_only_once_snapshots_hold_what_it_told() {
    let config = crate::Config { journal_file_bytes_max: 1 << 20, snapshot_after_bytes: 1 };
    let mut world = World::on(SimDisk::new(2), config);
    let recordings: Vec<RecordingId> = (0..40).map(|_| world.sealed_recording(12)).collect();
    world.run(Work::Snapshot).expect("the disk is healthy").expect("one is due");
    // Far less than a snapshot of forty recordings, and all that tells of the link.
    let (conversation, at) = (super::world::conversation("c1"), stamp());
    let linked = recordings[..2].to_vec();
    world.stage(Record::Linked { conversation, recordings: linked, seals: Vec::new(), at });
    world.flush();
    world.stage(Record::MuteSet { device: device(), muted: true });
    world.flush();
    world.stage(Record::MuteSet { device: device(), muted: false });
    world.flush();
    let (path, place) = find(&world.disk, "journal/", b"\"muted\":true");
    world.disk.kill();
    let disk = world.disk.life();
    assert!(disk.flip_bit(&path, place * 8));
    run(&disk, 1).expect("the disk is healthy");
    let ledger = crate::inspect(&disk).expect("it can be read").ledger;
    for recording in &recordings[..2] {
        assert!(ledger.recordings[recording].conversation.is_some(), "{recording}");
    }
    assert_eq!(ledger.recordings.len(), recordings.len());
    assert_eq!(planned(&disk), Vec::new());
}
