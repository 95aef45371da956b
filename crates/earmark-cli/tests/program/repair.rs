use std::fs;
use std::path::{Path, PathBuf};

use earmark_store::{Disk, FsDisk};

use crate::harness::{Room, contents, earmark, id, listed};

/// A store whose one recording has a flipped bit, the recording's id, and its file.
fn damaged(room: &Room) -> (String, String, PathBuf) {
    let store = room.recorded();
    let recording = id(&listed(&store)[0]).to_owned();
    let path = Path::new(&store).join(format!("recordings/{recording}.bin"));
    let mut bytes = fs::read(&path).expect("the file is there");
    bytes[100] ^= 1;
    fs::write(&path, bytes).expect("it is written");
    (store, recording, path)
}

#[test]
fn a_dry_run_says_what_it_would_do_and_changes_nothing() {
    let room = Room::new();
    let (store, recording, _) = damaged(&room);
    let before = contents(Path::new(&store));
    let ran = earmark(&["repair", "--data-dir", &store]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.out.contains(&recording) && ran.out.contains("marked corrupted"), "{}", ran.out);
    assert!(ran.out.contains("frames (") && ran.out.contains("nothing was changed"), "{}", ran.out);
    assert!(contents(Path::new(&store)) == before, "something was written");
}

#[test]
fn a_repaired_store_is_sound_and_its_damaged_file_is_kept() {
    let room = Room::new();
    let (store, recording, path) = damaged(&room);
    let bytes = fs::read(&path).expect("the file is there");
    let ran = earmark(&["repair", "--apply", "--data-dir", &store]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("no damage is left"), "{}", ran.out);
    let verified = earmark(&["verify", "--data-dir", &store]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    assert!(contents(Path::new(&store)).iter().any(|(path, kept)| {
        path.parent().is_some_and(|folder| folder.ends_with("quarantine")) && *kept == bytes
    }));
    let recordings = listed(&store);
    assert_eq!((id(&recordings[0]), &recordings[0]["status"]), (&*recording, &"corrupted".into()));
    for flags in [vec!["repair"], vec!["repair", "--apply"]] {
        let before = contents(Path::new(&store));
        let again = earmark(&[flags, vec!["--data-dir", &store]].concat());
        assert_eq!((again.code, again.out.as_str()), (Some(0), "there is nothing to do\n"));
        assert!(contents(Path::new(&store)) == before, "something was written");
    }
}

#[test]
fn a_store_in_use_is_looked_at_and_not_repaired() {
    let room = Room::new();
    let (store, ..) = damaged(&room);
    let disk = FsDisk::create(Path::new(&store)).expect("the folder is there");
    let _lock = disk.lock().expect("the disk locks").expect("nobody has it");
    let before = contents(Path::new(&store));
    let looked = earmark(&["repair", "--data-dir", &store]);
    assert_eq!(looked.code, Some(1), "{looked:?}");
    let ran = earmark(&["repair", "--apply", "--data-dir", &store]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.err.contains("in use by "), "{}", ran.err);
    assert!(contents(Path::new(&store)) == before, "something was written");
}

#[test]
fn a_sound_store_in_use_is_not_said_to_be_repaired() {
    let room = Room::new();
    let store = room.recorded();
    let disk = FsDisk::create(Path::new(&store)).expect("the folder is there");
    let _lock = disk.lock().expect("the disk locks").expect("nobody has it");
    let ran = earmark(&["repair", "--apply", "--data-dir", &store]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.err.contains("in use by "), "{}", ran.err);
}

#[test]
fn a_folder_that_is_not_there_is_not_repaired() {
    let room = Room::new();
    let store = room.text("nowhere");
    for flags in [vec!["repair"], vec!["repair", "--apply"]] {
        let ran = earmark(&[flags, vec!["--data-dir", &store]].concat());
        assert_eq!(ran.code, Some(4), "{ran:?}");
        assert!(!Path::new(&store).exists());
    }
}
