use std::fs;
use std::path::Path;

use earmark_store::{Disk, FsDisk};

use crate::backend::ask;
use crate::harness::{Backend, Room, command, contents, earmark, listed, unread};

const NAMES: [&str; 3] = [
    "audio_aabb_opus_16000_1_fs160_1775260800.bin",
    "audio_aabb_opus_16000_1_fs160_1775260860.bin",
    "audio_aabb_opus_16000_1_fs160_1775260920.bin",
];
const LIST: &str = r#"{"version":1,"timestamp":1775260990000,"wals":[
{"timer_start":1775260800,"codec":"opus","status":"miss","storage":"disk","device":"AA:BB",
"file_path":"audio_aabb_opus_16000_1_fs160_1775260800.bin","conversation_id":"C","mine":1.50},
{"timer_start":1775260860,"codec":"opus","status":"synced","storage":"disk","device":"AA:BB",
"file_path":"audio_aabb_opus_16000_1_fs160_1775260860.bin"}]}"#;

fn audio(fill: u8) -> Vec<u8> {
    let frame = |number: u8| [&[20, 0, 0, 0][..], &[fill ^ number; 20][..]].concat();
    (0..50).flat_map(frame).collect()
}

/// An app's folder: two recordings that its list knows, and one that it does not.
fn app(room: &Room) -> String {
    fs::create_dir(room.path("app")).expect("a new folder");
    for (fill, name) in (0..).zip(NAMES) {
        fs::write(room.path("app").join(name), audio(fill)).expect("it is written");
    }
    fs::write(room.path("app/wals.json"), LIST).expect("it is written");
    room.text("app")
}

fn import(folder: &str, store: &str) -> crate::harness::Ran {
    earmark(&["import", folder, "--data-dir", store])
}

#[test]
fn an_apps_recordings_become_recordings_and_its_folder_stays_as_it_was() {
    let room = Room::new();
    let (folder, store) = (app(&room), room.text("store"));
    let before = contents(Path::new(&folder));
    let ran = import(&folder, &store);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("taken over: adopted: 3"), "{}", ran.out);
    assert!(ran.out.contains("pending, conversation C"), "{}", ran.out);
    let told: Vec<(String, String)> = listed(&store)
        .iter()
        .map(|one| (one["status"].to_string(), one["conversation"].to_string()))
        .collect();
    let told: Vec<(&str, &str)> = told.iter().map(|(one, two)| (&**one, &**two)).collect();
    assert_eq!(told, [("\"pending\"", "\"C\""), ("\"synced\"", "null"), ("\"pending\"", "null")]);
    assert_eq!(earmark(&["verify", "--data-dir", &store]).code, Some(0));
    let again = import(&folder, &store);
    assert_eq!((again.code, listed(&store).len()), (Some(0), 3), "{again:?}");
    assert_eq!(again.out, "taken over: in the store before: 3\n");
    assert!(contents(Path::new(&folder)) == before, "something was written");
}

#[test]
fn a_reader_that_has_had_enough_ends_neither_an_import_nor_an_export() {
    let room = Room::new();
    let (folder, store, given) = (app(&room), room.text("store"), room.text("given"));
    assert_eq!(unread(&["import", &folder, "--data-dir", &store]), Some(0));
    assert_eq!(listed(&store).len(), 3);
    assert_eq!(unread(&["export", "--omi", &given, "--data-dir", &store]), Some(0));
    assert_eq!(contents(Path::new(&given)).len(), 4, "three recordings and their list");
    fs::write(room.path("app").join(NAMES[2]), [0; 9]).expect("it is written");
    assert_eq!(unread(&["import", &folder, "--data-dir", &room.text("other")]), Some(1));
}

#[cfg(target_os = "linux")]
#[test]
fn an_import_that_cannot_be_told_is_done_all_the_same_and_exits_1() {
    let room = Room::new();
    let (folder, store) = (app(&room), room.text("store"));
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("a full device");
    let mut import = command(&["import", &folder, "--data-dir", &store]);
    let ran = import.stdout(full).output().expect("it starts");
    assert_eq!((ran.status.code(), listed(&store).len()), (Some(1), 3));
    assert!(String::from_utf8_lossy(&ran.stderr).contains("standard output cannot be written"));
}

#[test]
fn what_the_app_had_not_delivered_is_uploaded_once_and_under_its_own_name() {
    let room = Room::new();
    let (folder, store) = (app(&room), room.text("store"));
    assert_eq!(import(&folder, &store).code, Some(0));
    let backend = Backend::start(&[]);
    let ran = earmark(&["sync", "--server", &backend.url, "--data-dir", &store]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("2 recordings were uploaded"), "{}", ran.out);
    assert!(listed(&store).iter().all(|one| one["status"] == "synced"));
    let state = ask(&backend.url, "/earmark/state");
    let body = state.split("\r\n\r\n").nth(1).expect("a body");
    let state: serde_json::Value = serde_json::from_str(body).expect("JSON");
    let uploads = state["uploads"].as_array().expect("a list");
    let upload = |name: &str| uploads.iter().find(|one| one["name"] == name);
    let first = upload(NAMES[0]).unwrap_or_else(|| panic!("{state}"));
    assert_eq!((&first["conversation"], &first["times"]), (&"C".into(), &1.into()), "{state}");
    assert!(upload(NAMES[2]).is_some() && upload(NAMES[1]).is_none(), "{state}");
}

