//! Damage to what was durable: found, named, contained, never made worse.

use std::collections::BTreeMap;

use earmark_core::RecordingId;

use super::world::{World, conversation, stamp};
use crate::{
    Aim, Damage, Disk, DiskError, DiskOp, Fault, FoundAudio, Harm, OpenError, ReadAudioError,
    ReadError, Record, RecordingError, RecordingReader, SimDisk, Store, Work, inspect, read_audio,
    recording_path,
};

/// A store with sealed recordings and one that is still in the journal, all durable.
fn rich() -> (World, Vec<RecordingId>, RecordingId) {
    let mut world = World::new();
    let sealed: Vec<_> = (0..6).map(|_| world.sealed_recording(40)).collect();
    world.stage(Record::Linked {
        conversation: conversation("c1"),
        recordings: sealed.clone(),
        seals: Vec::new(),
        at: stamp(),
    });
    world.flush();
    world.run(Work::Snapshot).expect("the disk is healthy");
    let (capture, session) = world.capture();
    let open = world.cut_recording(capture, session, 90);
    world.flush();
    // So that the bytes of the last record are known to have been durable.
    world.stage(Record::MuteSet { device: super::world::device(), muted: true });
    world.flush();
    (world, sealed, open)
}

fn bits(world: &World, path: &str, step: usize) -> Vec<u64> {
    let bytes = world.disk.contents(path).map_or(0, |bytes| bytes.len() as u64);
    (0..bytes * 8).step_by(step).collect()
}

#[test]
fn a_file_that_this_process_may_not_read_is_no_damage_and_ends_a_verification() {
    for prefix in ["recordings/", "sums/"] {
        let (world, ..) = rich();
        world.disk.aim(Aim {
            op: DiskOp::Read,
            prefix: prefix.to_owned(),
            skip: 0,
            times: -1,
            fault: Fault::Error(DiskError::Eacces),
        });
        let refused = crate::verify(&world.disk, &mut |_, _| {});
        let Err(ReadError::Io { path, .. }) = refused else { panic!("{refused:?}") };
        assert!(path.starts_with(prefix), "{path}");
    }
}

#[test]
fn a_store_is_told_from_a_folder_of_something_else() {
    let (world, ..) = rich();
    assert!(crate::is_store(&world.disk).expect("it can be read"));
    for path in world.disk.paths() {
        if !path.starts_with("recordings/") {
            world.disk.remove(&path).expect("it is there");
        }
    }
    assert!(crate::is_store(&world.disk).expect("it can be read"), "what damage has left of one");
    let other = SimDisk::new(7);
    other.create_dir("recordings").expect("a new folder");
    other.create_new("recordings/song.bin").expect("a new file");
    assert!(!crate::is_store(&other).expect("it can be read"));
}

/// F35.
#[test]
fn one_flipped_bit_of_the_journal_costs_at_most_one_record_and_is_reported() {
    let (world, sealed, open) = rich();
    let frames = world.store.ledger().frames(open);
    let mut reported = 0;
    let journal: Vec<String> =
        world.disk.paths().into_iter().filter(|path| path.starts_with("journal/")).collect();
    for path in &journal {
        for bit in bits(&world, path, 1_009) {
            assert!(world.disk.flip_bit(path, bit));
            let found = inspect(&world.disk).expect("it can be read");
            for recording in &sealed {
                assert!(found.ledger.recordings.contains_key(recording), "{path} {bit}");
            }
            let known = found.ledger.recordings.contains_key(&open);
            assert!(known || !found.damage.is_empty(), "{path} {bit}: {:?}", found.damage);
            reported += usize::from(!found.damage.is_empty());
            assert!(world.disk.flip_bit(path, bit));
        }
    }
    assert_eq!(frames, 90);
    assert!(reported > 10, "{reported}");
    assert!(inspect(&world.disk).expect("it can be read").damage.is_empty());
}

