mod sealed;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use earmark_core::sync::{Delay, PollVerdict, Verdict};
use earmark_core::{BootId, Moment, Stamp, WallTime};
use futures_util::FutureExt;

use self::sealed::sealed;
use super::*;
use crate::credentials::{NoCredentials, Token};
use crate::http::{Blocks, Damaged};

/// 2026-04-04T00:00:00Z.
const NOW: i64 = 1_775_260_800_000_000;

struct Midnight;

impl Clock for Midnight {
    fn stamp(&self) -> Stamp {
        Stamp {
            boot: BootId::from_u128(1),
            moment: Moment::ZERO,
            wall: WallTime::from_unix_micros(NOW),
        }
    }
}

/// What left: path, token and file.
type Left = (String, Option<Token>, Option<(String, u64)>);

/// Answers in order, and keeps what it was sent.
#[derive(Default)]
struct Script {
    replies: Mutex<VecDeque<Result<HttpReply, HttpFault>>>,
    left: Mutex<Vec<Left>>,
}

impl HttpTransport for Script {
    fn send(&self, request: HttpRequest) -> LocalBoxFuture<'static, Result<HttpReply, HttpFault>> {
        let file = match request.content {
            Content::Nothing => None,
            Content::File(part) => Some((part.name, part.bytes)),
        };
        let left = (request.path, request.token, file);
        self.left.lock().expect("no test panics here").push(left);
        let mut replies = self.replies.lock().expect("no test panics here");
        let reply = replies.pop_front().expect("a reply for every request");
        Box::pin(std::future::ready(reply))
    }
}

struct NoBlocks;

impl Blocks for NoBlocks {
    fn next_block(&mut self) -> Result<Option<Bytes>, Damaged> {
        Ok(None)
    }
}

fn reply(status: u16, body: &str) -> Result<HttpReply, HttpFault> {
    let body = Bytes::copy_from_slice(body.as_bytes());
    Ok(HttpReply { status, retry_after: None, date: None, limit_reason: None, body })
}

fn account(name: &str) -> Account {
    Account::new(name).expect("short enough")
}

fn target(
    credentials: impl Credentials,
    replies: impl IntoIterator<Item = Result<HttpReply, HttpFault>>,
) -> (OmiHttp, Arc<Script>) {
    let script = Arc::new(Script::default());
    script.replies.lock().expect("nobody else has it").extend(replies);
    let transport: Arc<dyn HttpTransport> = script.clone();
    (OmiHttp::over(transport, Arc::new(credentials), Arc::new(Midnight)), script)
}

fn upload(conversation: Option<&str>, api: Api, twin: u32) -> UploadRequest {
    UploadRequest {
        recording: sealed("Pen-dant 7", "anna", twin),
        conversation: conversation.map(|id| ConversationId::new(id).expect("short enough")),
        api,
        blocks: Box::new(NoBlocks),
    }
}

fn uploaded(answer: Result<HttpReply, HttpFault>) -> UploadEnd {
    let (target, _) = target(NoCredentials, [answer]);
    let end = target.upload(upload(Some("c-1"), Api::V2, 0)).now_or_never();
    end.expect("nothing waits")
}

fn polled(answer: Result<HttpReply, HttpFault>) -> PollEnd {
    polled_as("pen", answer)
}

fn polled_as(device: &str, answer: Result<HttpReply, HttpFault>) -> PollEnd {
    let (target, _) = target(NoCredentials, [answer]);
    target.poll(sealed(device, "anna", 0), "job-1".into()).now_or_never().expect("nothing waits")
}

