//! A store of each version that was ever released is kept in `kept/`, and still opens.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use earmark_core::sync::{UploadFacts, UploadStage};
use earmark_core::{Deadline, FrameSeq, RecordingId};

use super::world::{SMALL, World, conversation, device, stamp};
use crate::format::VERSION;
use crate::{Record, Removal, SimDisk, Work, verify};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/tests/kept/v{VERSION}"))
}

/// A store with something of everything: recordings in every stage, a snapshot with a journal
/// behind it, audio that is in no recording's file yet.
fn written() -> World {
    let mut world = World::on(SimDisk::new(3), SMALL);
    let uploads: Vec<UploadStage> = stages();
    for stage in uploads {
        let recording = world.sealed_recording(12);
        let facts = UploadFacts { requests: 2, attempts: 1, swallowed: 0, waits: 1, stage };
        world.stage(Record::Upload { recording, facts });
        let recordings = vec![recording];
        let (conversation, seals, at) = (conversation("c-1"), Vec::new(), stamp());
        world.stage(Record::Linked { conversation, recordings, seals, at });
        world.flush();
    }
    let relinked = world.sealed_recording(5);
    let (old, reason) = (conversation("c-2"), String::from("the server has none"));
    let (recordings, seals, at) = (vec![relinked], Vec::new(), stamp());
    world.stage(Record::Linked { conversation: old.clone(), recordings, seals, at });
    world.stage(Record::Relinked { recording: relinked, old, reason });
    let going = world.sealed_recording(5);
    world.stage(Record::Removing { recording: going, why: Removal::Deleted });
    world.stage(Record::MuteSet { device: device(), muted: true });
    world.flush();
    world.run(Work::Snapshot).expect("the disk is healthy");
    let (capture, session) = world.capture();
    let _open = world.recording(capture, session);
    world.frames(capture, 40);
    let (from, to) = (FrameSeq(3), FrameSeq(9));
    world.stage(Record::Delivered { capture, from, to });
    world.flush();
    world
}

fn stages() -> Vec<UploadStage> {
    let lease = Deadline::after(stamp(), Duration::from_secs(60));
    let words = || String::from("as the server said");
    vec![
        UploadStage::Pending { next: Some(lease), told: true, fixed: false, reason: Some(words()) },
        UploadStage::Uploading,
        UploadStage::Accepted {
            job: String::from("job-7"),
            since: stamp(),
            lease,
            poll_after: Duration::from_secs(5),
            not_before: Some(lease),
        },
        UploadStage::Synced { at: stamp() },
        UploadStage::Failed { reason: words() },
        UploadStage::Corrupted { reason: words() },
    ]
}

/// The files of a store, by their paths.
fn files(world: &World) -> Vec<(String, Vec<u8>)> {
    let paths = world.disk.paths().into_iter();
    paths.filter_map(|path| Some((path.clone(), world.disk.contents(&path)?))).collect()
}

fn kept() -> SimDisk {
    let disk = SimDisk::new(1);
    for dir in fs::read_dir(folder()).expect("a store of this version is kept") {
        let dir = dir.expect("it can be read").path();
        let inside: Vec<PathBuf> = match dir.is_dir() {
            true => fs::read_dir(&dir)
                .expect("it can be read")
                .map(|entry| entry.expect("it can be read").path())
                .collect(),
            false => vec![dir],
        };
        for file in inside {
            let path = file.strip_prefix(folder()).expect("it is inside");
            let bytes = fs::read(&file).expect("it can be read");
            disk.plant(path.to_str().expect("a plain name"), &bytes);
        }
    }
    disk
}

/// Run it with `--ignored` once for a version that is about to be released.
#[test]
#[ignore = "it writes the store that the other tests compare with"]
fn keep_the_store_of_this_version() {
    for (path, bytes) in files(&written()) {
        let path = folder().join(path);
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("it can be made");
        fs::write(path, bytes).expect("it can be written");
    }
}

#[test]
fn what_this_version_writes_is_what_it_was_released_with() {
    let (kept, written) = (kept(), written());
    for (path, bytes) in files(&written) {
        let same = kept.contents(&path).as_ref() == Some(&bytes);
        assert!(same, "{path} has other bytes: that takes a new version of the format");
    }
}

/// F154.
#[test]
fn a_kept_store_opens_with_all_that_was_in_it() {
    let written = written();
    let disk = kept();
    assert!(verify(&disk, &mut |_, _| {}).expect("it can be read").damage.is_empty());
    let world = World::on(disk, SMALL);
    assert!(world.recovered.damage.is_empty(), "{:?}", world.recovered.damage);
    let before = &written.store.ledger().recordings;
    let after = &world.store.ledger().recordings;
    let gone: Vec<&RecordingId> = before.keys().filter(|id| !after.contains_key(id)).collect();
    assert_eq!(gone.len(), 1, "only the one that was about to go");
    for (id, facts) in before.iter().filter(|(id, facts)| !gone.contains(id) && facts.end.is_some())
    {
        assert_eq!(after[id], *facts);
    }
    assert_eq!(world.store.ledger().muted, written.store.ledger().muted);
    let mut world = world;
    world.seal_all();
    for recording in before.keys().filter(|id| !gone.contains(id)) {
        world.assert_true_frames(*recording);
    }
}
