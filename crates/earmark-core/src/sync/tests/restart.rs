//! What survives a restart.

use super::*;

fn facts(stage: UploadStage) -> UploadFacts {
    UploadFacts { requests: 1, stage, ..UploadFacts::new() }
}

/// The machine that a restart makes of what this one would have journalled.
fn restarted(before: &Bench) -> Bench {
    let mut bench = Bench::new();
    bench.now = before.now;
    bench.recover(before.facts());
    bench
}

#[test]
fn what_was_never_let_go_is_held_until_its_session_speaks_again() {
    let mut bench = Bench::new();
    bench.recover(UploadFacts::new());
    assert_eq!(bench.state(), "Held");
    bench.hear(due("C"));
    assert_eq!(bench.state(), "Queued");
}

#[test]
fn a_retry_after_is_obeyed_across_a_restart() {
    let mut bench = Bench::sent();
    bench.reply(waits(Delay::Told(secs(600))));
    bench.now = at(100);
    let mut bench = restarted(&bench);
    assert_eq!(bench.waits(), secs(500));
    bench.hear(Event::NetworkReturned);
    assert_eq!(bench.state(), "Waiting");
    assert_eq!(bench.report().reason.as_deref(), Some("the server is busy"));
}

#[test]
fn a_back_off_goes_on_after_a_restart_unless_the_network_is_what_it_waits_for() {
    for (delay, online, state) in [
        (Delay::BackOff, true, "Waiting"),
        (Delay::BackOff, false, "Offline"),
        (Delay::Told(secs(600)), false, "Waiting"),
    ] {
        let mut before = Bench::sent();
        before.reply(waits(delay));
        let mut bench = Bench::with(Setup { online, ..SETUP });
        bench.recover(before.facts());
        assert_eq!(bench.state(), state, "{delay:?}, online: {online}");
    }
}

#[test]
fn what_was_deleted_is_not_brought_back_by_what_the_journal_tells() {
    let mut bench = Bench::new();
    bench.hear(Event::Deleted);
    let unexpected = Effect::Unexpected { state: "Deleted", event: "Recovered" };
    assert_eq!(bench.recover(UploadFacts::new()), [unexpected]);
    assert_eq!(bench.state(), "Deleted");
}

#[test]
fn a_wait_that_passed_while_the_program_was_away_is_over() {
    let mut bench = Bench::sent();
    bench.reply(waits(Delay::Told(secs(600))));
    bench.now = at(600);
    assert_eq!(restarted(&bench).state(), "Queued");
}

#[test]
fn a_journal_that_speaks_of_a_wait_of_a_century_is_believed_for_a_day() {
    let century = Duration::from_secs(100 * 365 * 24 * 3_600);
    let bench = Bench::recovered(UploadStage::Pending {
        next: Some(Deadline::after(at(0), century)),
        told: true,
        fixed: false,
        reason: None,
    });
    assert_eq!(bench.waits(), RETRY_AFTER_MAX);
}

#[test]
fn the_budget_does_not_come_back_with_a_restart() {
    let mut bench = Bench::sent();
    bench.reply(spends());
    let mut bench = restarted(&bench);
    assert_eq!((bench.status(), bench.attempts(), bench.waits()), ("retrying", 1, secs(5)));
    bench.hear(Event::NetworkReturned);
    assert_eq!(bench.state(), "Waiting");
}

#[test]
fn a_request_whose_outcome_a_crash_swallowed_spends_nothing_and_three_in_a_row_count_as_one() {
    let mut stored = facts(UploadStage::Uploading);
    let mut attempts = Vec::new();
    for _ in 0..8 {
        let mut bench = Bench::new();
        let orders = bench.recover(stored);
        let [Effect::RecordOutcome { .. }, ..] = &orders[..] else {
            panic!("{orders:?}");
        };
        attempts.push(bench.attempts());
        if bench.state() == "Waiting" {
            bench.wait();
        }
        bench.hear(Event::SlotGranted);
        stored = bench.facts();
    }
    assert_eq!(attempts, [0, 0, 1, 1, 1, 2, 2, 2]);
    let mut bench = Bench::new();
    bench.recover(stored);
    bench.record();
    assert_eq!((bench.status(), bench.attempts()), ("failed", 3));
}

