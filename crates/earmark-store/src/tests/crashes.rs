//! Kills and power cuts at every kind of moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use earmark_core::{CaptureId, FrameSeq, RecordingId, SessionId};
use proptest::prelude::*;

use super::world::{World, conversation, stamp};
use crate::{
    Disk, Ledger, Lie, Outcome, Record, Removal, SessionEnd, SimDisk, Store, Work, inspect,
};

#[test]
fn what_is_durable_survives_a_power_cut() {
    for seed in 0..200 {
        let mut world = World::new();
        let (capture, session) = world.capture();
        let recording = world.recording(capture, session);
        let ticket = world.frames(capture, 50);
        world.flush();
        assert!(world.store.durable() >= ticket);
        world.frames(capture, 20);
        let _ = world.run(Work::Write);
        let mut world = world.power_cut(seed);
        assert!(world.recovered.damage.is_empty(), "{seed}: {:?}", world.recovered.damage);
        world.seal_all();
        let frames = world.read(recording).len();
        assert!((50..=70).contains(&frames), "{seed}: {frames}");
        world.assert_true_frames(recording);
    }
}

#[test]
fn an_id_is_never_given_again_whatever_a_crash_took() {
    let mut world = World::new();
    world.capture();
    world.flush();
    for seed in 0..20 {
        let (capture, session) = world.capture();
        let lost = world.recording(capture, session);
        world = if seed % 2 == 0 { world.reopen() } else { world.power_cut(seed) };
        let (next, _) = world.capture();
        assert!(next.number() > lost.number(), "{next} after {lost}");
    }
}

#[test]
fn ids_are_skipped_again_when_an_opening_after_damage_is_killed() {
    let mut world = World::new();
    world.flush();
    let disk = world.disk.clone();
    let stray = crate::layout::recording_path(RecordingId::new(1, u32::MAX));
    disk.create_new(&stray).expect("the disk is healthy");
    let world = world.reopen();
    assert_eq!(world.recovered.damage.len(), 1, "{:?}", world.recovered.damage);
    let mut world = world.reopen();
    assert!(world.recovered.damage.is_empty(), "{:?}", world.recovered.damage);
    let (capture, _) = world.capture();
    assert!((4_096..8_192).contains(&capture.number()), "{capture}");
}

#[test]
fn a_disk_that_lies_is_found_out() {
    for lie in [Lie::FileSyncs, Lie::FileSyncErrors, Lie::NameSyncs] {
        let lost = (0..40).filter(|seed| {
            let disk = SimDisk::new(1);
            disk.tell(lie);
            let mut world = World::on(disk, super::world::SMALL);
            let (capture, session) = world.capture();
            world.recording(capture, session);
            world.frames(capture, 50);
            world.run(Work::Write).expect("the disk is healthy");
            if lie == Lie::FileSyncErrors {
                world.disk.set_fault(crate::DiskOp::Sync, crate::DiskError::Eio, 1);
            }
            world.run(Work::Sync).expect("the disk says so");
            let world = world.power_cut(*seed);
            let captures = &world.store.ledger().captures;
            captures.get(&capture).is_none_or(|facts| facts.next_seq < FrameSeq(50))
        });
        assert!(lost.count() > 0, "{lie:?}");
    }
}

#[test]
fn what_was_written_survives_a_kill_without_a_sync() {
    let mut world = World::new();
    let (capture, session) = world.capture();
    let recording = world.recording(capture, session);
    world.frames(capture, 30);
    world.run(Work::Write).expect("the disk is healthy");
    let mut world = world.reopen();
    assert_eq!(world.recovered.frames, [(capture, FrameSeq(30))]);
    world.seal_all();
    assert_eq!(world.read(recording).len(), 30);
}

#[test]
fn frames_whose_capture_ended_before_a_recording_was_opened_for_them_get_one() {
    let mut world = World::new();
    let (capture, _) = world.capture();
    world.frames(capture, 30);
    world.stage(Record::CaptureClosed { capture, at: stamp() });
    world.flush();
    let mut world = world.reopen();
    world.seal_all();
    let found: Vec<RecordingId> = world.store.ledger().recordings.keys().copied().collect();
    assert_eq!(found.iter().map(|id| world.read(*id).len()).collect::<Vec<_>>(), [30]);
}

