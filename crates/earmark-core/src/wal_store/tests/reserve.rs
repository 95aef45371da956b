//! On a full disk decisions go on in the reserve, and frames wait for a new one.

use super::*;

const WRITE: Effect = Effect::Start(DiskTask::Write);
const SYNC: Effect = Effect::Start(DiskTask::Sync);
const REPLACE: Effect = Effect::Start(DiskTask::Replace);
const REFILL: Effect = Effect::Start(DiskTask::Refill);

/// The reserve was spent long enough ago that frames are refused, and a new one is under way.
fn refusing() -> Bench {
    let mut bench = Bench::on_reserve();
    assert!(bench.pass(UNSAFE_AFTER).contains(&failed()));
    bench
}

#[test]
fn what_was_taken_is_durable_once_the_reserve_has_it() {
    let bench = Bench::on_reserve();
    assert_eq!((bench.state(), bench.durable()), ("on_reserve", 1));
}

#[test]
fn decisions_become_durable_in_the_reserve_while_frames_are_refused() {
    let mut bench = refusing();
    assert_eq!(bench.stage(true), [WRITE]);
    assert_eq!(bench.finish(DiskTask::Write), [SYNC]);
    assert_eq!(bench.finish(DiskTask::Sync), []);
    assert_eq!((bench.state(), bench.durable()), ("on_reserve", 2));
}

#[test]
fn a_removal_goes_on_since_it_may_make_the_room() {
    let mut bench = refusing();
    assert_eq!(bench.queue(REMOVE), [Effect::Start(REMOVE)]);
}

#[test]
fn frames_are_refused_a_second_after_the_failure_and_not_a_second_after_the_reserve() {
    let mut bench = Bench::failing();
    bench.pass(millis(600));
    bench.spend_reserve();
    assert_eq!(bench.pass(millis(399)), [REFILL]);
    assert_eq!(bench.pass(millis(1)), [failed()]);
}

#[test]
fn frames_are_refused_a_second_after_the_first_failure_though_the_reserve_fails_meanwhile() {
    let mut bench = Bench::on_reserve();
    bench.pass(millis(600));
    bench.stage(true);
    assert_eq!(bench.fail(DiskTask::Write), [REPLACE]);
    assert_eq!(bench.pass(millis(399)), []);
    assert_eq!(bench.pass(millis(1)), [failed()]);
}

#[test]
fn a_new_reserve_has_frames_taken_again() {
    let mut bench = refusing();
    assert_eq!(bench.finish(DiskTask::Refill), [Effect::TakeFrames]);
    assert_eq!(bench.state(), "sound");
}

#[test]
fn a_new_reserve_within_the_second_refuses_nobody() {
    let mut bench = Bench::on_reserve();
    bench.pass(millis(500));
    assert_eq!(bench.finish(DiskTask::Refill), []);
    assert_eq!(bench.pass(millis(10_000)), []);
}

#[test]
fn a_new_reserve_is_tried_for_twice_a_second_at_least_and_nobody_is_told_each_time() {
    let mut bench = refusing();
    for _ in 0..20 {
        assert_eq!(bench.fail(DiskTask::Refill), []);
        assert_eq!(bench.pass(REPLACE_WAIT_MAX), [REFILL]);
    }
}

#[test]
fn a_reserve_that_fails_is_replaced_and_frames_stay_refused() {
    let mut bench = refusing();
    bench.stage(true);
    assert_eq!(bench.fail(DiskTask::Write), [REPLACE]);
    assert_eq!(bench.state(), "refusing");
    // The new reserve may come now: it is the next file's way out, and not this one's.
    assert_eq!(bench.finish(DiskTask::Refill), []);
    assert_eq!(bench.finish(DiskTask::Replace), [Effect::TakeFrames]);
    assert_eq!((bench.state(), bench.durable()), ("sound", 2));
}

#[test]
fn a_reserve_that_nobody_asked_for_changes_nothing_and_is_reported() {
    let mut bench = Bench::written();
    let report = Effect::ReportUnexpected { state: "sound", event: "ReserveSpent" };
    assert_eq!(bench.hear(&Event::ReserveSpent { through: Ticket(1) }), [report]);
    assert_eq!(bench.durable(), 0);
}
