//! What is staged is written, then synced, and only then durable.

use super::*;

const WRITE: Effect = Effect::Start(DiskTask::Write);
const SYNC: Effect = Effect::Start(DiskTask::Sync);

#[test]
fn what_is_staged_is_handed_to_the_system_at_once() {
    let mut bench = Bench::new();
    assert_eq!(bench.stage(false), [WRITE]);
}

#[test]
fn one_write_is_under_way_and_the_next_takes_all_that_came_meanwhile() {
    let mut bench = Bench::new();
    bench.stage(false);
    assert_eq!(bench.stage(false), []);
    assert_eq!(bench.stage(false), []);
    assert_eq!(bench.finish(DiskTask::Write), [WRITE]);
    assert_eq!(bench.flying, [(DiskTask::Write, 3)].into());
}

#[test]
fn what_is_written_is_not_durable() {
    let bench = Bench::written();
    assert_eq!((bench.machine.shared().staged(), bench.durable()), (Ticket(1), 0));
    assert!(!bench.machine.shared().is_idle());
}

#[test]
fn a_sync_begins_so_early_that_a_power_cut_costs_a_second_at_most() {
    let mut bench = Bench::written();
    assert_eq!(bench.pass(millis(899)), []);
    assert_eq!(bench.pass(millis(1)), [SYNC]);
}

#[test]
fn what_somebody_waits_for_is_synced_as_soon_as_it_is_written() {
    let mut bench = Bench::new();
    bench.stage(true);
    assert_eq!(bench.finish(DiskTask::Write), [SYNC]);
}

#[test]
fn somebody_who_waits_for_what_is_written_already_has_the_sync_begin_at_once() {
    let mut bench = Bench::written();
    let ticket = Ticket(bench.staged);
    assert_eq!(bench.hear(&Event::Staged { ticket, urgent: true }), [SYNC]);
}

#[test]
fn what_is_durable_and_asked_for_again_has_nothing_that_comes_later_synced_early() {
    let mut bench = Bench::written();
    bench.pass(SYNC_AFTER);
    bench.finish(DiskTask::Sync);
    let ticket = Ticket(bench.staged);
    assert_eq!(bench.hear(&Event::Staged { ticket, urgent: true }), []);
    bench.pass(SYNC_AFTER);
    bench.stage(false);
    assert_eq!(bench.finish(DiskTask::Write), []);
    assert_eq!(bench.pass(millis(899)), []);
}

#[test]
fn what_waits_behind_a_slow_write_counts_from_when_it_was_staged_whatever_is_synced_meanwhile() {
    let mut bench = Bench::written();
    bench.pass(SYNC_AFTER);
    // The first is being synced, the second is being written, the third waits behind it.
    bench.stage(false);
    bench.stage(false);
    bench.finish(DiskTask::Sync);
    bench.pass(SYNC_AFTER - millis(1));
    assert_eq!(bench.finish(DiskTask::Write), [WRITE]);
    assert_eq!(bench.pass(millis(1)), [SYNC], "of the second");
    bench.finish(DiskTask::Sync);
    assert_eq!(bench.finish(DiskTask::Write), [SYNC], "the third has waited as long");
}

#[test]
fn what_the_sync_covers_is_durable_when_it_has_returned_and_not_before() {
    let mut bench = Bench::written();
    bench.pass(SYNC_AFTER);
    assert_eq!(bench.durable(), 0);
    bench.finish(DiskTask::Sync);
    assert_eq!(bench.durable(), 1);
    assert!(bench.machine.shared().is_idle());
    assert_eq!(bench.deadline(), None);
}

#[test]
fn a_sync_covers_only_what_was_written_before_it_began() {
    let mut bench = Bench::written();
    bench.pass(SYNC_AFTER);
    bench.stage(false);
    bench.finish(DiskTask::Write);
    bench.finish(DiskTask::Sync);
    assert_eq!(bench.durable(), 1);
    assert!(!bench.machine.shared().is_idle());
}

#[test]
fn one_write_and_one_sync_are_under_way_together_and_no_more() {
    let mut bench = Bench::written();
    bench.pass(SYNC_AFTER);
    assert_eq!(bench.stage(true), [WRITE]);
    assert_eq!(bench.stage(true), []);
    assert_eq!(bench.finish(DiskTask::Write), [WRITE]);
    assert_eq!(bench.finish(DiskTask::Sync), [SYNC]);
}

#[test]
fn what_came_during_a_sync_does_not_wait_a_second_from_the_syncs_end() {
    let mut bench = Bench::written();
    bench.pass(SYNC_AFTER);
    bench.pass(millis(300));
    let staged_at = bench.now;
    bench.stage(false);
    bench.finish(DiskTask::Write);
    bench.pass(millis(100));
    bench.finish(DiskTask::Sync);
    assert!(bench.deadline().is_some_and(|at| at <= staged_at + SYNC_AFTER));
}

#[test]
fn an_answer_to_what_nobody_asked_makes_nothing_durable_and_is_reported() {
    let mut bench = Bench::written();
    let answer = Event::DiskFinished { task: DiskTask::Sync, through: Ticket(1) };
    let report = Effect::ReportUnexpected { state: "sound", event: "DiskFinished" };
    assert_eq!(bench.hear(&answer), [report]);
    assert_eq!(bench.durable(), 0);
}
