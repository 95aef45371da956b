//! What the sessions' machines are made anew from.

use std::collections::BTreeMap;
use std::time::Duration;

use earmark_core::session::{
    LINK_WAIT, RecoveredRecording, RecoveredSession, RecoveredUpload, SessionEnd as End,
};
use earmark_core::sync::UploadFacts;
use earmark_core::{Account, FrameSeq, Moment, RecordingId, Stamp, WallTime};

use super::world::{World, conversation, device, frame, stamp};
use crate::{FoundSessions, Record, SessionEnd};

const NOW: Moment = Moment::from_micros(1_000_000_000);

fn found(world: &World, wall: WallTime) -> FoundSessions<RecordingId> {
    let ledger = world.store.ledger();
    let sealed = |id| ledger.recordings[&id].sealed.is_some().then_some(id);
    ledger.found_sessions(sealed, Stamp { moment: NOW, wall, ..stamp() })
}

/// The only owner's sessions.
fn found_of_one(world: &World, wall: WallTime) -> Vec<RecoveredSession<RecordingId>> {
    let owner = (device(), Account::new("default").expect("a short name"));
    let mut found = found(world, wall);
    let sessions = found.remove(&owner).expect("it has sessions");
    assert_eq!(found, BTreeMap::new());
    sessions
}

#[test]
fn a_session_is_found_with_all_that_was_decided_of_it_and_of_its_recordings() {
    let mut world = World::new();
    let (capture, session) = world.capture();
    let first = world.cut_recording(capture, session, 100);
    let second = world.cut_recording(capture, session, 100);
    world.flush();
    let seal = world.seal(first);
    world.stage(Record::Sealed { recording: first, seal });
    let (conversation, recordings) = (conversation("c1"), vec![first]);
    let seals = Vec::new();
    world.stage(Record::Linked { conversation, recordings, seals, at: stamp() });
    world.stage(Record::SessionClosed { session, end: SessionEnd::Gap, at: stamp() });
    world.stage(Record::SyncStarted { session, fallback: true });
    let facts = UploadFacts { requests: 1, ..UploadFacts::new() };
    world.stage(Record::Upload { recording: first, facts });
    let at = |seq| frame(capture, seq).at;
    let ten_seconds = Duration::from_secs(10);
    let expected = RecoveredSession {
        session,
        capture,
        end: End::Gap,
        conversation: Some(super::world::conversation("c1")),
        sync_started: Some(true),
        recordings: vec![
            RecoveredRecording {
                recording: first,
                first: FrameSeq(0),
                token: Some(first),
                linked: true,
                upload: RecoveredUpload::Left,
                walls: (at(0), at(99)),
                last_at: Moment::from_micros(989_000_000),
            },
            RecoveredRecording {
                recording: second,
                first: FrameSeq(100),
                token: None,
                linked: false,
                upload: RecoveredUpload::Fresh,
                walls: (at(100), at(199)),
                last_at: Moment::from_micros(990_000_000),
            },
        ],
    };
    assert_eq!(found_of_one(&world, at(199) + ten_seconds), [expected]);
}

#[test]
fn sessions_are_found_in_the_order_of_their_audio() {
    let mut world = World::new();
    let (capture, session) = world.capture();
    let first = world.cut_recording(capture, session, 100);
    let second = world.cut_recording(capture, session, 100);
    let earlier = world.store.next_session();
    world.stage(Record::SessionOpened {
        session: earlier,
        capture,
        first: FrameSeq(0),
        at: stamp(),
    });
    world.stage(Record::SessionMoved { recording: first, session: earlier });
    let found = found_of_one(&world, stamp().wall);
    let recordings = |one: &RecoveredSession<RecordingId>| {
        one.recordings.iter().map(|one| one.recording).collect::<Vec<_>>()
    };
    let found: Vec<_> = found.iter().map(|one| (one.session, recordings(one))).collect();
    assert_eq!(found, [(earlier, vec![first]), (session, vec![second])]);
}

#[test]
fn a_session_of_which_damage_left_its_recordings_alone_is_found() {
    let mut world = World::new();
    let (capture, session) = world.capture();
    let first = world.cut_recording(capture, session, 100);
    let second = world.cut_recording(capture, session, 100);
    let lost = world.store.next_session();
    world.stage(Record::SessionMoved { recording: second, session: lost });
    let found = found_of_one(&world, stamp().wall);
    let seen: Vec<_> = found
        .iter()
        .map(|one| (one.session, one.capture, one.end, one.recordings[0].recording))
        .collect();
    let end = End::Recovered;
    assert_eq!(seen, [(session, capture, end, first), (lost, capture, end, second)]);
}

#[test]
fn a_clock_that_was_set_ahead_stretches_no_wait() {
    let mut world = World::new();
    let (capture, session) = world.capture();
    world.cut_recording(capture, session, 100);
    let a_year_later = stamp().wall + Duration::from_secs(365 * 86_400);
    let found = found_of_one(&world, a_year_later);
    assert_eq!(found[0].recordings[0].last_at, NOW - LINK_WAIT);
}

#[test]
fn a_recording_whose_frames_are_nowhere_is_found_as_long_as_its_cut_tells() {
    let mut world = World::new();
    let (capture, session) = world.capture();
    let recording = world.recording(capture, session);
    world.stage(Record::RecordingCut { recording, end: FrameSeq(20) });
    let found = found_of_one(&world, stamp().wall);
    let nothing = WallTime::default();
    let played = Duration::from_millis(200);
    assert_eq!(found[0].recordings[0].walls, (nothing, nothing + played));
}
