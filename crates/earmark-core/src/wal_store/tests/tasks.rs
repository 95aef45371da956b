//! Seals, removals, snapshots: one beside the journal's own work, and each until it is done.

use super::*;

fn report(task: DiskTask) -> Effect {
    Effect::ReportTaskFailed { task, reason: String::from("EIO") }
}

#[test]
fn a_recording_is_sealed_once_all_its_frames_are_durable_and_their_sync_does_not_wait() {
    let mut bench = Bench::written();
    assert_eq!(bench.queue(SEAL), [Effect::Start(DiskTask::Sync)]);
    assert_eq!(bench.finish(DiskTask::Sync), [Effect::Start(SEAL)]);
}

#[test]
fn a_task_that_needs_only_what_is_durable_begins_at_once() {
    let mut bench = Bench::new();
    assert_eq!(bench.queue(DiskTask::Prune), [Effect::Start(DiskTask::Prune)]);
}

#[test]
fn tasks_are_done_one_by_one_in_their_order() {
    let mut bench = Bench::new();
    bench.queue(SEAL);
    assert_eq!(bench.queue(REMOVE), []);
    assert_eq!(bench.queue(DiskTask::Snapshot), []);
    assert_eq!(bench.deadline(), None, "the next one waits for this one, and for no time");
    assert_eq!(bench.finish(SEAL), [Effect::Start(REMOVE)]);
    assert_eq!(bench.finish(REMOVE), [Effect::Start(DiskTask::Snapshot)]);
    assert_eq!(bench.finish(DiskTask::Snapshot), []);
    assert!(bench.machine.shared().is_idle());
}

#[test]
fn a_task_that_waits_for_the_journal_does_not_hold_up_one_that_need_not() {
    let mut bench = Bench::new();
    bench.stage(false);
    bench.queue(SEAL);
    let remove = Event::TaskQueued { task: REMOVE, after: Ticket(0) };
    assert_eq!(bench.hear(&remove), [Effect::Start(REMOVE)]);
}

#[test]
fn a_task_that_waits_is_not_queued_twice_but_waits_for_more() {
    let mut bench = Bench::new();
    bench.queue(REMOVE);
    bench.queue(DiskTask::Snapshot);
    bench.stage(false);
    bench.queue(DiskTask::Snapshot);
    assert_eq!(bench.finish(REMOVE), []);
    bench.finish(DiskTask::Write);
    assert_eq!(bench.finish(DiskTask::Sync), [Effect::Start(DiskTask::Snapshot)]);
    assert_eq!(bench.finish(DiskTask::Snapshot), []);
}

#[test]
fn a_seal_that_fails_is_reported_and_tried_again_half_a_second_later() {
    let mut bench = Bench::new();
    bench.queue(SEAL);
    assert_eq!(bench.fail(SEAL), [report(SEAL)]);
    assert_eq!(bench.state(), "sound");
    assert_eq!(bench.pass(millis(499)), []);
    assert_eq!(bench.pass(millis(1)), [Effect::Start(SEAL)]);
}

#[test]
fn a_seal_that_goes_on_failing_is_tried_ever_more_rarely_but_every_half_minute_at_least() {
    let mut bench = Bench::new();
    bench.queue(SEAL);
    let mut waits = Vec::new();
    for _ in 0..8 {
        bench.fail(SEAL);
        let at = bench.deadline().expect("it is tried again");
        waits.push(at.since(bench.now).as_millis());
        bench.pass(at.since(bench.now));
    }
    assert_eq!(waits, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
}

#[test]
fn while_one_recording_waits_to_be_tried_again_another_is_sealed() {
    let mut bench = Bench::new();
    bench.queue(SEAL);
    bench.queue(REMOVE);
    assert_eq!(bench.fail(SEAL), [report(SEAL), Effect::Start(REMOVE)]);
}

#[test]
fn what_a_task_removes_may_be_the_room_that_the_journal_lacks_so_tasks_go_on_without_it() {
    let mut bench = Bench::failing();
    let remove = Event::TaskQueued { task: REMOVE, after: Ticket(0) };
    assert_eq!(bench.hear(&remove), [Effect::Start(REMOVE)]);
}
