//! What the server says, and in which moods it answers.

use std::time::Duration;

use earmark_backend::{Answer, Fault, ServerAction};
use earmark_core::Device;
use earmark_sim::feed::Action;

use super::super::kinds::FaultKind;
use super::super::story::{SECOND, Story, answer, delayed};

/// A page that somebody who is not the server answers with.
const PORTAL: &str = "<html><body>Sign in to the Wi-Fi</body></html>";
/// Refusals that are final.
const FINAL: [u16; 6] = [400, 402, 413, 415, 422, 451];

fn started(id: &str) -> String {
    format!(r#"{{"type":"memory_processing_started","memory":{{"id":"{id}"}}}}"#)
}

fn ready(id: &str) -> String {
    format!(r#"{{"type":"memory_created","memory":{{"id":"{id}"}}}}"#)
}

/// Conversations end, and become ready, with what may go wrong about that.
pub(super) fn conversations(story: &mut Story) {
    for pendant in story.pendants.clone() {
        let mut at = story.dice.between(5, 60) * SECOND;
        let mut number = 0;
        while at < story.end {
            number += 1;
            let id = format!("c-{}-{number}", pendant.device.as_str());
            conversation(story, &pendant.device, &id, at);
            at += story.dice.between(10, 240) * SECOND;
        }
        if story.has(FaultKind::EventUnknown) {
            let at = story.moment();
            let id = format!("unknown-{}", pendant.device.as_str());
            story.say(at, &pendant.device, ready(&id));
        }
    }
}

fn conversation(story: &mut Story, device: &Device, id: &str, at: u64) {
    let reversed = story.has(FaultKind::EventsReordered) && story.dice.percent(50);
    let between = story.dice.pick(&[0, SECOND, 2 * SECOND, 10 * SECOND, 40 * SECOND]);
    if story.dice.percent(15) {
        let text = format!(
            r#"{{"type":"conversation_session","conversation_id":"{id}","status":"in_progress"}}"#
        );
        story.say(at.saturating_sub(5 * SECOND), device, text);
    }
    if story.has(FaultKind::EventLost) && story.dice.percent(40) {
        let stalls = story.dice.percent(50);
        let device_name = Some(device.as_str().to_owned());
        let lost = if stalls {
            Action::Server(ServerAction::Stall { device: device_name })
        } else {
            Action::SocketDown { device: device.clone(), code: 1_006 }
        };
        story.tell(at, lost);
        story.tell(at + between + SECOND, Action::SocketUp { device: device.clone() });
    }
    let (first, then) = if reversed { (ready(id), started(id)) } else { (started(id), ready(id)) };
    let repeats = if story.has(FaultKind::EventTwice) { story.dice.between(1, 3) } else { 1 };
    for repeat in 0..repeats {
        story.say(at + repeat * SECOND / 2, device, first.clone());
    }
    if !story.dice.percent(12) {
        for repeat in 0..repeats {
            story.say(at + between + repeat * SECOND, device, then.clone());
        }
    }
}

/// How the server and the network answer requests.
pub(super) fn moods(story: &mut Story) {
    for kind in FaultKind::ALL {
        if story.has(*kind) {
            let (uploads, polls) = mood(story, *kind);
            let at = story.moment() / 2;
            if !uploads.is_empty() {
                story.respond(at, uploads);
            }
            if !polls.is_empty() {
                story.job_respond(at, polls);
            }
        }
    }
    if story.dice.percent(6) {
        let status = story.dice.pick(&FINAL);
        let at = story.moment();
        story.respond(at, vec![answer(status, None)]);
    }
    if story.dice.percent(8) {
        let at = story.moment();
        let status = story.dice.pick(&[404, 409, 200]);
        story.respond(at, vec![answer(status, None)]);
    }
    if story.has(FaultKind::ServerForgets) {
        let at = story.moment();
        story.tell(at, Action::Server(ServerAction::Restart));
    }
}

fn faulty(story: &mut Story, fault: Fault) -> Answer {
    let _ = story;
    Answer { fault: Some(fault), ..Answer::status(202) }
}

/// What a kind of faults makes of the next uploads and of the next questions about jobs.
fn mood(story: &mut Story, kind: FaultKind) -> (Vec<Answer>, Vec<Answer>) {
    let several = story.dice.between(1, 4);
    let times = |answer: Answer| (0..several).map(|_| answer.clone()).collect::<Vec<_>>();
    match kind {
        FaultKind::Refused => (times(faulty(story, Fault::Refuse)), Vec::new()),
        FaultKind::Dns => {
            let mut all = times(faulty(story, Fault::Dns));
            all.push(faulty(story, Fault::Tls));
            (all, Vec::new())
        }
        FaultKind::Reset => {
            let faults = [Fault::ResetBefore, Fault::ResetMid, Fault::Hang];
            let fault = story.dice.pick(&faults);
            (times(faulty(story, fault)), vec![faulty(story, Fault::ResetBefore)])
        }
        FaultKind::ReplyLost => {
            let fault = story.dice.pick(&[Fault::ResetAfter, Fault::Truncate]);
            (times(faulty(story, fault)), vec![faulty(story, Fault::Truncate)])
        }
        FaultKind::Duplicate => (times(faulty(story, Fault::Duplicate)), Vec::new()),
        FaultKind::Drip => {
            let drip = delayed(faulty(story, Fault::Drip), Duration::from_secs(45));
            (vec![drip], Vec::new())
        }
        FaultKind::Portal => (times(answer(200, Some(PORTAL))), vec![answer(200, Some(PORTAL))]),
        FaultKind::ServerErrors => burst(story),
        FaultKind::OddRetryAfter => odd(story),
        FaultKind::NeverFinishes => (Vec::new(), never(story)),
        FaultKind::JobFails => (Vec::new(), failing_jobs(story)),
        FaultKind::Partial => partial(story),
        FaultKind::TokenExpiry => (times(answer(401, None)), vec![answer(401, None)]),
        _ => (Vec::new(), Vec::new()),
    }
}

fn burst(story: &mut Story) -> (Vec<Answer>, Vec<Answer>) {
    let count = story.dice.between(3, 6);
    let mut answers = |_| answer(story.dice.pick(&[500, 502, 503, 504]), None);
    ((0..count).map(&mut answers).collect(), vec![answer(503, None)])
}

fn odd(story: &mut Story) -> (Vec<Answer>, Vec<Answer>) {
    const ODD: [&str; 8] = [
        "-5",
        "0",
        "soon",
        "1",
        "30",
        "600",
        "99999999999999999999",
        "Sat, 04 Apr 2026 00:30:00 GMT",
    ];
    let told = |value: &str| Answer {
        headers: vec![(String::from("retry-after"), value.to_owned())],
        ..Answer::status(429)
    };
    let value = story.dice.pick(&ODD);
    (vec![told(value), Answer::status(429)], vec![told("20")])
}

/// Jobs that stay in work: for some questions, or for longer than anybody asks.
fn never(story: &mut Story) -> Vec<Answer> {
    let count = if story.dice.percent(50) { 400 } else { story.dice.between(3, 30) };
    let body = r#"{"job_id":"j","status":"processing","poll_after_ms":0}"#;
    (0..count).map(|_| answer(200, Some(body))).collect()
}

fn failing_jobs(story: &mut Story) -> Vec<Answer> {
    let failed = r#"{"job_id":"j","status":"failed","error":"worker died","retry_after":40}"#;
    let content = r#"{"job_id":"j","status":"failed","reason_code":"decode_error"}"#;
    let one = match story.dice.below(4) {
        0 => answer(404, None),
        1 => answer(410, None),
        2 => answer(200, Some(failed)),
        _ => answer(200, Some(content)),
    };
    (0..story.dice.between(1, 4)).map(|_| one.clone()).collect()
}

fn partial(story: &mut Story) -> (Vec<Answer>, Vec<Answer>) {
    let count = story.dice.between(1, 4);
    if story.dice.percent(50) {
        return ((0..count).map(|_| answer(207, None)).collect(), Vec::new());
    }
    let body =
        r#"{"job_id":"j","status":"partial_failure","failed_segments":1,"total_segments":2}"#;
    (Vec::new(), (0..count).map(|_| answer(200, Some(body))).collect())
}
