use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

const V2: Asked = Asked { api: Api::V2, named: true };
const V2_UNNAMED: Asked = Asked { api: Api::V2, named: false };
const V1: Asked = Asked { api: Api::V1, named: true };
const RESULT: UploadBody<'_> = UploadBody::Result { failed_segments: 0 };
const JOB: UploadBody<'_> =
    UploadBody::Job { id: "job-1", completed: false, poll_after: Some(Duration::from_secs(3)) };
const BODIES: [UploadBody<'_>; 9] = [
    RESULT,
    UploadBody::Result { failed_segments: 2 },
    JOB,
    UploadBody::DetailRouteMissing,
    UploadBody::Detail("Conversation not found"),
    UploadBody::OtherJson,
    UploadBody::NotJson,
    UploadBody::Empty,
    UploadBody::OtherRecording,
];
const FAULTS: [TransportFault; 9] = [
    TransportFault::Offline,
    TransportFault::Dns,
    TransportFault::Refused,
    TransportFault::Tls,
    TransportFault::ConnectTimeout,
    TransportFault::Reset,
    TransportFault::Timeout,
    TransportFault::Lost,
    TransportFault::TooLarge,
];

fn status<B>(status: u16, body: B) -> Reply<B> {
    Reply::Status { status, retry_after: None, body }
}

fn told<B>(code: u16, seconds: u64, body: B) -> Reply<B> {
    Reply::Status { status: code, retry_after: Some(Duration::from_secs(seconds)), body }
}

/// How far apart requests are to a server that has no place for a recording.
const AN_HOUR: Duration = Duration::from_secs(3_600);

/// The class alone.
fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Synced => "synced",
        Verdict::Accepted { .. } => "accepted",
        Verdict::Waits { delay: Delay::BackOff, .. } => "waits",
        Verdict::Waits { delay: Delay::Fixed(CONFLICT_WAIT), .. } => "waits 10 s",
        Verdict::Waits { delay: Delay::Fixed(AN_HOUR), .. } => "waits 1 h",
        Verdict::Waits { .. } => "waits as told",
        Verdict::Spends { .. } => "spends",
        Verdict::Fails { .. } => "fails",
        Verdict::SignIn { .. } => "sign in",
        Verdict::ConversationGone { .. } => "relink",
        Verdict::UseV1 { .. } => "use v1",
    }
}

/// The classes of the answers with this status and each of the bodies in turn.
fn words(code: u16, asked: Asked) -> Vec<&'static str> {
    let classes = BODIES.map(|body| word(&classify(&status(code, body), asked)));
    classes.to_vec()
}

#[test]
fn only_a_result_without_failed_segments_is_synced() {
    for asked in [V2, V2_UNNAMED, V1] {
        assert_eq!(
            words(200, asked),
            [
                "synced", "spends", "accepted", "spends", "spends", "spends", "spends", "spends",
                "spends"
            ]
        );
    }
}

#[test]
fn a_job_is_accepted_and_never_taken_for_synced() {
    assert_eq!(word(&classify(&status(202, JOB), V2)), "accepted");
    let completed =
        UploadBody::Job { id: "job-1", completed: true, poll_after: Some(Duration::ZERO) };
    assert_eq!(
        classify(&status(202, completed), V2),
        Verdict::Accepted { job: "job-1".into(), poll_after: Some(Duration::ZERO) }
    );
}

#[test]
fn a_202_that_names_no_job_is_no_word_that_it_is_done_whatever_else_it_says() {
    let mut expected = ["spends"; 9];
    expected[2] = "accepted";
    for asked in [V2, V2_UNNAMED, V1] {
        assert_eq!(words(202, asked), expected);
    }
}

#[test]
fn a_jobs_name_that_would_lead_elsewhere_in_a_path_makes_the_answer_unreadable() {
    let long = "x".repeat(JOB_ID_BYTES_MAX + 1);
    for id in ["", ".", "..", "a/b", "a\\b", "a?b", "a#b", "a%2fb", "a b", "ä", "a\n", &long] {
        let job = UploadBody::Job { id, completed: false, poll_after: None };
        assert_eq!(word(&classify(&status(202, job), V2)), "spends", "{id:?}");
    }
}

#[test]
fn partial_failures_and_unknown_successes_spend_an_attempt_whatever_they_say() {
    for code in [201, 203, 204, 205, 206, 207, 208, 226, 299] {
        assert_eq!(words(code, V2), ["spends"; 9], "{code}");
    }
}

