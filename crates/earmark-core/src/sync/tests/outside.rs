//! The network, the account, the session and people.

use super::*;

#[test]
fn nothing_leaves_before_its_session_lets_it_go() {
    let mut bench = Bench::new();
    for event in [Event::NetworkReturned, Event::SignedIn, Event::RetryRequested] {
        let orders = bench.hear(event);
        assert!(!orders.iter().any(|order| matches!(order, Effect::RequestSlot { .. })));
        assert_eq!((bench.state(), bench.machine.shared().is_due()), ("Held", false));
    }
    bench.hear(due("C"));
    assert_eq!((bench.state(), bench.machine.shared().is_due()), ("Queued", true));
}

#[test]
fn a_recording_that_is_linked_while_it_waits_for_its_first_request_goes_to_that_conversation() {
    let mut bench = Bench::new();
    bench.hear(Event::NetworkLost);
    bench.hear(Event::Due { conversation: None });
    bench.hear(due("C"));
    bench.hear(Event::NetworkReturned);
    assert_eq!(sends_to(&bench.send()), [(Some("C"), Api::V2, 1)]);
    bench.reply(waits(Delay::BackOff));
    bench.hear(due("D"));
    assert_eq!(bench.machine.shared().conversation(), Some(&conversation("C")));
    bench.wait();
    assert_eq!(sends_to(&bench.send()), [(Some("C"), Api::V2, 2)]);
}

#[test]
fn no_request_leaves_while_the_network_is_down_and_nothing_is_spent() {
    let mut bench = Bench::new();
    bench.hear(due("C"));
    assert_eq!(bench.hear(Event::NetworkLost), [Effect::ReleaseSlot]);
    assert_eq!((bench.state(), bench.status()), ("Offline", "pending"));
    assert_eq!(bench.report().reason.as_deref(), Some("the network is down"));
    let turn = Turn::Upload;
    assert_eq!(bench.hear(Event::NetworkReturned), [Effect::RequestSlot { turn }]);
}

#[test]
fn a_request_that_the_network_left_behind_in_the_journal_is_taken_back() {
    let mut bench = Bench::new();
    bench.hear(due("C"));
    bench.hear(Event::SlotGranted);
    bench.hear(Event::NetworkLost);
    let orders = bench.hear(Event::AttemptRecorded);
    assert_eq!(orders[0], Effect::ReleaseSlot);
    assert!(matches!(orders[1], Effect::RecordOutcome { .. }));
    assert_eq!(sends_to(&orders), []);
    bench.hear(Event::NetworkReturned);
    assert_eq!(sends_to(&bench.send()), [(Some("C"), Api::V2, 1)]);
}

#[test]
fn the_networks_return_ends_a_back_off_and_starts_its_row_anew() {
    let mut bench = Bench::sent();
    for _ in 0..4 {
        bench.reply(waits(Delay::BackOff));
        bench.wait();
        bench.send();
    }
    bench.reply(waits(Delay::BackOff));
    bench.hear(Event::NetworkLost);
    let orders = bench.hear(Event::NetworkReturned);
    let turn = Turn::Upload;
    assert_eq!(orders, [Effect::CancelTimer, Effect::RequestSlot { turn }]);
    bench.send();
    bench.reply(waits(Delay::BackOff));
    assert_eq!(bench.waits(), secs(5));
}

#[test]
fn the_networks_return_ends_no_wait_that_the_server_or_the_budget_ordered() {
    for verdict in [waits(Delay::Told(secs(600))), waits(Delay::Fixed(secs(600))), spends()] {
        let mut bench = Bench::sent();
        bench.reply(verdict);
        bench.hear(Event::NetworkLost);
        assert_eq!(bench.hear(Event::NetworkReturned), []);
        assert_eq!(bench.state(), "Waiting");
    }
}

#[test]
fn a_told_wait_that_ends_without_a_network_goes_on_when_it_returns() {
    let mut bench = Bench::sent();
    bench.reply(waits(Delay::Told(secs(600))));
    bench.hear(Event::NetworkLost);
    bench.wait();
    assert_eq!(bench.state(), "Offline");
    bench.hear(Event::NetworkReturned);
    assert_eq!(bench.state(), "Queued");
}

#[test]
fn refused_credentials_are_renewed_once_and_the_same_upload_sent_again() {
    let mut bench = Bench::sent();
    let orders = bench.reply(sign_in());
    assert!(orders.contains(&Effect::AskSignIn));
    bench.hear(Event::SignInRenewed);
    assert_eq!(sends_to(&bench.send()), [(Some("C"), Api::V2, 2)]);
    bench.reply(Verdict::Synced);
    bench.record();
    assert_eq!((bench.status(), bench.attempts()), ("synced", 0));
}

#[test]
fn credentials_that_are_refused_again_wait_for_a_person() {
    let mut bench = Bench::sent();
    bench.reply(sign_in());
    bench.hear(Event::SignInRenewed);
    bench.send();
    let orders = bench.reply(sign_in());
    assert!(!orders.contains(&Effect::AskSignIn));
    for event in [Event::NetworkReturned, Event::SignInRenewed, Event::SignInRefused] {
        bench.hear(event);
        assert_eq!((bench.state(), bench.status()), ("SignInNeeded", "pending"));
    }
    assert!(bench.report().needs_person);
    bench.hear(Event::SignedIn);
    assert_eq!(sends_to(&bench.send()), [(Some("C"), Api::V2, 3)]);
}

#[test]
fn a_host_without_credentials_leaves_the_recording_to_a_person() {
    let mut bench = Bench::sent();
    bench.reply(sign_in());
    assert_eq!(bench.hear(Event::SignInRefused), []);
    assert_eq!(bench.state(), "SignInNeeded");
    bench.hear(Event::RetryRequested);
    assert_eq!(bench.state(), "Queued");
}