#[test]
fn an_outcome_ends_the_row_of_swallowed_ones() {
    let mut bench = Bench::new();
    bench.recover(UploadFacts { swallowed: 1, ..facts(UploadStage::Uploading) });
    assert_eq!(bench.facts().swallowed, 2);
    bench.send();
    bench.reply(waits(Delay::BackOff));
    assert_eq!(bench.facts().swallowed, 0);
}

#[test]
fn a_restart_without_a_request_swallows_nothing() {
    let mut bench = Bench::new();
    bench.recover(facts(UploadStage::Uploading));
    for _ in 0..5 {
        bench = restarted(&bench);
    }
    assert_eq!((bench.facts().swallowed, bench.attempts()), (1, 0));
}

#[test]
fn an_accepted_recording_is_asked_for_before_its_bytes_are_offered_again() {
    let mut bench = Bench::accepted();
    bench.now = at(2);
    let mut bench = restarted(&bench);
    assert_eq!((bench.status(), bench.waits()), ("processing", secs(1)));
    bench.wait();
    let job = String::from("J");
    assert_eq!(bench.hear(Event::SlotGranted), [Effect::PollJob { job }]);
}

#[test]
fn a_lease_goes_on_across_a_restart() {
    let mut bench = Bench::accepted();
    bench.now = at(JOB_LEASE.as_secs());
    let mut bench = restarted(&bench);
    bench.poll(PollVerdict::Running { poll_after: None });
    assert_eq!(bench.status(), "pending");
}

#[test]
fn a_job_that_is_never_to_be_asked_about_is_asked_for_when_its_lease_ends_after_a_restart_too() {
    let far = secs(20 * 3_600);
    let mut before = Bench::accepted();
    before.wait();
    before.poll(PollVerdict::Running { poll_after: Some(far) });
    // A person's wish writes down what the server has told.
    before.hear(Event::RetryRequested);
    let mut after = restarted(&before);
    let since = before.now.moment;
    after.wait();
    assert!(after.now.moment.since(since) <= JOB_LEASE, "{:?}", after.now.moment.since(since));
}

#[test]
fn a_poll_that_the_server_put_off_is_not_asked_earlier_after_a_restart() {
    let mut bench = Bench::accepted();
    bench.wait();
    bench.poll(PollVerdict::Waits { reason: String::from("429"), delay: Delay::Told(secs(900)) });
    bench.now = at(10);
    let bench = restarted(&bench);
    assert_eq!(bench.waits(), secs(893));
}

#[test]
fn what_has_ended_stays_ended() {
    let reason = String::from("gone");
    for (stage, status, how) in [
        (UploadStage::Synced { at: at(0) }, "synced", Settlement::Synced),
        (UploadStage::Failed { reason: reason.clone() }, "failed", Settlement::Failed),
        (UploadStage::Corrupted { reason }, "corrupted", Settlement::Corrupted),
    ] {
        let mut bench = Bench::new();
        let orders = bench.recover(facts(stage.clone()));
        assert_eq!(orders, [Effect::Settled { how }]);
        assert_eq!(bench.status(), status);
        assert_eq!(bench.facts(), facts(stage));
        assert!(bench.facts().is_final(), "{status}");
        assert_eq!(bench.facts().stage.name(), status);
    }
    let under_way = [Bench::new(), Bench::sent(), Bench::accepted()].map(|bench| bench.facts());
    assert!(!under_way.iter().any(UploadFacts::is_final));
    let names = under_way.map(|facts| facts.stage.name());
    assert_eq!(names, ["pending", "uploading", "accepted"]);
}

#[test]
fn a_relinked_recording_stays_without_a_conversation() {
    let mut bench = Bench::new();
    bench.hear(Event::Recovered { facts: facts(UploadStage::Uploading), conversation: None });
    bench.hear(due("C"));
    assert_eq!(sends_to(&bench.send()), [(None, Api::V2, 2)]);
}