#[test]
fn what_a_kill_left_is_durable_once_the_store_is_open_again() {
    let mut world = World::new();
    let (capture, session) = world.capture();
    let recording = world.recording(capture, session);
    world.frames(capture, 30);
    world.run(Work::Write).expect("the disk is healthy");
    let mut world = world.reopen().power_cut(3);
    world.seal_all();
    assert_eq!(world.read(recording).len(), 30);
}

/// F36.
#[test]
fn frames_whose_recording_was_never_opened_get_one() {
    let mut world = World::new();
    let (capture, session) = world.capture();
    world.frames(capture, 12);
    world.flush();
    let mut world = world.reopen();
    world.seal_all();
    let recordings: Vec<_> = world.store.ledger().recordings.clone().into_iter().collect();
    let [(recording, facts)] = &recordings[..] else { panic!("{recordings:?}") };
    assert_eq!((facts.session, facts.first, facts.end), (session, FrameSeq(0), Some(FrameSeq(12))));
    world.assert_true_frames(*recording);
}

#[test]
fn an_open_session_is_closed_as_recovered_and_an_empty_recording_goes() {
    let mut world = World::new();
    let (capture, session) = world.capture();
    let recording = world.recording(capture, session);
    world.flush();
    let world = world.reopen();
    let ledger = world.store.ledger();
    let closed = ledger.sessions[&session].closed.map(|closed| closed.1);
    assert_eq!(closed, Some(SessionEnd::Recovered));
    assert!(!ledger.recordings.contains_key(&recording));
    assert!(!ledger.captures.contains_key(&capture));
}

#[test]
fn opening_again_changes_nothing_more() {
    let mut world = World::new();
    let (capture, session) = world.capture();
    world.recording(capture, session);
    world.frames(capture, 10);
    world.flush();
    let world = world.reopen();
    let once = world.store.ledger().clone();
    let world = world.reopen();
    assert_eq!(&once, world.store.ledger());
    assert_eq!(world.store.ledger(), world.store.durable_ledger());
}

/// F34.
#[test]
fn a_crash_at_any_step_of_recovery_leads_to_the_same_state() {
    let mut interrupted = 0;
    for cut in [false, true] {
        let mut states = Vec::new();
        for count in 0..60 {
            let mut world = World::new();
            let sealed = world.sealed_recording(20);
            let going = world.sealed_recording(20);
            world.stage(Record::Removing { recording: going, why: Removal::Deleted });
            let (capture, session) = world.capture();
            let open = world.recording(capture, session);
            world.frames(capture, 30);
            world.flush();
            world.disk.kill();
            world.disk = world.disk.life();
            world.disk.kill_after(count);
            let disk: Arc<dyn Disk> = Arc::new(world.disk.clone());
            let _ = Store::open(disk, super::world::SMALL, &mut || count, stamp());
            interrupted += usize::from(!world.disk.is_alive());
            if cut {
                world.disk.power_cut(count);
            }
            let mut world = world.reopen();
            assert!(world.recovered.damage.is_empty(), "{count}: {:?}", world.recovered.damage);
            states.push(world.store.ledger().clone());
            world.seal_all();
            assert_eq!(world.read(open).len(), 30);
            world.assert_true_frames(open);
            world.assert_true_frames(sealed);
        }
        states.dedup();
        assert_eq!(states.len(), 1);
    }
    assert!(interrupted > 20, "{interrupted}");
}

/// F134.
#[test]
fn ids_never_recur() {
    let mut world = World::new();
    let mut seen = Vec::new();
    for _ in 0..5 {
        let (capture, session) = world.capture();
        let recording = world.recording(capture, session);
        seen.extend([capture.number(), session.number(), recording.number()]);
        world.frames(capture, 1);
        let _ = world.run(Work::Write);
        world = world.reopen();
    }
    let mut distinct = seen.clone();
    distinct.dedup();
    distinct.sort_unstable();
    assert_eq!(seen, distinct);
}