#[test]
fn an_answer_of_another_kind_lets_credentials_be_renewed_again() {
    let mut bench = Bench::sent();
    for _ in 0..3 {
        assert!(bench.reply(sign_in()).contains(&Effect::AskSignIn));
        bench.hear(Event::SignInRenewed);
        bench.send();
        bench.reply(waits(Delay::BackOff));
        bench.wait();
        bench.send();
    }
}

#[test]
fn a_poll_that_is_answered_lets_credentials_be_renewed_again() {
    let mut bench = Bench::accepted();
    for _ in 0..3 {
        bench.wait();
        let reason = String::from("401");
        assert!(bench.poll(PollVerdict::SignIn { reason }).contains(&Effect::AskSignIn));
        bench.hear(Event::SignInRenewed);
        bench.poll(PollVerdict::Running { poll_after: None });
    }
}

#[test]
fn what_no_network_answered_waits_for_the_network_and_for_no_time() {
    let mut bench = Bench::sent();
    bench.hear(Event::NetworkLost);
    bench.reply(waits(Delay::BackOff));
    assert_eq!(bench.state(), "Offline");
}

#[test]
fn nothing_leaves_for_an_account_that_is_signed_out() {
    let mut bench = Bench::new();
    bench.hear(due("C"));
    assert_eq!(bench.hear(Event::SignedOut), [Effect::ReleaseSlot]);
    assert_eq!(bench.hear(Event::NetworkReturned), []);
    assert_eq!((bench.state(), bench.report().needs_person), ("SignedOut", true));
    bench.hear(Event::SignedIn);
    assert_eq!(bench.state(), "Queued");
}

#[test]
fn a_person_brings_a_failed_recording_back_with_the_whole_budget() {
    let mut bench = Bench::new();
    bench.recover(UploadFacts {
        requests: 1,
        attempts: ATTEMPTS_MAX,
        stage: UploadStage::Failed { reason: String::from("three attempts") },
        ..UploadFacts::new()
    });
    let orders = bench.hear(Event::RetryRequested);
    assert_eq!(orders[0], Effect::Reopened);
    assert_eq!((bench.state(), bench.attempts()), ("Queued", 0));
    assert_eq!(sends_to(&bench.send()), [(Some("C"), Api::V2, 2)]);
}

#[test]
fn a_person_ends_every_wait_but_one_that_the_server_told() {
    for (verdict, state) in [
        (spends(), "Queued"),
        (waits(Delay::BackOff), "Queued"),
        (waits(Delay::Fixed(secs(600))), "Queued"),
        (waits(Delay::Told(secs(600))), "Waiting"),
    ] {
        let mut bench = Bench::sent();
        bench.reply(verdict);
        bench.hear(Event::RetryRequested);
        assert_eq!((bench.state(), bench.attempts()), (state, 0));
    }
}

#[test]
fn a_person_who_asks_twice_gets_one_request() {
    let mut bench = Bench::new();
    bench.hear(due("C"));
    for _ in 0..2 {
        let orders = bench.hear(Event::RetryRequested);
        assert!(!orders.iter().any(|order| matches!(order, Effect::RequestSlot { .. })));
    }
    bench.send();
    assert_eq!(bench.hear(Event::RetryRequested), []);
}

#[test]
fn a_damaged_file_is_never_sent() {
    let mut bench = Bench::sent();
    let orders = bench.hear(damaged());
    assert_eq!(orders[0], Effect::ReleaseSlot);
    let how = Settlement::Corrupted;
    assert_eq!(bench.record(), [Effect::Settled { how }]);
    assert_eq!((bench.status(), bench.attempts()), ("corrupted", 0));
    assert_eq!(bench.report().reason.as_deref(), Some("bytes 0 to 4095 differ"));
}

#[test]
fn damage_to_a_file_that_the_server_took_matters_only_if_it_must_be_sent_again() {
    let mut bench = Bench::accepted();
    let reason = String::from("401");
    for event in [
        Event::NetworkLost,
        Event::TimerFired { generation: bench.timer().1 },
        Event::SignedOut,
        Event::NetworkReturned,
        Event::SignedIn,
        Event::SlotGranted,
        Event::JobPolled { verdict: PollVerdict::SignIn { reason } },
        Event::SignInRefused,
        Event::SignedIn,
    ] {
        bench.now = at(60);
        bench.hear(event);
        assert_eq!(bench.hear(damaged()), [], "{}", bench.state());
    }
    bench.poll(PollVerdict::Reupload { reason: String::from("404"), delay: Delay::BackOff });
    bench.hear(damaged());
    bench.record();
    assert_eq!(bench.status(), "corrupted");
}

#[test]
fn a_deleted_recording_lets_go_of_everything() {
    let how = Settlement::Deleted;
    let mut bench = Bench::sent();
    assert_eq!(bench.hear(Event::Deleted), [Effect::ReleaseSlot, Effect::Settled { how }]);
    assert_eq!(bench.reply(Verdict::Synced), []);
    assert_eq!(bench.machine.shared().report(bench.machine.state()), None);
    let mut bench = Bench::accepted();
    assert_eq!(bench.hear(Event::Deleted), [Effect::CancelTimer, Effect::Settled { how }]);
}

#[test]
fn an_event_that_no_state_answers_is_a_visible_defect() {
    let mut bench = Bench::new();
    assert_eq!(
        bench.hear(Event::SlotGranted),
        [Effect::Unexpected { state: "Held", event: "SlotGranted" }]
    );
}