#[test]
fn frames_next_to_a_damaged_record_are_kept_and_the_loss_is_named() {
    let (mut world, _, open) = rich();
    let seq = world.store.ledger().recordings[&open].first;
    let needle = super::world::frame(world.store.ledger().recordings[&open].capture, seq.0).bytes;
    let (path, at) = find(&world, &needle);
    assert!(world.disk.flip_bit(&path, at * 8 + 100));
    world = world.reopen();
    let harms: Vec<_> = world.recovered.damage.iter().map(|damage| damage.harm.clone()).collect();
    assert_eq!(harms, [Harm::Rot]);
    world.seal_all();
    let facts = &world.store.ledger().recordings[&open];
    let seal = facts.sealed.as_ref().expect("it is sealed");
    assert!(seal.missing > 0 && seal.frames > 0, "{seal:?}");
    assert_eq!(seal.frames + seal.missing, 90);
    // The damaged file is kept once nothing needs it any more.
    for _ in 0..30 {
        world.sealed_recording(60);
        let _ = world.run(Work::Snapshot);
        let _ = world.run(Work::Prune);
    }
    let quarantined = world.disk.paths().into_iter().find(|path| path.starts_with("quarantine/"));
    assert!(quarantined.is_some_and(|kept| kept.contains(&path["journal/".len()..])));
}

fn find(world: &World, needle: &[u8]) -> (String, u64) {
    for path in world.disk.paths().into_iter().filter(|path| path.starts_with("journal/")) {
        let bytes = world.disk.contents(&path).expect("it is there");
        if let Some(at) = bytes.windows(needle.len()).position(|window| window == needle) {
            return (path, at as u64);
        }
    }
    panic!("the frame is nowhere in the journal");
}

/// F34.
#[test]
fn a_damaged_snapshot_costs_nothing() {
    let (mut world, sealed, open) = rich();
    for _ in 0..20 {
        world.sealed_recording(60);
        world.run(Work::Snapshot).expect("the disk is healthy");
        world.run(Work::Prune).expect("the disk is healthy");
    }
    assert!(world.disk.contents("journal/0000000000000001.log").is_none(), "something was pruned");
    let newest = world.disk.paths().into_iter().rfind(|path| path.starts_with("snapshots/"));
    let newest = newest.expect("there is one");
    assert!(world.disk.flip_bit(&newest, 8 * 200));
    let before = world.store.ledger().recordings.clone();
    let mut world = world.reopen();
    assert_eq!(world.recovered.damage.len(), 1);
    assert_eq!(world.recovered.damage[0].path, newest);
    world.seal_all();
    let after: BTreeMap<_, _> = world.store.ledger().recordings.clone();
    assert!(before.keys().eq(after.keys()));
    assert!(sealed.iter().all(|recording| after[recording].conversation.is_some()));
    world.assert_true_frames(open);
}

#[test]
fn a_newer_format_is_refused_untouched() {
    for file in ["store.json", "journal/00000000000000ff.log", "snapshots/00000000000000ff.snap"] {
        let (world, _, _) = rich();
        let bytes = match file {
            "store.json" => {
                let crc = crc32c::crc32c(b"earmark-store 2 5");
                let page = r#"{"format":"earmark-store","version":2,"incarnation":5,"crc32c":CRC}"#;
                let text = page.replace("CRC", &crc.to_string());
                text.into_bytes()
            }
            other => newer(other.starts_with("journal")),
        };
        world.disk.plant(file, &bytes);
        world.disk.kill();
        let disk = world.disk.life();
        let before: Vec<_> = disk.paths().iter().map(|path| disk.contents(path)).collect();
        let boxed: std::sync::Arc<dyn Disk> = std::sync::Arc::new(disk.clone());
        let opened = Store::open(boxed, crate::Config::default(), &mut || 3, stamp());
        let Err(OpenError::Files(ReadError::Newer { path, version })) = opened else {
            panic!("{file} was opened")
        };
        assert_eq!((path.as_str(), version), (file, 2));
        let after: Vec<_> = disk.paths().iter().map(|path| disk.contents(path)).collect();
        assert!(before == after);
    }
}

