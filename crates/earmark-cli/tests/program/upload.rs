use crate::harness::{Backend, Room, earmark, id, listed};

#[test]
fn sync_uploads_what_is_pending_and_has_nothing_left_to_do() {
    let room = Room::new();
    let store = room.recorded();
    let backend = Backend::start(&[]);
    let flags = ["sync", "--server", &backend.url, "--data-dir", &store];
    let ran = earmark(&flags);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("1 recordings were uploaded"), "{}", ran.out);
    assert_eq!(listed(&store)[0]["status"], "synced");
    let again = earmark(&flags);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(again.out.contains("0 recordings were uploaded"), "{}", again.out);
    let refused = earmark(&["retry", id(&listed(&store)[0]), "--data-dir", &store]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
}

#[test]
fn a_refused_recording_fails_and_a_person_brings_it_back() {
    let room = Room::new();
    let store = room.recorded();
    let faults = room.feed(
        "faults.jsonl",
        &[r#"{"at": 0, "do": "server.respond", "queue": [{"status": 415}]}"#],
    );
    let backend = Backend::start(&["--faults", &faults]);
    let sync = ["sync", "--server", &backend.url, "--data-dir", &store];
    let failed = earmark(&sync);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert_eq!(listed(&store)[0]["status"], "failed");
    assert!(failed.out.contains("is failed: "), "{}", failed.out);
    assert_eq!(earmark(&sync).code, Some(1), "only a person brings it back");

    let retried = earmark(&["retry", id(&listed(&store)[0]), "--data-dir", &store]);
    assert_eq!(retried.code, Some(0), "{retried:?}");
    assert_eq!(listed(&store)[0]["status"], "pending");
    assert_eq!(listed(&store)[0]["attempts"], 0);
    assert_eq!(earmark(&sync).code, Some(0));
    assert_eq!(listed(&store)[0]["status"], "synced");
}

#[test]
fn sync_says_that_the_store_was_damaged_and_exits_1() {
    let room = Room::new();
    let store = room.recorded();
    std::fs::remove_dir_all(room.path("store/journal")).expect("it is removed");
    std::fs::remove_dir_all(room.path("store/snapshots")).expect("it is removed");
    let verified = earmark(&["verify", "--data-dir", &store]);
    assert_eq!(verified.code, Some(1), "{verified:?}");
    assert!(verified.out.contains("neither listed nor uploaded"), "{}", verified.out);
    assert!(!verified.out.contains("cost nothing; the next"), "{}", verified.out);
    let backend = Backend::start(&[]);
    let sync = ["sync", "--server", &backend.url, "--data-dir", &store];
    let ran = earmark(&sync);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.out.contains("damaged in 1 places") && ran.out.contains("quarantine"), "{ran:?}");
    assert_eq!(earmark(&sync).code, Some(0), "it was told once");
    let verified = earmark(&["verify", "--data-dir", &store]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    assert!(verified.out.contains("files put aside before, in "), "{}", verified.out);
}

#[test]
fn sync_gives_up_a_server_that_is_not_there() {
    let room = Room::new();
    let store = room.recorded();
    let flags = ["sync", "--server", "http://127.0.0.1:9", "--patience", "1", "--data-dir", &store];
    let ran = earmark(&flags);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.out.contains("Nothing has moved"), "{}", ran.out);
    assert_eq!(listed(&store)[0]["status"], "pending");
}
