//! A dead journal file is replaced, and frames are refused when that takes too long.

use super::*;

const REPLACE: Effect = Effect::Start(DiskTask::Replace);

#[test]
fn a_failed_write_kills_the_file_and_all_that_is_not_durable_goes_into_a_new_one() {
    let mut bench = Bench::new();
    bench.stage(false);
    assert_eq!(bench.fail(DiskTask::Write), [REPLACE]);
    assert_eq!((bench.state(), bench.durable()), ("failing", 0));
    assert_eq!(bench.finish(DiskTask::Replace), []);
    assert_eq!((bench.state(), bench.durable()), ("sound", 1));
}

#[test]
fn a_failed_sync_is_not_tried_on_the_same_file_again() {
    let mut bench = Bench::written();
    bench.pass(SYNC_AFTER);
    assert_eq!(bench.fail(DiskTask::Sync), [REPLACE]);
    assert_eq!(bench.durable(), 0);
}

#[test]
fn no_new_file_is_begun_while_the_dead_one_is_still_in_use() {
    let mut bench = Bench::written();
    bench.pass(SYNC_AFTER);
    bench.stage(false);
    assert_eq!(bench.fail(DiskTask::Write), []);
    assert_eq!(bench.finish(DiskTask::Sync), [REPLACE]);
    assert_eq!((bench.state(), bench.durable()), ("failing", 1));
}

#[test]
fn a_dead_file_is_neither_written_nor_synced() {
    let mut bench = Bench::failing();
    assert_eq!(bench.stage(true), []);
    assert_eq!(bench.pass(millis(900)), []);
}

#[test]
fn what_was_staged_behind_the_new_files_back_is_written_to_it_next() {
    let mut bench = Bench::failing();
    let staged_at = bench.now + millis(200);
    bench.pass(millis(200));
    bench.stage(false);
    assert_eq!(bench.finish(DiskTask::Replace), [Effect::Start(DiskTask::Write)]);
    assert_eq!(bench.durable(), 1);
    bench.finish(DiskTask::Write);
    // Nothing that the new file left out was staged before it was begun.
    assert!(bench.deadline().is_some_and(|at| at <= staged_at + SYNC_AFTER));
}

#[test]
fn a_new_file_that_fails_is_tried_again_soon_and_twice_a_second_at_least() {
    let mut bench = Bench::failing();
    let mut waits = Vec::new();
    for _ in 0..6 {
        bench.fail(DiskTask::Replace);
        let failed_at = bench.now;
        while !bench.flying.contains_key(&DiskTask::Replace) {
            let at = bench.deadline().expect("it is tried again");
            bench.pass(at.since(bench.now));
        }
        waits.push(bench.now.since(failed_at).as_millis());
    }
    assert_eq!(waits, [50, 100, 200, 400, 500, 500]);
}

#[test]
fn a_failure_that_is_mended_within_a_second_refuses_nobody() {
    let mut bench = Bench::failing();
    assert_eq!(bench.pass(millis(999)), []);
    assert_eq!(bench.finish(DiskTask::Replace), []);
    assert_eq!(bench.pass(millis(10_000)), []);
}

#[test]
fn a_second_after_the_failure_frames_are_refused_in_the_disks_own_words() {
    let mut bench = Bench::failing();
    assert_eq!(bench.pass(UNSAFE_AFTER), [failed()]);
    assert_eq!(bench.state(), "refusing");
}

#[test]
fn a_disk_that_goes_on_failing_is_measured_from_its_first_failure() {
    let mut bench = Bench::failing();
    bench.pass(millis(600));
    bench.fail(DiskTask::Replace);
    assert_eq!(bench.pass(millis(400)), [REPLACE, failed()]);
}

#[test]
fn frames_are_taken_again_once_the_new_file_holds_what_was_kept() {
    let mut bench = Bench::failing();
    bench.pass(UNSAFE_AFTER);
    assert_eq!(bench.finish(DiskTask::Replace), [Effect::TakeFrames]);
    assert_eq!((bench.state(), bench.durable()), ("sound", 1));
}

#[test]
fn a_sync_that_is_a_second_overdue_has_frames_refused_until_it_returns() {
    let stalled = Effect::RefuseFrames(Refusal::DiskStalled);
    let mut bench = Bench::written();
    bench.pass(SYNC_AFTER);
    assert_eq!(bench.pass(millis(999)), []);
    assert_eq!(bench.pass(millis(1)), [stalled]);
    assert_eq!(bench.stage(false), [Effect::Start(DiskTask::Write)]);
    assert_eq!(bench.finish(DiskTask::Sync), [Effect::TakeFrames]);
    assert_eq!(bench.state(), "sound");
}

#[test]
fn a_write_that_does_not_return_is_forgiven_only_when_its_sync_has() {
    let mut bench = Bench::new();
    bench.stage(false);
    bench.pass(SYNC_AFTER + UNSAFE_AFTER);
    assert_eq!(bench.state(), "stalled");
    assert_eq!(bench.finish(DiskTask::Write), [Effect::Start(DiskTask::Sync)]);
    assert_eq!(bench.finish(DiskTask::Sync), [Effect::TakeFrames]);
}

#[test]
fn a_disk_that_stalls_and_then_fails_refuses_without_a_break() {
    let mut bench = Bench::written();
    bench.pass(SYNC_AFTER + UNSAFE_AFTER);
    assert_eq!(bench.fail(DiskTask::Sync), [failed(), REPLACE]);
    assert_eq!(bench.state(), "refusing");
    assert_eq!(bench.finish(DiskTask::Replace), [Effect::TakeFrames]);
}