#[test]
fn what_cannot_be_taken_is_named_and_exits_1() {
    let room = Room::new();
    let (folder, store) = (app(&room), room.text("store"));
    fs::remove_file(room.path("app").join(NAMES[0])).expect("it is removed");
    fs::write(room.path("app").join(NAMES[2]), [0; 9]).expect("it is written");
    let ran = import(&folder, &store);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    for told in [NAMES[0], "is not there", NAMES[2], "no whole frame", "adopted: 1"] {
        assert!(ran.out.contains(told), "{told}: {}", ran.out);
    }
}

#[test]
fn a_file_that_nothing_tells_of_and_a_figure_that_is_none_are_named() {
    let room = Room::new();
    let (folder, store) = (app(&room), room.text("store"));
    fs::write(room.path("app/audio_what.bin"), audio(9)).expect("it is written");
    let list = LIST.replacen(
        r#""status":"miss""#,
        r#""status":"miss","sample_rate":9223372036854775808"#,
        1,
    );
    fs::write(room.path("app/wals.json"), list).expect("it is written");
    let ran = import(&folder, &store);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    for told in ["audio_what.bin is left out", "9223372036854775808 Hz", "adopted: 2"] {
        assert!(ran.out.contains(told), "{told}: {}", ran.out);
    }
}

#[test]
fn a_torn_list_is_named_and_costs_no_audio() {
    let room = Room::new();
    let (folder, store) = (app(&room), room.text("store"));
    fs::write(room.path("app/wals.json"), &LIST[..LIST.len() / 3]).expect("it is written");
    let ran = earmark(&["import", &folder, "--json", "--data-dir", &store]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let said = ran.json();
    assert_eq!(said["counts"]["adopted"], 3, "{said}");
    assert_eq!(said["recordings"][0]["file"], NAMES[0], "{said}");
    let fault = said["faults"][0].as_str().expect("a fault");
    assert!(fault.starts_with("wals.json: it breaks off at line "), "{fault}");
}

#[test]
fn a_folder_of_no_app_is_refused_before_a_store_is_made() {
    let room = Room::new();
    fs::create_dir(room.path("empty")).expect("a new folder");
    for folder in ["empty", "nowhere"] {
        let ran = import(&room.text(folder), &room.text("store"));
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{ran:?}");
        assert!(ran.err.contains(folder), "{}", ran.err);
        assert!(!room.path("store").exists());
    }
}

#[test]
fn a_store_in_use_takes_nothing_over_and_gives_away_all_the_same() {
    let room = Room::new();
    let (folder, store) = (app(&room), room.text("store"));
    assert_eq!(import(&folder, &store).code, Some(0));
    let disk = FsDisk::create(Path::new(&store)).expect("the folder is there");
    let _lock = disk.lock().expect("the disk locks").expect("nobody has it");
    let ran = import(&folder, &store);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.err.contains("in use by "), "{}", ran.err);
    let given = earmark(&["export", "--omi", &room.text("back"), "--data-dir", &store]);
    assert_eq!(given.code, Some(0), "{given:?}");
}

#[test]
fn recordings_go_back_into_a_folder_that_the_app_can_read() {
    let room = Room::new();
    let (folder, store, back) = (app(&room), room.text("store"), room.text("back"));
    assert_eq!(import(&folder, &store).code, Some(0));
    let before = contents(Path::new(&store));
    let ran = earmark(&["export", "--omi", &back, "--data-dir", &store]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for (fill, name) in (0..).zip(NAMES) {
        assert!(fs::read(room.path("back").join(name)).expect("it is there") == audio(fill));
    }
    let list = fs::read_to_string(room.path("back/wals.json")).expect("it is there");
    assert!(list.contains(r#""mine":1.50"#) && list.contains(r#""conversation_id":"C""#), "{list}");
    let again = earmark(&["export", "--omi", &back, "--data-dir", &store]);
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(again.err.contains("wals.json"), "{}", again.err);
    assert!(contents(Path::new(&store)) == before, "the store is only read");
    let known = import(&back, &store);
    assert_eq!((known.code, listed(&store).len()), (Some(0), 3), "{known:?}");
}

#[test]
fn an_export_that_cannot_be_is_refused_before_anything_is_written() {
    let room = Room::new();
    let (store, back) = (room.text("store"), room.text("back"));
    let flags = ["export", "--omi", &back, "--data-dir", &store];
    assert_eq!(earmark(&flags).code, Some(4), "there is no store");
    room.recorded();
    let unknown = [&flags[..], &["r-00000000-1"]].concat();
    let ran = earmark(&unknown);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("r-00000000-1") && !room.path("back").exists(), "{}", ran.err);
    assert_eq!(earmark(&["export", "--data-dir", &store]).code, Some(2), "where to is not said");
    let forced = earmark(&[&flags[..], &["--force"]].concat());
    assert_eq!(forced.code, Some(2), "{forced:?}");
    let before = contents(Path::new(&store));
    for inside in ["", "/recordings", "/recordings/new/deep"] {
        let inside = format!("{store}{inside}");
        let ran = earmark(&["export", "--omi", &inside, "--data-dir", &store]);
        assert_eq!(ran.code, Some(2), "{inside}: {ran:?}");
        assert!(ran.err.contains("lies in the store"), "{}", ran.err);
    }
    assert!(contents(Path::new(&store)) == before && !room.path("store/recordings/new").exists());
}
