//! What spends an attempt, what waits, and for how long.

use super::*;

#[test]
fn an_attempt_is_journalled_before_its_first_byte_leaves() {
    let mut bench = Bench::new();
    let turn = Turn::Upload;
    assert_eq!(bench.hear(due("C")), [Effect::RequestSlot { turn }]);
    let orders = bench.hear(Event::SlotGranted);
    let [Effect::RecordAttempt { facts }] = &orders[..] else {
        panic!("{orders:?}");
    };
    assert_eq!(facts.requests, 1);
    assert_eq!(facts.stage, UploadStage::Uploading);
    let orders = bench.hear(Event::AttemptRecorded);
    assert_eq!(sends_to(&orders), [(Some("C"), Api::V2, 1)]);
}

#[test]
fn an_attempt_that_the_journal_could_not_take_leaves_nothing_and_waits() {
    let mut bench = Bench::new();
    bench.hear(due("C"));
    bench.hear(Event::SlotGranted);
    let reason = String::from("the disk is full");
    let orders = bench.hear(Event::AttemptNotMade { reason });
    assert_eq!(orders[0], Effect::ReleaseSlot);
    assert_eq!(sends_to(&orders), []);
    assert_eq!((bench.waits(), bench.machine.shared().requests()), (secs(5), 0));
    assert_eq!(bench.report().reason.as_deref(), Some("the disk is full"));
}

/// F48. The next one has its number.
#[test]
fn an_attempt_whose_file_could_not_be_read_just_then_is_no_request() {
    let mut bench = Bench::new();
    bench.hear(due("C"));
    bench.hear(Event::SlotGranted);
    bench.hear(Event::AttemptRecorded);
    let reason = String::from("the medium did not answer");
    let orders = bench.hear(Event::AttemptNotMade { reason });
    let taken_back = orders.iter().find_map(|order| {
        if let Effect::RecordOutcome { facts, .. } = order { Some(facts.requests) } else { None }
    });
    assert_eq!((taken_back, bench.attempts()), (Some(0), 0));
    bench.wait();
    assert_eq!(sends_to(&bench.send()), [(Some("C"), Api::V2, 1)]);
}

/// Its wait for a conversation ended, a link came all the same, and the store, which knew the link
/// first, refuses the request that would name none.
#[test]
fn a_link_that_comes_while_a_request_is_journalled_counts_when_that_request_is_refused() {
    let mut bench = Bench::new();
    bench.hear(Event::Due { conversation: None });
    bench.hear(Event::SlotGranted);
    bench.hear(due("C"));
    let reason = String::from("the recording was linked meanwhile");
    bench.hear(Event::AttemptNotMade { reason });
    bench.wait();
    assert_eq!(sends_to(&bench.send()), [(Some("C"), Api::V2, 1)]);
}

#[test]
fn a_link_that_comes_while_a_request_is_journalled_comes_too_late_when_that_request_is_taken() {
    let mut bench = Bench::new();
    bench.hear(Event::Due { conversation: None });
    bench.hear(Event::SlotGranted);
    bench.hear(due("C"));
    assert_eq!(sends_to(&bench.hear(Event::AttemptRecorded)), [(None, Api::V2, 1)]);
}

#[test]
fn three_spent_attempts_five_and_ten_seconds_apart_make_it_failed() {
    let mut bench = Bench::sent();
    bench.reply(spends());
    assert_eq!((bench.status(), bench.attempts(), bench.waits()), ("retrying", 1, secs(5)));
    bench.wait();
    bench.send();
    bench.reply(spends());
    assert_eq!((bench.status(), bench.attempts(), bench.waits()), ("retrying", 2, secs(10)));
    bench.wait();
    bench.send();
    bench.reply(spends());
    let how = Settlement::Failed;
    assert_eq!(bench.record(), [Effect::Settled { how }]);
    assert_eq!((bench.status(), bench.attempts()), ("failed", 3));
    assert_eq!(bench.report().reason.as_deref(), Some("a part failed"));
}

#[test]
fn a_person_sees_when_a_recording_is_tried_again() {
    let mut bench = Bench::sent();
    assert_eq!(bench.report().next_attempt_at, None);
    bench.reply(spends());
    let next = bench.report().next_attempt_at.expect("it waits for its next attempt");
    assert_eq!(next.moment(bench.now), bench.timer().0);
    let bench = Bench::accepted();
    assert_eq!(bench.report().next_attempt_at, None, "a question is no attempt");
}

#[test]
fn chance_lengthens_the_waits_by_a_fifth_at_most_unless_it_is_switched_off() {
    for (jitter, spent, waited) in [(true, 6, 6), (false, 5, 5)] {
        let setup = Setup { jitter, ..SETUP };
        for (verdict, wait) in [(spends(), spent), (waits(Delay::BackOff), waited)] {
            let mut bench = Bench::with(setup);
            bench.roll = u16::MAX;
            bench.hear(due("C"));
            bench.send();
            bench.reply(verdict);
            assert_eq!(bench.waits(), secs(wait));
        }
    }
}

#[test]
fn a_wait_as_told_is_as_long_as_told() {
    let setup = Setup { jitter: true, ..SETUP };
    let mut bench = Bench::with(setup);
    bench.roll = u16::MAX;
    bench.hear(due("C"));
    bench.send();
    bench.reply(waits(Delay::Told(secs(30))));
    assert_eq!(bench.waits(), secs(30));
}

/// F17.
#[test]
fn a_hundred_outages_spend_nothing_and_come_apart_up_to_a_quarter_of_an_hour() {
    let mut bench = Bench::sent();
    let mut lengths = Vec::new();
    for _ in 0..100 {
        bench.reply(waits(Delay::BackOff));
        lengths.push(bench.waits().as_secs());
        bench.wait();
        bench.send();
    }
    assert_eq!(lengths[..9], [5, 10, 20, 40, 80, 160, 320, 640, 900]);
    assert_eq!(lengths[99], 900);
    assert_eq!((bench.attempts(), bench.machine.shared().requests()), (0, 101));
}

