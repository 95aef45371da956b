//! What a session waits for, and what it does when it comes early, late or never.

use super::*;

/// The conversation of session 1 has ended, and the link is on its way to the disk.
fn linking() -> Bench {
    let mut bench = Bench::stopped(10);
    bench.end("C");
    bench
}

#[test]
fn an_upload_starts_when_its_conversation_is_ready() {
    let mut bench = linking();
    assert_eq!(bench.link("C", &[1]), []);
    assert_eq!(bench.state(1), "awaiting_conversation");
    assert_eq!(bench.ready("C"), [sync(1, false), upload(1, Some("C"))]);
    assert_eq!(bench.state(1), "syncing");
}

#[test]
fn a_link_that_is_told_twice_starts_nothing_twice() {
    let mut bench = linking();
    bench.ready("C");
    let recordings = alloc::vec![Token(recording(1))];
    let (conversation, asked) = (conversation("C"), alloc::vec![recording(1)]);
    let told = Event::LinkRecorded { conversation, asked, recordings };
    assert_eq!(bench.hear(told.clone()), [sync(1, false), upload(1, Some("C"))]);
    assert_eq!(bench.hear(told), []);
}

#[test]
fn an_event_that_comes_before_the_seal_is_remembered_and_starts_nothing_before_it() {
    let mut bench = linking();
    assert_eq!(bench.ready("C"), []);
    assert_eq!(bench.state(1), "sealing");
    assert_eq!(bench.link("C", &[1]), [sync(1, false), upload(1, Some("C"))]);
}

#[test]
fn half_a_minute_after_the_end_the_upload_starts_without_the_event() {
    let mut bench = linking();
    bench.link("C", &[1]);
    assert_eq!(bench.pass(CONVERSATION_WAIT - Duration::from_millis(1)), []);
    let fallen_back = [sync(1, true), upload(1, Some("C"))];
    assert_eq!(bench.pass(Duration::from_millis(1)), fallen_back);
    let ignored = Effect::ReportIgnored("the conversation is not waited for");
    assert_eq!(bench.ready("C"), [ignored]);
}

#[test]
fn a_deadline_that_passes_before_the_seal_is_remembered_and_starts_nothing_before_it() {
    let mut bench = linking();
    assert_eq!(bench.pass(CONVERSATION_WAIT * 3), []);
    assert_eq!(bench.link("C", &[1]), [sync(1, true), upload(1, Some("C"))]);
}

#[test]
fn the_event_counts_and_not_the_deadline_when_both_came_before_the_seal() {
    let mut bench = linking();
    bench.pass(CONVERSATION_WAIT);
    bench.ready("C");
    assert_eq!(bench.link("C", &[1]), [sync(1, false), upload(1, Some("C"))]);
}

#[test]
fn whether_a_session_fell_back_is_said_for_the_rest_of_its_life() {
    for (overdue, fallen_back) in [(Duration::ZERO, false), (CONVERSATION_WAIT, true)] {
        let mut bench = linking();
        bench.pass(overdue);
        bench.link("C", &[1]);
        bench.ready("C");
        assert_eq!(bench.fell_back[&session(1)], fallen_back, "when it begins to sync");
        bench.settle(1, false);
        bench.hear(Event::UploadReopened(recording(1)));
        assert_eq!(bench.fell_back[&session(1)], fallen_back, "when a person has it sync again");
    }
}

#[test]
fn two_sessions_wait_each_for_its_own() {
    let mut bench = linking();
    bench.speak(10);
    bench.stop();
    bench.end("D");
    bench.link("C", &[1]);
    bench.link("D", &[2]);
    assert_eq!(bench.ready("D"), [sync(2, false), upload(2, Some("D"))]);
    assert_eq!(bench.state(1), "awaiting_conversation");
    assert_eq!(bench.ready("C"), [sync(1, false), upload(1, Some("C"))]);
}

