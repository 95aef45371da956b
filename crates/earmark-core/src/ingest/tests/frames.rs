//! Which frames are taken, and under which number.

use super::*;

/// F23.
#[test]
fn frames_are_numbered_from_nought_in_the_order_in_which_they_come() {
    let mut bench = Bench::capturing();
    let answers: Vec<Effect> = (0..3).map(|_| bench.offer(FIRST, 80)).collect();
    assert_eq!(answers, [taken(0), taken(1), taken(2)]);
    assert_eq!(bench.machine.shared().position(), Some((FIRST, FrameSeq(3))));
}

#[test]
fn a_frame_without_a_capture_is_given_back() {
    let mut bench = Bench::new(Delivery::Delivered);
    let answer = Effect::RejectFrame(Rejection::NotCapturing);
    assert_eq!(bench.offer(FIRST, 80), answer);
    bench.start(FIRST);
    bench.hear(&Event::CaptureStopped);
    assert_eq!(bench.offer(FIRST, 80), answer);
}

#[test]
fn a_second_capture_numbers_anew_and_takes_no_frame_of_the_first() {
    let mut bench = Bench::capturing();
    bench.take(FIRST, 2);
    bench.start(SECOND);
    assert_eq!(bench.offer(FIRST, 80), Effect::RejectFrame(Rejection::NotCapturing));
    assert_eq!(bench.offer(SECOND, 80), taken(0));
}

#[test]
fn a_frame_at_which_a_server_would_stop_decoding_is_given_back_and_leaves_no_gap() {
    let mut bench = Bench::capturing();
    let fault = |fault| Effect::RejectFrame(Rejection::Fault(fault));
    assert_eq!(bench.offer(FIRST, 0), fault(FrameFault::Empty));
    let bytes = FRAME_BYTES_MAX + 1;
    assert_eq!(bench.offer(FIRST, bytes), fault(FrameFault::TooLong { bytes }));
    assert_eq!(bench.offer(FIRST, FRAME_BYTES_MAX), taken(0));
}

#[test]
fn a_frame_of_pcm_is_as_long_as_its_encoding_says_or_is_given_back() {
    let mut bench = Bench::new(Delivery::Delivered);
    let encoding = Encoding::mono_16k(Codec::Pcm16);
    bench.hear(&Event::CaptureStarted { capture: FIRST, encoding });
    assert_eq!(bench.machine.shared().encoding(), Some(encoding));
    let wrong = FrameFault::WrongSize { bytes: 319, expected: 320 };
    assert_eq!(bench.offer(FIRST, 319), Effect::RejectFrame(Rejection::Fault(wrong)));
    assert_eq!(bench.offer(FIRST, 320), taken(0));
}

const FOUR_MEBIBYTES: usize = 4_194_304;

/// A source with as much on its way to the disk as a device may have, but for what one frame more
/// would take.
fn full() -> (Bench, u64) {
    let mut bench = Bench::capturing();
    let fits = (FOUR_MEBIBYTES / FRAME_BYTES_MAX) as u64;
    for seq in 0..fits {
        assert_eq!(bench.offer(FIRST, FRAME_BYTES_MAX), taken(seq));
    }
    (bench, fits)
}

#[test]
fn a_device_may_have_four_mebibytes_waiting_for_the_disk_and_not_a_byte_more() {
    let (mut bench, fits) = full();
    assert_eq!(bench.offer(FIRST, FRAME_BYTES_MAX), Effect::RejectFrame(Rejection::Full));
    let rest = FOUR_MEBIBYTES % FRAME_BYTES_MAX;
    assert_eq!(bench.offer(FIRST, rest + 1), Effect::RejectFrame(Rejection::Full));
    assert_eq!(bench.offer(FIRST, rest), taken(fits));
    assert_eq!(bench.offer(FIRST, 1), Effect::RejectFrame(Rejection::Full));
}

#[test]
fn what_is_durable_waits_for_the_disk_no_longer() {
    let (mut bench, fits) = full();
    bench.durable(FIRST, 1);
    assert_eq!(bench.machine.shared().held_frames() as u64, fits - 1);
    assert_eq!(bench.offer(FIRST, FRAME_BYTES_MAX), taken(fits));
    assert_eq!(bench.offer(FIRST, FRAME_BYTES_MAX), Effect::RejectFrame(Rejection::Full));
}

#[test]
fn only_what_is_durable_is_let_go_of() {
    let mut bench = Bench::capturing();
    bench.take(FIRST, 5);
    bench.durable(FIRST, 3);
    bench.durable(FIRST, 2);
    assert_eq!(bench.machine.shared().held_frames(), 2);
}

#[test]
fn frames_of_an_earlier_capture_wait_for_the_disk_as_part_of_the_same_device() {
    let mut bench = Bench::capturing();
    bench.take(FIRST, 5);
    bench.start(SECOND);
    bench.take(SECOND, 3);
    assert_eq!(bench.machine.shared().held_frames(), 8);
    bench.durable(FIRST, 4);
    assert_eq!(bench.machine.shared().held_frames(), 4);
    // The store makes captures durable in their order.
    bench.durable(SECOND, 1);
    assert_eq!(bench.machine.shared().held_frames(), 2);
}