/// What a host may do next.
#[derive(Clone, Copy, Debug)]
enum Step {
    Frames(u8),
    Run(u8),
    Cut,
    Seal,
    LinkWithSeal,
    Sync,
    Remove,
    NewCapture,
    Delivered,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..40_u8).prop_map(Step::Frames),
        8 => (0..5_u8).prop_map(Step::Run),
        2 => Just(Step::Cut),
        3 => Just(Step::Seal),
        2 => Just(Step::LinkWithSeal),
        1 => Just(Step::Sync),
        1 => Just(Step::Remove),
        1 => Just(Step::NewCapture),
        1 => Just(Step::Delivered),
    ]
}

/// A host that works until its process dies.
struct Host {
    world: World,
    now: Option<(CaptureId, SessionId, RecordingId)>,
}

impl Host {
    fn step(&mut self, step: Step) {
        let Some((capture, session, recording)) = self.now else {
            return self.begin();
        };
        let world = &mut self.world;
        match step {
            Step::Frames(count) => drop(world.frames(capture, u64::from(count))),
            Step::Run(kind) => self.run(kind),
            Step::Cut => {
                world.cut(capture, recording);
                let recording = world.recording(capture, session);
                self.now = Some((capture, session, recording));
            }
            Step::Seal => self.seal(false),
            Step::LinkWithSeal => self.seal(true),
            Step::Sync => {
                let sealed = self.find(|facts| facts.sealed.is_some() && !facts.is_synced());
                sealed.map(|recording| self.world.synced(recording));
            }
            Step::Remove => self.remove(),
            Step::NewCapture => {
                world.cut(capture, recording);
                world.stage(Record::SessionClosed {
                    session,
                    end: SessionEnd::Stopped,
                    at: stamp(),
                });
                world.stage(Record::CaptureClosed { capture, at: stamp() });
                self.begin();
            }
            Step::Delivered => {
                let to = world.next(capture);
                world.stage(Record::Delivered { capture, from: FrameSeq(to.0 / 2), to });
            }
        }
    }

    fn begin(&mut self) {
        let (capture, session) = self.world.capture();
        let recording = self.world.recording(capture, session);
        self.now = Some((capture, session, recording));
    }

    fn run(&mut self, kind: u8) {
        let work = [Work::Write, Work::Sync, Work::Replace, Work::Snapshot, Work::Prune];
        let _ = self.world.run(work[usize::from(kind)]);
    }

    fn find(&self, wanted: impl Fn(&crate::RecordingFacts) -> bool) -> Option<RecordingId> {
        let all = self.world.store.ledger().recordings.iter();
        all.filter(|(_, facts)| facts.removing.is_none() && wanted(facts)).map(|(id, _)| *id).next()
    }

    fn seal(&mut self, link: bool) {
        let cut = self.find(|facts| facts.end.is_some() && facts.sealed.is_none());
        let Some(recording) = cut else { return };
        let Ok(Some(Outcome::Sealed { seal, .. })) = self.world.run(Work::Seal(recording)) else {
            return;
        };
        let record = match link {
            false => Record::Sealed { recording, seal },
            true => Record::Linked {
                conversation: conversation("c1"),
                recordings: vec![recording],
                seals: vec![(recording, seal)],
                at: stamp(),
            },
        };
        self.world.stage(record);
    }

    fn remove(&mut self) {
        let all = &self.world.store.durable_ledger().recordings;
        let going: Vec<RecordingId> =
            all.iter().filter(|(_, facts)| facts.removing.is_some()).map(|(id, _)| *id).collect();
        for recording in going {
            if let Ok(Some(_)) = self.world.run(Work::Remove(recording)) {
                self.world.stage(Record::Removed { recording });
            }
        }
        if let Some(recording) = self.find(crate::RecordingFacts::is_synced) {
            self.world.stage(Record::Removing { recording, why: Removal::Expired });
        }
    }
}

/// The states that a crash may leave: one for each record that was not durable yet.
fn possible(start: &Ledger, world: &World) -> Vec<Ledger> {
    let durable = world.store.durable();
    let mut ledger = start.clone();
    let mut states = Vec::new();
    for (ticket, record) in &world.staged {
        if *ticket > durable && !matches!(record, Record::Frames(_)) {
            states.push(ledger.clone());
        }
        ledger.apply(record);
        if let Record::Frames(_) = record {
            states.push(ledger.clone());
        }
    }
    states.push(ledger);
    states
}

