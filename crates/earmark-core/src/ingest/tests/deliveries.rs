//! What counts as delivered over the live socket.

use super::*;

fn record(capture: CaptureId, from: u64, to: u64) -> Effect {
    Effect::RecordDelivered { capture, from: FrameSeq(from), to: FrameSeq(to) }
}

/// Ten frames are taken while the socket is up.
fn streaming(delivery: Delivery) -> Bench {
    let mut bench = Bench::new(delivery);
    bench.start(FIRST);
    bench.hear(&Event::SocketCameUp);
    bench.take(FIRST, 10);
    bench
}

/// F12.
#[test]
fn a_frame_counts_as_delivered_when_the_other_end_has_proven_that_it_read_it() {
    let mut bench = streaming(Delivery::Delivered);
    assert_eq!(bench.sent(FIRST, 10), []);
    assert_eq!(bench.delivered(FIRST, 7), [record(FIRST, 0, 7)]);
}

#[test]
fn under_the_originals_rule_handing_a_frame_to_the_socket_is_enough() {
    let mut bench = streaming(Delivery::Sent);
    assert_eq!(bench.sent(FIRST, 7), [record(FIRST, 0, 7)]);
    assert_eq!(bench.sent(FIRST, 7), [], "that is known already");
    assert_eq!(bench.delivered(FIRST, 7), []);
}

#[test]
fn an_archive_notes_what_was_proven_although_it_lets_nothing_go() {
    let mut bench = streaming(Delivery::Keep);
    assert_eq!(bench.sent(FIRST, 10), []);
    assert_eq!(bench.delivered(FIRST, 10), [record(FIRST, 0, 10)]);
}

/// F23.
#[test]
fn no_frame_is_recorded_as_delivered_twice() {
    let mut bench = streaming(Delivery::Delivered);
    bench.sent(FIRST, 10);
    bench.delivered(FIRST, 7);
    assert_eq!(bench.delivered(FIRST, 7), []);
    assert_eq!(bench.delivered(FIRST, 3), []);
    assert_eq!(bench.delivered(FIRST, 9), [record(FIRST, 7, 9)]);
}

#[test]
fn nobody_has_read_what_was_not_sent() {
    let mut bench = streaming(Delivery::Delivered);
    bench.sent(FIRST, 4);
    assert_eq!(bench.delivered(FIRST, 10), [record(FIRST, 0, 4)]);
    bench.sent(FIRST, 6);
    assert_eq!(bench.delivered(FIRST, 10), [record(FIRST, 4, 6)]);
}

#[test]
fn a_socket_carries_new_frames_only() {
    let mut bench = Bench::capturing();
    bench.take(FIRST, 5);
    bench.hear(&Event::SocketCameUp);
    bench.take(FIRST, 5);
    bench.sent(FIRST, 10);
    assert_eq!(bench.delivered(FIRST, 10), [record(FIRST, 5, 10)]);
}

#[test]
fn a_socket_that_was_up_before_the_capture_carries_all_of_it() {
    let mut bench = Bench::new(Delivery::Delivered);
    bench.hear(&Event::SocketCameUp);
    bench.start(FIRST);
    bench.take(FIRST, 5);
    bench.sent(FIRST, 5);
    assert_eq!(bench.delivered(FIRST, 5), [record(FIRST, 0, 5)]);
}

#[test]
fn a_socket_is_up_from_its_connect_to_its_loss() {
    let mut bench = Bench::capturing();
    assert_eq!(bench.machine.shared().carried(FIRST), None);
    bench.hear(&Event::SocketCameUp);
    assert!(bench.machine.shared().carried(FIRST).is_some());
    bench.hear(&Event::SocketWentDown);
    assert_eq!(bench.machine.shared().carried(FIRST), None);
}

/// F21.
#[test]
fn what_an_earlier_connection_proves_late_counts_for_nothing_once_it_is_down() {
    let mut bench = streaming(Delivery::Delivered);
    bench.sent(FIRST, 10);
    bench.hear(&Event::SocketWentDown);
    assert_eq!(bench.machine.shared().carried(FIRST), None);
    assert_eq!(bench.delivered(FIRST, 10), []);
    bench.hear(&Event::SocketCameUp);
    assert_eq!(bench.delivered(FIRST, 10), []);
}

#[test]
fn a_proof_that_comes_after_the_stop_and_the_next_start_still_counts() {
    let mut bench = streaming(Delivery::Delivered);
    bench.sent(FIRST, 10);
    bench.hear(&Event::CaptureStopped);
    bench.start(SECOND);
    assert_eq!(bench.delivered(FIRST, 10), [record(FIRST, 0, 10)]);
}

#[test]
fn the_last_few_captures_are_followed_and_no_more() {
    let mut bench = streaming(Delivery::Delivered);
    for number in 2..=4 {
        bench.start(CaptureId::new(1, number));
    }
    assert!(bench.machine.shared().carried(FIRST).is_some());
    bench.start(CaptureId::new(1, 5));
    assert_eq!(bench.machine.shared().carried(FIRST), None);
    assert!(bench.machine.shared().carried(SECOND).is_some());
}