#[test]
fn an_event_that_nobody_awaits_and_that_spans_unlinked_audio_counts_as_both() {
    let mut bench = Bench::stopped(10);
    let span = Some((wall(bench.now - secs(10)), wall(bench.now)));
    let conversation = Some(conversation("C"));
    let event = Announcement::ConversationEvent { conversation, span };
    assert_eq!(bench.say(event), [link("C", &[1]), Effect::ProveDelivery]);
    assert_eq!(bench.link("C", &[1]), [sync(1, false), upload(1, Some("C"))]);
}

#[test]
fn an_event_that_spans_a_whole_session_parts_it_from_the_next_and_opens_none() {
    let mut bench = Bench::stopped(10);
    let span = Some((wall(bench.now - secs(10)), wall(bench.now)));
    bench.speak(10);
    let conversation = Some(conversation("C"));
    let event = Announcement::ConversationEvent { conversation, span };
    assert_eq!(bench.say(event), [link("C", &[1]), Effect::ProveDelivery]);
    assert_eq!(bench.state(2), "capturing");
}

#[test]
fn an_event_that_spans_no_unlinked_audio_links_none_on_a_guess() {
    let mut bench = Bench::stopped(10);
    let span = Some((wall(bench.now), wall(bench.now + secs(10))));
    let conversation = Some(conversation("C"));
    let event = Announcement::ConversationEvent { conversation, span };
    let ignored = Effect::ReportIgnored("no audio is known for the conversation");
    assert_eq!(bench.say(event), [ignored]);
}

#[test]
fn an_event_takes_the_recordings_that_it_spans_and_leaves_those_on_either_side() {
    let mut bench = Bench::speaking(10);
    bench.connect();
    let from = wall(bench.now);
    bench.speak(10);
    let span = Some((from, wall(bench.now)));
    bench.connect();
    bench.speak(10);
    bench.stop();
    bench.pass(CONNECT_GRACE);
    let conversation = Some(conversation("C"));
    let orders = bench.say(Announcement::ConversationEvent { conversation, span });
    assert!(orders.contains(&link("C", &[2])), "{orders:?}");
    assert_eq!(bench.end("D"), [link("D", &[3]), Effect::ProveDelivery]);
    assert_eq!(bench.end("E"), [link("E", &[1]), Effect::ProveDelivery]);
}

#[test]
fn a_conversation_that_was_ready_too_early_leads_straight_to_the_upload() {
    let mut bench = Bench::stopped(10);
    bench.ready("C");
    bench.end("C");
    assert_eq!(bench.link("C", &[1]), [sync(1, false), upload(1, Some("C"))]);
}

#[test]
fn audio_that_nothing_was_heard_of_goes_without_a_conversation_after_its_wait() {
    let mut bench = Bench::stopped(10);
    bench.seal(1);
    assert_eq!(bench.state(1), "awaiting_link");
    assert_eq!(bench.pass(LINK_WAIT - Duration::from_millis(1)), []);
    assert_eq!(bench.pass(Duration::from_millis(1)), [sync(1, false), upload(1, None)]);
}

#[test]
fn the_wait_of_a_stretch_begins_with_its_last_frame_for_all_its_sessions() {
    let mut bench = Bench::stopped(10);
    bench.seal(1);
    bench.pass(secs(100));
    bench.speak(10);
    bench.stop();
    bench.seal(2);
    assert_eq!(bench.pass(LINK_WAIT - Duration::from_millis(1)), []);
    assert_eq!(bench.pass(Duration::from_millis(1)).len(), 4);
}

#[test]
fn a_wait_that_ends_before_the_seal_starts_nothing_before_it() {
    let mut bench = Bench::stopped(10);
    assert_eq!(bench.pass(LINK_WAIT), []);
    assert_eq!(bench.seal(1), [sync(1, false), upload(1, None)]);
}

