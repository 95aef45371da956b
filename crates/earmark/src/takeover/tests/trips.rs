//! There, back and there again; and deaths on the way.

use super::*;

fn mixed() -> String {
    let linked = r#","conversation_id":"C","retry_count":2,"clock":1.50,"x":[1, 2]"#;
    let job = r#","retry_count":1,"job_id":"job-7","uploaded_at":1775260860,"y":null"#;
    let on_device = entry(7, "miss", r#","storage_offset":512,"z":1"#).replace("disk", "sdcard");
    let entries = [
        entry(0, "miss", linked),
        entry(1, "uploaded", job),
        entry(2, "synced", r#","geolocation":{"lat":1.0}"#),
        on_device,
    ];
    list(&entries).replace(r#""wals""#, r#""ring":{"epoch":18446744073709551616},"wals""#)
}

#[test]
fn a_folder_that_is_taken_over_again_gives_nothing_twice() {
    let (app, store) = (app(4, &mixed()), SimDisk::new(1));
    let first = import(&app, &store).expect("the disk is healthy");
    let before = found(&store).ledger.recordings;
    let again = import(&app, &store).expect("the disk is healthy");
    assert_eq!(outcomes(&first).iter().filter(|one| **one == Fate::Adopted).count(), 4);
    assert_eq!(outcomes(&again).iter().filter(|one| **one == Fate::Known).count(), 4);
    assert_eq!(found(&store).ledger.recordings, before);
    assert_all_there(&store, 4);
}

/// F154.
#[test]
fn every_key_of_the_app_comes_back_as_it_was() {
    let (app, store) = (app(3, &mixed()), SimDisk::new(1));
    import(&app, &store).expect("the disk is healthy");
    let (folder, said) = give_back(&store);
    assert_eq!(outcomes(&said), [Fate::Exported; 3]);
    let (before, after) = (entries(&app), entries(&folder));
    let texts = |all: &[WalKeys]| all.iter().map(WalKeys::to_text).collect::<Vec<_>>();
    assert_eq!(texts(&after), texts(&before));
    for minute in 0..3 {
        assert_eq!(folder.contents(&name(minute)), Some(audio(minute)));
    }
    let rest = read_wals(&folder.contents("wals.json").expect("there is a list")).rest;
    assert_eq!(rest.get("ring"), Some(r#"{"epoch":18446744073709551616}"#));
}

#[test]
fn what_comes_back_into_the_same_store_is_known_and_into_another_is_the_same() {
    let (app, store) = (app(4, &mixed()), SimDisk::new(1));
    import(&app, &store).expect("the disk is healthy");
    let (folder, _) = give_back(&store);
    let again = import(&folder, &store).expect("the disk is healthy");
    assert_eq!(outcomes(&again).iter().filter(|one| **one == Fate::Known).count(), 4);
    let other = SimDisk::new(2);
    import(&folder, &other).expect("the disk is healthy");
    assert_all_there(&other, 4);
    let (twice, _) = give_back(&other);
    assert_eq!(twice.contents("wals.json"), folder.contents("wals.json"));
}

#[test]
fn a_death_at_any_step_of_a_takeover_is_made_up_for_by_the_next_one() {
    let app = app(3, &mixed());
    let mut deaths = 0;
    for cuts in [false, true] {
        for step in (0..).step_by(3) {
            let store = SimDisk::new(step);
            store.kill_after(step);
            let _ = import(&app, &store);
            let has_died = !store.is_alive();
            deaths += usize::from(has_died);
            if cuts {
                store.power_cut(step);
            } else {
                store.kill();
            }
            import(&app, &store).expect("the disk is healthy");
            assert_all_there(&store, 3);
            let recordings = found(&store).ledger.recordings;
            let mut stages: Vec<&str> =
                recordings.values().map(|facts| facts.upload.stage.name()).collect();
            stages.sort_unstable();
            assert_eq!(stages, ["accepted", "pending", "synced"], "{step}");
            if !has_died {
                break;
            }
        }
    }
    assert!(deaths > 60, "{deaths}");
}

#[test]
fn what_was_told_to_be_adopted_survives_a_power_cut_right_then() {
    let app = app(3, &mixed());
    for told in 1..=3 {
        let store = SimDisk::new(told);
        let (aside, mut heard) = (app.aside(), Vec::new());
        let read = AppFolder::read(&aside).expect("the folder can be read");
        let mut adopter = adopter(&store).expect("the disk is healthy");
        let ended = read.adopt(&aside, &mut adopter, &account(), stamp(), &mut |_, one| {
            heard.push(one);
            let enough = heard.len() as u64 == told;
            if enough { Err(AdoptError::NoFrames) } else { Ok(()) }
        });
        assert!(ended.is_err());
        store.power_cut(told);
        for one in heard {
            let facts = &found(&store).ledger.recordings[&one.recording.expect("adopted")];
            let word = super::super::describe::word(&facts.upload);
            assert_eq!((facts.sealed.is_some(), Some(word)), (true, one.status));
        }
    }
}

#[test]
fn the_apps_folder_is_never_written() {
    let app = app(3, &mixed());
    app.start_log();
    import(&app, &SimDisk::new(1)).expect("the disk is healthy");
    assert_eq!(app.log_len(), 0);
}

#[test]
fn a_folder_that_has_a_list_or_another_file_of_a_name_is_left_alone() {
    let (app, store) = (app(1, ""), SimDisk::new(1));
    import(&app, &store).expect("the disk is healthy");
    for planted in ["wals.json", "wals_backup.json", &name(0)] {
        let folder = SimDisk::new(9);
        folder.plant(planted, b"somebody else's");
        let refused =
            export::<ExportError>(&store.aside(), &folder, &[], stamp().wall, &mut |_| Ok(()));
        assert!(refused.is_err_and(|error| error.to_string().contains(planted)), "{planted}");
        assert_eq!(folder.contents(planted).as_deref(), Some(&b"somebody else's"[..]));
    }
}

#[test]
fn an_export_that_was_cut_short_goes_on_in_the_same_folder() {
    let (app, store) = (app(3, &mixed()), SimDisk::new(1));
    import(&app, &store).expect("the disk is healthy");
    for step in 0.. {
        let folder = SimDisk::new(step);
        folder.kill_after(step);
        let give = |folder: &SimDisk| {
            export::<ExportError>(&store.aside(), folder, &[], stamp().wall, &mut |_| Ok(()))
        };
        let first = give(&folder);
        let has_died = !folder.is_alive();
        folder.power_cut(step);
        let has_list = folder.contents("wals.json").is_some();
        assert!(has_list || first.is_err(), "{step}");
        if !has_list {
            give(&folder.life()).expect("the disk is healthy");
        }
        assert_eq!(entries(&folder).len(), 4, "{step}");
        for minute in 0..3 {
            assert_eq!(folder.contents(&name(minute)), Some(audio(minute)), "{step}");
        }
        if !has_died {
            break;
        }
    }
}

#[test]
fn recordings_that_would_have_one_name_get_two() {
    let (one, other) = (app(1, ""), app(0, ""));
    other.plant(&name(0), &audio(5));
    let store = SimDisk::new(1);
    import(&one, &store).expect("the disk is healthy");
    import(&other, &store).expect("the disk is healthy");
    let (folder, said) = give_back(&store);
    let names: Vec<_> = said.iter().filter_map(|told| told.file.clone()).collect();
    assert_eq!(names, [name(0), name(0).replace("fs160_", "fs160_u1_")]);
    assert_eq!(folder.contents(&names[1]), Some(audio(5)));
    assert_eq!(entries(&folder).len(), 2);
}
