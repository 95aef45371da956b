//! Folders of apps of every era, torn, killed in the middle, and given back.

use std::sync::Arc;

use earmark_core::sync::UploadStage;
use earmark_core::{Account, BootId, Moment, RecordingId, Stamp, WallTime};
use earmark_store::{
    AdoptError, Adopter, Config, Disk, Inspection, RecordingFacts, SimDisk, inspect,
    recording_path, verify,
};
use earmark_wire::{WalKeys, read_wals};

use super::{AppFolder, ExportError, Fate, Told, export};

mod eras;
mod trips;

/// 2026-04-04T00:00:00Z, when the app began to record.
const START: u64 = 1_775_260_800;
const SMALL: Config = Config { journal_file_bytes_max: 8 << 10, snapshot_after_bytes: 8 << 10 };

fn stamp() -> Stamp {
    Stamp {
        boot: BootId::from_u128(7),
        moment: Moment::from_micros(5),
        wall: WallTime::from_unix_micros((START as i64 + 90_000) * 1_000_000),
    }
}

fn account() -> Account {
    Account::new("default").expect("a short name")
}

/// The name of a file of the pendant that begins so many minutes after [`START`].
fn name(minute: u64) -> String {
    format!("audio_aabb_opus_16000_1_fs160_{}.bin", START + 60 * minute)
}

/// Audio that no other minute has.
fn audio(minute: u64) -> Vec<u8> {
    let frame = |number: u8| {
        let len = 20 + number % 7;
        [&u32::from(len).to_le_bytes()[..], &vec![number ^ minute as u8; len.into()]].concat()
    };
    (1..=9).flat_map(frame).collect()
}

/// An app's folder with so many recordings, one a minute, and this list.
fn app(minutes: u64, list: &str) -> SimDisk {
    let disk = SimDisk::new(3);
    for minute in 0..minutes {
        disk.plant(&name(minute), &audio(minute));
    }
    if !list.is_empty() {
        disk.plant("wals.json", list.as_bytes());
    }
    disk
}

/// An entry with these keys beside those that every era writes.
fn entry(minute: u64, status: &str, more: &str) -> String {
    let (start, name) = (START + 60 * minute, name(minute));
    format!(r#"{{"timer_start":{start},"codec":"opus","channel":1,"sample_rate":16000,"#,)
        + &format!(r#""status":"{status}","storage":"disk","file_path":"{name}","seconds":0,"#)
        + &format!(r#""device":"AA:BB","total_frames":9{more}}}"#)
}

fn list(entries: &[String]) -> String {
    let entries = entries.join(",");
    format!(r#"{{"version":1,"timestamp":1775260900000,"wals":[{entries}]}}"#)
}

fn adopter(store: &SimDisk) -> Result<Adopter, AdoptError> {
    let mut dice = store.operations() + 1;
    let mut entropy = || {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        dice
    };
    let disk: Arc<dyn Disk> = Arc::new(store.life());
    Adopter::open(disk, SMALL, &mut entropy, stamp())
}

/// Takes a folder over, and tells what was said of it.
fn import(app: &SimDisk, store: &SimDisk) -> Result<Vec<Told>, AdoptError> {
    let app = app.aside();
    let found = AppFolder::read(&app).expect("the folder can be read");
    let mut said = Vec::new();
    let mut adopter = adopter(store)?;
    found.adopt::<AdoptError>(&app, &mut adopter, &account(), stamp(), &mut |_, told| {
        said.push(told);
        Ok(())
    })?;
    Ok(said)
}

fn found(store: &SimDisk) -> Inspection {
    let found = inspect(&store.aside()).expect("it can be read");
    assert!(found.damage.is_empty(), "{:?}", found.damage);
    found
}

/// The facts of the recording that was made of a minute's file.
fn facts(said: &[Told], store: &SimDisk, minute: u64) -> RecordingFacts {
    let id = id(said, minute);
    RecordingFacts::clone(&found(store).ledger.recordings[&id])
}

fn id(said: &[Told], minute: u64) -> RecordingId {
    let told = said.iter().find(|told| told.file.as_deref() == Some(&name(minute)));
    told.and_then(|told| told.recording).unwrap_or_else(|| panic!("{minute}: {said:?}"))
}

/// Every minute's audio is in the store, once, byte for byte.
fn assert_all_there(store: &SimDisk, minutes: u64) {
    let found = found(store);
    let mut files: Vec<Vec<u8>> = found
        .ledger
        .recordings
        .keys()
        .map(|id| store.contents(&recording_path(*id)).expect("it is sealed"))
        .collect();
    let mut all: Vec<Vec<u8>> = (0..minutes).map(audio).collect();
    files.sort();
    all.sort();
    assert_eq!(files, all);
    let verified = verify(&store.aside(), &mut |_, _| ()).expect("it can be read");
    assert_eq!(verified.damage, []);
}

fn outcomes(said: &[Told]) -> Vec<Fate> {
    said.iter().map(|told| told.outcome).collect()
}

fn give_back(store: &SimDisk) -> (SimDisk, Vec<Told>) {
    let folder = SimDisk::new(9);
    let mut said = Vec::new();
    let done = export::<ExportError>(&store.aside(), &folder, &[], stamp().wall, &mut |told| {
        said.push(told);
        Ok(())
    });
    done.expect("the folder takes it");
    (folder, said)
}

/// The entries of a folder's list as they stand there, in order.
fn entries(folder: &SimDisk) -> Vec<WalKeys> {
    let list = read_wals(&folder.contents("wals.json").expect("there is a list"));
    assert_eq!((list.fault, list.unusable.len()), (None, 0));
    list.entries.into_iter().map(|entry| entry.keys).collect()
}