#[test]
fn the_listed_refusals_are_final() {
    for code in [400, 402, 406, 411, 413, 414, 415, 422, 431, 451] {
        for asked in [V2, V2_UNNAMED, V1] {
            assert_eq!(words(code, asked), ["fails"; 9], "{code}");
        }
    }
}

#[test]
fn refused_credentials_ask_for_a_sign_in() {
    for code in [401, 403] {
        assert_eq!(words(code, V2), ["sign in"; 9]);
    }
}

#[test]
fn every_other_status_waits() {
    let listed = [400, 401, 402, 403, 404, 405, 406, 409, 411, 413, 414, 415, 422, 431, 451];
    let others = (0..200).chain(300..1_000).chain([u16::MAX]).filter(|code| !listed.contains(code));
    for code in others {
        assert_eq!(words(code, V2), ["waits"; 9], "{code}");
    }
}

#[test]
fn a_404_that_speaks_of_the_conversation_relinks_when_one_was_named() {
    assert_eq!(
        words(404, V2),
        ["relink", "relink", "relink", "use v1", "relink", "relink", "use v1", "use v1", "relink"]
    );
}

#[test]
fn a_404_to_an_upload_without_a_conversation_waits_an_hour() {
    let reply = status(404, UploadBody::Detail("Conversation not found"));
    assert_eq!(word(&classify(&reply, V2_UNNAMED)), "waits 1 h");
}

#[test]
fn a_path_that_does_not_exist_sends_the_upload_to_v1_and_from_v1_nowhere() {
    assert_eq!(words(405, V2), ["use v1"; 9]);
    assert_eq!(words(405, V2_UNNAMED), ["use v1"; 9]);
    assert_eq!(words(405, V1), ["waits 1 h"; 9]);
    let miss = status(404, UploadBody::DetailRouteMissing);
    assert_eq!(word(&classify(&miss, V1)), "waits 1 h");
    let gone = status(404, UploadBody::Detail("Conversation not found"));
    assert_eq!(word(&classify(&gone, V1)), "relink");
}

#[test]
fn a_409_is_asked_again_as_told_or_after_ten_seconds() {
    assert_eq!(words(409, V2), ["waits 10 s"; 9]);
    assert_eq!(word(&classify(&told(409, 30, UploadBody::Empty), V2)), "waits as told");
}

#[test]
fn retry_after_is_obeyed_up_to_a_day_and_nothing_at_all_counts_as_silence() {
    let delay = |seconds| {
        let verdict = classify(&told(429, seconds, UploadBody::Empty), V2);
        let Verdict::Waits { delay, .. } = verdict else {
            panic!("{verdict:?}");
        };
        delay
    };
    assert_eq!(delay(0), Delay::BackOff);
    assert_eq!(delay(1), Delay::Told(Duration::from_secs(1)));
    let a_day = Duration::from_secs(86_400);
    assert_eq!(delay(u64::MAX), Delay::Told(a_day));
}

#[test]
fn no_fault_on_the_way_spends_anything_but_a_reply_too_large_to_read() {
    for fault in FAULTS {
        let class = word(&classify(&Reply::Transport(fault), V2));
        let expected = if fault == TransportFault::TooLarge { "spends" } else { "waits" };
        assert_eq!(class, expected, "{fault:?}");
    }
}

/// F146.
#[test]
fn a_person_can_tell_every_fault_on_the_way_from_every_other() {
    let reasons = FAULTS.map(|fault| {
        let verdict = classify(&Reply::Transport(fault), V2);
        let (Verdict::Waits { reason, .. } | Verdict::Spends { reason }) = verdict else {
            panic!("{verdict:?}");
        };
        reason
    });
    assert_eq!(reasons[0], "the network is down");
    let distinct: alloc::collections::BTreeSet<_> = reasons.iter().collect();
    assert_eq!(distinct.len(), FAULTS.len(), "{reasons:?}");
}

#[test]
fn a_person_reads_what_kind_of_answer_came() {
    for (code, words) in [
        (206, "the server's answer was unreadable (206)"),
        (207, "the server used only a part of it (207)"),
        (302, "the server pointed to another place, not followed (302)"),
        (408, "the server waited too long for the upload (408)"),
        (425, "the server wants it later (425)"),
        (429, "the server wants fewer requests (429)"),
        (499, "the server refused it, perhaps not for good (499)"),
        (503, "the server has a fault of its own (503)"),
        (600, "the server's answer was no answer of HTTP (600)"),
    ] {
        let verdict = classify(&status(code, UploadBody::Empty), V2);
        let (Verdict::Spends { reason } | Verdict::Waits { reason, .. }) = verdict else {
            panic!("{verdict:?}");
        };
        assert_eq!(reason, words);
    }
}

