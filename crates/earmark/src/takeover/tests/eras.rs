//! What each era writes, whole, torn, and beside what it names.

use super::*;

/// Before April 2026: no conversation, no attempts; old builds write whole paths.
fn early() -> String {
    let path = |minute| {
        let short = format!(r#""file_path":"{}""#, name(minute));
        let long = format!(r#""file_path":"/data/app_flutter/{}""#, name(minute));
        entry(minute, "miss", r#","device_model":"Omi","storage_offset":0"#).replace(&short, &long)
    };
    list(&[path(0), entry(1, "synced", ""), entry(2, "inProgress", "")])
}

/// April 2026: conversations and attempts.
fn april() -> String {
    let linked = r#","conversation_id":"C","retry_count":2,"last_retry_at":1775260850"#;
    let spent = r#","conversation_id":"D","retry_count":3,"last_retry_at":1775260850"#;
    let fresh = r#","conversation_id":null,"retry_count":0,"last_retry_at":0"#;
    list(&[entry(0, "miss", linked), entry(1, "miss", spent), entry(2, "corrupted", fresh)])
}

/// May to July 2026: uploads that the server works on.
fn mid() -> String {
    let job = r#","conversation_id":"C","retry_count":1,"job_id":"job-7","uploaded_at":1775260860"#;
    let lost = r#","retry_count":0,"job_id":null,"uploaded_at":1775260860"#;
    list(&[entry(0, "uploaded", job), entry(1, "uploaded", lost), entry(2, "synced", job)])
}

/// After that: places, clocks of devices, and recordings that came too late.
fn late() -> String {
    let place = r#","geolocation":{"lat":52.50},"recordingSessionId":"s-1","retry_count":0"#;
    let clock = r#","sourceClockEpoch":12345678901234567890123,"uploadIntent":"liveContinuity""#;
    list(&[
        entry(0, "miss", place),
        entry(1, "outsideRecoveryWindow", place),
        entry(2, "synced", clock),
    ])
}

fn all() -> [(&'static str, String); 4] {
    [("early", early()), ("April", april()), ("mid", mid()), ("late", late())]
}

fn taken(list: &str) -> (Vec<Told>, SimDisk) {
    let store = SimDisk::new(1);
    let said = import(&app(3, list), &store).expect("the disk is healthy");
    assert_eq!(outcomes(&said), [Fate::Adopted; 3]);
    assert_all_there(&store, 3);
    (said, store)
}

#[test]
fn what_the_early_app_had_is_pending_and_what_it_had_delivered_is_not_sent_again() {
    let (said, store) = taken(&early());
    let stages = [0, 1, 2].map(|minute| facts(&said, &store, minute).upload.stage.name());
    assert_eq!(stages, ["pending", "synced", "pending"]);
    let first = facts(&said, &store, 0);
    assert_eq!((first.device.as_str(), first.conversation), ("AA:BB", None));
    let start = first.started_at.map(WallTime::unix_seconds);
    assert_eq!(start, Some(START as i64));
}

#[test]
fn conversations_and_attempts_of_april_go_on() {
    let (said, store) = taken(&april());
    let of = |minute| facts(&said, &store, minute);
    assert_eq!(of(0).conversation.as_ref().map(|id| id.as_str()), Some("C"));
    assert_eq!((of(0).upload.attempts, of(0).upload.stage.name()), (2, "pending"));
    assert_eq!(of(1).conversation.as_ref().map(|id| id.as_str()), Some("D"));
    assert_eq!((of(1).upload.attempts, of(1).upload.stage.name()), (3, "failed"));
    assert_eq!((of(2).upload.attempts, of(2).upload.stage.name()), (0, "pending"));
}

#[test]
fn a_job_of_the_mid_app_is_asked_for_and_no_upload_is_made_meanwhile() {
    let (said, store) = taken(&mid());
    let UploadStage::Accepted { job, .. } = facts(&said, &store, 0).upload.stage else {
        panic!("{said:?}");
    };
    assert_eq!(job, "job-7");
    assert_eq!(facts(&said, &store, 1).upload.stage.name(), "pending");
    assert_eq!(facts(&said, &store, 2).upload.stage.name(), "synced");
}

#[test]
fn what_the_late_server_had_refused_for_its_age_has_failed() {
    let (said, store) = taken(&late());
    let stages = [0, 1, 2].map(|minute| facts(&said, &store, minute).upload.stage.name());
    assert_eq!(stages, ["pending", "failed", "synced"]);
}

#[test]
fn no_adopted_recording_can_be_linked_to_what_a_server_says_of_its_device_now() {
    for (era, list) in all() {
        let (_, store) = taken(&list);
        let recordings = found(&store).ledger.recordings;
        assert!(recordings.values().all(|facts| facts.upload.requests > 0), "{era}");
    }
}

#[test]
fn a_list_that_is_torn_at_any_byte_costs_no_audio() {
    for (era, list) in all() {
        for len in 0..list.len() {
            let store = SimDisk::new(1);
            let app = app(3, "");
            app.plant("wals.json", &list.as_bytes()[..len]);
            let read = AppFolder::read(&app.aside()).expect("the folder can be read");
            assert_eq!(read.faults().len(), 1, "{era} {len}: {:?}", read.faults());
            let said = import(&app, &store).expect("the disk is healthy");
            assert_eq!(outcomes(&said), [Fate::Adopted; 3], "{era}, {len} bytes");
            assert_all_there(&store, 3);
            let whole = read_wals(&list.as_bytes()[..len]).entries.len();
            let kept = AppFolder::read(&app.aside()).expect("the folder can be read").items;
            let told = kept.iter().filter(|item| item.entry.is_some()).count();
            assert_eq!(told, whole, "{era}, {len} bytes");
        }
    }
}

#[test]
fn what_is_torn_off_a_list_stands_in_its_backup() {
    for (era, list) in all() {
        for len in (0..list.len()).step_by(7) {
            let (store, app) = (SimDisk::new(1), app(3, ""));
            app.plant("wals.json", &list.as_bytes()[..len]);
            app.plant("wals_backup.json", list.as_bytes());
            let said = import(&app, &store).expect("the disk is healthy");
            let (before, whole) = taken(&list);
            for minute in 0..3 {
                let (one, other) = (facts(&said, &store, minute), facts(&before, &whole, minute));
                assert_eq!(one.upload, other.upload, "{era}, {len} bytes");
                assert_eq!(one.conversation, other.conversation, "{era}, {len} bytes");
            }
        }
    }
}

#[test]
fn a_whole_list_is_believed_over_its_backup() {
    let (store, app) = (SimDisk::new(1), app(1, &list(&[entry(0, "synced", "")])));
    app.plant("wals_backup.json", list(&[entry(0, "miss", "")]).as_bytes());
    let said = import(&app, &store).expect("the disk is healthy");
    assert_eq!(facts(&said, &store, 0).upload.stage.name(), "synced");
}

#[test]
fn an_app_that_ended_before_it_named_a_file_is_helped_out() {
    let written = r#""file_path":null"#;
    let named = format!(r#""file_path":"{}""#, name(0));
    let entry = entry(0, "miss", r#","conversation_id":"C""#).replace(&named, written);
    let (store, app) = (SimDisk::new(1), app(1, &list(&[entry.replace("disk", "mem")])));
    let said = import(&app, &store).expect("the disk is healthy");
    let conversation = facts(&said, &store, 0).conversation;
    assert_eq!(conversation.as_ref().map(|id| id.as_str()), Some("C"));
}

#[test]
fn audio_that_is_missing_torn_or_of_another_kind_is_told_by_its_name() {
    let aac = entry(3, "miss", "").replace("\"opus\"", "\"aac\"");
    let app =
        app(4, &list(&[entry(0, "miss", ""), entry(1, "miss", ""), aac, entry(9, "miss", "")]));
    app.plant(&name(0), &audio(0)[..audio(0).len() - 3]);
    app.plant(&name(1), &[0; 40]);
    app.plant("notes.txt", b"nothing of the app's");
    let store = SimDisk::new(1);
    let said = import(&app, &store).expect("the disk is healthy");
    use Fate::{Adopted, Missing, Refused};
    assert_eq!(outcomes(&said), [Adopted, Refused, Adopted, Refused, Missing]);
    let note = |index: usize| said[index].note.clone().unwrap_or_default();
    assert!(note(0).contains("left out") && note(1).contains("no whole frame"), "{said:?}");
    assert!(note(3).contains("aac") && note(4).contains("not there"), "{said:?}");
    assert_eq!(said[4].file, Some(name(9)));
    assert_eq!(said[0].frames, 8);
}

#[test]
fn an_audio_file_that_is_cut_at_any_byte_gives_its_whole_frames() {
    let whole = audio(0);
    for len in 0..whole.len() {
        let (store, app) = (SimDisk::new(1), app(0, ""));
        app.plant(&name(0), &whole[..len]);
        let said = import(&app, &store).expect("the disk is healthy");
        if said[0].outcome == Fate::Refused {
            assert!(len < 4 + 21, "{len} bytes: {said:?}");
            continue;
        }
        let bytes = store.contents(&recording_path(id(&said, 0))).expect("it is sealed");
        assert!(whole.starts_with(&bytes) && len - bytes.len() < 4 + 26, "{len} bytes");
    }
}

#[test]
fn what_lies_on_a_device_or_was_delivered_needs_no_file() {
    let on_device = entry(0, "miss", "").replace("disk", "sdcard");
    let app = app(0, &list(&[on_device, entry(1, "synced", ""), entry(2, "corrupted", "")]));
    let said = import(&app, &SimDisk::new(1)).expect("the disk is healthy");
    assert_eq!(outcomes(&said), [Fate::OnDevice, Fate::Settled, Fate::Settled]);
    assert!(said.iter().all(|told| !told.outcome.is_wrong()));
}

#[test]
fn a_folder_without_anything_of_an_app_is_empty() {
    let disk = SimDisk::new(1);
    disk.plant("notes.txt", b"hello");
    let found = AppFolder::read(&disk.aside()).expect("the folder can be read");
    assert!(found.is_empty());
}
