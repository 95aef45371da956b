//! The diagram of the module doc, held against the machine.

use alloc::vec;

use super::*;
use crate::graph::{Walk, assert_same, edges_in_doc};

/// State, what it waits with, what is true outside, what the next request names, and the budget.
type Key = (&'static str, &'static str, [bool; 6], bool, [u32; 2]);

#[test]
fn the_diagram_shows_the_edges_that_the_machine_has() {
    let walk = Walk {
        step: &|bench: &Bench, (event, now): &(Event, Stamp)| {
            let mut bench = bench.clone();
            bench.now = *now;
            let orders = bench.hear(event.clone());
            let defect = orders.iter().find(|order| matches!(order, Effect::Unexpected { .. }));
            assert_eq!(defect, None);
            bench
        },
        events: &possible,
        state: &Bench::state,
        event: &|(event, _)| event.name(),
        key: &key,
    };
    let real = walk.edges(&[Bench::new()]);
    assert_same(&edges_in_doc(include_str!("../../sync.rs")), &real);
}

/// What the upload does next, as far as its edges depend on it.
fn key(bench: &Bench) -> Key {
    let upload = bench.machine.shared();
    let detail = match bench.machine.state() {
        State::Waiting { errand, pause } => match (errand, pause.kind) {
            (Errand::Upload, PauseKind::BackOff) => "upload, back-off",
            (Errand::Upload, PauseKind::Fixed) => "upload, fixed",
            (Errand::Upload, PauseKind::Told) => "upload, told",
            (Errand::Poll(_), PauseKind::BackOff) => "poll, back-off",
            (Errand::Poll(_), PauseKind::Fixed) => "poll, fixed",
            (Errand::Poll(_), PauseKind::Told) => "poll, told",
        },
        State::Queued { errand }
        | State::Offline { errand }
        | State::SigningIn { errand, .. }
        | State::SignInNeeded { errand, .. }
        | State::SignedOut { errand } => match errand {
            Errand::Upload => "upload",
            Errand::Poll(_) => "poll",
        },
        State::Settling { end, armed, .. } => match (end, armed) {
            (End::Synced { .. }, true) => "synced, armed",
            (End::Synced { .. }, false) => "synced",
            (End::Failed { .. }, true) => "failed, armed",
            (End::Failed { .. }, false) => "failed",
            (End::Corrupted { .. }, true) => "corrupted, armed",
            (End::Corrupted { .. }, false) => "corrupted",
        },
        State::Held
        | State::Journalling
        | State::Uploading
        | State::Polling { .. }
        | State::Synced { .. }
        | State::Failed { .. }
        | State::Corrupted { .. }
        | State::Deleted => "",
    };
    let facts = bench.facts();
    let setup = upload.setup();
    let outside = [
        upload.is_due(),
        setup.online,
        setup.signed_in,
        setup.api == Api::V1,
        upload.renewed,
        facts.requests > 0,
    ];
    let budget = [facts.attempts, facts.swallowed];
    let named = upload.conversation().is_some();
    (bench.state(), detail, outside, named, budget)
}

/// One event of each kind that can come to the machine now.
fn possible(bench: &Bench) -> Vec<(Event, Stamp)> {
    let mut events = vec![
        due("C"),
        Event::Due { conversation: None },
        Event::NetworkLost,
        Event::NetworkReturned,
        Event::SignedIn,
        Event::SignedOut,
        Event::SignInRenewed,
        Event::SignInRefused,
        Event::RetryRequested,
        damaged(),
        Event::Deleted,
        Event::TimerFired { generation: 0 },
        Event::OutcomeRecorded { generation: 0 },
    ];
    events.extend(answers(bench));
    let mut events: Vec<_> = events.into_iter().map(|event| (event, bench.now)).collect();
    if let State::Waiting { .. } = bench.machine.state() {
        let (moment, generation) = bench.timer();
        let now = Stamp { moment, ..bench.now };
        events.push((Event::TimerFired { generation }, now));
    }
    if let State::Polling { job } = bench.machine.state() {
        let moment = job.lease.moment(bench.now);
        let verdict = PollVerdict::Running { poll_after: None };
        events.push((Event::JobPolled { verdict }, Stamp { moment, ..bench.now }));
    }
    events
}

fn answers(bench: &Bench) -> Vec<Event> {
    let reason = String::from("a reason");
    match bench.machine.state() {
        State::Held if bench.machine.shared().requests() == 0 => recoveries(),
        State::Queued { .. } => vec![Event::SlotGranted],
        State::Journalling => vec![Event::AttemptRecorded, Event::AttemptNotMade { reason }],
        State::Uploading => {
            let replies = verdicts().into_iter().map(|verdict| Event::ReplyArrived { verdict });
            replies.chain([Event::AttemptNotMade { reason }]).collect()
        }
        State::Polling { .. } => {
            poll_verdicts().into_iter().map(|verdict| Event::JobPolled { verdict }).collect()
        }
        State::Settling { generation, .. } => {
            let generation = *generation;
            vec![
                Event::OutcomeRecorded { generation },
                Event::OutcomeNotRecorded { generation },
                Event::TimerFired { generation },
            ]
        }
        State::Held
        | State::Waiting { .. }
        | State::Offline { .. }
        | State::SigningIn { .. }
        | State::SignInNeeded { .. }
        | State::SignedOut { .. }
        | State::Synced { .. }
        | State::Failed { .. }
        | State::Corrupted { .. }
        | State::Deleted => Vec::new(),
    }
}

fn recoveries() -> Vec<Event> {
    let reason = String::from("a reason");
    let pending = |told| UploadStage::Pending {
        next: Some(Deadline::after(at(0), secs(60))),
        told,
        fixed: false,
        reason: None,
    };
    let stages = [
        pending(false),
        pending(true),
        UploadStage::Uploading,
        UploadStage::Accepted {
            job: String::from("J"),
            since: at(0),
            lease: Deadline::after(at(0), JOB_LEASE),
            poll_after: secs(3),
            not_before: None,
        },
        UploadStage::Synced { at: at(0) },
        UploadStage::Failed { reason: reason.clone() },
        UploadStage::Corrupted { reason },
    ];
    let facts = stages.into_iter().flat_map(|stage| {
        [(0, 0, 1), (2, 2, 7)].map(|(attempts, swallowed, requests)| UploadFacts {
            requests,
            attempts,
            swallowed,
            waits: 0,
            stage: stage.clone(),
        })
    });
    let recovered = |facts| Event::Recovered { facts, conversation: None };
    facts.map(recovered).collect()
}

pub(super) fn verdicts() -> Vec<Verdict> {
    let reason = String::from("a reason");
    vec![
        Verdict::Synced,
        Verdict::Accepted { job: String::from("J"), poll_after: None },
        waits(Delay::BackOff),
        waits(Delay::Fixed(secs(10))),
        waits(Delay::Told(secs(30))),
        spends(),
        Verdict::Fails { reason: reason.clone() },
        sign_in(),
        gone(),
        Verdict::UseV1 { reason },
    ]
}

pub(super) fn poll_verdicts() -> Vec<PollVerdict> {
    let reason = String::from("a reason");
    vec![
        PollVerdict::Synced,
        PollVerdict::Running { poll_after: None },
        PollVerdict::Spends { reason: reason.clone() },
        PollVerdict::Reupload { reason: reason.clone(), delay: Delay::BackOff },
        PollVerdict::Waits { reason: reason.clone(), delay: Delay::BackOff },
        PollVerdict::Waits { reason: reason.clone(), delay: Delay::Told(secs(30)) },
        PollVerdict::SignIn { reason },
    ]
}
