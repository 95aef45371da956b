//! What every disk owes the store, asked of the real one and of the simulated one.

use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Arc;

use crate::{Config, Disk, FsDisk, OpenError, SimDisk, Store, Work, inspect};

fn on_both(obligation: impl Fn(&dyn Disk)) {
    obligation(&SimDisk::new(5));
    let dir = tempfile::tempdir().expect("a folder for the test");
    obligation(&FsDisk::create(&dir.path().join("store")).expect("the folder can be made"));
}

#[test]
fn a_file_is_created_once_and_reads_back_what_was_written() {
    on_both(|disk| {
        disk.create_dir("journal").expect("it can be made");
        disk.create_dir("journal").expect("an existing folder is no error");
        let file = disk.create_new("journal/a.log").expect("it is new");
        crate::disk::write_all_at(file.as_ref(), 3, b"frames").expect("it takes bytes");
        file.sync().expect("it can be synced");
        disk.sync_dir("journal").expect("it can be synced");
        let again = disk.create_new("journal/a.log").map(drop);
        assert_eq!(again.map_err(|error| error.kind()), Err(ErrorKind::AlreadyExists));
        let file = disk.open("journal/a.log").expect("it is there");
        let bytes = crate::disk::read_whole(file.as_ref(), 100).expect("it can be read");
        assert_eq!(bytes, b"\0\0\0frames");
        file.set_len(5).expect("it can be cut");
        assert_eq!(file.len().expect("it has a length"), 5);
    });
}

#[test]
fn names_are_listed_in_order_and_change_as_told() {
    on_both(|disk| {
        disk.create_dir("recordings").expect("it can be made");
        for name in ["recordings/b", "recordings/a.part"] {
            disk.create_new(name).expect("it is new");
        }
        disk.rename("recordings/a.part", "recordings/c").expect("it can be renamed");
        let names: Vec<String> = disk
            .list("recordings")
            .expect("it can be listed")
            .into_iter()
            .map(|entry| entry.name)
            .collect();
        assert_eq!(names, ["b", "c"]);
        disk.remove("recordings/b").expect("it can be removed");
        let missing = [
            disk.remove("recordings/b"),
            disk.open("recordings/b").map(drop),
            disk.list("nowhere").map(drop),
            disk.rename("recordings/b", "recordings/d"),
        ];
        for result in missing {
            assert_eq!(result.map_err(|error| error.kind()), Err(ErrorKind::NotFound));
        }
        assert!(disk.list("").expect("the root").iter().any(|entry| entry.is_dir));
    });
}

#[test]
fn a_path_that_no_store_would_make_is_refused() {
    on_both(|disk| {
        for path in ["", "..", "../x", "/etc/passwd", "a/b/c", "a/../b", ".hidden", "a/", "a\0b"] {
            let result = disk.create_new(path).map(drop);
            assert_eq!(
                result.map_err(|error| error.kind()),
                Err(ErrorKind::InvalidInput),
                "{path}"
            );
        }
    });
}

#[test]
fn one_process_owns_a_store() {
    on_both(|disk| {
        let lock = disk.lock().expect("it can be locked").expect("it is free");
        assert!(disk.lock().expect("it can be asked").is_none());
        drop(lock);
        assert!(disk.lock().expect("it can be locked").is_some());
    });
}

#[test]
fn a_second_owner_is_turned_away_and_a_look_is_not() {
    let dir = tempfile::tempdir().expect("a folder for the test");
    let open = || {
        let disk: Arc<dyn Disk> =
            Arc::new(FsDisk::create(dir.path()).expect("the folder is there"));
        Store::open(disk, Config::default(), &mut || 7, super::world::stamp())
    };
    let (store, _) = open().expect("the store is free");
    assert!(matches!(open(), Err(OpenError::InUse)));
    let disk = FsDisk::read_only(dir.path()).expect("the folder is there");
    inspect(&disk).expect("a look is always free");
    drop(store);
    open().expect("the store is free again");
}

