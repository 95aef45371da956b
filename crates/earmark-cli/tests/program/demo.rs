use crate::harness::{Room, command};

#[test]
fn the_demonstration_loses_nothing_and_leaves_nothing_behind() {
    let room = Room::new();
    let output = command(&["demo"]).env("TMPDIR", room.path("")).output().expect("it starts");
    let out = String::from_utf8(output.stdout).expect("UTF-8");
    let err = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(0), "{out}{err}");
    for told in ["ProcessingStarted", "CUT", "FALLBACK", "captured frames arrived"] {
        assert!(out.contains(told), "{told} is not told: {out}");
    }
    let left = std::fs::read_dir(room.path("")).expect("a folder").count();
    assert_eq!(left, 0, "the temporary store is gone");
}