#[test]
fn a_conversation_may_still_claim_audio_whose_wait_is_over_until_its_request_leaves() {
    let mut bench = Bench::stopped(10);
    bench.seal(1);
    bench.pass(LINK_WAIT);
    assert_eq!(bench.end("C"), [link("C", &[1]), Effect::ProveDelivery]);
    bench.ready("C");
    assert_eq!(bench.link("C", &[1]), [sync(1, false), upload(1, Some("C"))]);
}

#[test]
fn a_seal_that_fails_is_said_and_still_awaited() {
    let mut bench = Bench::stopped(10);
    let (recording, reason) = (recording(1), String::from("EIO"));
    let report = Effect::ReportNotSaved { recording, reason: reason.clone() };
    assert_eq!(bench.hear(Event::SealFailed { recording, reason }), [report]);
    assert_eq!(bench.state(1), "sealing");
    assert!(!bench.track.is_quiet());
}

/// F141.
#[test]
fn a_session_is_settled_with_its_last_recording_and_a_person_may_reopen_a_failed_one() {
    let mut bench = Bench::speaking(70);
    bench.end("C");
    bench.ready("C");
    bench.link("C", &[1, 2]);
    bench.settle(1, true);
    assert_eq!(bench.state(1), "syncing");
    bench.settle(2, false);
    assert_eq!(bench.state(1), "settled");
    assert!(bench.track.is_quiet());
    bench.hear(Event::UploadReopened(recording(2)));
    assert_eq!(bench.state(1), "syncing");
    bench.settle(2, true);
    assert_eq!(bench.state(1), "gone");
}

#[test]
fn audio_that_is_still_captured_waits_for_no_link_however_short_the_wait() {
    let mut bench = Bench { track: Track::new(Duration::ZERO), ..Bench::new() };
    bench.speak(10);
    assert_eq!(bench.pass(secs(1)), []);
    bench.stop();
    assert_eq!(bench.pass(secs(1)), []);
    assert_eq!(bench.seal(1), [sync(1, false), upload(1, None)]);
}

#[test]
fn audio_of_a_device_that_never_pauses_waits_four_hours_and_a_link_wait_at_most() {
    let mut bench = Bench::speaking(0);
    let mut uploaded_at = None;
    while uploaded_at.is_none() {
        let orders = bench.speak(1);
        let sealed = orders.iter().filter_map(|order| {
            let Effect::SealRecording(recording) = order else { return None };
            Some(recording.number())
        });
        for number in sealed.collect::<Vec<_>>() {
            bench.seal(number);
        }
        let due = bench.pass(Duration::ZERO);
        if due.contains(&upload(1, None)) {
            uploaded_at = Some(bench.now);
        }
        assert!(bench.now < Moment::ZERO + SESSION_AGE_MAX * 2, "it waits for ever");
    }
    let waited = uploaded_at.map(|at| at.since(Moment::from_micros(1_060_000_000)));
    let longest = SESSION_AGE_MAX + RECORDING_AUDIO_MAX + LINK_WAIT;
    assert!(waited.is_some_and(|waited| waited > SESSION_AGE_MAX && waited <= longest));
    assert_eq!(bench.state(1), "syncing");
    assert_eq!(bench.state(2), "capturing");
}

#[test]
fn without_a_socket_that_could_name_a_conversation_a_recording_waits_for_no_other() {
    let mut bench = Bench::speaking(0);
    bench.hear(Event::SocketWanted(false));
    let orders = bench.speak(60);
    assert!(orders.contains(&close(1, SessionEnd::Boundary)), "{orders:?}");
    bench.seal(1);
    bench.speak(30);
    assert_eq!((bench.state(1), bench.state(2)), ("awaiting_link", "capturing"));
    bench.hear(Event::SocketWanted(true));
    bench.speak(30);
    bench.seal(2);
    bench.speak(90);
    bench.pass(Duration::ZERO);
    assert_eq!(bench.state(2), "capturing", "somebody listens again");
    assert_eq!(bench.state(1), "syncing");
}