#[test]
fn the_reason_holds_the_status_and_the_servers_words_without_what_steers_a_terminal() {
    let detail = UploadBody::Detail("too old\u{1b}[31m\u{202e}\r\n");
    let Verdict::Fails { reason } = classify(&status(422, detail), V2) else {
        panic!("422 is final");
    };
    assert_eq!(reason, "the server will not take this recording (422): too old [31m");
    let endless = "x".repeat(100_000);
    let Verdict::Fails { reason } = classify(&status(422, UploadBody::Detail(&endless)), V2) else {
        panic!("422 is final");
    };
    assert!(reason.len() < DETAIL_CHARS_MAX + 100);
}

#[test]
fn every_fault_has_a_word_for_the_list_of_requests() {
    let words = FAULTS.map(|fault| (fault.outcome(), fault.blames_network()));
    assert_eq!(
        words,
        [
            ("refused", true),
            ("refused", true),
            ("refused", true),
            ("refused", true),
            ("timeout", true),
            ("reset", true),
            ("timeout", true),
            ("lost", true),
            ("lost", false),
        ]
    );
}

fn poll_word(reply: &Reply<JobBody<'_>>) -> &'static str {
    match classify_poll(reply) {
        PollVerdict::Synced => "synced",
        PollVerdict::Running { .. } => "running",
        PollVerdict::Spends { .. } => "spends",
        PollVerdict::Reupload { .. } => "reupload",
        PollVerdict::Waits { .. } => "waits",
        PollVerdict::SignIn { .. } => "sign in",
    }
}

const fn failed(failed_segments: u64, reason: Option<&str>) -> JobBody<'_> {
    JobBody::Failed { failed_segments, reason }
}

#[test]
fn a_job_is_synced_when_it_ended_without_failed_segments() {
    let ended = |failed_segments| poll_word(&status(200, JobBody::Ended { failed_segments }));
    assert_eq!(ended(0), "synced");
    assert_eq!(ended(1), "spends");
}

#[test]
fn a_failed_job_spends_over_the_content_and_is_uploaded_again_otherwise() {
    let job = |segments, reason| poll_word(&status(200, failed(segments, reason)));
    assert_eq!(job(1, None), "spends");
    assert_eq!(job(0, Some("could not DECODE the audio")), "spends");
    assert_eq!(job(0, Some("worker lost")), "reupload");
    assert_eq!(job(0, None), "reupload");
}

#[test]
fn a_job_that_the_server_lost_is_uploaded_again() {
    for code in [404, 410] {
        assert_eq!(poll_word(&status(code, JobBody::Unreadable)), "reupload");
    }
}

#[test]
fn a_poll_that_meets_a_409_is_repeated_as_told_or_after_ten_seconds() {
    let ten_seconds = Duration::from_secs(10);
    for (reply, expected) in [
        (status(409, JobBody::Unreadable), Delay::Fixed(ten_seconds)),
        (told(409, 30, JobBody::Unreadable), Delay::Told(Duration::from_secs(30))),
    ] {
        let PollVerdict::Waits { delay, .. } = classify_poll(&reply) else {
            panic!("a 409 waits");
        };
        assert_eq!(delay, expected);
    }
}

#[test]
fn every_other_answer_to_a_poll_leaves_the_job_where_it_is() {
    let codes = (0..1_000).filter(|code| ![200, 401, 403, 404, 410].contains(code));
    for code in codes {
        let reply = status(code, JobBody::Ended { failed_segments: 0 });
        assert_eq!(poll_word(&reply), "waits", "{code}");
    }
    for code in [401, 403] {
        assert_eq!(poll_word(&status(code, JobBody::Unreadable)), "sign in");
    }
    for fault in FAULTS {
        assert_eq!(poll_word(&Reply::Transport(fault)), "waits", "{fault:?}");
    }
    assert_eq!(poll_word(&status(200, JobBody::Unreadable)), "waits");
}

proptest! {
    #[test]
    fn no_text_of_a_server_reaches_a_person_with_a_control_character(
        code in any::<u16>(), text in any::<alloc::string::String>()
    ) {
        let shown = alloc::format!("{:?}", classify(&status(code, UploadBody::Detail(&text)), V2));
        prop_assert!(!shown.chars().any(char::is_control));
        let reply = status(200, failed(0, Some(&text)));
        let verdict = classify_poll(&reply);
        let (PollVerdict::Spends { reason } | PollVerdict::Reupload { reason, .. }) = verdict else {
            panic!("{verdict:?}");
        };
        prop_assert!(!reason.chars().any(char::is_control));
    }
}
