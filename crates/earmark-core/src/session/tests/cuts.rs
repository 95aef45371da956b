//! Where recordings and sessions begin and end.

use super::*;

#[test]
fn a_session_opens_with_its_first_frame_and_not_with_the_capture() {
    let mut bench = Bench::new();
    assert_eq!(bench.start(OPUS), []);
    let opened = [open_session(1, 1, 0), open_recording(1, (1, 1), 0)];
    assert_eq!(bench.speak(1), opened);
}

#[test]
fn a_recording_ends_with_the_frame_that_fills_a_minute_wherever_that_falls_in_a_run() {
    let mut bench = Bench::new();
    bench.speak(59);
    let orders = bench.speak(2);
    let next = open_recording(2, (1, 1), 6_000);
    assert_eq!(orders, [cut(1, 6_000), seal(1), Effect::ProveDelivery, next]);
}

#[test]
fn a_minute_has_half_as_many_frames_where_frames_are_twice_as_long() {
    let mut bench = Bench::new();
    bench.start(Encoding::mono_16k(Codec::OpusFs320));
    let orders = bench.frames(3_000, secs(60));
    assert!(orders.contains(&cut(1, 3_000)));
}

#[test]
fn a_recording_that_fills_slowly_is_sealed_ninety_seconds_after_its_first_frame() {
    let mut bench = Bench::new();
    for _ in 0..44 {
        bench.pass(secs(1));
        assert_eq!(bench.frames(1, secs(1)).len() % 2, 0);
    }
    // Its first frame came after the first of the 88 seconds.
    assert_eq!(bench.pass(secs(2)), []);
    assert_eq!(bench.pass(secs(1)), [cut(1, 44), seal(1)]);
}

#[test]
fn a_silence_of_two_seconds_is_bridged_and_a_longer_one_ends_the_recording_alone() {
    let mut bench = Bench::new();
    bench.speak(1);
    bench.pass(RECORDING_GAP_MAX);
    assert_eq!(bench.speak(1), []);
    bench.pass(RECORDING_GAP_MAX + Duration::from_millis(1));
    assert_eq!(bench.speak(1), [cut(1, 200), seal(1), open_recording(2, (1, 1), 200)]);
}

#[test]
fn a_stop_seals_at_once_and_asks_what_was_delivered() {
    let mut bench = Bench::speaking(10);
    let closed = close(1, SessionEnd::Stopped);
    assert_eq!(bench.stop(), [cut(1, 1_000), seal(1), closed, Effect::ProveDelivery]);
    assert_eq!(bench.state(1), "sealing");
}

#[test]
fn a_capture_without_a_frame_leaves_nothing_behind() {
    let mut bench = Bench::new();
    bench.start(OPUS);
    assert_eq!(bench.stop(), [Effect::ProveDelivery]);
    assert_eq!(bench.track.sessions().count(), 0);
    assert_eq!(bench.track.deadline(), None);
}

#[test]
fn a_second_capture_ends_the_session_of_the_first_and_opens_the_next_with_its_first_frame() {
    let mut bench = Bench::speaking(10);
    let ended = [cut(1, 1_000), seal(1), close(1, SessionEnd::Stopped), Effect::ProveDelivery];
    assert_eq!(bench.start(OPUS), ended);
    assert_eq!(bench.speak(1), [open_session(2, 2, 0), open_recording(2, (2, 2), 0)]);
}

#[test]
fn a_silence_of_two_minutes_ends_the_session_when_its_time_comes() {
    let mut bench = Bench::speaking(10);
    let before = bench.pass(CONVERSATION_GAP - Duration::from_millis(1));
    assert_eq!(before, [cut(1, 1_000), seal(1)]);
    assert_eq!(bench.pass(Duration::from_millis(1)), [close(1, SessionEnd::Gap)]);
    assert_eq!(bench.speak(1), [open_session(2, 1, 1_000), open_recording(2, (2, 1), 1_000)]);
}

#[test]
fn a_silence_of_two_minutes_ends_the_session_although_the_timer_is_late() {
    let mut bench = Bench::speaking(10);
    bench.now = bench.now + CONVERSATION_GAP;
    let orders = bench.speak(1);
    assert_eq!(orders[..3], [cut(1, 1_000), seal(1), close(1, SessionEnd::Gap)]);
    assert_eq!(orders[3..], [open_session(2, 1, 1_000), open_recording(2, (2, 1), 1_000)]);
}

#[test]
fn frames_of_a_capture_that_does_not_run_are_reported_and_open_nothing() {
    let mut bench = Bench::stopped(10);
    let at = (bench.now, bench.now);
    let walls = (wall(bench.now), wall(bench.now));
    let run = Run { capture: capture(1), first: FrameSeq(1_000), count: 5, at, walls };
    let report = Effect::ReportUnexpected { state: "not capturing", event: "FramesTaken" };
    assert_eq!(bench.hear(Event::FramesTaken(run)), [report]);
}