#[test]
fn a_spent_attempt_ends_the_row_of_waits() {
    let mut bench = Bench::sent();
    for verdict in [waits(Delay::BackOff), waits(Delay::BackOff), spends()] {
        bench.reply(verdict);
        bench.wait();
        bench.send();
    }
    bench.reply(waits(Delay::BackOff));
    assert_eq!((bench.waits(), bench.attempts()), (secs(5), 1));
}

#[test]
fn a_final_refusal_leaves_the_attempts_as_they_are_and_is_never_tried_again() {
    let mut bench = Bench::sent();
    bench.reply(Verdict::Fails { reason: String::from("too old (422)") });
    bench.record();
    assert_eq!((bench.status(), bench.attempts()), ("failed", 0));
    for event in [Event::NetworkLost, Event::NetworkReturned, Event::SignedIn, due("D")] {
        assert_eq!(bench.hear(event), []);
    }
    assert_eq!(bench.report().reason.as_deref(), Some("too old (422)"));
}

#[test]
fn a_timer_of_an_earlier_wait_and_one_that_fires_early_send_nothing() {
    let mut bench = Bench::sent();
    bench.reply(waits(Delay::Told(secs(60))));
    let (at, generation) = bench.timer();
    assert_eq!(bench.hear(Event::TimerFired { generation: 0 }), []);
    bench.now.moment = at - Duration::from_micros(1);
    let orders = bench.hear(Event::TimerFired { generation });
    assert_eq!(orders, [Effect::ArmTimer { at, generation }]);
    assert_eq!(bench.state(), "Waiting");
}

#[test]
fn a_conversation_that_is_gone_is_relinked_once_and_the_recording_goes_without_one() {
    let mut bench = Bench::sent();
    let orders = bench.reply(gone());
    let reason = String::from("no such conversation");
    assert_eq!(orders[0], Effect::Relink { reason });
    assert_eq!((bench.state(), bench.attempts()), ("Queued", 0));
    assert_eq!(sends_to(&bench.send()), [(None, Api::V2, 2)]);
    let orders = bench.reply(gone());
    assert!(!orders.iter().any(|order| matches!(order, Effect::Relink { .. })));
    assert_eq!(bench.waits(), NO_PLACE_WAIT);
}

#[test]
fn a_server_without_v2_gets_the_same_upload_over_v1() {
    let mut bench = Bench::sent();
    let reason = String::from("405");
    bench.reply(Verdict::UseV1 { reason });
    assert_eq!(sends_to(&bench.send()), [(Some("C"), Api::V1, 2)]);
    assert_eq!(bench.attempts(), 0);
}

#[test]
fn a_server_that_has_no_v1_either_is_asked_an_hour_later() {
    let mut bench = Bench::with(Setup { api: Api::V1, ..SETUP });
    bench.hear(due("C"));
    bench.send();
    bench.reply(Verdict::UseV1 { reason: String::from("405") });
    assert_eq!((bench.state(), bench.waits()), ("Waiting", secs(3_600)));
}

/// F50.
#[test]
fn synced_is_shown_only_once_the_journal_knows() {
    let mut bench = Bench::sent();
    let orders = bench.reply(Verdict::Synced);
    let Effect::RecordOutcome { facts, generation } = &orders[1] else {
        panic!("{orders:?}");
    };
    assert_eq!(facts.stage, UploadStage::Synced { at: at(0) });
    assert_eq!(bench.status(), "processing");
    let reason = bench.report().reason;
    assert_eq!(reason.as_deref(), Some("the server has it; this is being written down"));
    bench.hear(Event::OutcomeRecorded { generation: generation - 1 });
    assert_eq!(bench.status(), "processing");
    let how = Settlement::Synced;
    assert_eq!(bench.record(), [Effect::Settled { how }]);
    assert_eq!(bench.status(), "synced");
}

#[test]
fn the_record_of_an_earlier_outcome_settles_nothing() {
    let recorded = |orders: &[Effect<Token>]| {
        let record = orders.iter().find(|order| matches!(order, Effect::RecordOutcome { .. }));
        let Some(Effect::RecordOutcome { generation, .. }) = record else {
            panic!("{orders:?}");
        };
        *generation
    };
    let mut bench = Bench::sent();
    let earlier = recorded(&bench.reply(waits(Delay::BackOff)));
    bench.wait();
    bench.send();
    bench.reply(Verdict::Synced);
    assert_eq!(bench.hear(Event::OutcomeRecorded { generation: earlier }), []);
    assert_eq!(bench.hear(Event::OutcomeNotRecorded { generation: earlier }), []);
    assert_eq!(bench.status(), "processing");
}

#[test]
fn an_ending_that_the_journal_could_not_take_is_offered_again() {
    let mut bench = Bench::sent();
    bench.reply(Verdict::Synced);
    for _ in 0..3 {
        let State::Settling { generation, .. } = *bench.machine.state() else {
            panic!("{}", bench.state());
        };
        let orders = bench.hear(Event::OutcomeNotRecorded { generation });
        let [Effect::ArmTimer { at, generation }] = orders[..] else {
            panic!("{orders:?}");
        };
        assert_eq!(at.since(bench.now.moment), RECORD_WAIT);
        bench.now.moment = at;
        let orders = bench.hear(Event::TimerFired { generation });
        assert!(orders.iter().any(|order| matches!(order, Effect::RecordOutcome { .. })));
    }
    bench.record();
    assert_eq!(bench.status(), "synced");
}