#[test]
fn an_upload_names_its_file_its_conversation_and_the_path() {
    let (target, script) = target(NoCredentials, [reply(202, "{}"), reply(200, "{}")]);
    let named = upload(Some("a/b?c&d=e é%"), Api::V2, 0);
    let bytes = named.recording.bytes();
    target.upload(named).now_or_never().expect("nothing waits");
    target.upload(upload(None, Api::V1, 1)).now_or_never().expect("nothing waits");

    let left = script.left.lock().expect("no test panics here");
    assert_eq!(left[0].0, "/v2/sync-local-files?conversation_id=a%2Fb%3Fc%26d%3De%20%C3%A9%25");
    let name = "audio_pendant7_opus_16000_1_fs160_1775260800.bin";
    assert_eq!(left[0].2, Some((name.into(), bytes)));
    assert_eq!(left[1].0, "/v1/sync-local-files");
    let (twin, _) = left[1].2.as_ref().expect("a file");
    assert_eq!(twin, "audio_pendant7_opus_16000_1_fs160_u1_1775260800.bin");
}

#[test]
fn a_recording_goes_out_with_the_token_of_its_own_account_or_with_none() {
    for (owner, token) in [("anna", Some("hers")), ("bert", None)] {
        let credentials = StaticCredentials::new([(account(owner), Token::new("hers"))]);
        let (target, script) = target(credentials, [reply(202, "{}"), reply(404, "")]);
        target.upload(upload(None, Api::V2, 0)).now_or_never().expect("nothing waits");
        target.poll(sealed("pen", "anna", 0), "job".into()).now_or_never().expect("nothing waits");
        for (_, shown, _) in script.left.lock().expect("no test panics here").iter() {
            assert_eq!(shown.as_ref().map(Token::reveal), token);
        }
    }
}

