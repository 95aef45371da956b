use alloc::format;
use alloc::string::ToString;
use alloc::vec;
use core::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::{JobId, JobStatus};

#[test]
fn a_result_has_both_lists() {
    let body = r#"{"new_memories":["C1"],"updated_memories":["C2","C3"],
        "failed_segments":1,"total_segments":4,"errors":["no words"]}"#;
    assert_eq!(
        parse(body),
        ReplyBody::Result(UploadResult {
            created: ids(&["C1"]),
            updated: ids(&["C2", "C3"]),
            failed_segments: 1,
            total_segments: Some(4),
            errors: vec!["no words".into()],
            files: Vec::new(),
        })
    );
    let silence = r#"{"new_memories":[],"updated_memories":[]}"#;
    assert_eq!(parse(silence), ReplyBody::Result(UploadResult::default()));
}

#[test]
fn a_result_that_names_files_is_about_those_alone() {
    let about = |files: &str| {
        let body = format!(r#"{{"new_memories":[],"updated_memories":[],"files":{files}}}"#);
        let ReplyBody::Result(result) = parse(&body) else {
            panic!("{body}");
        };
        result.may_be_about("a.bin", "ab12")
    };
    for files in ["[]", "null", "7", r#"[{"name":"a.bin"}]"#, r#"[{"sha256":"AB12"}]"#, "[{}]"] {
        assert!(about(files), "{files}");
    }
    for files in [r#"[{"name":"b.bin"}]"#, r#"[{"name":"a.bin","sha256":"00"}]"#] {
        assert!(!about(files), "{files}");
    }
}

#[test]
fn a_body_without_both_lists_is_no_result() {
    for body in [
        "{}",
        "[]",
        "null",
        "true",
        r#"{"new_memories":[]}"#,
        r#"{"updated_memories":[],"failed_segments":0}"#,
        r#"{"new_memories":null,"updated_memories":[]}"#,
        r#"{"new_memories":[],"updated_memories":{}}"#,
        r#"{"new_memories":[],"updated_memories":"C1"}"#,
        r#"{"result":{"new_memories":[],"updated_memories":[]}}"#,
        r#"["j","completed",null,null]"#,
    ] {
        assert_eq!(parse(body), ReplyBody::OtherJson, "{body}");
    }
}

#[test]
fn a_count_of_failures_that_is_no_count_is_never_read_as_none() {
    for count in ["\"0\"", "-1", "1.5", "[]", "{}", "false"] {
        let result =
            format!(r#"{{"new_memories":[],"updated_memories":[],"failed_segments":{count}}}"#);
        assert_eq!(parse(&result), ReplyBody::OtherJson, "{result}");
        let job = format!(r#"{{"job_id":"j","status":"completed","failed_segments":{count}}}"#);
        assert_eq!(parse(&job), ReplyBody::OtherJson, "{job}");
        let job = format!(r#"{{"job_id":"j","status":"completed","result":{result}}}"#);
        assert_eq!(parse(&job), ReplyBody::OtherJson, "{job}");
    }
}

#[test]
fn what_is_no_json_is_told_from_nothing_and_from_too_much() {
    assert_eq!(parse(""), ReplyBody::Empty);
    assert_eq!(parse(" \r\n"), ReplyBody::Empty);
    for body in ["<html>Sign in</html>", r#"{"new_memories":[],"updated_"#, "{}{}"] {
        assert_eq!(parse(body), ReplyBody::NotJson, "{body}");
    }
    assert_eq!(ReplyBody::parse(b"{\"a\":\"\xff\"}"), ReplyBody::NotJson);
    assert_eq!(parse(&" ".repeat(REPLY_BYTES_MAX)), ReplyBody::Empty);
    assert_eq!(parse(&" ".repeat(REPLY_BYTES_MAX + 1)), ReplyBody::TooLong);
}

#[test]
fn an_accepted_job_says_when_to_ask() {
    let body = r#"{"job_id":"5f0c-1","status":"queued","total_files":1,"total_segments":0,
        "poll_after_ms":3000,"lane":"backfill"}"#;
    let ReplyBody::Job(job) = parse(body) else {
        panic!("a job");
    };
    assert_eq!(job.id.as_str(), "5f0c-1");
    assert_eq!(job.status, JobStatus::Queued);
    assert_eq!(job.poll_after(), Some(Duration::from_secs(3)));
    assert_eq!(job.lane.as_deref(), Some("backfill"));
    assert_eq!(job.failures(), 0);
}

#[test]
fn a_polled_job_tells_what_it_came_to() {
    let body = r#"{"job_id":"j","status":"partial_failure","total_segments":3,
        "processed_segments":3,"successful_segments":2,"failed_segments":0,
        "result":{"new_memories":[],"updated_memories":["C1"],"failed_segments":1,
        "total_segments":3,"errors":["boom"]},"error":"1 of 3","retry_after":29.5}"#;
    let ReplyBody::Job(job) = parse(body) else {
        panic!("a job");
    };
    assert_eq!(job.status, JobStatus::PartialFailure);
    assert_eq!(job.failures(), 1);
    assert_eq!(job.error.as_deref(), Some("1 of 3"));
    assert_eq!(job.retry_after, Some(30));
    assert_eq!(job.result.expect("a result").updated, ids(&["C1"]));
}

#[test]
fn what_late_servers_leave_out_or_change_makes_a_job_no_less_a_job() {
    let body = r#"{"job_id":"j","status":"napping","total_files":"one","poll_after_ms":null,
        "result":null,"error":{"deep":[1]},"reason_code":7,"retry_after":-3}"#;
    let mut job = Job::new(job_id("j"), JobStatus::Other("napping".into()));
    assert_eq!(parse(body), ReplyBody::Job(Box::new(job.clone())));
    job.status = JobStatus::Failed;
    assert_eq!(parse(r#"{"job_id":"j","status":"failed"}"#), ReplyBody::Job(Box::new(job)));
}

#[test]
fn a_job_whose_id_could_leave_its_path_is_no_job() {
    for id in
        ["\"\"", "\".\"", "\"..\"", "\"../x\"", "\"a/b\"", "\"a?b\"", "\"a%2f\"", "7", "\"é\""]
    {
        let body = format!(r#"{{"job_id":{id},"status":"queued"}}"#);
        assert_eq!(parse(&body), ReplyBody::OtherJson, "{body}");
    }
    assert!(JobId::new(&"x".repeat(128)).is_ok());
    assert!(JobId::new(&"x".repeat(129)).is_err());
    assert_eq!(parse(r#"{"job_id":"j"}"#), ReplyBody::OtherJson);
    assert_eq!(parse(r#"{"job_id":"j","status":3}"#), ReplyBody::OtherJson);
}

#[test]
fn a_refusal_gives_its_reason_in_whatever_form() {
    let coded = |code: &str, message: &str| {
        ReplyBody::Detail(Detail { code: Some(code.into()), message: Some(message.into()) })
    };
    assert_eq!(
        parse(r#"{"detail":"Invalid file format"}"#),
        ReplyBody::Detail(Detail::words("Invalid file format"))
    );
    assert_eq!(
        parse(r#"{"detail":{"code":"backfill_paced","message":"later"}}"#),
        coded("backfill_paced", "later")
    );
    assert_eq!(parse(r#"{"detail":{"reason_code":"r","msg":"m"}}"#), coded("r", "m"));
    assert_eq!(
        parse(r#"{"detail":[{"loc":["body","files"],"msg":"field required","type":"x"}]}"#),
        ReplyBody::Detail(Detail::words("field required"))
    );
    assert_eq!(parse(r#"{"detail":7}"#), ReplyBody::OtherJson);
}

#[test]
fn a_missing_path_is_told_from_a_missing_conversation() {
    assert_eq!(parse(NO_ROUTE), ReplyBody::NoRoute);
    assert_eq!(parse(r#" { "detail" : "Not Found" } "#), ReplyBody::NoRoute);
    for body in [
        r#"{"detail":"Conversation not found"}"#,
        r#"{"detail":"Not Found","id":"C1"}"#,
        r#"{"detail":{"message":"Not Found"}}"#,
    ] {
        assert!(matches!(parse(body), ReplyBody::Detail(_)), "{body}");
    }
}

#[test]
fn a_reason_cannot_steer_a_terminal() {
    let detail = Detail { code: Some("a\u{1b}[2J".into()), message: Some("b\nc\u{202e}".into()) };
    assert_eq!(detail.to_string(), "a\\u{1b}[2J: b\\nc\\u{202e}");
}

#[test]
fn of_long_lists_and_texts_a_part_is_kept() {
    let list = vec!["\"C\""; 20_000].join(",");
    let body =
        format!(r#"{{"new_memories":[{list}],"updated_memories":[7,"C"],"errors":[null,{list}]}}"#);
    let ReplyBody::Result(result) = parse(&body) else {
        panic!("not a result");
    };
    assert_eq!(result.created.len(), CONVERSATIONS_MAX);
    assert_eq!(result.updated, ids(&["C"]));
    assert_eq!(result.errors.len(), ERRORS_MAX);
}

#[test]
fn deep_nesting_overflows_no_stack() {
    let deep = "[".repeat(REPLY_BYTES_MAX / 2) + &"]".repeat(REPLY_BYTES_MAX / 2);
    assert_eq!(parse(&deep), ReplyBody::OtherJson);
    for key in ["detail", "result", "new_memories", "errors"] {
        let deep = &deep[100..deep.len() - 100];
        let body = format!(r#"{{"{key}":{deep}}}"#);
        assert_eq!(parse(&body), ReplyBody::OtherJson, "{key}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body: Vec<u8>, text in r#"[\[\]{}",:0-9eE.\\u+\-a ]{0,60}"#) {
        ReplyBody::parse(&body);
        parse(&text);
    }

    #[test]
    fn a_result_reads_back_as_it_was_written(result in result()) {
        prop_assert_eq!(parse(&result.to_json()), ReplyBody::Result(result));
    }

    #[test]
    fn a_job_reads_back_as_it_was_written(
        id in "[A-Za-z0-9:_-]{1,40}",
        status in "queued|processing|completed|partial_failure|failed|[a-z]{1,64}",
        counts: [Option<u64>; 4],
        failed_segments: u64,
        waits: [Option<u64>; 2],
        result in prop::option::of(result()),
        [error, lane, reason_code] in [text(), text(), text()],
    ) {
        let job = Job {
            total_files: counts[0],
            total_segments: counts[1],
            processed_segments: counts[2],
            successful_segments: counts[3],
            failed_segments,
            poll_after_ms: waits[0],
            retry_after: waits[1],
            result,
            error,
            lane,
            reason_code,
            ..Job::new(job_id(&id), status.as_str().into())
        };
        prop_assert_eq!(parse(&job.to_json()), ReplyBody::Job(Box::new(job)));
    }

    #[test]
    fn a_refusal_reads_back_as_it_was_written([code, message] in [text(), text()]) {
        let detail = Detail { code, message };
        prop_assert_eq!(parse(&detail.to_json()), ReplyBody::Detail(detail));
    }

    #[test]
    fn a_cut_body_is_never_read_as_an_outcome(result in result(), cut: prop::sample::Index) {
        let whole = result.to_json();
        let cut = cut.index(whole.len());
        let body = ReplyBody::parse(&whole.as_bytes()[..cut]);
        prop_assert!(matches!(body, ReplyBody::NotJson | ReplyBody::Empty));
    }

    #[test]
    fn texts_are_kept_up_to_their_limit(text in "\\PC{0,600}") {
        let sent = Detail { code: Some(text), message: None }.to_json();
        let ReplyBody::Detail(detail) = parse(&sent) else {
            panic!("not a refusal");
        };
        prop_assert!(detail.code.expect("a code").chars().count() <= REPLY_TEXT_CHARS_MAX);
    }
}

fn result() -> impl Strategy<Value = UploadResult> {
    let list = || {
        prop::collection::vec("\\PC{1,30}", 0..4).prop_map(|list| {
            let list: Vec<_> = list.iter().map(String::as_str).collect();
            ids(&list)
        })
    };
    let errors = prop::collection::vec("\\PC{0,40}", 0..=ERRORS_MAX);
    let text = || prop::option::of("\\PC{0,40}");
    let file = (text(), text()).prop_map(|(name, sha256)| KeptFile { name, sha256 });
    let files = prop::collection::vec(file, 0..4);
    (list(), list(), any::<u64>(), any::<Option<u64>>(), errors, files).prop_map(
        |(created, updated, failed_segments, total_segments, errors, files)| UploadResult {
            created,
            updated,
            failed_segments,
            total_segments,
            errors,
            files,
        },
    )
}

fn text() -> impl Strategy<Value = Option<String>> {
    prop::option::of(prop_oneof![
        Just(String::from("Not Found")),
        "\\PC{0,40}",
        "[\\x00-\\x7f]{0,9}"
    ])
}

fn parse(body: &str) -> ReplyBody {
    ReplyBody::parse(body.as_bytes())
}

fn ids(texts: &[&str]) -> Vec<ConversationId> {
    let id = |text: &&str| ConversationId::new(text).expect("a legal id");
    texts.iter().map(id).collect()
}

fn job_id(text: &str) -> JobId {
    JobId::new(text).expect("a legal id")
}
