//! The fold.

use earmark_core::{
    Account, CaptureId, Codec, Encoding, FrameSeq, RecordingId, SessionId, WallTime,
};
use proptest::prelude::*;

use super::world::{World, conversation, device, stamp};
use crate::{Ledger, Record, Removal, SESSIONS_KEPT_MAX, SessionEnd, Work};

#[test]
fn a_recording_that_has_a_conversation_keeps_it() {
    let mut world = World::new();
    let recording = world.sealed_recording(5);
    for name in ["c1", "c2"] {
        world.stage(Record::Linked {
            conversation: conversation(name),
            recordings: vec![recording],
            seals: Vec::new(),
            at: stamp(),
        });
    }
    let link = |world: &World| world.store.ledger().recordings[&recording].conversation.clone();
    assert_eq!(link(&world), Some(conversation("c1")));
    let reason = "the server says so".to_owned();
    world.stage(Record::Relinked { recording, old: conversation("c2"), reason: reason.clone() });
    assert_eq!(link(&world), Some(conversation("c1")), "it never had the other one");
    world.stage(Record::Relinked { recording, old: conversation("c1"), reason });
    assert_eq!(link(&world), None);
}

#[test]
fn frames_are_counted_as_uploaded_once() {
    let mut world = World::new();
    let recording = world.sealed_recording(5);
    world.synced(recording);
    world.synced(recording);
    world.stage(Record::Removing { recording, why: Removal::Deleted });
    world.stage(Record::Removed { recording });
    let totals = world.store.ledger().totals;
    assert_eq!((totals.uploaded_frames, totals.deleted_frames), (5, 0));
}

#[test]
fn what_was_delivered_is_merged_and_forgotten_with_its_recording() {
    let mut world = World::new();
    let (capture, session) = world.capture();
    let first = world.cut_recording(capture, session, 100);
    let second = world.recording(capture, session);
    world.frames(capture, 100);
    for (from, to) in [(0, 10), (20, 30), (10, 20), (90, 110), (150, 150)] {
        world.stage(Record::Delivered { capture, from: FrameSeq(from), to: FrameSeq(to) });
    }
    let delivered = |world: &World| world.store.ledger().captures[&capture].delivered.clone();
    let range = |from, to| (FrameSeq(from), FrameSeq(to));
    assert_eq!(delivered(&world).ranges(), [range(0, 30), range(90, 110)]);
    assert_eq!(world.store.ledger().undelivered(first), 60);
    assert_eq!(world.store.ledger().undelivered(second), 90);
    world.stage(Record::Removing { recording: first, why: Removal::Released });
    world.stage(Record::Removed { recording: first });
    assert_eq!(delivered(&world).ranges(), [range(100, 110)]);
}

#[test]
fn what_was_delivered_of_a_recording_alone_goes_with_it() {
    let mut world = World::new();
    let (capture, session) = world.capture();
    let first = world.cut_recording(capture, session, 100);
    world.recording(capture, session);
    world.stage(Record::Delivered { capture, from: FrameSeq(0), to: FrameSeq(100) });
    world.stage(Record::Removing { recording: first, why: Removal::Released });
    world.stage(Record::Removed { recording: first });
    assert_eq!(world.store.ledger().captures[&capture].delivered.ranges(), []);
}

#[test]
fn a_device_is_muted_until_a_person_lets_it_be_heard() {
    let mut world = World::new();
    for muted in [true, false] {
        world.stage(Record::MuteSet { device: device(), muted });
        assert_eq!(world.store.ledger().muted.contains(&device()), muted);
    }
}

#[test]
fn a_recording_knows_when_it_began_and_ended() {
    let mut world = World::new();
    let (capture, session) = world.capture();
    let first = world.recording(capture, session);
    world.frames(capture, 100);
    world.stage(Record::RecordingCut { recording: first, end: FrameSeq(60) });
    let second = world.store.next_recording();
    let opened =
        Record::RecordingOpened { recording: second, session, capture, first: FrameSeq(60) };
    world.stage(opened);
    let at = |seq| super::world::frame(capture, seq).at;
    let times = |world: &World, id| -> (Option<WallTime>, Option<WallTime>) {
        let facts = &world.store.ledger().recordings[&id];
        (facts.started_at, facts.ended_at)
    };
    assert_eq!(times(&world, first), (Some(at(0)), Some(at(59))));
    assert_eq!(times(&world, second), (Some(at(60)), Some(at(99))));
}

#[test]
fn a_recording_without_a_frame_has_not_begun() {
    let mut world = World::new();
    let (capture, session) = world.capture();
    world.cut_recording(capture, session, 10);
    let second = world.recording(capture, session);
    let facts = &world.store.ledger().recordings[&second];
    assert_eq!((facts.started_at, facts.ended_at), (None, None));
}

#[test]
fn frames_before_the_first_of_a_recording_do_not_tell_when_it_began() {
    let mut world = World::new();
    let (capture, session) = world.capture();
    let recording = world.store.next_recording();
    let first = FrameSeq(10);
    world.stage(Record::RecordingOpened { recording, session, capture, first });
    let times = |world: &World| {
        let facts = &world.store.ledger().recordings[&recording];
        (facts.started_at, facts.ended_at)
    };
    world.frames(capture, 10);
    assert_eq!(times(&world), (None, None));
    world.frames(capture, 5);
    let at = |seq| Some(super::world::frame(capture, seq).at);
    assert_eq!(times(&world), (at(10), at(14)));
}

