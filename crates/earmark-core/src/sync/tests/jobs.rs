//! Work of the server that is asked about.

use super::*;

const RUNNING: PollVerdict = PollVerdict::Running { poll_after: None };

fn failing(delay: Delay) -> PollVerdict {
    PollVerdict::Waits { reason: String::from("no answer"), delay }
}

fn asks(bench: &mut Bench) -> u64 {
    let before = bench.now.moment;
    bench.wait();
    bench.now.moment.since(before).as_secs()
}

#[test]
fn a_job_is_asked_for_after_three_seconds_doubling_to_two_minutes() {
    let mut bench = Bench::accepted();
    let mut lengths = Vec::new();
    for _ in 0..8 {
        lengths.push(asks(&mut bench));
        bench.poll(RUNNING);
    }
    assert_eq!(lengths, [3, 6, 12, 24, 48, 96, 120, 120]);
    assert_eq!((bench.status(), bench.attempts()), ("processing", 0));
}

#[test]
fn a_job_is_asked_for_as_the_server_says() {
    let mut bench = Bench::sent();
    bench.reply(Verdict::Accepted { job: String::from("J"), poll_after: Some(secs(20)) });
    assert_eq!(asks(&mut bench), 20);
    let job = String::from("J");
    assert_eq!(bench.hear(Event::SlotGranted), [Effect::PollJob { job }]);
    bench.hear(Event::JobPolled { verdict: PollVerdict::Running { poll_after: Some(secs(300)) } });
    assert_eq!(asks(&mut bench), 300);
}

#[test]
fn a_server_that_wants_to_be_asked_at_once_for_ever_is_asked_apart() {
    let mut bench = Bench::accepted();
    bench.wait();
    bench.poll(PollVerdict::Running { poll_after: Some(Duration::ZERO) });
    assert_eq!(bench.waits(), secs(6));
}

#[test]
fn a_completed_job_is_synced() {
    let mut bench = Bench::accepted();
    bench.wait();
    bench.poll(PollVerdict::Synced);
    bench.record();
    assert_eq!((bench.status(), bench.attempts()), ("synced", 0));
}

#[test]
fn a_job_that_failed_over_the_content_spends_and_is_uploaded_again() {
    let mut bench = Bench::accepted();
    bench.wait();
    let reason = String::from("two segments failed");
    bench.poll(PollVerdict::Spends { reason });
    assert_eq!((bench.attempts(), bench.waits()), (1, secs(5)));
    bench.wait();
    assert_eq!(sends_to(&bench.send()), [(Some("C"), Api::V2, 2)]);
}

#[test]
fn a_lost_job_makes_the_recording_pending_again_and_spends_nothing() {
    let mut bench = Bench::accepted();
    bench.wait();
    bench.poll(PollVerdict::Reupload { reason: String::from("404"), delay: Delay::BackOff });
    assert_eq!((bench.status(), bench.attempts()), ("pending", 0));
    bench.wait();
    assert_eq!(sends_to(&bench.send()), [(Some("C"), Api::V2, 2)]);
}

#[test]
fn an_unanswered_question_is_asked_again_and_the_job_stays() {
    let mut bench = Bench::accepted();
    bench.wait();
    bench.poll(failing(Delay::BackOff));
    assert_eq!((bench.status(), asks(&mut bench)), ("processing", 5));
    bench.poll(failing(Delay::BackOff));
    assert_eq!(asks(&mut bench), 10);
    bench.poll(failing(Delay::Told(secs(40))));
    assert_eq!(asks(&mut bench), 40);
    assert_eq!(bench.attempts(), 0);
}

#[test]
fn a_job_that_does_not_end_is_asked_for_six_hours_and_the_recording_uploaded_again() {
    let mut bench = Bench::accepted();
    let six_hours = secs(21_600);
    let questions_max = six_hours.as_secs() / POLL_WAIT_MAX.as_secs() + 10;
    for _ in 0..questions_max {
        if bench.status() == "processing" {
            bench.wait();
            bench.poll(RUNNING);
        }
    }
    assert_eq!(bench.now.moment.since(at(0).moment), six_hours);
    assert_eq!((bench.status(), bench.attempts()), ("pending", 0));
    bench.wait();
    assert_eq!(sends_to(&bench.send()), [(Some("C"), Api::V2, 2)]);
}

#[test]
fn a_job_whose_lease_ran_out_offline_is_asked_for_once_more() {
    let mut bench = Bench::accepted();
    bench.hear(Event::NetworkLost);
    bench.wait();
    assert_eq!((bench.state(), bench.status()), ("Offline", "processing"));
    bench.now = at(8 * 60 * 60);
    let turn = Turn::Poll;
    assert_eq!(bench.hear(Event::NetworkReturned), [Effect::RequestSlot { turn }]);
    bench.poll(PollVerdict::Synced);
    bench.record();
    assert_eq!(bench.status(), "synced");
}

#[test]
fn what_the_server_told_at_the_last_question_holds_for_the_next_upload() {
    let mut bench = Bench::accepted();
    bench.hear(Event::NetworkLost);
    bench.wait();
    bench.now = at(8 * 60 * 60);
    bench.hear(Event::NetworkReturned);
    bench.poll(failing(Delay::Told(secs(600))));
    assert_eq!(bench.status(), "pending");
    bench.wait();
    assert_eq!(bench.now.moment, at(8 * 60 * 60 + 600).moment);
    assert_eq!(sends_to(&bench.send()), [(Some("C"), Api::V2, 2)]);
}

#[test]
fn a_question_is_not_journalled_unless_the_server_told_when_to_ask_again() {
    let recorded = |verdict| {
        let mut bench = Bench::accepted();
        bench.wait();
        let orders = bench.poll(verdict);
        orders.iter().any(|order| matches!(order, Effect::RecordOutcome { .. }))
    };
    assert!(!recorded(RUNNING));
    assert!(recorded(failing(Delay::Told(secs(60)))));
}