/// F140.
#[test]
fn files_and_folders_are_their_owners_alone() {
    let dir = tempfile::tempdir().expect("a folder for the test");
    let root = dir.path().join("new/store");
    let disk: Arc<dyn Disk> = Arc::new(FsDisk::create(&root).expect("the folder can be made"));
    let (mut store, _) = Store::open(disk, Config::default(), &mut || 7, super::world::stamp())
        .expect("the store is free");
    store.stage(crate::Record::MuteSet { device: super::world::device(), muted: true });
    let job = store.begin(Work::Write).expect("there is something to write");
    store.end(job.run()).expect("the disk is healthy");
    let mut paths = vec![root];
    while let Some(path) = paths.pop() {
        let data = path.symlink_metadata().expect("it is there");
        let mode = data.permissions().mode() & 0o7777;
        assert_eq!(mode, if data.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
        if data.is_dir() {
            let within = path.read_dir().expect("it can be listed");
            paths.extend(within.map(|entry| entry.expect("it can be listed").path()));
        }
    }
}

#[test]
fn a_link_in_the_store_is_not_followed() {
    let dir = tempfile::tempdir().expect("a folder for the test");
    let outside = dir.path().join("outside");
    std::fs::create_dir(&outside).expect("it can be made");
    std::fs::write(outside.join("secret"), b"secret").expect("it can be written");
    let root = dir.path().join("store");
    let disk = FsDisk::create(&root).expect("the folder can be made");
    symlink(&outside, root.join("journal")).expect("it can be linked");
    symlink(outside.join("secret"), root.join("store.json")).expect("it can be linked");
    assert!(disk.open("journal/secret").is_err());
    assert!(disk.create_dir("journal").is_err());
    assert!(disk.create_new("journal/new").is_err());
    assert!(disk.open("store.json").is_err());
}

#[test]
fn a_read_only_disk_never_writes() {
    let dir = tempfile::tempdir().expect("a folder for the test");
    FsDisk::create(dir.path()).expect("it is there").create_new("a").expect("it is new");
    let disk = FsDisk::read_only(dir.path()).expect("it is there");
    let refused = [
        disk.create_new("b").map(drop),
        disk.create_dir("c"),
        disk.remove("a"),
        disk.rename("a", "b"),
        disk.sync_dir(""),
        disk.lock().map(drop),
    ];
    for result in refused {
        assert_eq!(result.map_err(|error| error.kind()), Err(ErrorKind::ReadOnlyFilesystem));
    }
    let file = disk.open("a").expect("it can be read");
    assert!(file.write_at(0, b"x").is_err());
}

#[test]
fn the_simulated_disk_loses_names_that_were_not_synced() {
    let kept = (0..64).filter(|seed| {
        let disk = SimDisk::new(1);
        disk.create_dir("journal").expect("it can be made");
        disk.sync_dir("").expect("it can be synced");
        let file = disk.create_new("journal/a.log").expect("it is new");
        file.write_at(0, b"x").expect("it takes bytes");
        file.sync().expect("it can be synced");
        disk.power_cut(*seed);
        disk.life().open("journal/a.log").is_ok()
    });
    let kept = kept.count();
    assert!(0 < kept && kept < 64, "{kept}");
}

#[test]
fn a_failed_sync_of_the_simulated_disk_cannot_be_made_good() {
    for seed in 0..64 {
        let disk = SimDisk::new(1);
        let file = disk.create_new("a.log").expect("it is new");
        disk.sync_dir("").expect("it can be synced");
        crate::disk::write_all_at(file.as_ref(), 0, b"frames").expect("it takes bytes");
        disk.set_fault(crate::DiskOp::Sync, crate::DiskError::Eio, 1);
        assert!(file.sync().is_err());
        file.sync().expect("the second one succeeds, as it does on Linux");
        disk.power_cut(seed);
        let bytes = disk.contents("a.log").expect("its name is durable");
        assert!(!bytes.starts_with(b"frames"), "{seed}");
    }
}

#[test]
fn a_store_on_real_files_keeps_its_recordings() {
    let dir = tempfile::tempdir().expect("a folder for the test");
    let open = || {
        let disk: Arc<dyn Disk> =
            Arc::new(FsDisk::create(dir.path()).expect("the folder is there"));
        Store::open(disk, super::world::SMALL, &mut || 7, super::world::stamp()).expect("it opens")
    };
    let run = |store: &mut Store, work| {
        let job = store.begin(work)?;
        Some(store.end(job.run()).expect("the disk is healthy"))
    };
    let (mut store, _) = open();
    let (capture, session) = (store.next_capture(), store.next_session());
    let recording = store.next_recording();
    store.stage(crate::Record::CaptureOpened {
        capture,
        device: super::world::device(),
        account: earmark_core::Account::new("default").expect("a short name"),
        encoding: earmark_core::Encoding::mono_16k(earmark_core::Codec::Opus),
        at: super::world::stamp(),
    });
    let first = earmark_core::FrameSeq(0);
    store.stage(crate::Record::RecordingOpened { recording, session, capture, first });
    for seq in 0..500 {
        let frame = super::world::frame(capture, seq);
        store.stage_frames(capture, earmark_core::FrameSeq(seq), &[frame]);
        run(&mut store, Work::Write);
    }
    run(&mut store, Work::Sync);
    drop(store);
    let (mut store, recovered) = open();
    assert!(recovered.damage.is_empty(), "{:?}", recovered.damage);
    let sealed = run(&mut store, Work::Seal(recording));
    let Some(crate::Outcome::Sealed { seal, .. }) = sealed else { panic!("{sealed:?}") };
    store.stage(crate::Record::Sealed { recording, seal });
    for work in [Work::Write, Work::Sync, Work::Snapshot, Work::Prune] {
        run(&mut store, work);
    }
    let disk = FsDisk::read_only(dir.path()).expect("it is there");
    let verification = crate::verify(&disk, &mut |_, _| {}).expect("it can be read");
    assert_eq!((verification.recordings, verification.damage), (1, Vec::new()));
    let found = inspect(&disk).expect("it can be read");
    let frames = found.ledger.recordings[&recording].sealed.as_ref().map(|seal| seal.frames);
    assert_eq!(frames, Some(500));
}

#[test]
fn the_log_of_the_simulated_disk_rebuilds_every_disk_that_a_cut_could_leave() {
    let disk = SimDisk::new(1);
    let mut past = crate::Past::of(&disk);
    disk.start_log();
    let file = disk.create_new("a.log").expect("it is new");
    crate::disk::write_all_at(file.as_ref(), 0, &[7; 600]).expect("it takes bytes");
    disk.sync_dir("").expect("it can be synced");
    for operation in disk.take_log() {
        past.advance(&operation);
    }
    let limits = crate::CutLimits { every: 1_000, sampled: 0 };
    let cuts = past.cuts(limits, 1);
    assert!(cuts.is_exhaustive());
    let states: std::collections::BTreeSet<_> = cuts.map(|cut| cut.contents("a.log")).collect();
    let kept = past.kept().contents("a.log");
    // The name is durable, so that each state has the file: whole, empty, or with holes and tears.
    assert!(states.contains(&Some(Vec::new())) && states.contains(&kept));
    assert!(states.contains(&Some(vec![7; 512])) && states.contains(&Some(vec![0; 600])));
    assert!(states.len() > 6 && !states.contains(&None), "{}", states.len());
}

fn written(disk: &SimDisk, bytes: &[u8]) -> Arc<dyn crate::DiskFile> {
    let file = disk.create_new("a.log").expect("it is new");
    crate::disk::write_all_at(file.as_ref(), 0, bytes).expect("it takes bytes");
    file
}

#[test]
fn a_write_that_slips_says_that_it_was_done_and_is_told_of_afterwards() {
    let outcomes: [(crate::Slip, &[u8]); 3] = [
        (crate::Slip::Torn, b"fra"),
        (crate::Slip::Lost, b""),
        (crate::Slip::Misdirected, &[0; 3]),
    ];
    for (slip, left) in outcomes {
        let disk = SimDisk::new(1);
        disk.slip(slip, "a", 1);
        written(&disk, b"frames");
        let contents = disk.contents("a.log").expect("it is there");
        assert!(contents.starts_with(left), "{slip:?}");
        assert!(!contents.starts_with(b"frames"), "{slip:?}");
        let slipped: Vec<_> = disk.take_slipped().into_iter().map(|one| one.slip).collect();
        assert_eq!(slipped, [slip]);
        assert_eq!(disk.take_slipped(), []);
    }
}

#[test]
fn a_narrow_fault_leaves_the_rest_of_its_kind_alone() {
    let disk = SimDisk::new(1);
    disk.set_narrow_fault(crate::Narrow::SyncDir, crate::DiskError::Eio, 1);
    disk.set_narrow_fault(crate::Narrow::Open, crate::DiskError::Emfile, 1);
    assert!(!disk.is_healthy());
    let file = written(&disk, b"frames");
    file.sync().expect("it is no folder");
    assert!(disk.sync_dir("").is_err());
    file.len().expect("it is open already");
    assert!(disk.open("a.log").is_err());
    assert!(disk.is_healthy());
    disk.open("a.log").expect("the fault was met");
}

#[test]
fn a_look_from_the_side_meets_no_fault_and_changes_nothing() {
    let disk = SimDisk::new(1);
    written(&disk, b"frames");
    disk.set_fault(crate::DiskOp::Read, crate::DiskError::Eio, -1);
    let (aside, before) = (disk.aside(), disk.operations());
    let file = aside.open("a.log").expect("no fault is met");
    assert!(file.write_at(0, b"x").is_err());
    assert!(aside.remove("a.log").is_err());
    assert!(disk.open("a.log").is_err(), "the fault is still due");
    assert_eq!(disk.operations(), before);
}

#[test]
fn a_power_cut_tells_what_it_took() {
    let tolls: Vec<crate::Toll> = (0..64)
        .map(|seed| {
            let disk = SimDisk::new(1);
            disk.create_new("a.log").expect("it is new");
            disk.sync_dir("").expect("it can be synced");
            let file = disk.open("a.log").expect("it is there");
            for place in 0..8 {
                crate::disk::write_all_at(file.as_ref(), place * 2_048, &[1; 2_048])
                    .expect("it takes bytes");
            }
            disk.power_cut(seed)
        })
        .collect();
    assert!(tolls.iter().any(|toll| toll.torn > 0 && toll.lost > 0 && toll.reordered > 0));
    assert!(tolls.iter().any(|toll| toll.torn + toll.lost == 0));
}
