//! Sockets that come up, and what a server says on them.

use super::*;

fn session_of(name: &str) -> Announcement {
    Announcement::ConversationSession(Some(conversation(name)))
}

#[test]
fn a_reconnect_cuts_the_recording_and_continues_the_session() {
    let mut bench = Bench::speaking(10);
    assert_eq!(bench.connect(), [cut(1, 1_000), seal(1)]);
    assert_eq!(bench.speak(10), [open_recording(2, (1, 1), 1_000)]);
    assert_eq!(bench.state(1), "capturing");
}

#[test]
fn right_after_a_connect_the_server_speaks_of_what_it_heard_before() {
    let mut bench = Bench::speaking(10);
    bench.connect();
    bench.speak(5);
    let parted = [
        open_session(2, 1, 1_000),
        Effect::MoveRecording { recording: recording(2), session: session(2) },
        close(1, SessionEnd::Boundary),
        link("C", &[1]),
        Effect::ProveDelivery,
    ];
    assert_eq!(bench.end("C"), parted);
    assert_eq!((bench.state(1), bench.state(2)), ("sealing", "capturing"));
    assert_eq!(bench.speak(5), []);
    bench.pass(CONNECT_GRACE);
    assert!(bench.end("D").contains(&link("D", &[2])));
}

#[test]
fn later_than_that_it_speaks_of_both() {
    let mut bench = Bench::speaking(10);
    bench.connect();
    bench.speak(15);
    bench.pass(Duration::from_millis(1));
    assert!(bench.end("C").contains(&link("C", &[1, 2])));
}

#[test]
fn right_after_a_connect_without_older_audio_it_speaks_of_what_there_is() {
    let mut bench = Bench::new();
    bench.connect();
    bench.speak(5);
    assert!(bench.end("C").contains(&link("C", &[1])));
}

#[test]
fn a_server_that_names_the_same_conversation_again_sets_no_boundary() {
    let mut bench = Bench::new();
    bench.connect();
    bench.say(session_of("C"));
    bench.speak(10);
    bench.connect();
    assert_eq!(bench.say(session_of("C")), []);
    bench.speak(5);
    assert!(bench.end("C").contains(&link("C", &[1, 2])));
}

#[test]
fn another_conversation_parts_what_came_before_the_connect_and_seals_and_links_nothing() {
    let mut bench = Bench::new();
    bench.connect();
    bench.say(session_of("C"));
    bench.speak(10);
    bench.connect();
    assert_eq!(bench.say(session_of("D")), [close(1, SessionEnd::Boundary)]);
    assert!(bench.speak(5).contains(&open_session(2, 1, 1_000)));
    assert!(bench.end("D").contains(&link("D", &[2])));
    assert_eq!(bench.end("C"), [link("C", &[1]), Effect::ProveDelivery]);
}

#[test]
fn another_conversation_on_the_same_socket_is_a_boundary_where_it_was_named() {
    let mut bench = Bench::new();
    bench.connect();
    bench.say(session_of("C"));
    bench.speak(10);
    let ended = [cut(1, 1_000), seal(1), close(1, SessionEnd::Boundary)];
    assert_eq!(bench.say(session_of("D")), ended);
    bench.speak(5);
    assert_eq!(bench.end("C"), [link("C", &[1]), Effect::ProveDelivery]);
}

#[test]
fn a_conversation_is_named_on_a_socket_or_not_at_all() {
    let mut bench = Bench::new();
    bench.speak(5);
    let ignored = Effect::ReportIgnored("the socket is not up");
    assert_eq!(bench.say(session_of("C")), [ignored]);
}

#[test]
fn audio_that_was_named_for_one_conversation_goes_to_no_other() {
    let mut bench = Bench::new();
    bench.connect();
    bench.say(session_of("C"));
    bench.speak(10);
    let ignored = Effect::ReportIgnored("there is no audio to link");
    assert_eq!(bench.end("D"), [ignored]);
}

#[test]
fn audio_of_the_connects_own_instant_is_told_apart_by_its_order() {
    let mut bench = Bench::new();
    bench.speak(5);
    bench.now = bench.now + secs(3);
    bench.frames(1, Duration::ZERO);
    bench.start(OPUS);
    bench.connect();
    let all = Vec::from([recording(1), recording(2)]);
    let link = Effect::SealAndLink { conversation: conversation("C"), recordings: all };
    assert!(bench.end("C").contains(&link), "one recording was captured since the connect");
}