/// Everything of a ledger but how many frames of a write came through.
fn decisions(ledger: &Ledger) -> Ledger {
    let mut ledger = ledger.clone();
    for capture in ledger.captures.values_mut() {
        capture.next_seq = FrameSeq(0);
        capture.last_at = None;
    }
    for recording in ledger.recordings.values_mut() {
        let recording = std::sync::Arc::make_mut(recording);
        recording.started_at = None;
        recording.ended_at = None;
    }
    ledger
}

/// A ledger put together from its pieces, as a snapshot is read.
fn taken_apart(ledger: &Ledger) -> Ledger {
    let mut again = Ledger::default();
    ledger.items().for_each(|item| again.take_item(item));
    again.complete();
    again
}

fn live(lives: &[(Vec<Step>, u8, u64, bool)], faults: &[u8]) -> Result<(), TestCaseError> {
    let mut world = World::on(SimDisk::new(9), super::world::SMALL);
    for (life, (steps, stop, seed, cut)) in lives.iter().enumerate() {
        let start = world.store.ledger().clone();
        let mut host = Host { world, now: None };
        host.world.disk.kill_after(u64::from(*stop) * 2);
        if let Some(fault) = faults.get(life) {
            let op = [crate::DiskOp::Write, crate::DiskOp::Sync, crate::DiskOp::Create];
            let op = op[usize::from(fault % 3)];
            host.world.disk.set_fault(op, crate::DiskError::Eio, i64::from(fault % 4));
        }
        for one in steps {
            host.step(*one);
        }
        world = host.world;
        let durable = world.store.durable_ledger().clone();
        for ledger in [&durable, world.store.ledger()] {
            prop_assert_eq!(&taken_apart(ledger), ledger);
        }
        let states = possible(&start, &world);
        world.disk.clear_faults();
        match cut {
            true => {
                world.disk.power_cut(*seed);
            }
            false => world.disk.kill(),
        }
        let found = inspect(&world.disk.life()).expect("it can be read");
        prop_assert!(found.damage.is_empty(), "{:?}", found.damage);
        let known = states.iter().any(|state| decisions(state) == decisions(&found.ledger));
        prop_assert!(known, "no prefix of what was staged gives {:#?}", found.ledger);
        for (capture, facts) in &durable.captures {
            let next = found.ledger.captures.get(capture).map(|facts| facts.next_seq);
            prop_assert!(next.is_none_or(|next| next >= facts.next_seq));
        }
        world = world.reopen();
        prop_assert!(world.recovered.damage.is_empty(), "{:?}", world.recovered.damage);
        check_frames(&mut world, &durable, &found.ledger)?;
    }
    Ok(())
}

/// Every durable frame is in one recording, and every frame of a recording is the true one.
fn check_frames(world: &mut World, durable: &Ledger, found: &Ledger) -> Result<(), TestCaseError> {
    world.seal_all();
    let mut ranges: BTreeMap<CaptureId, Vec<(FrameSeq, FrameSeq)>> = BTreeMap::new();
    for (recording, facts) in &world.store.ledger().recordings {
        if facts.removing.is_none() {
            world.assert_true_frames(*recording);
        }
        let end = facts.end.expect("recovery has cut it");
        ranges.entry(facts.capture).or_default().push((facts.first, end));
    }
    for (recording, facts) in &durable.recordings {
        // A removal that was decided, but not durable before the crash, may be finished after it.
        if found.recordings.get(recording).is_none_or(|facts| facts.removing.is_some()) {
            continue;
        }
        let end = durable.end(facts);
        let covered = ranges.get(&facts.capture).is_some_and(|ranges| {
            ranges.iter().any(|(first, last)| *first <= facts.first && end <= *last)
        });
        prop_assert!(covered || facts.first >= end, "{recording}: {facts:?}");
    }
    for (capture, mut ranges) in ranges {
        ranges.sort_unstable();
        for pair in ranges.windows(2) {
            prop_assert!(pair[0].1 <= pair[1].0, "{capture}: {ranges:?}");
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn crashes_lose_nothing_acknowledged_and_invent_nothing(
        lives in prop::collection::vec(
            (prop::collection::vec(step(), 1..80), any::<u8>(), any::<u64>(), any::<bool>()),
            1..5,
        ),
        faults in prop::collection::vec(any::<u8>(), 0..3),
    ) {
        live(&lives, &faults)?;
    }
}
