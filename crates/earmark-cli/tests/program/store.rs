use std::fs;
use std::path::{Path, PathBuf};

use earmark_store::{Disk, FsDisk};
use serde_json::Value;

use crate::harness::{Room, contents, earmark, id, listed, unread};

#[test]
fn an_empty_folder_has_no_recordings_and_no_damage() {
    let room = Room::new();
    let store = room.text("");
    assert_eq!(listed(&store).len(), 0);
    let verified = earmark(&["verify", "--data-dir", &store]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    assert!(contents(Path::new(&store)).is_empty(), "nothing was written");
}

#[test]
fn somebody_elses_folder_is_vouched_for_by_nobody() {
    let room = Room::new();
    let folder = room.text("");
    fs::write(room.path("passwd"), "root").expect("it is written");
    for flags in [
        vec!["list"],
        vec!["verify"],
        vec!["repair"],
        vec!["repair", "--apply"],
        vec!["sync", "--server", "http://127.0.0.1:9"],
        vec!["export", "--omi", "elsewhere"],
    ] {
        let ran = earmark(&[flags.clone(), vec!["--data-dir", &folder]].concat());
        assert_eq!(ran.code, Some(4), "{flags:?}: {ran:?}");
        assert!(ran.err.contains("there is no store"), "{}", ran.err);
    }
    assert_eq!(contents(Path::new(&folder)).len(), 1, "nothing was written");
}

#[test]
fn a_folder_that_is_not_there_exits_4() {
    let room = Room::new();
    let store = room.text("nowhere");
    let recording = "r-00000000-1";
    for flags in [
        vec!["list"],
        vec!["show", recording],
        vec!["verify"],
        vec!["retry", recording],
        vec!["delete", recording],
        vec!["sync", "--server", "http://127.0.0.1:1"],
    ] {
        let flags = [flags, vec!["--data-dir", &store]].concat();
        let ran = earmark(&flags);
        assert_eq!(ran.code, Some(4), "{flags:?}: {ran:?}");
        assert!(ran.err.contains("nowhere") && ran.err.contains("no such folder"), "{}", ran.err);
        assert!(!Path::new(&store).exists());
    }
}

#[test]
fn a_recording_is_listed_shown_and_sound() {
    let room = Room::new();
    let store = room.recorded();
    let before = contents(Path::new(&store));
    let recordings = listed(&store);
    assert_eq!(recordings.len(), 1);
    let recording = &recordings[0];
    assert_eq!(recording["status"], "pending");
    assert_eq!(recording["duration_s"], 0.5);
    let (table, shown) = (
        earmark(&["list", "--data-dir", &store]),
        earmark(&["show", id(recording), "--json", "--data-dir", &store]),
    );
    assert!(table.out.contains(id(recording)) && table.out.contains("pendant"), "{}", table.out);
    assert_eq!(shown.json(), *recording);
    let verified = earmark(&["verify", "--data-dir", &store]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    assert!(contents(Path::new(&store)) == before, "looking changes nothing");
}

/// Flips a bit of the first recording, and gives the name of its file.
fn damage(store: &str) -> String {
    let name = format!("recordings/{}.bin", id(&listed(store)[0]));
    let path = Path::new(store).join(&name);
    let mut bytes = fs::read(&path).expect("the file is there");
    bytes[100] ^= 1;
    fs::write(&path, bytes).expect("it is written");
    name
}

#[test]
fn damage_is_named_with_its_file_and_its_cost_and_exits_1() {
    let room = Room::new();
    let store = room.recorded();
    let name = damage(&store);
    let path = Path::new(&store).join(&name);
    let ran = earmark(&["verify", "--data-dir", &store]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.out.contains(&name) && ran.out.contains("bytes 0 to "), "{}", ran.out);
    assert!(ran.out.contains("can no longer be uploaded"), "{}", ran.out);

    fs::remove_file(&path).expect("it is removed");
    let ran = earmark(&["verify", "--data-dir", &store]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.out.contains("is missing"), "{}", ran.out);
    assert_eq!(listed(&store).len(), 1, "it can be listed all the same");
}

#[test]
fn a_store_in_use_can_be_looked_at_and_not_be_changed() {
    let room = Room::new();
    let store = room.recorded();
    let recordings = listed(&store);
    let disk = FsDisk::create(Path::new(&store)).expect("the folder is there");
    let lock = disk.lock().expect("the disk locks").expect("nobody has it");
    assert_eq!(listed(&store), recordings);
    let server = "http://127.0.0.1:1";
    for flags in [
        vec!["delete", id(&recordings[0])],
        vec!["retry", id(&recordings[0])],
        vec!["sync", "--server", server],
    ] {
        let flags = [flags, vec!["--data-dir", &store]].concat();
        let ran = earmark(&flags);
        assert_eq!(ran.code, Some(3), "{flags:?}: {ran:?}");
        assert!(ran.err.contains("in use by "), "{}", ran.err);
        if cfg!(target_os = "linux") {
            let owner = format!("process {}", std::process::id());
            assert!(ran.err.contains(&owner), "{} does not name {owner}", ran.err);
        }
    }
    drop(lock);
    assert_eq!(listed(&store), recordings);
}

/// F134.
#[test]
fn a_deleted_recording_is_gone_and_an_unknown_one_is_refused() {
    let room = Room::new();
    let store = room.recorded();
    let recordings = listed(&store);
    let unknown = earmark(&["delete", "r-00000000-1", "--data-dir", &store]);
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert_eq!(listed(&store), recordings);
    let deleted = earmark(&["delete", id(&recordings[0]), "--data-dir", &store]);
    assert_eq!(deleted.code, Some(0), "{deleted:?}");
    assert_eq!(listed(&store).len(), 0);
}

/// The files of a store that are a recording's own.
fn files_of(store: &str, id: &str) -> Vec<PathBuf> {
    let all = contents(Path::new(store)).into_iter().map(|(path, _)| path);
    all.filter(|path| path.to_string_lossy().contains(id)).collect()
}

/// F134, F139.
#[test]
fn a_delete_that_succeeds_has_unlinked_every_file_and_says_so_once() {
    let room = Room::new();
    let store = room.recorded();
    let recordings = listed(&store);
    let id = id(&recordings[0]);
    assert_eq!(files_of(&store, id).len(), 2);
    let deleted = earmark(&["delete", id, id, "--data-dir", &store]);
    assert_eq!(deleted.out, format!("{id} is deleted\n"), "{deleted:?}");
    assert_eq!(files_of(&store, id), Vec::<PathBuf>::new());
}

/// F52. Whoever stops in order leaves nothing unsealed, whatever had happened before.
#[test]
fn a_recording_that_a_dead_process_left_open_is_shown_as_it_is_and_sealed_by_the_next_one() {
    let room = Room::new();
    let store = killed(&room);
    let before = listed(&store);
    assert_eq!((&before[0]["status"], &before[0]["sha256"]), (&"capturing".into(), &Value::Null));
    let reason = before[0]["reason"].as_str().expect("words");
    assert!(reason.contains("the next start seals it"), "{reason}");
    let retried = earmark(&["retry", id(&before[0]), "--data-dir", &store]);
    assert_eq!(retried.code, Some(0), "{retried:?}");
    let after = listed(&store);
    assert_eq!(after[0]["status"], "pending");
    assert!(after[0]["sha256"].is_string(), "{after:?}");
}

/// F134.
#[test]
fn a_recording_that_a_dead_process_left_open_can_be_deleted() {
    let room = Room::new();
    let store = killed(&room);
    let left = listed(&store);
    assert_eq!(left[0]["status"], "capturing");
    let deleted = earmark(&["delete", id(&left[0]), "--data-dir", &store]);
    assert_eq!(deleted.code, Some(0), "{deleted:?}");
    assert_eq!(listed(&store).len(), 0);
    let synced = earmark(&["sync", "--server", "http://127.0.0.1:9", "--data-dir", &store]);
    assert_eq!(synced.code, Some(0), "there is nothing left to upload: {synced:?}");
}

/// A store whose process was killed in the middle of a capture.
fn killed(room: &Room) -> String {
    let feed = room.feed(
        "kill.jsonl",
        &[
            r#"{"at": 0, "do": "capture.start", "device": "pendant", "codec": "opus"}"#,
            r#"{"at": 0, "do": "frames", "device": "pendant", "count": 50, "pace": false}"#,
            r#"{"at": 0.5, "do": "kill"}"#,
        ],
    );
    let store = room.text("store");
    let ran = earmark(&["play", &feed, "--clock", "real", "--data-dir", &store]);
    assert_eq!(ran.code, None, "{ran:?}");
    store
}

#[test]
fn a_reader_that_has_had_enough_is_no_error() {
    let room = Room::new();
    assert_eq!(unread(&["list", "--data-dir", &room.recorded()]), Some(0));
}

#[test]
fn a_reader_that_has_had_enough_changes_no_exit_code() {
    let room = Room::new();
    let store = room.recorded();
    damage(&store);
    let feed =
        room.feed("feed.jsonl", &[r#"{"at": 1, "do": "expect", "recordings": {"count": 7}}"#]);
    for flags in [
        vec!["verify", "--data-dir", &store],
        vec!["repair", "--data-dir", &store],
        vec!["play", &feed],
    ] {
        assert_eq!(earmark(&flags).code, Some(1), "{flags:?}");
        assert_eq!(unread(&flags), Some(1), "{flags:?}");
    }
}
