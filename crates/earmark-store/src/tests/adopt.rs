//! Audio of another program, and deaths at every step of its adoption.

use std::sync::Arc;

use earmark_core::sync::{UploadFacts, UploadStage};
use earmark_core::{Account, Codec, Encoding, Frame, RecordingId, WallTime};

use super::world::{SMALL, World, conversation, device, frame, stamp};
use crate::adopt::{AdoptError, Adopted, Adopter, Adoption, UNFINISHED, read_notes};
use crate::{Disk, Inspection, Record, Removal, SimDisk, Store, Work, inspect, verify};

const START: i64 = 1_775_260_800_000_000;

fn frames(count: u64) -> Vec<Frame> {
    let capture = earmark_core::CaptureId::new(7, 7);
    (0..count).map(|seq| frame(capture, seq)).collect()
}

fn adoption(name: &str) -> Adoption {
    let stage = UploadStage::Synced { at: stamp() };
    Adoption {
        name: name.to_owned(),
        device: device(),
        account: Account::new("default").expect("a short name"),
        encoding: Encoding::mono_16k(Codec::Opus),
        started_at: WallTime::from_unix_micros(START),
        conversation: Some(conversation("C")),
        upload: UploadFacts { requests: 2, attempts: 1, stage, ..UploadFacts::new() },
        kept: Some(String::from(r#"{"unknown":1}"#)),
    }
}

fn adopter(disk: &SimDisk) -> Result<Adopter, AdoptError> {
    let mut dice = disk.operations() + 1;
    let mut entropy = || {
        dice += 1;
        crate::journal::mix(dice)
    };
    let disk: Arc<dyn Disk> = Arc::new(disk.life());
    Adopter::open(disk, SMALL, &mut entropy, stamp())
}

fn adopt(disk: &SimDisk, name: &str, count: u64) -> Result<Adopted, AdoptError> {
    adopter(disk)?.adopt(&adoption(name), &frames(count), stamp())
}

/// What a host that starts now finds.
fn found(disk: &SimDisk) -> Inspection {
    let found = inspect(&disk.aside()).expect("it can be read");
    assert!(found.damage.is_empty(), "{:?}", found.damage);
    found
}

fn file(frames: &[Frame]) -> Vec<u8> {
    let record = |frame: &Frame| {
        let len = u32::try_from(frame.bytes.len()).expect("a short frame").to_le_bytes();
        [&len[..], &frame.bytes[..]].concat()
    };
    frames.iter().flat_map(record).collect()
}

fn assert_adopted(disk: &SimDisk, recording: RecordingId, count: u64) {
    let found = found(disk);
    let facts = &found.ledger.recordings[&recording];
    assert_eq!(facts.conversation, Some(conversation("C")));
    assert_eq!(facts.upload, adoption("a").upload);
    assert_eq!(facts.started_at, Some(WallTime::from_unix_micros(START)));
    let bytes = disk.contents(&crate::recording_path(recording)).expect("it is there");
    assert_eq!(bytes, file(&frames(count)));
    let verified = verify(&disk.aside(), &mut |_, _| ()).expect("it can be read");
    assert_eq!(verified.damage, []);
}

#[test]
fn adopted_audio_is_a_sealed_recording_with_all_that_was_known_of_it() {
    let disk = SimDisk::new(1);
    let Adopted::New(recording) = adopt(&disk, "a.bin", 120).expect("the disk is healthy") else {
        panic!("it was not adopted");
    };
    disk.power_cut(3);
    assert_adopted(&disk, recording, 120);
    assert_eq!(found(&disk).ledger.totals.uploaded_frames, 120);
    let notes = read_notes(&disk.aside()).expect("they can be read");
    assert_eq!(notes.of(recording), Some(&adoption("a.bin")));
    let store = World::on(disk.life(), SMALL).store;
    assert_eq!(store.sealed(recording).map(|sealed| sealed.frames()), Some(120));
}

#[test]
fn audio_is_adopted_once_whatever_its_file_is_called_and_other_audio_beside_it() {
    let disk = SimDisk::new(1);
    let first = adopt(&disk, "a.bin", 10).expect("the disk is healthy");
    let Adopted::New(recording) = first else { panic!("{first:?}") };
    for name in ["a.bin", "b.bin"] {
        let again = adopt(&disk, name, 10).expect("the disk is healthy");
        assert_eq!(again, Adopted::Known(recording), "{name}");
    }
    let longer = adopt(&disk, "a.bin", 11).expect("the disk is healthy");
    let Adopted::New(other) = longer else { panic!("{longer:?}") };
    assert_eq!(found(&disk).ledger.recordings.len(), 2);
    let twin = |id| found(&disk).ledger.recordings[&id].sealed.as_ref().map(|seal| seal.twin);
    assert_eq!((twin(recording), twin(other)), (Some(0), Some(1)));
}

#[test]
fn what_has_gone_since_is_not_adopted_again() {
    let disk = SimDisk::new(1);
    let first = adopt(&disk, "a.bin", 10).expect("the disk is healthy");
    let Adopted::New(recording) = first else { panic!("{first:?}") };
    let mut world = World::on(disk.life(), SMALL);
    world.stage(Record::Removing { recording, why: Removal::Expired });
    world.flush();
    world.run(Work::Remove(recording)).expect("the disk is healthy");
    world.stage(Record::Removed { recording });
    world.flush();
    drop(world);
    disk.kill();
    let again = adopt(&disk, "a.bin", 10).expect("the disk is healthy");
    assert_eq!(again, Adopted::Gone(recording));
    assert!(found(&disk).ledger.recordings.is_empty());
}

#[test]
fn audio_without_a_frame_is_refused_before_anything_is_written_of_it() {
    let disk = SimDisk::new(1);
    let refused = adopt(&disk, "a.bin", 0);
    assert!(matches!(refused, Err(AdoptError::NoFrames)), "{refused:?}");
    assert!(found(&disk).ledger.captures.is_empty());
}

/// No host uploads a part of it: what is not adopted says that it has failed, and what is adopted
/// is all there.
fn assert_nothing_half_adopted(disk: &SimDisk, count: u64) {
    for facts in found(disk).ledger.recordings.values() {
        let unfinished = UploadStage::Failed { reason: String::from(UNFINISHED) };
        if facts.upload.stage == unfinished {
            continue;
        }
        let is_opening = facts.upload == UploadFacts::new() && facts.end.is_none();
        if is_opening {
            // An opening closes it: it has no frame yet.
            continue;
        }
        assert_eq!(facts.upload, adoption("a").upload);
        assert_eq!(facts.conversation, Some(conversation("C")));
        assert_eq!(facts.sealed.as_ref().map(|seal| u64::from(seal.frames)), Some(count));
    }
}

#[test]
fn a_death_at_any_step_is_made_up_for_by_the_next_adopter() {
    const FRAMES: u64 = 60;
    let (mut deaths, mut went_on) = (0, 0);
    for way in 0..3_u64 {
        for step in 0..400 {
            let disk = SimDisk::new(step);
            disk.kill_after(step);
            let ended = adopt(&disk, "a.bin", FRAMES);
            let has_died = !disk.is_alive();
            if !has_died {
                assert!(ended.is_ok(), "{step}: {ended:?}");
            }
            deaths += usize::from(has_died);
            match way {
                0 => disk.kill(),
                _ => drop(disk.power_cut(step * 7 + way)),
            }
            assert_nothing_half_adopted(&disk, FRAMES);
            if way == 2 {
                // A host comes first, and seals what it finds.
                let mut host = World::on(disk.life(), SMALL);
                host.seal_all();
                drop(host);
                disk.kill();
                assert_nothing_half_adopted(&disk, FRAMES);
            }
            let known = found(&disk).ledger.recordings.len();
            let next = adopt(&disk, "a.bin", FRAMES).expect("the disk is healthy");
            let (Adopted::New(recording) | Adopted::Known(recording)) = next else {
                panic!("{step}: {next:?}");
            };
            assert_adopted(&disk, recording, FRAMES);
            assert_eq!(found(&disk).ledger.recordings.len(), 1, "{step}");
            went_on += usize::from(known == 1);
            if !has_died {
                break;
            }
        }
    }
    assert!(deaths > 60 && went_on > 10, "{deaths} deaths, {went_on} went on");
}

#[test]
fn a_disk_that_fails_at_any_step_leaves_nothing_half_adopted() {
    const FRAMES: u64 = 30;
    for op in [crate::DiskOp::Write, crate::DiskOp::Sync, crate::DiskOp::Rename] {
        for skip in 0..25 {
            let disk = SimDisk::new(5);
            let mut adopter = adopter(&disk).expect("the disk is healthy");
            disk.aim(crate::Aim {
                op,
                prefix: String::new(),
                skip,
                times: 1,
                fault: crate::Fault::Error(crate::DiskError::Eio),
            });
            let _ = adopter.adopt(&adoption("a.bin"), &frames(FRAMES), stamp());
            drop(adopter);
            disk.clear_faults();
            disk.kill();
            assert_nothing_half_adopted(&disk, FRAMES);
            let next = adopt(&disk, "a.bin", FRAMES).expect("the disk is healthy");
            let (Adopted::New(recording) | Adopted::Known(recording)) = next else {
                panic!("{op:?} {skip}: {next:?}");
            };
            assert_adopted(&disk, recording, FRAMES);
        }
    }
}

#[test]
fn a_note_that_cannot_be_read_is_named_and_its_recording_is_still_known() {
    let disk = SimDisk::new(1);
    let first = adopt(&disk, "a.bin", 10).expect("the disk is healthy");
    let Adopted::New(recording) = first else { panic!("{first:?}") };
    let path = format!("takeover/{recording}.json");
    disk.plant(&path, b"{");
    let mut adopter = adopter(&disk).expect("the disk is healthy");
    assert_eq!(adopter.damaged(), [path]);
    let again = adopter.adopt(&adoption("a.bin"), &frames(10), stamp());
    assert_eq!(again.expect("the disk is healthy"), Adopted::Known(recording));
}

#[test]
fn a_store_in_use_adopts_nothing() {
    let disk = SimDisk::new(1);
    let (store, _): (Store, _) = super::world::open(&disk, SMALL, 1);
    let refused = adopter(&disk);
    assert!(matches!(refused, Err(AdoptError::Open(crate::OpenError::InUse))), "{refused:?}");
    drop(store);
}