#[test]
fn a_recording_that_is_cut_without_a_frame_has_not_ended() {
    let mut world = World::new();
    let (capture, session) = world.capture();
    world.cut_recording(capture, session, 10);
    let second = world.recording(capture, session);
    world.cut(capture, second);
    assert_eq!(world.store.ledger().recordings[&second].ended_at, None);
}

#[test]
fn every_number_that_a_record_brings_is_below_those_to_come() {
    let (capture, session) = (CaptureId::new(1, 7), SessionId::new(1, 9));
    let recording = RecordingId::new(1, 11);
    let account = Account::new("default").expect("a short name");
    let encoding = Encoding::mono_16k(Codec::Opus);
    let (device, at, first) = (device(), stamp(), FrameSeq(0));
    let mut ledger = Ledger::default();
    ledger.apply(&Record::CaptureOpened { capture, device, account, encoding, at });
    assert_eq!(ledger.highest_id, 7);
    ledger.apply(&Record::SessionOpened { session, capture, first, at });
    assert_eq!(ledger.highest_id, 9);
    ledger.apply(&Record::RecordingOpened { recording, session, capture, first });
    assert_eq!(ledger.highest_id, 11);
}

/// So many sessions of a capture begin and end without a recording.
fn bare_sessions(world: &mut World, capture: CaptureId, count: usize) {
    for _ in 0..count {
        let session = world.store.next_session();
        world.stage(Record::SessionOpened { session, capture, first: FrameSeq(0), at: stamp() });
        world.stage(Record::SessionClosed { session, end: SessionEnd::Stopped, at: stamp() });
    }
}

#[test]
fn the_latest_sessions_without_recordings_are_remembered_and_all_with_some() {
    let mut world = World::new();
    let (capture, session) = world.capture();
    let recordings = [world.recording(capture, session), world.recording(capture, session)];
    world.stage(Record::SessionClosed { session, end: SessionEnd::Stopped, at: stamp() });
    let is_known = |world: &World| world.store.ledger().sessions.contains_key(&session);
    let known = |world: &World| world.store.ledger().sessions.len();
    bare_sessions(&mut world, capture, SESSIONS_KEPT_MAX);
    assert_eq!((is_known(&world), known(&world)), (true, SESSIONS_KEPT_MAX + 1));
    bare_sessions(&mut world, capture, 1);
    assert_eq!((is_known(&world), known(&world)), (true, SESSIONS_KEPT_MAX + 1));
    for (recording, keeps) in recordings.into_iter().zip([true, false]) {
        world.stage(Record::Removing { recording, why: Removal::Released });
        world.stage(Record::Removed { recording });
        assert_eq!(is_known(&world), keeps);
    }
    assert_eq!(known(&world), SESSIONS_KEPT_MAX);
}

#[test]
fn a_session_whose_recordings_have_moved_is_remembered_while_it_runs() {
    for has_ended in [false, true] {
        let mut world = World::new();
        let (capture, session) = world.capture();
        let recording = world.recording(capture, session);
        if has_ended {
            world.stage(Record::SessionClosed { session, end: SessionEnd::Stopped, at: stamp() });
        }
        let other = world.store.next_session();
        let first = FrameSeq(0);
        world.stage(Record::SessionOpened { session: other, capture, first, at: stamp() });
        world.stage(Record::SessionMoved { recording, session: other });
        bare_sessions(&mut world, capture, SESSIONS_KEPT_MAX + 1);
        let sessions = &world.store.ledger().sessions;
        assert_eq!(sessions.contains_key(&session), !has_ended);
        assert!(sessions.contains_key(&other));
    }
}

#[test]
fn a_recording_that_goes_before_its_seal_waits_for_none() {
    let mut world = World::new();
    let (capture, session) = world.capture();
    let recording = world.cut_recording(capture, session, 10);
    assert!(world.store.ledger().recordings[&recording].awaits_seal());
    world.stage(Record::Removing { recording, why: Removal::Deleted });
    assert!(!world.store.ledger().recordings[&recording].awaits_seal());
    assert_eq!(world.store.ledger().awaiting_seal().count(), 0);
    world.flush();
    assert!(world.run(Work::Seal(recording)).expect("nothing is done").is_none());
}

#[test]
fn frames_that_are_there_already_are_not_taken_twice() {
    let mut world = World::new();
    let (capture, session) = world.capture();
    let recording = world.recording(capture, session);
    world.frames(capture, 10);
    let again: Vec<_> = (5..15).map(|seq| super::world::frame(capture, seq)).collect();
    world.store.stage_frames(capture, FrameSeq(5), &again);
    assert_eq!(world.next(capture), FrameSeq(15));
    world.cut(capture, recording);
    world.flush();
    world.seal_all();
    world.assert_true_frames(recording);
}

proptest! {
    #[test]
    fn delivered_ranges_count_like_a_set_of_numbers(
        ranges in prop::collection::vec((0..60_u64, 0..60_u64), 0..20),
        first in 0..60_u64,
        len in 0..60_u64,
    ) {
        let mut world = World::new();
        let (capture, _) = world.capture();
        let mut set = std::collections::BTreeSet::new();
        for (from, to) in ranges {
            world.stage(Record::Delivered { capture, from: FrameSeq(from), to: FrameSeq(to) });
            set.extend(from..to);
        }
        let delivered = &world.store.ledger().captures[&capture].delivered;
        let count = delivered.count(FrameSeq(first), FrameSeq(first + len));
        prop_assert_eq!(count, set.range(first..first + len).count() as u64);
        let gaps = delivered.ranges().windows(2).all(|pair| pair[0].1 < pair[1].0);
        prop_assert!(gaps);
    }
}
