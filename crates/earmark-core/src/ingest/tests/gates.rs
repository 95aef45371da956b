//! Mutes and refusals: frames that are let go, and frames that are given back.

use super::*;

fn given_back(refusal: Refusal) -> Effect {
    Effect::RejectFrame(Rejection::Store(refusal))
}

#[test]
fn while_the_store_takes_nothing_frames_are_given_back_with_its_reason() {
    let mut bench = Bench::capturing();
    bench.take(FIRST, 1);
    bench.hear(&Event::StoreRefused(failed()));
    assert_eq!(bench.offer(FIRST, 80), given_back(failed()));
    bench.hear(&Event::StoreRefused(Refusal::DiskStalled));
    assert_eq!(bench.offer(FIRST, 80), given_back(Refusal::DiskStalled));
    bench.hear(&Event::StoreTook);
    assert_eq!(bench.offer(FIRST, 80), taken(1));
}

#[test]
fn what_was_taken_before_the_store_refused_is_kept() {
    let mut bench = Bench::capturing();
    bench.take(FIRST, 4);
    bench.hear(&Event::StoreRefused(failed()));
    assert_eq!(bench.machine.shared().held_frames(), 4);
}

#[test]
fn a_muted_source_lets_frames_go_and_numbers_none_of_them() {
    let mut bench = Bench::capturing();
    bench.take(FIRST, 1);
    bench.hear(&Event::Muted);
    assert_eq!(bench.offer(FIRST, 80), Effect::DiscardFrame);
    assert_eq!(bench.machine.shared().held_frames(), 1);
    bench.hear(&Event::Unmuted);
    assert_eq!(bench.offer(FIRST, 80), taken(1));
}

#[test]
fn what_a_person_muted_is_let_go_and_not_the_disks_fault() {
    let mut bench = Bench::capturing();
    bench.hear(&Event::StoreRefused(failed()));
    bench.hear(&Event::Muted);
    assert_eq!(bench.offer(FIRST, 80), Effect::DiscardFrame);
    bench.hear(&Event::Unmuted);
    assert_eq!(bench.offer(FIRST, 80), given_back(failed()));
}

#[test]
fn a_store_that_takes_frames_again_opens_no_muted_source() {
    let mut bench = Bench::capturing();
    bench.hear(&Event::StoreRefused(failed()));
    bench.hear(&Event::Muted);
    bench.hear(&Event::StoreTook);
    assert_eq!(bench.offer(FIRST, 80), Effect::DiscardFrame);
}

#[test]
fn a_mute_and_a_refusal_outlast_the_capture() {
    let mut bench = Bench::capturing();
    bench.hear(&Event::StoreRefused(failed()));
    bench.hear(&Event::Muted);
    bench.hear(&Event::CaptureStopped);
    bench.start(SECOND);
    assert_eq!(bench.state(), "muted");
    bench.hear(&Event::Unmuted);
    assert_eq!(bench.state(), "refusing");
}

#[test]
fn a_source_may_be_muted_from_the_start() {
    let machine = Machine::new(Source::new(Delivery::Delivered, true));
    let mut bench = Bench { machine };
    bench.start(FIRST);
    assert_eq!(bench.offer(FIRST, 80), Effect::DiscardFrame);
}

#[test]
fn a_stop_of_what_does_not_run_is_reported() {
    let mut bench = Bench::new(Delivery::Delivered);
    let report = Effect::ReportUnexpected { state: "stopped", event: "CaptureStopped" };
    assert_eq!(bench.hear(&Event::CaptureStopped), [report]);
    bench.start(FIRST);
    assert_eq!(bench.hear(&Event::CaptureStopped), []);
    assert_eq!(bench.machine.shared().position(), None);
}
