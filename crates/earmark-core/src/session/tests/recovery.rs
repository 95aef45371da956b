//! What a restart makes of what the store held.

use super::*;

/// Session 1 with recording 1, ten seconds long, unlinked and sealed, as a restart finds it.
fn found(number: u32, ended_ago: u64) -> RecoveredSession<Token> {
    let now = Bench::new().now;
    let last_at = now - secs(ended_ago);
    RecoveredSession {
        session: session(number),
        capture: capture(number),
        end: SessionEnd::Recovered,
        conversation: None,
        sync_started: None,
        recordings: alloc::vec![RecoveredRecording {
            recording: recording(number),
            first: FrameSeq(0),
            token: Some(Token(recording(number))),
            linked: false,
            upload: RecoveredUpload::Fresh,
            walls: (wall(last_at - secs(10)), wall(last_at)),
            last_at,
        }],
    }
}

/// The same, linked to C.
fn linked(sync_started: Option<bool>) -> RecoveredSession<Token> {
    let conversation = Some(conversation("C"));
    let mut session = RecoveredSession { conversation, sync_started, ..found(1, 20) };
    session.recordings[0].linked = true;
    session
}

fn with_upload(
    session: RecoveredSession<Token>,
    upload: RecoveredUpload,
) -> RecoveredSession<Token> {
    let mut session = session;
    session.recordings[0].upload = upload;
    session
}

/// The restart; new numbers begin at 11.
fn restart(sessions: &[RecoveredSession<Token>]) -> (Bench, Orders) {
    let mut bench = Bench::new();
    bench.captures = 10;
    bench.ids = Ids::starting_at(session(11), recording(11));
    let (mut effects, sessions) = (Effects::new(), sessions.to_vec());
    bench.track = Track::recover(LINK_WAIT, sessions, bench.now, &mut bench.ids, &mut effects);
    let is_order = |order: &Effect<Token>| !matches!(order, Effect::ReportSession { .. });
    (bench, effects.drain().filter(is_order).collect())
}

#[test]
fn nothing_found_is_nothing_to_do() {
    let (bench, orders) = restart(&[]);
    assert_eq!((orders, bench.track.deadline()), (alloc::vec![], None));
    assert!(bench.track.is_quiet());
}

#[test]
fn what_was_captured_before_a_restart_still_waits_for_its_link() {
    let (mut bench, orders) = restart(&[found(1, 20)]);
    assert_eq!((orders, bench.state(1)), (alloc::vec![], "awaiting_link"));
    assert_eq!(bench.end("C"), [link("C", &[1]), Effect::ProveDelivery]);
}

#[test]
fn the_wait_for_a_link_goes_on_where_the_restart_interrupted_it() {
    let (mut bench, _) = restart(&[found(1, 100)]);
    assert_eq!(bench.pass(secs(49)), []);
    assert_eq!(bench.pass(secs(1)), [sync(1, false), upload(1, None)]);
}

#[test]
fn a_wait_that_ended_meanwhile_is_over_at_once() {
    let (bench, orders) = restart(&[found(1, 150)]);
    assert_eq!(orders, [sync(1, false), upload(1, None)]);
    assert_eq!(bench.state(1), "syncing");
}

#[test]
fn a_conversation_reaches_over_the_restart() {
    let (mut bench, _) = restart(&[found(1, 60), found(2, 20)]);
    bench.speak(10);
    assert!(bench.end("C").contains(&link("C", &[1, 2, 11])));
}

#[test]
fn a_restart_bridges_no_silence_of_two_minutes() {
    // The second began ten seconds before it ended.
    let (mut bench, _) = restart(&[found(1, 5 + 10 + 120), found(2, 5)]);
    bench.speak(10);
    assert!(bench.end("C").contains(&link("C", &[2, 11])));
}

#[test]
fn right_after_a_restart_and_a_connect_the_server_speaks_of_what_it_heard_before_both() {
    let (mut bench, _) = restart(&[found(1, 5)]);
    bench.connect();
    bench.speak(5);
    assert!(bench.end("C").contains(&link("C", &[1])));
    assert_eq!(bench.state(11), "capturing");
}

#[test]
fn a_boundary_stays_one_over_the_restart() {
    for end in [SessionEnd::Boundary, SessionEnd::Finished] {
        let (mut bench, _) = restart(&[RecoveredSession { end, ..found(1, 20) }]);
        bench.speak(10);
        assert!(!bench.end("C").contains(&link("C", &[1, 11])), "{end:?}");
    }
}