fn newer(journal: bool) -> Vec<u8> {
    let mut bytes = vec![0; 1_024];
    bytes[..8].copy_from_slice(if journal { b"EARMARKJ" } else { b"EARMARKS" });
    bytes[8] = 2;
    let crc = crc32c::crc32c(&bytes[..60]);
    bytes[60..64].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// F35.
#[test]
fn what_nothing_can_use_goes_to_quarantine_and_is_never_deleted() {
    let (world, _, _) = rich();
    let strange: [(&str, &[u8]); 4] = [
        ("recordings/r-00000001-77.bin", b"who am I"),
        ("journal/00000000000000ee.log", &[7; 3_000]),
        ("snapshots/0000000000000fff.snap", b"not a snapshot"),
        ("store.json", b"{}"),
    ];
    for (path, bytes) in strange {
        world.disk.plant(path, bytes);
    }
    let world = world.reopen();
    assert_eq!(world.recovered.damage.len(), 4, "{:?}", world.recovered.damage);
    let kept: Vec<_> = world
        .disk
        .paths()
        .into_iter()
        .filter(|path| path.starts_with("quarantine/"))
        .filter_map(|path| world.disk.contents(&path))
        .collect();
    for (path, bytes) in strange {
        assert!(kept.iter().any(|one| one == bytes), "{path}");
    }
    let world = world.reopen();
    assert!(world.recovered.damage.is_empty(), "{:?}", world.recovered.damage);
}

#[test]
fn a_truncated_recording_is_named() {
    let (world, sealed, _) = rich();
    let path = crate::recording_path(sealed[0]);
    let bytes = world.disk.contents(&path).expect("it is there");
    world.disk.plant(&path, &bytes[..bytes.len() / 2]);
    let token = world.store.sealed(sealed[0]).expect("it is sealed");
    assert!(RecordingReader::open(&world.disk, &token).is_err());
    let found = crate::verify(&world.disk, &mut |_, _| {}).expect("it can be read");
    let wrong = |damage: &Damage| matches!(damage.harm, Harm::WrongLength { .. });
    assert_eq!(found.damage.iter().filter(|damage| wrong(damage)).count(), 1);
}

#[test]
fn a_look_writes_nothing() {
    let (world, _, _) = rich();
    let before = world.disk.operations();
    inspect(&world.disk).expect("it can be read");
    crate::verify(&world.disk, &mut |_, _| {}).expect("it can be read");
    assert_eq!(world.disk.operations(), before);
    assert!(
        inspect(&SimDisk::new(0)).expect("an empty folder is an empty store").ledger
            == crate::Ledger::default()
    );
}

#[test]
fn a_journal_that_cannot_be_read_for_a_while_costs_nothing() {
    let (mut world, _, open) = rich();
    world.disk.set_fault(crate::DiskOp::Read, crate::DiskError::Eio, 3);
    for _ in 0..3 {
        world.run(Work::Seal(open)).expect_err("the disk cannot read");
    }
    world.seal_all();
    world.assert_true_frames(open);
}

#[test]
fn a_journal_that_can_never_be_read_holds_no_seal_up_for_ever() {
    let (mut world, _, open) = rich();
    world.disk.set_fault(crate::DiskOp::Read, crate::DiskError::Eio, -1);
    let mut tries = 0;
    let outcome = loop {
        match world.run(Work::Seal(open)) {
            Ok(outcome) => break outcome,
            Err(_) => tries += 1,
        }
        assert!(tries < 100);
    };
    world.disk.clear_faults();
    let Some(crate::Outcome::Sealed { seal, damage, .. }) = outcome else { panic!("{outcome:?}") };
    assert_eq!((seal.frames, seal.missing), (0, 90));
    assert!(!damage.is_empty());
    world.stage(Record::Sealed { recording: open, seal });
    for _ in 0..30 {
        world.sealed_recording(60);
        let _ = world.run(Work::Snapshot);
        let _ = world.run(Work::Prune);
    }
    let quarantined = world.disk.paths().into_iter().any(|path| path.starts_with("quarantine/"));
    assert!(quarantined, "the frames may yet be read by somebody");
}

#[test]
fn the_loss_of_the_last_frames_before_a_cut_holds_no_seal_up() {
    let mut world = World::new();
    let (capture, session) = world.capture();
    let recording = world.recording(capture, session);
    world.frames(capture, 30);
    world.flush();
    world.frames(capture, 10);
    world.cut(capture, recording);
    world.stage(Record::CaptureClosed { capture, at: stamp() });
    world.flush();
    world.stage(Record::MuteSet { device: super::world::device(), muted: true });
    world.flush();
    let (path, at) = find(&world, &super::world::frame(capture, 35).bytes);
    assert!(world.disk.flip_bit(&path, at * 8));
    world = world.reopen();
    world.seal_all();
    let seal = world.store.ledger().recordings[&recording].sealed.clone().expect("it is sealed");
    assert_eq!((seal.frames, seal.missing), (30, 10));
}

#[test]
fn a_recording_whose_cut_is_lost_ends_where_the_next_one_begins() {
    let mut world = World::new();
    let (capture, session) = world.capture();
    let first = world.cut_recording(capture, session, 30);
    let second = world.cut_recording(capture, session, 20);
    world.stage(Record::CaptureClosed { capture, at: stamp() });
    world.flush();
    world.stage(Record::MuteSet { device: super::world::device(), muted: true });
    world.flush();
    let (path, at) =
        find(&world, format!(r#"{{"recording_cut":{{"recording":"{first}""#).as_bytes());
    assert!(world.disk.flip_bit(&path, at * 8));
    world = world.reopen();
    world.seal_all();
    assert_eq!(world.read(first).len(), 30);
    assert_eq!(world.read(second).len(), 20);
}

#[test]
fn an_identity_of_another_format_is_damage() {
    let (world, _, _) = rich();
    let page = world.disk.contents("store.json").expect("it is there");
    let text =
        String::from_utf8(page).expect("it is JSON").replace("earmark-store", "earmark-stove");
    world.disk.plant("store.json", text.as_bytes());
    let found = inspect(&world.disk).expect("it can be read");
    assert_eq!(found.damage.len(), 1);
    assert_eq!(found.damage[0].path, "store.json");
}

#[test]
fn an_identity_without_its_last_byte_is_damage() {
    let (world, _, _) = rich();
    let page = world.disk.contents("store.json").expect("it is there");
    world.disk.plant("store.json", &page[..page.len() - 1]);
    let found = inspect(&world.disk).expect("it can be read");
    assert_eq!(found.damage.len(), 1);
    assert_eq!(found.damage[0].path, "store.json");
}

/// Has more come in, until the journal files that were there before are gone from the journal.
fn outlive(world: &mut World, files: &[String]) {
    for _ in 0..40 {
        world.sealed_recording(40);
        world.run(Work::Snapshot).expect("the disk is healthy");
        world.run(Work::Prune).expect("the disk is healthy");
    }
    assert!(files.iter().all(|path| world.disk.contents(path).is_none()), "{files:?}");
}

fn journal(world: &World) -> Vec<String> {
    let paths = world.disk.paths().into_iter();
    paths.filter(|path| path.starts_with("journal/") && path.ends_with(".log")).collect()
}

fn is_quarantined(world: &World, path: &str) -> bool {
    let name = path.trim_start_matches("journal/");
    world.disk.paths().iter().any(|kept| kept.starts_with("quarantine/") && kept.contains(name))
}

#[test]
fn a_damaged_file_goes_to_quarantine_although_a_snapshot_holds_what_it_told() {
    for (lives, is_read) in [(1, false), (3, false), (1, true), (3, true)] {
        let (mut world, ..) = rich();
        // A file of which nothing else is wanted is read only while a recording waits for its
        // frames.
        if !is_read {
            world.seal_all();
        }
        world.stage(Record::MuteSet { device: super::world::device(), muted: false });
        world.flush();
        world.run(Work::Snapshot).expect("the disk is healthy");
        let files = journal(&world);
        // A bit of the second record: there are whole ones on both sides of it.
        let damaged = files.first().expect("there is a journal").clone();
        assert!(world.disk.flip_bit(&damaged, 8 * (1_024 + 300)));
        for _ in 0..lives {
            world = world.reopen();
        }
        world.seal_all();
        outlive(&mut world, &files);
        assert!(is_quarantined(&world, &damaged), "after {lives} lives, read: {is_read}");
    }
}

#[test]
fn frames_of_a_capture_whose_beginning_is_lost_are_kept_with_their_file() {
    let config = crate::Config { journal_file_bytes_max: 2_048, ..super::world::SMALL };
    let mut world = World::on(SimDisk::new(5), config);
    let (capture, session) = world.capture();
    let recording = world.recording(capture, session);
    world.flush();
    let opened = journal(&world).last().expect("there is a journal").clone();
    for _ in 0..6 {
        world.frames(capture, 20);
        world.flush();
    }
    let files = journal(&world);
    // The records of the last one may not have been durable: the next process takes them over.
    let holding = files[files.len() - 2].clone();
    assert_ne!(opened, holding);
    let bytes = world.disk.contents(&opened).expect("it is there");
    let name = b"capture_opened";
    let at = bytes.windows(name.len()).position(|window| window == name).expect("it is there");
    assert!(world.disk.flip_bit(&opened, at as u64 * 8));
    let mut world = world.reopen();
    assert!(!world.store.ledger().recordings.contains_key(&recording));
    outlive(&mut world, &files);
    for path in [opened, holding] {
        assert!(is_quarantined(&world, &path), "{path} of {files:?}");
    }
}

/// What can be read of a recording, and the frames that were taken.
fn heard(world: &World, recording: RecordingId) -> (FoundAudio, Vec<Vec<u8>>) {
    let found = read_audio(&world.disk, recording).expect("it can be read");
    let found = found.expect("it is there");
    let facts = &found.facts;
    let frames = world.store.ledger().frames(recording);
    let taken = (0..frames)
        .map(|place| super::world::frame(facts.capture, facts.first.0 + place).bytes.to_vec());
    let taken = taken.collect();
    (found, taken)
}

fn whole(found: &FoundAudio) -> Vec<Option<Vec<u8>>> {
    found.frames().map(|frame| frame.map(<[u8]>::to_vec)).collect()
}

#[test]
fn the_audio_of_a_recording_is_read_from_its_file_or_from_the_journal() {
    let (mut world, sealed, open) = rich();
    let (capture, session) = world.capture();
    let running = world.recording(capture, session);
    world.frames(capture, 30);
    // Written, and not known to be durable.
    world.run(Work::Write).expect("the disk is healthy");
    for recording in sealed.into_iter().chain([open, running]) {
        let (found, taken) = heard(&world, recording);
        assert!(found.faults.is_empty() && found.missing == 0, "{found:?}");
        assert_eq!(whole(&found), taken.into_iter().map(Some).collect::<Vec<_>>());
    }
    let nobody = RecordingId::new(9, 9);
    assert!(read_audio(&world.disk, nobody).expect("it can be read").is_none());
}

#[test]
fn of_a_damaged_recording_every_frame_is_read_that_is_as_it_was_taken() {
    let (mut world, ..) = rich();
    let recording = world.sealed_recording(400);
    let path = recording_path(recording);
    let bytes = world.disk.contents(&path).expect("it is there").len() as u64;
    assert!(bytes > 3 * 4_096, "{bytes}");
    for bit in (0..bytes * 8).step_by(997) {
        assert!(world.disk.flip_bit(&path, bit));
        let (found, taken) = heard(&world, recording);
        assert_eq!(found.faults.len(), 1, "{:?}", found.faults);
        let frames = whole(&found);
        let lost = frames.iter().filter(|frame| frame.is_none()).count() as u64 + found.missing;
        assert!(lost > 0 && frames.len() as u64 + found.missing == 400, "{bit}");
        let good = frames.iter().zip(&taken);
        let untrue = good.filter(|(frame, taken)| frame.as_ref().is_some_and(|one| one != *taken));
        assert_eq!(untrue.count(), 0, "{bit}");
        assert!(world.disk.flip_bit(&path, bit));
    }
    world.disk.remove(&path).expect("it is there");
    let gone = read_audio(&world.disk, recording).expect_err("it is gone");
    assert!(matches!(gone, ReadAudioError::Recording(RecordingError::Missing { .. })), "{gone}");
}