/// F138.
#[test]
fn a_token_that_the_server_repeats_is_in_no_verdict_and_in_no_path() {
    let canary = "canary-7f3a";
    let holds = || StaticCredentials::new([(account("anna"), Token::new(canary))]);
    let detail = format!(r#"{{"detail":"{}Bearer {canary}"}}"#, "x".repeat(245));
    let spelt = r#"{"detail":{"code":"no","message":"\u0063anary-7f3a"}}"#.to_owned();
    let job = |id: &str, error: &str| {
        format!(r#"{{"job_id":"{id}","status":"failed","error":"{error}"}}"#)
    };
    for (status, body) in [
        (400, detail.clone()),
        (403, detail),
        (422, spelt),
        (503, canary.to_owned()),
        (202, job(canary, "")),
    ] {
        let (target, _) = target(holds(), [reply(status, &body)]);
        let end = target.upload(upload(None, Api::V2, 0)).now_or_never().expect("nothing waits");
        let shown = format!("{:?}", end.verdict);
        assert!(!shown.contains(&canary[..8]), "{shown}");
        let is_job = matches!(end.verdict, Ok(Verdict::Accepted { .. }));
        assert!(!is_job, "{shown}");
    }
    let (target, _) = target(holds(), [reply(200, &job("job-1", &format!("no {canary} here")))]);
    let polled = target.poll(sealed("pen", "anna", 0), "job-1".into()).now_or_never();
    let shown = format!("{:?}", polled.expect("nothing waits").verdict);
    assert!(shown.contains("no [token] here"), "{shown}");
}

#[test]
fn answers_to_an_upload_are_read_by_what_they_say() {
    let job = r#"{"job_id":"j-1","status":"queued","poll_after_ms":3000}"#;
    let accepted =
        Verdict::Accepted { job: "j-1".into(), poll_after: Some(Duration::from_secs(3)) };
    assert_eq!(uploaded(reply(202, job)).verdict, Ok(accepted));
    let done = r#"{"new_memories":[],"updated_memories":["c"]}"#;
    assert_eq!(uploaded(reply(200, done)).verdict, Ok(Verdict::Synced));
    let gone = uploaded(reply(404, r#"{"detail":"Conversation not found"}"#)).verdict;
    assert!(
        matches!(gone, Ok(Verdict::ConversationGone { reason }) if reason.contains("not found"))
    );
    let no_route = uploaded(reply(404, r#"{"detail":"Not Found"}"#)).verdict;
    assert!(matches!(no_route, Ok(Verdict::UseV1 { .. })));
    let portal = uploaded(reply(200, "<html>Sign in to the Wi-Fi</html>"));
    assert!(matches!(portal.verdict, Ok(Verdict::Spends { .. })));
    assert_eq!((portal.outcome, portal.carried), (Outcome::Status(200), Some(true)));
}

/// F71.
#[test]
fn a_result_that_names_another_file_or_content_proves_nothing() {
    let ours = sealed("Pen-dant 7", "anna", 0).sha256().to_string();
    let name = "audio_pendant7_opus_16000_1_fs160_1775260800.bin";
    let zeros = "0".repeat(64);
    for (files, is_ours) in [
        (String::new(), true),
        (format!(r#"{{"sha256":"{ours}"}}"#), true),
        (format!(r#"{{"name":"{name}","sha256":"{}"}}"#, ours.to_uppercase()), true),
        (format!(r#"{{"name":"other.bin"}},{{"name":"{name}"}}"#), true),
        (format!(r#"{{"sha256":"{zeros}"}}"#), false),
        (format!(r#"{{"name":"other.bin","sha256":"{ours}"}}"#), false),
    ] {
        let body = format!(r#"{{"new_memories":[],"updated_memories":[],"files":[{files}]}}"#);
        let verdict = uploaded(reply(200, &body)).verdict;
        assert_eq!(verdict == Ok(Verdict::Synced), is_ours, "{files}");
        let job = format!(r#"{{"job_id":"job-1","status":"completed","result":{body}}}"#);
        let is_done = polled_as("Pen-dant 7", reply(200, &job)).verdict == PollVerdict::Synced;
        assert_eq!(is_done, is_ours, "{files}");
    }
}

#[test]
fn a_wait_that_the_server_asks_for_reaches_the_verdict() {
    let asked = |retry_after: &str| {
        let retry_after = Some(retry_after.into());
        uploaded(reply(503, "").map(|reply| HttpReply { retry_after, ..reply })).verdict
    };
    for text in ["90", "Sat, 04 Apr 2026 00:01:30 GMT"] {
        let verdict = asked(text);
        let told = Delay::Told(Duration::from_secs(90));
        assert!(matches!(verdict, Ok(Verdict::Waits { delay, .. }) if delay == told), "{text}");
    }
    let unreadable = asked("soon");
    assert!(matches!(unreadable, Ok(Verdict::Waits { delay: Delay::BackOff, .. })));
}

#[test]
fn faults_name_their_outcome_and_blame_the_network_only_where_it_is_at_fault() {
    let outcomes: BTreeMap<TransportFault, (&str, Option<bool>)> = BTreeMap::from([
        (TransportFault::Dns, ("refused", Some(false))),
        (TransportFault::Reset, ("reset", Some(false))),
        (TransportFault::Timeout, ("timeout", Some(false))),
        (TransportFault::Lost, ("lost", Some(false))),
        (TransportFault::TooLarge, ("lost", None)),
    ]);
    for (fault, (outcome, carried)) in outcomes {
        let end = uploaded(Err(HttpFault::Transport(fault)));
        assert_eq!((end.outcome, end.carried), (Outcome::Fault(outcome), carried), "{fault:?}");
        assert_eq!(polled(Err(HttpFault::Transport(fault))).carried, carried, "{fault:?}");
    }
}

#[test]
fn a_damaged_file_is_no_verdict_of_the_server() {
    let damaged = Damaged { reason: "bytes differ".into(), may_pass: false };
    let end = uploaded(Err(HttpFault::Damaged(damaged.clone())));
    assert_eq!(end.verdict, Err(damaged));
    assert_eq!(end.carried, None);
}

#[test]
fn answers_about_a_job_are_read_by_what_they_say() {
    let state = |fields: &str| {
        let body = format!(r#"{{"job_id":"job-1",{fields}}}"#);
        polled(reply(200, &body)).verdict
    };
    assert_eq!(state(r#""status":"completed""#), PollVerdict::Synced);
    let running = PollVerdict::Running { poll_after: Some(Duration::from_millis(500)) };
    assert_eq!(state(r#""status":"processing","poll_after_ms":500"#), running);
    assert_eq!(state(r#""status":"dreaming""#), PollVerdict::Running { poll_after: None });
    let partly = state(r#""status":"partial_failure""#);
    assert!(matches!(partly, PollVerdict::Spends { .. }));
    let hidden = r#""status":"completed",
        "result":{"new_memories":[],"updated_memories":[],"failed_segments":2}"#;
    assert!(matches!(state(hidden), PollVerdict::Spends { .. }));
    let content = state(r#""status":"failed","reason_code":"decode_error""#);
    assert!(matches!(content, PollVerdict::Spends { .. }));
    let busy = state(r#""status":"failed","error":"worker died","retry_after":40"#);
    let told = Delay::Told(Duration::from_secs(40));
    assert!(matches!(busy, PollVerdict::Reupload { delay, .. } if delay == told));
    assert!(matches!(polled(reply(200, "[]")).verdict, PollVerdict::Waits { .. }));
    assert!(matches!(polled(reply(404, "")).verdict, PollVerdict::Reupload { .. }));
}

#[test]
fn a_job_is_asked_for_at_its_own_path_whatever_it_is_called() {
    let (target, script) = target(NoCredentials, [reply(200, ""), reply(200, "")]);
    for job in ["j-1:a_b.c~", "../x?y"] {
        target.poll(sealed("pen", "anna", 0), job.into()).now_or_never().expect("nothing waits");
    }
    let left = script.left.lock().expect("no test panics here");
    assert_eq!(left[0].0, "/v2/sync-local-files/j-1%3Aa_b.c~");
    assert_eq!(left[1].0, "/v2/sync-local-files/..%2Fx%3Fy");
    assert_eq!(left[0].2, None);
}

/// One account can be signed in again, the other cannot.
struct Renewing;

impl Credentials for Renewing {
    fn token(&self, _: &Account) -> Option<Token> {
        None
    }

    fn renew(&self, account: &Account, _: Option<Token>) -> LocalBoxFuture<'static, Option<Token>> {
        let token = (account.as_str() == "anna").then(|| Token::new("fresh"));
        Box::pin(std::future::ready(token))
    }
}

#[test]
fn a_sign_in_is_renewed_when_the_host_has_a_fresh_token() {
    let (target, _) = target(Renewing, []);
    assert_eq!(target.renew_sign_in(account("anna")).now_or_never(), Some(true));
    assert_eq!(target.renew_sign_in(account("bert")).now_or_never(), Some(false));
}

/// Remembers for which tokens another one was asked.
#[derive(Default)]
struct Asked(Mutex<Vec<Option<Token>>>, Mutex<u32>);

impl Credentials for Arc<Asked> {
    fn token(&self, _: &Account) -> Option<Token> {
        let mut taken = self.1.lock().expect("no test panics here");
        *taken += 1;
        Some(Token::new(format!("token-{taken}")))
    }

    fn renew(&self, _: &Account, refused: Option<Token>) -> LocalBoxFuture<'static, Option<Token>> {
        self.0.lock().expect("no test panics here").push(refused);
        Box::pin(std::future::ready(None))
    }
}

#[test]
fn who_is_asked_for_another_token_hears_which_one_was_refused() {
    let asked = Arc::new(Asked::default());
    let (target, _) = target(Arc::clone(&asked), [reply(200, ""), reply(401, "")]);
    for job in ["taken", "refused"] {
        target.poll(sealed("pen", "anna", 0), job.into()).now_or_never().expect("nothing waits");
    }
    assert_eq!(target.renew_sign_in(account("anna")).now_or_never(), Some(false));
    let refused = asked.0.lock().expect("no test panics here").clone();
    assert_eq!(refused, [Some(Token::new("token-2"))]);
}