#[test]
fn a_recording_that_was_cut_and_not_sealed_is_sealed_now() {
    let mut session = found(1, 20);
    session.recordings[0].token = None;
    let (mut bench, orders) = restart(&[session]);
    assert_eq!((orders, bench.state(1)), (alloc::vec![seal(1)], "sealing"));
    bench.seal(1);
    assert_eq!(bench.state(1), "awaiting_link");
}

#[test]
fn a_linked_session_is_known_by_the_stores_facts_alone_and_its_wait_is_over() {
    let (mut bench, orders) = restart(&[linked(None)]);
    assert_eq!(orders, [sync(1, true), upload(1, Some("C"))]);
    let ignored = Effect::ReportIgnored("the conversation is linked already");
    assert_eq!(bench.end("C"), [ignored]);
}

#[test]
fn a_session_that_its_event_had_let_go_has_not_fallen_back_after_a_restart() {
    let (_, orders) = restart(&[linked(Some(false))]);
    assert_eq!(orders, [sync(1, false), upload(1, Some("C"))]);
    let (_, orders) = restart(&[linked(Some(true))]);
    assert_eq!(orders, [sync(1, true), upload(1, Some("C"))]);
}

#[test]
fn a_session_that_was_let_go_without_a_conversation_goes_on_syncing() {
    let (mut bench, orders) =
        restart(&[RecoveredSession { sync_started: Some(false), ..found(1, 20) }]);
    assert_eq!(orders, [sync(1, false), upload(1, None)]);
    assert_eq!(bench.end("C"), [link("C", &[1]), Effect::ProveDelivery]);
}

#[test]
fn what_a_request_had_left_for_is_linked_no_more() {
    let (mut bench, _) = restart(&[with_upload(found(1, 20), RecoveredUpload::Left)]);
    assert_eq!(bench.end("C"), [Effect::ReportIgnored("there is no audio to link")]);
}

#[test]
fn what_was_settled_is_not_uploaded_again() {
    for session in [found(1, 150), linked(Some(false)), linked(None)] {
        let (bench, orders) = restart(&[with_upload(session, RecoveredUpload::Settled)]);
        assert_eq!((orders, bench.state(1)), (alloc::vec![], "settled"));
    }
}

#[test]
fn a_restart_opens_no_session_before_a_frame_has_come() {
    let (mut bench, _) = restart(&[found(1, 20)]);
    bench.start(OPUS);
    let orders = bench.speak(1);
    assert_eq!(orders, [open_session(11, 11, 0), open_recording(11, (11, 11), 0)]);
}

#[test]
fn a_seal_that_is_made_anew_leaves_what_has_settled_as_it_is() {
    let mut found = with_upload(linked(Some(false)), RecoveredUpload::Settled);
    found.recordings[0].token = None;
    let (mut bench, orders) = restart(&[found]);
    assert_eq!(orders, [Effect::SealRecording(recording(1))]);
    let reason = String::from("EIO");
    assert_eq!(bench.hear(Event::SealFailed { recording: recording(1), reason }), []);
    assert_eq!(bench.hear(Event::RecordingSealed(Token(recording(1)))), []);
    assert!(bench.track.is_quiet());
}

#[test]
fn a_link_that_is_found_before_its_seal_is_durable_waits_for_the_seal() {
    for (sync_started, fallback) in [(None, true), (Some(false), false)] {
        let mut found = linked(sync_started);
        found.recordings[0].token = None;
        let (mut bench, orders) = restart(&[found]);
        assert_eq!((orders, bench.state(1)), (alloc::vec![seal(1)], "sealing"));
        let orders = bench.hear(Event::RecordingSealed(Token(recording(1))));
        assert_eq!(orders, [sync(1, fallback), upload(1, Some("C"))]);
    }
}

#[test]
fn a_linked_session_goes_on_without_a_recording_that_is_deleted_before_its_seal_is_durable() {
    let mut found = linked(None);
    let mut second = found.recordings[0].clone();
    (second.recording, second.token) = (recording(2), None);
    found.recordings.push(second);
    let (mut bench, _) = restart(&[found]);
    assert_eq!(bench.state(1), "sealing");
    let gone = Event::UploadSettled { recording: recording(2), gone: true };
    assert_eq!(bench.hear(gone), [sync(1, true), upload(1, Some("C"))]);
}
