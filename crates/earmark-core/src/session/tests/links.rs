//! Which audio the end of a conversation speaks of.

use alloc::vec;

use super::*;

const NOTHING: Effect<Token> = Effect::ReportIgnored("there is no audio to link");

#[test]
fn the_end_of_a_conversation_cuts_here_and_its_link_covers_what_is_still_open() {
    let mut bench = Bench::speaking(10);
    let closed = close(1, SessionEnd::Boundary);
    let orders = bench.end("C");
    assert_eq!(orders, [cut(1, 1_000), closed, link("C", &[1]), Effect::ProveDelivery]);
    assert_eq!(bench.state(1), "sealing");
}

#[test]
fn frames_after_the_boundary_belong_to_the_next_session() {
    let mut bench = Bench::speaking(10);
    bench.end("C");
    assert_eq!(bench.speak(1), [open_session(2, 1, 1_000), open_recording(2, (2, 1), 1_000)]);
    assert!(bench.end("D").contains(&link("D", &[2])));
}

#[test]
fn a_conversation_reaches_over_stops_and_sockets_back_to_the_last_boundary() {
    let mut bench = Bench::speaking(10);
    bench.end("C");
    bench.speak(10);
    bench.stop();
    bench.speak(70);
    bench.connect();
    bench.speak(20);
    assert!(bench.end("D").contains(&link("D", &[2, 3, 4, 5])));
}

#[test]
fn a_conversation_closed_after_the_stop_is_linked_and_opens_no_session() {
    let mut bench = Bench::stopped(10);
    assert_eq!(bench.end("C"), [link("C", &[1]), Effect::ProveDelivery]);
    assert_eq!(bench.track.sessions().count(), 1);
}

#[test]
fn what_lies_before_a_silence_of_two_minutes_is_another_conversations() {
    let mut bench = Bench::stopped(10);
    bench.pass(CONVERSATION_GAP);
    bench.speak(10);
    assert!(bench.end("C").contains(&link("C", &[2])));
    assert_eq!(bench.end("D"), [link("D", &[1]), Effect::ProveDelivery]);
}

#[test]
fn a_shorter_silence_is_none() {
    let mut bench = Bench::stopped(10);
    bench.pass(CONVERSATION_GAP - Duration::from_millis(1));
    bench.speak(10);
    assert!(bench.end("C").contains(&link("C", &[1, 2])));
}

#[test]
fn with_nothing_to_link_the_event_is_ignored_and_counted() {
    let mut bench = Bench::new();
    assert_eq!(bench.end("C"), [NOTHING]);
    bench.start(OPUS);
    assert_eq!(bench.end("C"), [NOTHING]);
}

#[test]
fn an_event_whose_conversation_has_no_id_is_ignored_and_counted() {
    let mut bench = Bench::speaking(10);
    let ignored = [Effect::ReportIgnored("it names no conversation")];
    assert_eq!(bench.say(Announcement::ProcessingStarted(None)), ignored);
    let event = Announcement::ConversationEvent { conversation: None, span: None };
    assert_eq!(bench.say(event), ignored);
    assert_eq!(bench.say(Announcement::ConversationSession(None)), ignored);
    assert_eq!(bench.state(1), "capturing");
}

#[test]
fn the_same_end_again_links_nothing_that_came_after_it() {
    let mut bench = Bench::speaking(10);
    bench.end("C");
    bench.speak(10);
    let ignored = Effect::ReportIgnored("the conversation is linked already");
    assert_eq!(bench.end("C"), [ignored]);
    assert_eq!(bench.state(2), "capturing");
}

#[test]
fn what_a_request_has_left_for_keeps_its_place() {
    let mut bench = Bench::speaking(70);
    bench.stop();
    bench.hear(Event::UploadBegan(recording(1)));
    assert_eq!(bench.end("C"), [link("C", &[2]), Effect::ProveDelivery]);
}

#[test]
fn what_was_deleted_is_linked_no_more() {
    let mut bench = Bench::stopped(10);
    bench.seal(1);
    bench.settle(1, true);
    assert_eq!(bench.end("C"), [NOTHING]);
    assert_eq!(bench.state(1), "gone");
}

#[test]
fn what_follows_deleted_audio_joins_nothing_from_before_the_last_boundary() {
    let mut bench = Bench::speaking(10);
    bench.finish();
    bench.speak(10);
    bench.stop();
    bench.seal(2);
    bench.settle(2, true);
    bench.speak(10);
    assert_eq!(bench.end("C"), [link("C", &[1]), Effect::ProveDelivery]);
    assert!(bench.end("D").contains(&link("D", &[3])));
}

#[test]
fn a_person_who_ends_the_conversation_by_hand_sets_a_boundary_that_waits_for_its_link() {
    let mut bench = Bench::speaking(10);
    let closed = close(1, SessionEnd::Finished);
    assert_eq!(bench.finish(), [cut(1, 1_000), seal(1), closed, Effect::ProveDelivery]);
    bench.seal(1);
    assert_eq!(bench.state(1), "awaiting_link");
    assert!(bench.speak(5).contains(&open_session(2, 1, 1_000)));
    assert_eq!(bench.end("C"), [link("C", &[1]), Effect::ProveDelivery]);
    assert!(bench.end("D").contains(&link("D", &[2])));
}

#[test]
fn a_link_of_what_came_before_leaves_what_is_captured_now_in_one_piece() {
    let mut bench = Bench::speaking(10);
    bench.finish();
    bench.speak(10);
    assert_eq!(bench.end("C"), [link("C", &[1]), Effect::ProveDelivery]);
    bench.connect();
    bench.speak(10);
    bench.pass(CONNECT_GRACE);
    assert!(bench.end("D").contains(&link("D", &[2, 3])));
}

#[test]
fn there_is_nothing_to_end_by_hand_before_a_frame_has_come() {
    let mut bench = Bench::new();
    bench.start(OPUS);
    let ignored = Effect::ReportIgnored("nothing was captured to finish");
    assert_eq!(bench.finish(), [ignored]);
}

#[test]
fn a_link_of_another_devices_audio_to_the_same_conversation_is_not_waited_for() {
    let mut bench = Bench::stopped(10);
    bench.end("C");
    bench.ready("C");
    let conversation = conversation("C");
    let (asked, recordings) = (vec![recording(7)], Vec::new());
    assert_eq!(bench.hear(Event::LinkRecorded { conversation, asked, recordings }), []);
    assert_eq!(bench.link("C", &[1]), [sync(1, false), upload(1, Some("C"))]);
}
